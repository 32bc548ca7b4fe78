/**
 * Sums over all pairs of updates, in one pass over their tensors: a block of each is in the cache while all pairs are formed. Within a block four sums take turns,
 * element by element, and are then added as (0 + 1) + (2 + 3): faster than one chain of additions, and as fixed.
 * @module
 */
import { sortedNames, type ExpertWeights } from '../experts/expert-weights.ts';

/** Elements of a block: of 30 updates these are 240 KiB in float64. */
const BLOCK = 1024;

/** Updates, each times its scale. */
export interface ScaledPoints {
  readonly points: readonly ExpertWeights[];
  readonly scales: readonly number[];
}

/** `‖s_i x_i − s_j x_j‖²`, `[n, n]` row-major, over all tensors in name order. */
export function squaredDistances({ points, scales }: ScaledPoints): Float64Array {
  return sumOverPairs(points, points.length, (blocks) => (i, j) => squaredDistance(blocks[i]!, blocks[j]!, { scaleA: scales[i]!, scaleB: scales[j]! }));
}

/**
 * `⟨s_i x_i − o, s_j x_j − o⟩`, `[n, n]`. Taken from the differences themselves: from squared distances, one update of an absurd size would round away all that is
 * known of the others.
 * @param origin o, zero where it is undefined
 */
export function gramMatrix({ points, scales }: ScaledPoints, origin: { readonly point: ExpertWeights; readonly scale: number } | undefined): Float64Array {
  const differences = points.map(() => new Float64Array(BLOCK));
  const tensors = origin === undefined ? points : [...points, origin.point];
  return sumOverPairs(tensors, points.length, (blocks) => {
    const base = origin === undefined ? undefined : blocks[points.length]!;
    differences.forEach((difference, i) => subtractInto(difference, { block: blocks[i]!, scale: scales[i]!, base, baseScale: origin?.scale ?? 0 }));
    return (i, j) => dot(differences[i]!, differences[j]!, blocks[0]!.length);
  });
}

/** Adds up what `visit` makes of each block for each pair of the first `count`; symmetric. */
function sumOverPairs(points: readonly ExpertWeights[], count: number, visit: (blocks: readonly Float32Array[]) => (i: number, j: number) => number): Float64Array {
  const sums = new Float64Array(count * count);
  for (const name of sortedNames(points[0]!)) {
    const tensors = points.map((point) => point.get(name)!.data);
    for (let from = 0; from < tensors[0]!.length; from += BLOCK) {
      const pair = visit(tensors.map((data) => data.subarray(from, from + BLOCK)));
      for (let i = 0; i < count; i++) for (let j = i; j < count; j++) sums[i * count + j]! += pair(i, j);
    }
  }
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) sums[i * count + j] = sums[j * count + i]!;
  return sums;
}

function subtractInto(difference: Float64Array, at: { readonly block: Float32Array; readonly scale: number; readonly base: Float32Array | undefined; readonly baseScale: number }): void {
  const { block, scale, base, baseScale } = at;
  if (base === undefined) for (let i = 0; i < block.length; i++) difference[i] = scale * block[i]!;
  else for (let i = 0; i < block.length; i++) difference[i] = scale * block[i]! - baseScale * base[i]!;
}

function squaredDistance(a: Float32Array, b: Float32Array, { scaleA, scaleB }: { readonly scaleA: number; readonly scaleB: number }): number {
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= a.length; i += 4) {
    const d0 = scaleA * a[i]! - scaleB * b[i]!;
    const d1 = scaleA * a[i + 1]! - scaleB * b[i + 1]!;
    const d2 = scaleA * a[i + 2]! - scaleB * b[i + 2]!;
    const d3 = scaleA * a[i + 3]! - scaleB * b[i + 3]!;
    sum0 += d0 * d0;
    sum1 += d1 * d1;
    sum2 += d2 * d2;
    sum3 += d3 * d3;
  }
  for (; i < a.length; i++) {
    const d = scaleA * a[i]! - scaleB * b[i]!;
    sum0 += d * d;
  }
  return sum0 + sum1 + (sum2 + sum3);
}

function dot(a: Float64Array, b: Float64Array, length: number): number {
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    sum0 += a[i]! * b[i]!;
    sum1 += a[i + 1]! * b[i + 1]!;
    sum2 += a[i + 2]! * b[i + 2]!;
    sum3 += a[i + 3]! * b[i + 3]!;
  }
  for (; i < length; i++) sum0 += a[i]! * b[i]!;
  return sum0 + sum1 + (sum2 + sum3);
}
