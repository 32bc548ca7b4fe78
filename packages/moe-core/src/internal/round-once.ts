/**
 * Float64 to a narrower float with one rounding. Going through float32 would round twice: 1 + 2⁻⁸ + 2⁻⁴⁰ is above the middle between two bf16 values, its nearest float32
 * is the middle itself, and ties go down. Rounding to odd on the way keeps on which side of a middle the value lies.
 * @see https://doi.org/10.1109/TC.2008.79 (Boldo, Melquiond: Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd)
 * @module
 */
import type { Dtype } from '../safetensors/dtype.ts';
import { fromFloat32, toFloat32 } from '../safetensors/float-conversion.ts';
import type { Tensor } from '../safetensors/tensor.ts';

/** The values in `dtype` as little-endian bytes, to nearest, ties to even. @throws dtype-not-convertible */
export function fromFloat64(values: Float64Array, dtype: Dtype): Uint8Array {
  if (dtype === 'F64') return new Uint8Array(values.slice().buffer);
  if (dtype === 'F32') return new Uint8Array(new Float32Array(values).buffer);
  return fromFloat32(roundToOdd(values), dtype);
}

/** A tensor's values, exactly. @throws dtype-not-convertible */
export function toFloat64({ dtype, data }: Pick<Tensor, 'dtype' | 'data'>): Float64Array {
  // A copy, because F64 bytes may lie unaligned in their buffer.
  return dtype === 'F64' ? new Float64Array(data.slice().buffer) : new Float64Array(toFloat32({ dtype, data }));
}

/** Float32 neighbours: the value itself where it is one, else the neighbour whose last bit is 1. */
function roundToOdd(values: Float64Array): Float32Array {
  const rounded = new Float32Array(values);
  const bits = new Uint32Array(rounded.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const nearest = rounded[i]!;
    if (nearest === value || Number.isNaN(value) || (bits[i]! & 1) === 1) continue;
    // Sign and magnitude: one step away from zero or towards it.
    bits[i] = bits[i]! + (Math.abs(nearest) > Math.abs(value) ? -1 : 1);
  }
  return rounded;
}
