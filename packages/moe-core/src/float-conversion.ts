/**
 * Float types to float32 and back. To float32 is exact for every bit pattern (float64 is rounded); from float32 rounds to nearest, ties
 * to even. NaNs stay NaNs: bf16 and f16 keep sign and leading payload bits, so that all 65,536 patterns survive a round trip.
 *
 * Overflow follows PyTorch 2.14: to infinity where the type has one (F16, BF16, F8_E5M2), to ±448, the largest value, in F8_E4M3, infinities
 * too (before 2.13, and in ml_dtypes, NaN), to NaN in the FNUZ types and F8_E8M0. F8_E8M0 has no sign: it takes magnitudes.
 * @module
 */
import type { Dtype } from './dtype.ts';
import { MoeError } from './errors.ts';
import { encodeFloat8, float8Table, type Float8Dtype } from './internal/float8.ts';
import type { Tensor } from './tensor.ts';

/** Float types that can be converted. */
export type FloatDtype = 'F64' | 'F32' | 'F16' | 'BF16' | Float8Dtype;

/**
 * A tensor's values as float32. F32 data that is aligned is returned as a view of `tensor.data`, everything else as a new array.
 * @throws dtype-not-convertible
 */
export function toFloat32(tensor: Pick<Tensor, 'dtype' | 'data'>): Float32Array {
  const { dtype, data } = tensor;
  switch (dtype) {
    case 'F32':
      return new Float32Array(aligned(data, 4), alignedOffset(data, 4), data.byteLength / 4);
    case 'BF16':
      return decodeBf16(words(data));
    case 'F16':
      return decodeF16(words(data));
    case 'F64':
      return Float32Array.from(new Float64Array(aligned(data, 8), alignedOffset(data, 8), data.byteLength / 8));
    default:
      if (isFloat8(dtype)) return decodeF8(data, dtype);
      throw notConvertible(dtype);
  }
}

/**
 * Float32 values in another float type, as little-endian bytes.
 * @throws dtype-not-convertible
 */
export function fromFloat32(values: Float32Array, dtype: Dtype): Uint8Array {
  switch (dtype) {
    case 'F32':
      return bytesOf(values.slice());
    case 'BF16':
      return bytesOf(encodeBf16(values));
    case 'F16':
      return bytesOf(encodeF16(values));
    case 'F64':
      return bytesOf(Float64Array.from(values));
    default:
      if (isFloat8(dtype)) return encodeFloat8(values, dtype);
      throw notConvertible(dtype);
  }
}

function isFloat8(dtype: Dtype): dtype is Float8Dtype {
  return dtype.startsWith('F8_');
}

/** bf16 is the upper half of a float32. */
function decodeBf16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

function encodeBf16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const bit = bits[i]!;
    // Adding half of the last place, minus one where the last kept bit is 0, rounds ties to even; it may carry into infinity, as it should.
    halves[i] = (bit & 0x7fffffff) > 0x7f800000 ? truncateNan(bit, 16) : (bit + 0x7fff + ((bit >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/** A NaN whose kept payload would be zero would turn into infinity: set its quiet bit then. */
function truncateNan(bits: number, shift: number): number {
  const half = bits >>> shift;
  return (half & 0x7f) === 0 ? half | 0x40 : half;
}

function decodeF16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = f16ToBits(halves[i]!);
  return new Float32Array(bits.buffer);
}

function f16ToBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  // Subnormal: mantissa · 2^-24; shift its leading one to bit 10.
  const shift = Math.clz32(mantissa) - 21;
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13)) >>> 0;
}

function encodeF16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = bitsToF16(bits[i]!);
  return halves;
}

function bitsToF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | (((magnitude >>> 13) & 0x3ff) || 0x200);
  // 65520 = 2^16 − 16 is halfway between the largest f16 and 2^16, and the tie goes to the even 2^16: infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - (112 << 23), 13);
  // Below 2^-14: in units of 2^-24. Under half a unit (2^-25, tie to even) it is zero.
  const shift = 126 - (magnitude >>> 23);
  return shift > 24 ? sign : sign | roundShift((magnitude & 0x7fffff) | 0x800000, shift);
}

/** `value / 2^shift`, to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const half = 2 ** (shift - 1);
  return (value + half - 1 + ((value >>> shift) & 1)) >>> shift;
}

function decodeF8(codes: Uint8Array, dtype: Float8Dtype): Float32Array {
  const table = float8Table(dtype);
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = table[codes[i]!]!;
  return values;
}

function words(data: Uint8Array): Uint16Array {
  return new Uint16Array(aligned(data, 2), alignedOffset(data, 2), data.byteLength / 2);
}

/** The buffer itself where `data` is aligned in it, else a copy. */
function aligned(data: Uint8Array, alignment: number): ArrayBufferLike {
  return data.byteOffset % alignment === 0 ? data.buffer : new Uint8Array(data).buffer;
}

function alignedOffset(data: Uint8Array, alignment: number): number {
  return data.byteOffset % alignment === 0 ? data.byteOffset : 0;
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function bytesOf(values: Float32Array | Float64Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function notConvertible(dtype: Dtype): MoeError<'dtype-not-convertible'> {
  return new MoeError('dtype-not-convertible', {
    message: `${dtype} cannot be converted from or to float32; expected F64, F32, F16, BF16, F8_E4M3 or F8_E5M2`,
    context: { dtype },
  });
}
