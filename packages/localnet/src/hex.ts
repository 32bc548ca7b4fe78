/**
 * Hexadecimal, and the hashes of Substrate.
 * @module
 */
import { blake2b, xxHash } from './substrate-crypto.ts';

/** Lowercase, without prefix. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** `0x…` of bytes or of hex without prefix. */
export function prefixed(value: Uint8Array | string): string {
  return `0x${typeof value === 'string' ? value : toHex(value)}`;
}

/** From digits without prefix. */
export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** From `0x…`, as JSON-RPC writes bytes; `undefined` for anything else. */
export function parseHex(text: unknown): Uint8Array | undefined {
  // A group that is repeated would take a place on the stack each time.
  if (typeof text !== 'string' || text.length % 2 !== 0 || !/^0x[0-9a-f]*$/i.test(text)) return undefined;
  return fromHex(text.slice(2));
}

/** BLAKE2b with a digest of 32 bytes: the chain's hash. */
export function blake2(bytes: Uint8Array): Uint8Array {
  return blake2b(bytes, 32);
}

/** BLAKE2b with a digest of 16 bytes, for storage keys. */
export function blake2Short(bytes: Uint8Array): Uint8Array {
  return blake2b(bytes, 16);
}

/** xxHash of 8 or 16 bytes, for storage keys. */
export function twox(bytes: Uint8Array, sizeBytes: 8 | 16): Uint8Array {
  return xxHash(bytes, sizeBytes / 8);
}

/** One after the other. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
