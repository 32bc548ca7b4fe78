/**
 * How far two tensors of one shape are apart, as sums that can be added over several tensors.
 * @module
 */
import { dtypeBits, type Dtype } from '../safetensors/dtype.ts';
import { toFloat64 } from '../internal/round-once.ts';
import type { Tensor } from '../safetensors/tensor.ts';

/** Distance between values a and b. Sums run in float64 over elements in order; elements of which one is not finite count as changed and are left out of them. */
export interface Difference {
  readonly elements: number;
  /** Elements whose bits differ; where the dtypes differ, whose values do. */
  readonly changed: number;
  /** Elements where a or b is a NaN or an infinity, and that are not the same. */
  readonly notFinite: number;
  /** `max |a − b|` */
  readonly maxAbs: number;
  /** `√ Σ (a − b)²` */
  readonly l2: number;
  /** `l2 / √ Σ a²`; `undefined` where a is 0. */
  readonly relativeL2: number | undefined;
  /** `Σ a·b / (√ Σ a² · √ Σ b²)`; `undefined` where a or b is 0. */
  readonly cosine: number | undefined;
}

/** What differences are made of. */
export interface DifferenceSums {
  elements: number;
  changed: number;
  notFinite: number;
  maxAbs: number;
  squaredDifference: number;
  squaredA: number;
  squaredB: number;
  dot: number;
}

/** All zero. */
export function noDifference(): DifferenceSums {
  return { elements: 0, changed: 0, notFinite: 0, maxAbs: 0, squaredDifference: 0, squaredA: 0, squaredB: 0, dot: 0 };
}

/**
 * Sums over two tensors of one shape, floats of any two dtypes.
 * @throws dtype-not-convertible
 */
export function compareValues(a: Tensor, b: Tensor): DifferenceSums {
  const [x, y] = [toFloat64(a), toFloat64(b)];
  const sums = noDifference();
  sums.elements = x.length;
  sums.changed = a.dtype === b.dtype ? countChanged(a, b) : countUnequal(x, y);
  for (let i = 0; i < x.length; i++) {
    const [left, right] = [x[i]!, y[i]!];
    const difference = left - right;
    if (!Number.isFinite(left) || !Number.isFinite(right)) {
      if (!Object.is(left, right)) sums.notFinite++;
      continue;
    }
    sums.maxAbs = Math.max(sums.maxAbs, Math.abs(difference));
    sums.squaredDifference += difference * difference;
    sums.squaredA += left * left;
    sums.squaredB += right * right;
    sums.dot += left * right;
  }
  return sums;
}

/** Elements whose bytes differ, of two tensors of one dtype and shape; a sub-byte dtype is counted by the byte. */
export function countChanged(a: Tensor, b: Tensor): number {
  const width = Math.max(1, dtypeBits(a.dtype) / 8);
  let changed = 0;
  for (let at = 0; at < a.data.length; at += width) {
    let byte = 0;
    while (byte < width && a.data[at + byte] === b.data[at + byte]) byte++;
    if (byte < width) changed++;
  }
  return changed;
}

/** Adds `more` to `sums`. */
export function addSums(sums: DifferenceSums, more: DifferenceSums): void {
  for (const key of ['elements', 'changed', 'notFinite', 'squaredDifference', 'squaredA', 'squaredB', 'dot'] as const) sums[key] += more[key];
  sums.maxAbs = Math.max(sums.maxAbs, more.maxAbs);
}

/** The distance that sums stand for. */
export function differenceOf(sums: DifferenceSums): Difference {
  const { elements, changed, notFinite, maxAbs, squaredDifference, squaredA, squaredB, dot } = sums;
  const [l2, normA, normB] = [Math.sqrt(squaredDifference), Math.sqrt(squaredA), Math.sqrt(squaredB)];
  return { elements, changed, notFinite, maxAbs, l2, relativeL2: normA === 0 ? undefined : l2 / normA, cosine: normA * normB === 0 ? undefined : dot / (normA * normB) };
}

/** Whether {@link compareValues} can read a dtype. */
export function isComparable(dtype: Dtype): boolean {
  return ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'].includes(dtype);
}

function countUnequal(x: Float64Array, y: Float64Array): number {
  let changed = 0;
  for (let i = 0; i < x.length; i++) if (!Object.is(x[i], y[i])) changed++;
  return changed;
}
