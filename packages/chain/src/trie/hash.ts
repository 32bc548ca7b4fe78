/**
 * The trie's hash. noble's BLAKE2b, until that of hash-wasm is compiled a few milliseconds after the import: it takes an eighth of the time on nodes of 100 to 600 bytes.
 * @module
 */
import { blake2b } from '@noble/hashes/blake2.js';

/** Bytes of a hash. */
export const HASH_BYTES = 32;

let hash = (bytes: Uint8Array): Uint8Array => blake2b(bytes, { dkLen: HASH_BYTES });

/** BLAKE2b with a digest of 32 bytes. */
export function hashNode(bytes: Uint8Array): Uint8Array {
  return hash(bytes);
}

async function useWebAssembly(): Promise<void> {
  // @ts-expect-error -- 16 of the package's 280 KB, without types of their own
  const { createBLAKE2b } = ((await import('hash-wasm/dist/blake2b.umd.min.js')) as { readonly default: typeof import('hash-wasm') }).default;
  const hasher = await createBLAKE2b(8 * HASH_BYTES);
  hash = (bytes) => hasher.init().update(bytes).digest('binary');
}

/**
 * Settles when hashes are as fast as they get: who is about to make many in one go waits for it. They are right before.
 * Where WebAssembly may not run, noble's stay.
 */
export const trieReady: Promise<void> = useWebAssembly().catch(() => undefined);
