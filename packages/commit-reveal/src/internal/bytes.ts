/**
 * Fixed-width integers and checks shared by the layouts. All integers are little-endian, as in SCALE.
 * @module
 */
import { CommitRevealError } from '../errors.ts';

const TEXT_ENCODER = new TextEncoder();
const TEXT_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return joinBytes(parts);
}

/** {@link concatBytes} of a list whose length others decide: a hundred thousand arguments are more than a call can have. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Checks an unsigned integer of `bits` (at most 53 significant ones are possible in a number). */
export function assertUnsigned(field: string, value: number, bits: 8 | 16 | 32 | 64): void {
  const limit = bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** bits - 1;
  if (Number.isSafeInteger(value) && value >= 0 && value <= limit) return;
  throw new CommitRevealError('out-of-range', `${field} must be an integer from 0 to ${limit}, got ${String(value)}`, {
    field,
    expected: `0..${limit}`,
    actual: String(value),
  });
}

export function u16(field: string, value: number): Uint8Array {
  assertUnsigned(field, value, 16);
  return Uint8Array.of(value & 0xff, value >>> 8);
}

export function u32(field: string, value: number): Uint8Array {
  assertUnsigned(field, value, 32);
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, true);
  return out;
}

export function u64(field: string, value: number): Uint8Array {
  assertUnsigned(field, value, 64);
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value), true);
  return out;
}

/** A u64 that a number cannot hold. @throws out-of-range */
export function bigU64(field: string, value: bigint): Uint8Array {
  if (typeof value !== 'bigint' || value < 0n || value >= 2n ** 64n) {
    throw new CommitRevealError('out-of-range', `${field} must be a bigint from 0 to 2^64 - 1, got ${String(value)}`, { field, expected: '0..2^64 - 1', actual: String(value) });
  }
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, value, true);
  return out;
}

export function readU16(bytes: Uint8Array, offset: number): number {
  return viewOf(bytes).getUint16(offset, true);
}

export function readU32(bytes: Uint8Array, offset: number): number {
  return viewOf(bytes).getUint32(offset, true);
}

export function readBigU64(bytes: Uint8Array, offset: number): bigint {
  return viewOf(bytes).getBigUint64(offset, true);
}

/** A u64 that must fit a JavaScript integer. @throws out-of-range */
export function readU64(field: string, bytes: Uint8Array, offset: number): number {
  const value = readBigU64(bytes, offset);
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new CommitRevealError('out-of-range', `${field} must be at most 2^53 - 1, got ${value}`, {
    field,
    expected: Number.MAX_SAFE_INTEGER,
    actual: String(value),
  });
}

/** The unsigned integer that `bytes` are, most significant first. */
export function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** That an argument is bytes, and not their hex or another typed array. @throws bad-length */
export function assertBytes(field: string, bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new CommitRevealError('bad-length', `${field} must be bytes (a Uint8Array), got ${kindOf(bytes)}`, { field, expected: 'Uint8Array', actual: kindOf(bytes) });
}

export function assertLength(field: string, bytes: Uint8Array, length: number): Uint8Array {
  if (bytes instanceof Uint8Array && bytes.length === length) return bytes;
  const actual = bytes instanceof Uint8Array ? bytes.length : kindOf(bytes);
  throw new CommitRevealError('bad-length', `${field} must be ${length} bytes, got ${actual}`, { field, expected: length, actual });
}

/** UTF-8 of a string without lone surrogates: TextEncoder would turn those into U+FFFD, and two names into one. */
export function encodeText(field: string, text: string): Uint8Array {
  const bytes = TEXT_ENCODER.encode(text);
  if (TEXT_DECODER.decode(bytes) === text) return bytes;
  throw new CommitRevealError('bad-text', `${field} must be well-formed Unicode; it holds a lone surrogate`, { field });
}

/** @throws bad-text */
export function decodeText(field: string, bytes: Uint8Array): string {
  try {
    return TEXT_DECODER.decode(bytes);
  } catch (cause) {
    throw new CommitRevealError('bad-text', `${field} must be well-formed UTF-8`, { field }, cause);
  }
}

/** What something is that should have been bytes: never its content, which may be a secret. */
export function kindOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'object') : String(value === null ? null : typeof value);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
