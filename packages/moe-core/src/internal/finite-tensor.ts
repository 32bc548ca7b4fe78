/**
 * Whether a tensor is free of NaNs and infinities, by its bits: no copy as float32, and many times as fast as asking `Number.isFinite` of each value.
 * @module
 */
import { toFloat32 } from '../safetensors/float-conversion.ts';
import { allFinite } from './finite.ts';
import type { Tensor } from '../safetensors/tensor.ts';

/** Neither NaN nor infinity: not all bits of the exponent are 1. @throws dtype-not-convertible */
export function isFiniteTensor({ dtype, data }: Pick<Tensor, 'dtype' | 'data'>): boolean {
  if (dtype === 'BF16') return noneHas(halves(data), 0x7f80);
  if (dtype === 'F16') return noneHas(halves(data), 0x7c00);
  if (dtype === 'F32' || dtype === 'F64') {
    const words = new Uint32Array(...aligned(data, 4));
    // Of a double the exponent is in its second word, on little-endian hosts.
    return dtype === 'F32' ? noneHas(words, 0x7f800000) : noneHas(words, 0x7ff00000, 2);
  }
  return allFinite(toFloat32({ dtype, data }));
}

function noneHas(codes: Uint16Array | Uint32Array, exponent: number, step = 1): boolean {
  for (let i = step - 1; i < codes.length; i += step) if ((codes[i]! & exponent) === exponent) return false;
  return true;
}

function halves(data: Uint8Array): Uint16Array {
  return new Uint16Array(...aligned(data, 2));
}

/** Buffer, offset and length in elements; a copy where the bytes lie unaligned. */
function aligned(data: Uint8Array, width: number): [ArrayBufferLike, number, number] {
  const bytes = data.byteOffset % width === 0 ? data : data.slice();
  return [bytes.buffer, bytes.byteOffset, bytes.byteLength / width];
}
