/**
 * SHA-256 behind a two-method interface, so that a caller can bring a faster one.
 *
 * The default is `@noble/hashes`, which runs everywhere; `@connito/commit-reveal/node` has the native one,
 * several times faster on machines with SHA instructions. `node:crypto`'s `Hash` satisfies the interface as it is.
 * @module
 */
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';

/** An incremental hash. */
export interface IncrementalHash {
  update(bytes: Uint8Array): unknown;
  /** Called once, last. */
  digest(): Uint8Array;
}

/** Makes a fresh incremental SHA-256. */
export type CreateSha256 = () => IncrementalHash;

/** The portable incremental SHA-256. */
export const createPortableSha256: CreateSha256 = () => nobleSha256.create();

/** SHA-256 of the concatenation of `parts`, as 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = nobleSha256.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
}
