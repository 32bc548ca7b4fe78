/**
 * The little of SCALE that weight commits need: compact lengths and vectors of u16.
 * @module
 * @see https://docs.substrate.io/reference/scale-codec/
 */
import { CommitRevealError } from '../errors.ts';
import { assertUnsigned, concatBytes, readU16, readU32, u16, u32 } from './bytes.ts';

/** A length as SCALE's compact integer; lengths from 2^30 on have no use here. @throws out-of-range */
export function compactLength(field: string, length: number): Uint8Array {
  if (length < 2 ** 6) return Uint8Array.of(length << 2);
  if (length < 2 ** 14) return u16(field, (length << 2) | 1);
  if (length < 2 ** 30) return u32(field, length * 4 + 2);
  throw new CommitRevealError('out-of-range', `${field} must be below 2^30, got ${length}`, { field, expected: '0..2^30 - 1', actual: length });
}

/** `compact(count) ‖ u16…`. @throws out-of-range */
export function encodeU16s(field: string, values: readonly number[]): Uint8Array {
  const out = new Uint8Array(2 * values.length);
  const view = new DataView(out.buffer);
  for (const [index, value] of values.entries()) {
    assertUnsigned(`${field}[${index}]`, value, 16);
    view.setUint16(2 * index, value, true);
  }
  return concatBytes(compactLength(`the number of ${field}`, values.length), out);
}

/** Reads from front to back; `undefined` from a method means that the bytes are not there, or not canonical. */
export interface ScaleReader {
  bytes(count: number): Uint8Array | undefined;
  length(): number | undefined;
  u16s(): number[] | undefined;
  readonly done: boolean;
}

export function createScaleReader(input: Uint8Array): ScaleReader {
  let offset = 0;
  const bytes: ScaleReader['bytes'] = (count) => {
    if (count > input.length - offset) return undefined;
    offset += count;
    return input.subarray(offset - count, offset);
  };
  const length: ScaleReader['length'] = () => {
    const mode = (input[offset] ?? 3) & 3;
    if (mode === 3) return undefined;
    const field = bytes(2 ** mode);
    if (field === undefined) return undefined;
    const value = mode === 0 ? (field[0] ?? 0) >>> 2 : mode === 1 ? readU16(field, 0) >>> 2 : readU32(field, 0) >>> 2;
    // A length has one encoding, the shortest, as in parity-scale-codec.
    return mode > 0 && value < [0, 2 ** 6, 2 ** 14][mode]! ? undefined : value;
  };
  return {
    bytes,
    length,
    u16s() {
      const count = length();
      const field = count === undefined ? undefined : bytes(2 * count);
      return field && Array.from({ length: field.length / 2 }, (_, i) => readU16(field, 2 * i));
    },
    get done() {
      return offset === input.length;
    },
  };
}
