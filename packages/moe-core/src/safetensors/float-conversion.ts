/**
 * Float types to float32 and back. To float32 is exact for every bit pattern (float64 is rounded); from float32 rounds to nearest, ties
 * to even. NaNs stay NaNs: bf16 and f16 keep sign and leading payload bits, so that all 65,536 patterns survive a round trip.
 *
 * Overflow follows PyTorch 2.14: to infinity where the type has one (F16, BF16, F8_E5M2), to ±448, the largest value, in F8_E4M3, infinities
 * too (before 2.13, and in ml_dtypes, NaN), to NaN in the FNUZ types and F8_E8M0. F8_E8M0 has no sign: it takes magnitudes.
 * @module
 */
import { dtypeBits, type Dtype } from './dtype.ts';
import { MoeError } from '../errors.ts';
import { encodeFloat8, float8Table, type Float8Dtype } from '../internal/float8.ts';
import { halfConversion } from '../internal/half-floats.ts';
import type { Tensor } from './tensor.ts';

/** Float types that can be converted. */
export type FloatDtype = 'F64' | 'F32' | 'F16' | 'BF16' | Float8Dtype;

/**
 * A tensor's values as float32. F32 data that is aligned is returned as a view of `tensor.data`, everything else as a new array.
 * @throws dtype-not-convertible
 */
export function toFloat32(tensor: Pick<Tensor, 'dtype' | 'data'>): Float32Array {
  const { dtype, data } = tensor;
  assertFloat(dtype);
  const values = (8 * data.byteLength) / dtypeBits(dtype);
  if (dtype === 'F32' && data.byteOffset % 4 === 0) return new Float32Array(data.buffer, data.byteOffset, values);
  const target = new Float32Array(values);
  decodeFloats(tensor, target);
  return target;
}

/**
 * Writes a tensor's values as float32 into `target`: {@link toFloat32} without a new array.
 * @param target as many values as the tensor has; `tensor.data` may be the end of its own bytes (values are written in order, none before it has been read), F64 aside
 * @throws dtype-not-convertible, tensor-size-unexpected
 */
export function decodeFloats(tensor: Pick<Tensor, 'dtype' | 'data'>, target: Float32Array): void {
  const { dtype, data } = tensor;
  assertFloat(dtype);
  const expected = (8 * data.byteLength) / dtypeBits(dtype);
  if (target.length !== expected) {
    throw new MoeError('tensor-size-unexpected', { message: `${data.byteLength} bytes of ${dtype} are ${expected} values, the target has ${target.length}`, context: { tensor: '', expected, actual: target.length } });
  }
  if (dtype === 'F32') bytesOf(target).set(data);
  else if (dtype === 'BF16' || dtype === 'F16') halfConversion().widen(dtype, data, target);
  else if (dtype === 'F64') target.set(new Float64Array(data.byteOffset % 8 === 0 ? data.buffer : data.slice().buffer, data.byteOffset % 8 === 0 ? data.byteOffset : 0, expected));
  else {
    const table = float8Table(dtype);
    for (let i = 0; i < data.length; i++) target[i] = table[data[i]!]!;
  }
}

/**
 * Float32 values in another float type, as little-endian bytes.
 * @throws dtype-not-convertible
 */
export function fromFloat32(values: Float32Array, dtype: Dtype): Uint8Array {
  assertFloat(dtype);
  if (dtype === 'F32') return bytesOf(values.slice());
  if (dtype === 'F64') return bytesOf(Float64Array.from(values));
  if (dtype !== 'BF16' && dtype !== 'F16') return encodeFloat8(values, dtype);
  const bytes = new Uint8Array(2 * values.length);
  halfConversion().narrow(dtype, values, bytes);
  return bytes;
}

/**
 * Refuses dtypes without a conversion.
 * @throws dtype-not-convertible
 */
export function assertFloat(dtype: Dtype): asserts dtype is FloatDtype {
  if (dtype === 'F64' || dtype === 'F32' || dtype === 'F16' || dtype === 'BF16' || dtype.startsWith('F8_')) return;
  throw new MoeError('dtype-not-convertible', { message: `${dtype} has no conversion to float32; read the tensor's bytes instead`, context: { dtype } });
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
