/**
 * Tensors as bytes with a type and a shape: what checkpoints hold and what travels between the packages.
 * @module
 */
import type { Dtype } from './dtype.ts';
import { dtypeBits } from './dtype.ts';
import { MoeError } from '../errors.ts';
import { quote } from '../internal/quote.ts';

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

/** A run of elements of a tensor, row-major. */
export interface ElementRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * The bytes of a run of elements, relative to the tensor's first.
 * @throws tensor-range-invalid outside of the tensor, or not on whole bytes
 */
export function rangeBytes(tensor: TensorDescription, { offset, length }: ElementRange): ElementRange {
  const elements = countElements(tensor.shape) ?? Number.NaN;
  const bits = dtypeBits(tensor.dtype);
  const isInside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= elements;
  if (isInside && (offset * bits) % 8 === 0 && (length * bits) % 8 === 0) return { offset: (offset * bits) / 8, length: (length * bits) / 8 };
  throw new MoeError('tensor-range-invalid', {
    message: `tensor ${quote(tensor.name)} has ${elements} elements of ${tensor.dtype}; ${length} of them from ${offset} are not in it${isInside ? ' as whole bytes' : ''}`,
    context: { tensor: tensor.name, offset, length, elements },
  });
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * Refuses a tensor of another shape.
 * @throws tensor-shape-unexpected
 */
export function assertShape(tensor: { readonly name: string; readonly shape: readonly number[] }, expected: readonly number[]): void {
  if (sameShape(tensor.shape, expected)) return;
  throw new MoeError('tensor-shape-unexpected', {
    message: `tensor ${quote(tensor.name)} has the shape [${tensor.shape.join(', ')}], expected [${expected.join(', ')}]`,
    context: { tensor: tensor.name, expected, actual: tensor.shape },
  });
}
