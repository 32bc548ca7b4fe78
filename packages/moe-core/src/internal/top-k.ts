/**
 * The largest magnitudes of a chunk, exactly: ties go to the lower index. Magnitudes are compared as the integers that their float32 bits make
 * without the sign, which orders finite values as their absolute values, and puts infinities and NaNs above them.
 * @module
 */

/** float32 bits without the sign. */
export const MAGNITUDE_MASK = 0x7fffffff;

/** The bits of +∞; those of NaNs are above. */
export const INFINITY_BITS = 0x7f800000;

/** One chunk of one tensor, as a scan and a selection see it. */
export interface ChunkScan {
  /** e: what earlier updates left. */
  readonly carried: Float32Array;
  /** Δ */
  readonly update: Float32Array;
  /** Receives `fround(fround(decay · e) + Δ)`. */
  readonly sums: Float32Array;
  /** The bits of `sums`. */
  readonly bits: Int32Array;
  readonly decay: number;
  start: number;
  end: number;
}

/**
 * Adds up a chunk and lists the elements whose magnitude is at least `threshold` (bits, at least 1: zeros are never listed), index ascending.
 * @param candidates room for a whole chunk
 * @returns how many
 */
export function scanChunk({ carried, update, sums, bits, decay, start, end }: ChunkScan, candidates: Int32Array, threshold: number): number {
  let count = 0;
  for (let i = start; i < end; i++) {
    // The product of two float32 is exact in float64; the sum rounded twice is the sum rounded once (53 ≥ 2 · 24 + 2).
    sums[i] = Math.fround(decay * carried[i]!) + update[i]!;
    if ((bits[i]! & MAGNITUDE_MASK) >= threshold) candidates[count++] = i;
  }
  return count;
}

/** Lists every element of a chunk that is not zero, once its sums are there. */
export function listNonZero({ bits, start, end }: ChunkScan, candidates: Int32Array): number {
  let count = 0;
  for (let i = start; i < end; i++) if ((bits[i]! & MAGNITUDE_MASK) !== 0) candidates[count++] = i;
  return count;
}

/**
 * Leaves the `keep` largest of the first `count` candidates at the front, index ascending.
 * @param scratch room for `count`
 * @returns the smallest magnitude kept (bits)
 */
export function keepLargest(bits: Int32Array, candidates: Int32Array, at: { readonly count: number; readonly keep: number; readonly scratch: Int32Array }): number {
  const { count, keep, scratch } = at;
  for (let i = 0; i < count; i++) scratch[i] = bits[candidates[i]!]! & MAGNITUDE_MASK;
  const smallest = select(scratch, count, count - keep);
  let ties = keep;
  for (let i = count - keep + 1; i < count; i++) if (scratch[i]! > smallest) ties--;
  // `ties` of those equal to the smallest are kept: the rest is above it.
  let kept = 0;
  for (let i = 0; kept < keep; i++) {
    const index = candidates[i]!;
    const magnitude = bits[index]! & MAGNITUDE_MASK;
    if (magnitude < smallest || (magnitude === smallest && ties-- <= 0)) continue;
    candidates[kept++] = index;
  }
  return smallest;
}

/** The value that sorting the first `count` would put at `rank`; those before it are at most, those after it at least as large (Hoare's FIND). */
function select(values: Int32Array, count: number, rank: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const pivot = middleOf(values[low]!, values[(low + high) >>> 1]!, values[high]!);
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const swap = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swap;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return values[rank]!;
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
