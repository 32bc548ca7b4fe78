/**
 * What a compressed update keeps: the largest magnitudes of every chunk, exactly; ties go to the lower index. Magnitudes are compared as the integers that
 * their float32 bits make without the sign, which orders finite values as their absolute values, and puts infinities and NaNs above them.
 *
 * Neighbouring chunks are alike: the smallest magnitude that the last one kept is a good guess of what this one will keep, less 3 to 6 % (a sixteenth of a binade
 * of float32). About 90 of 4,096 normal values pass it, and only these are looked at again. Where fewer pass than are wanted, every value that is not zero does. The
 * guess changes the time that it takes, never what is selected.
 * @module
 */
import { chunkQuota, type CompressionRule } from '../updates/compressed-update-header.ts';
import type { KeptElements } from './compression-kernel.ts';

/** One tensor on its way. */
export interface TensorSums {
  /** Δ */
  readonly update: Float32Array;
  /** e; receives `fround(fround(decay · e) + Δ)`. */
  readonly sums: Float32Array;
}

/** Adds up a tensor and selects, chunk by chunk. @returns how many are kept of all chunks, or −1 where a sum is not finite */
export type Selector = (tensor: TensorSums, into: KeptElements) => number;

const MAGNITUDE_MASK = 0x7fffffff;

/** The bits of +∞; those of NaNs are above. */
const INFINITY_BITS = 0x7f800000;

const THRESHOLD_MARGIN = 0x080000;

export function createSelector(rule: CompressionRule, decay: number): Selector {
  const scratch = { candidates: new Int32Array(rule.chunkSize), magnitudes: new Int32Array(rule.chunkSize) };
  return (tensor, into) => {
    const { sums } = tensor;
    const scan: ChunkScan = { ...tensor, bits: new Int32Array(sums.buffer, sums.byteOffset, sums.length), decay, start: 0, end: 0 };
    let [total, threshold] = [0, 1];
    for (let chunk = 0; chunk < into.counts.length; chunk++) {
      scan.start = chunk * rule.chunkSize;
      scan.end = Math.min(scan.start + rule.chunkSize, sums.length);
      const quota = chunkQuota(rule, scan.end - scan.start);
      const { kept, smallest, largest } = selectFromChunk(scan, { threshold, quota, ...scratch });
      if (largest >= INFINITY_BITS) return -1;
      collect(scan, scratch.candidates, { kept, total, into });
      into.counts[chunk] = kept;
      total += kept;
      threshold = kept === quota ? Math.max(1, smallest - THRESHOLD_MARGIN) : 1;
    }
    return total;
  };
}

interface ChunkScan extends TensorSums {
  /** The bits of `sums`. */
  readonly bits: Int32Array;
  readonly decay: number;
  start: number;
  end: number;
}

interface ChunkSelection {
  readonly threshold: number;
  readonly quota: number;
  readonly candidates: Int32Array;
  readonly magnitudes: Int32Array;
}

function selectFromChunk(scan: ChunkScan, selection: ChunkSelection): { readonly kept: number; readonly smallest: number; readonly largest: number } {
  const { threshold, quota, candidates, magnitudes } = selection;
  let count = scanChunk(scan, candidates, threshold);
  if (count < quota && threshold > 1) count = listNonZero(scan, candidates);
  const kept = Math.min(count, quota);
  let largest = 0;
  for (let i = 0; i < count; i++) {
    magnitudes[i] = scan.bits[candidates[i]!]! & MAGNITUDE_MASK;
    largest = Math.max(largest, magnitudes[i]!);
  }
  const smallest = kept === 0 ? 0 : keepLargest(scan.bits, candidates, { count, keep: kept, magnitudes });
  return { kept, smallest, largest };
}

/** Adds up a chunk and lists the elements whose magnitude is at least `threshold`, which is at least 1: zeros are never listed. */
function scanChunk({ update, sums, bits, decay, start, end }: ChunkScan, candidates: Int32Array, threshold: number): number {
  let count = 0;
  for (let i = start; i < end; i++) {
    // The product of two float32 is exact in float64; the sum rounded twice is the sum rounded once (53 ≥ 2 · 24 + 2).
    sums[i] = Math.fround(decay * sums[i]!) + update[i]!;
    if ((bits[i]! & MAGNITUDE_MASK) >= threshold) candidates[count++] = i;
  }
  return count;
}

function listNonZero({ bits, start, end }: ChunkScan, candidates: Int32Array): number {
  let count = 0;
  for (let i = start; i < end; i++) if ((bits[i]! & MAGNITUDE_MASK) !== 0) candidates[count++] = i;
  return count;
}

/**
 * Leaves the `keep` largest of the first `count` candidates at the front, index ascending.
 * @param at.magnitudes of the candidates; their order is lost
 * @returns the smallest magnitude kept
 */
function keepLargest(bits: Int32Array, candidates: Int32Array, at: { readonly count: number; readonly keep: number; readonly magnitudes: Int32Array }): number {
  const { count, keep, magnitudes } = at;
  const smallest = select(magnitudes, count, count - keep);
  let ties = keep;
  for (let i = count - keep + 1; i < count; i++) if (magnitudes[i]! > smallest) ties--;
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

function collect({ sums, start }: ChunkScan, candidates: Int32Array, at: { readonly kept: number; readonly total: number; readonly into: KeptElements }): void {
  const { kept, total, into } = at;
  let expected = start;
  for (let i = 0; i < kept; i++) {
    const position = candidates[i]!;
    into.values[total + i] = sums[position]!;
    into.gaps[total + i] = position - expected;
    expected = position + 1;
  }
}
