/**
 * What a compression kernel is: an update in, streams of UPDATE-FORMAT.md out, and a residual that stays. There are two, with the same bits.
 * @module
 */
import type { CompressedTensor, CompressionRule } from '../updates/compressed-update-header.ts';

/** Compresses the updates of some tensors, one after the other. */
export interface CompressionKernel {
  /** Of each tensor, zeros at first. They lie where the kernel reaches them fastest. */
  readonly residuals: readonly TensorResidual[];
  /**
   * Adds up `fround(fround(decay · e) + Δ)`, selects and encodes; what is not sent is e from then on.
   * @returns `undefined` where a sum is not finite; the residual is then lost
   */
  compress(residual: TensorResidual, update: Float32Array): EncodedTensor | undefined;
}

/** e of a tensor: what earlier updates left. */
export interface TensorResidual {
  /** e, but for the elements that were kept last. */
  readonly data: Float32Array;
  /** And those: written one by one into a tensor that has left the cache, they would take longer than their selection did. */
  pending: KeptElements;
  /** Room for what is kept next; it becomes `pending`. */
  next: KeptElements;
}

/** Some elements of a tensor, in order. The arrays are as long as there may be elements; `counts` says how many there are. */
export interface KeptElements {
  readonly values: Float32Array;
  /** Elements that are skipped before each, from the last one here or the start of its chunk. */
  readonly gaps: Int32Array;
  /** By chunk. */
  readonly counts: Int32Array;
}

/** A tensor's streams, and what the header says of them. */
export interface EncodedTensor extends Pick<CompressedTensor, 'kept' | 'riceParameter' | 'levels'> {
  readonly index: Uint8Array;
  readonly values: Uint8Array;
}

/** How many elements of a tensor can be kept at most, and in how many chunks. */
export function keptCapacity({ chunkSize, keep }: CompressionRule, elements: number): { readonly most: number; readonly chunks: number } {
  const chunks = Math.ceil(elements / chunkSize);
  return { most: Math.min(elements, chunks * keep), chunks };
}

/** What is kept now is written back with the next update. */
export function exchange(residual: TensorResidual): void {
  [residual.pending, residual.next] = [residual.next, residual.pending];
}

/** Writes elements where they belong in a tensor. */
export function place({ values, gaps, counts }: KeptElements, { into, chunkSize }: { readonly into: Float32Array; readonly chunkSize: number }): void {
  let next = 0;
  for (let chunk = 0; chunk < counts.length; chunk++) {
    let position = chunk * chunkSize;
    for (const end = next + counts[chunk]!; next < end; next++) {
      position += gaps[next]!;
      into[position++] = values[next]!;
    }
  }
}
