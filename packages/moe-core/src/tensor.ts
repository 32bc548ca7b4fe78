/**
 * Tensors as bytes with a type and a shape: what checkpoints hold and what travels between the packages.
 * @module
 */
import type { Dtype } from './dtype.ts';
import { dtypeBits } from './dtype.ts';
import { MoeError } from './errors.ts';
import { quote } from './internal/quote.ts';

/** A tensor without its values. `shape` is row-major; `[]` is a scalar. */
export interface TensorDescription {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
}

/** A tensor with its values: little-endian, row-major. */
export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A tensor of float32 values, row-major. */
export interface Float32Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** `∏ shape`, or `undefined` where a partial product leaves 2^53 − 1 (the reference's `checked_mul`, left to right). */
export function countElements(shape: readonly number[]): number | undefined {
  let product = 1;
  for (const size of shape) {
    product *= size;
    if (!Number.isSafeInteger(product)) return undefined;
  }
  return product;
}

/**
 * Bytes of a tensor, `∏ shape · bits / 8`.
 * @throws safetensors-size-overflow beyond 2^53 − 1 bits
 * @throws safetensors-partial-byte where a sub-byte dtype does not fill whole bytes
 */
export function tensorSizeBytes(tensor: { readonly name: string; readonly dtype: Dtype; readonly shape: readonly number[] }): number {
  const elements = countElements(tensor.shape);
  const bits = elements === undefined ? Number.NaN : elements * dtypeBits(tensor.dtype);
  if (!Number.isSafeInteger(bits)) {
    throw new MoeError('safetensors-size-overflow', {
      message: `tensor ${quote(tensor.name)}: the size of shape [${tensor.shape.join(', ')}] in ${tensor.dtype} exceeds 2^53 bits`,
      context: { tensor: tensor.name, shape: tensor.shape },
    });
  }
  if (bits % 8 !== 0) {
    throw new MoeError('safetensors-partial-byte', {
      message: `tensor ${quote(tensor.name)}: ${bits} bits of ${tensor.dtype} do not fill whole bytes`,
      context: { tensor: tensor.name, bits },
    });
  }
  return bits / 8;
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
