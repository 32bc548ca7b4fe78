/**
 * Selection of what a compressed update keeps, in WebAssembly SIMD (AssemblyScript): the results of `src/internal/top-k.ts`, bit for bit. `npm run wasm` in
 * this package builds it into `src/internal/compression-wasm-bytes.ts`; a test builds it again and compares.
 *
 * One pass adds up the residual and lists the elements above a threshold that the chunk before suggests; a bisection over the few listed magnitudes finds
 * where to cut. Magnitudes are float32 bits without the sign, compared as integers.
 * @module
 */

const MAGNITUDE_MASK: i32 = 0x7fffffff;
const INFINITY_BITS: i32 = 0x7f800000;
/** How far below the last cuts the next is looked for, 3 to 6 % in magnitude: a sixteenth of a binade. Some 90 of 4,096 normal values are above it. */
const MARGIN: i32 = 0x080000;
/** And how far where that was too few: a quarter of a binade. */
const WIDE_MARGIN: i32 = 0x200000;

/** Elements that `listWord` may write beyond those it counts, and zeros of `largestOf`. */
const AHEAD: i32 = 8;

let chunkSize: i32 = 0;
let keep: i32 = 0;
let decay: f32 = 0;

// A batch of chunks.
/** e, in the batch or in place; sums replace it. */
let sums: usize = 0;
let batchSums: usize = 0;
let updates: usize = 0;
/** Of the kept elements: sum (`f32`), place in the tensor, and how many are skipped before it; and, by chunk, how many there are (`i32`). */
let values: usize = 0;
let positions: usize = 0;
let gaps: usize = 0;
let counts: usize = 0;

// One chunk.
let candidates: usize = 0;
let magnitudes: usize = 0;

/** A moving average of the magnitudes where chunks were cut; 0 for none. */
let usualCut: i32 = 0;
/** Magnitudes above `limit` are kept, and the first `ties` that equal it. */
let limit: i32 = 0;
let ties: i32 = 0;

/** Lays out the memory. Call it once. @returns where it is free, for tensors whose residual stays here */
export function prepare(elements: i32, keepOf: i32, decayBy: f32, batchElements: i32): usize {
  chunkSize = elements;
  keep = keepOf;
  decay = decayBy;
  const chunks: usize = (batchElements + elements - 1) / elements;
  const batch = <usize>batchElements << 2;
  // One more than can be kept: `collect` writes before it knows.
  const kept = (chunks * keepOf + 1) << 2;
  batchSums = (__heap_base + 15) & ~15;
  updates = (batchSums + batch + 15) & ~15;
  values = updates + batch;
  positions = values + kept;
  gaps = positions + kept;
  counts = gaps + kept;
  candidates = counts + (chunks << 2);
  magnitudes = (candidates + (<usize>(elements + AHEAD) << 2) + 15) & ~15;
  const end = (magnitudes + (<usize>(elements + AHEAD) << 2) + 15) & ~15;
  const pages = <i32>((end + 0xffff) >> 16);
  if (pages > memory.size()) memory.grow(pages - memory.size());
  return end;
}

export function sumsPointer(): usize { return batchSums; }
export function updatesPointer(): usize { return updates; }
export function valuesPointer(): usize { return values; }
export function positionsPointer(): usize { return positions; }
export function gapsPointer(): usize { return gaps; }
export function countsPointer(): usize { return counts; }

/** Begins a tensor. */
export function reset(): void {
  usualCut = 0;
}

/**
 * Works through the first `elements` of the batch, which begins at `base` in its tensor, and whose e is at `residual`.
 * @returns how many are kept, or −1 where a sum is not finite
 */
export function selectBatch(residual: usize, elements: i32, base: i32): i32 {
  sums = residual;
  let total = 0;
  let chunk: usize = 0;
  for (let start = 0; start < elements; start += chunkSize) {
    const end = min(start + chunkSize, elements);
    const quota = <i32>((<i64>keep * (end - start) + chunkSize - 1) / chunkSize);
    let lowest = max(1, usualCut - MARGIN);
    let count = addUp(start, end, lowest);
    if (count < quota && lowest > 1) count = list(start, end, (lowest = max(1, usualCut - WIDE_MARGIN)));
    if (count < quota && lowest > 1) count = list(start, end, (lowest = 1));
    const largest = largestOf(count);
    if (largest >= INFINITY_BITS) return -1;
    const kept = min(count, quota);
    const cut = findCut(count, kept, lowest, largest);
    collect(start, count, total, base);
    store<i32>(counts + (chunk++ << 2), kept);
    total += kept;
    usualCut = kept < quota ? 0 : usualCut == 0 ? cut : usualCut + ((cut - usualCut) >> 2);
  }
  return total;
}

/** Adds up a chunk and lists what is at least `lowest`; how many. */
function addUp(start: i32, end: i32, lowest: i32): i32 {
  const below = i32x4.splat(lowest - 1);
  const factor = f32x4.splat(decay);
  const offset = updates - sums;
  let at = sums + (<usize>start << 2);
  let count = 0;
  let i = start;
  for (; i + 64 <= end; i += 64, at += 256) {
    const word = addSixteen(at, offset, factor, below) | (addSixteen(at + 64, offset, factor, below) << 16) | (addSixteen(at + 128, offset, factor, below) << 32) | (addSixteen(at + 192, offset, factor, below) << 48);
    count = listWord(i, at, word, count);
  }
  for (; i < end; i++, at += 4) {
    store<f32>(at, load<f32>(at) * decay + load<f32>(at + offset));
    count = listOne(i, lowest, count);
  }
  return count;
}

/** Lists what is at least `lowest` of sums that are there. */
function list(start: i32, end: i32, lowest: i32): i32 {
  let count = 0;
  for (let i = start; i < end; i++) count = listOne(i, lowest, count);
  return count;
}

/** Lists the elements whose bits are set: most words have none to four, and how many cannot be predicted, so four are written and as many counted as there are. */
// @ts-ignore: decorator
@inline
function listWord(position: i32, at: usize, word: u64, count: i32): i32 {
  const end = count + <i32>popcnt(word);
  let to = <usize>count << 2;
  word = appendLowest(position, at, word, to);
  word = appendLowest(position, at, word, to + 4);
  word = appendLowest(position, at, word, to + 8);
  word = appendLowest(position, at, word, to + 12);
  for (; word != 0; to += 4) word = appendLowest(position, at, word, to + 16);
  return end;
}

/** @returns the word without its lowest bit */
// @ts-ignore: decorator
@inline
function appendLowest(position: i32, at: usize, word: u64, to: usize): u64 {
  const bit = <i32>ctz(word) & 63;
  store<i32>(candidates + to, position + bit);
  store<i32>(magnitudes + to, load<i32>(at + (<usize>bit << 2)) & MAGNITUDE_MASK);
  return word & (word - 1);
}

// @ts-ignore: decorator
@inline
function listOne(position: i32, lowest: i32, count: i32): i32 {
  const magnitude = load<i32>(sums + (<usize>position << 2)) & MAGNITUDE_MASK;
  if (magnitude < lowest) return count;
  store<i32>(candidates + (<usize>count << 2), position);
  store<i32>(magnitudes + (<usize>count << 2), magnitude);
  return count + 1;
}

/** Adds up 16 elements; a bit for each whose magnitude is above `below`. */
// @ts-ignore: decorator
@inline
function addSixteen(at: usize, offset: usize, factor: v128, below: v128): u64 {
  const low = i16x8.narrow_i32x4_s(addFour(at, offset, factor, below), addFour(at + 16, offset, factor, below));
  const high = i16x8.narrow_i32x4_s(addFour(at + 32, offset, factor, below), addFour(at + 48, offset, factor, below));
  return <u64>i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

// @ts-ignore: decorator
@inline
function addFour(at: usize, offset: usize, factor: v128, below: v128): v128 {
  const sum = f32x4.add(f32x4.mul(v128.load(at), factor), v128.load(at + offset));
  v128.store(at, sum);
  return i32x4.gt_s(v128.and(sum, i32x4.splat(MAGNITUDE_MASK)), below);
}

/** Of the listed magnitudes; fills the last vector with zeros. */
function largestOf(count: i32): i32 {
  const end = magnitudes + (<usize>count << 2);
  v128.store(end, i32x4.splat(0));
  let most = i32x4.splat(0);
  for (let at = magnitudes; at < end; at += 16) most = i32x4.max_s(most, v128.load(at));
  return max(max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)), max(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)));
}

/** Probes that follow the slope of the last two; after so many, as among values that are nearly equal, halving is faster. */
const SECANT_PROBES: i32 = 8;

/** Sets `limit` and `ties` so that `kept` of the listed are kept. @returns at most the smallest of them, and above what is not kept but for ties */
function findCut(count: i32, kept: i32, lowest: i32, largest: i32): i32 {
  ties = 0;
  limit = lowest - 1;
  if (kept == count) return lowest;
  // At least `low`: more than are kept. At least `high`: fewer.
  let low = lowest;
  let high = largest + 1;
  let before = lowest;
  let countBefore = count;
  let probe = lowest + MARGIN;
  for (let probes = 0; high - low > 1; probes++) {
    if (probe <= low || probe >= high || probes >= SECANT_PROBES) probe = low + ((high - low) >> 1);
    const above = countAtLeast(probe, count);
    if (above == kept) {
      limit = probe - 1;
      return probe;
    }
    if (above > kept) low = probe;
    else high = probe;
    const slope = <f32>(countBefore - above) / <f32>(probe - before);
    const next = probe + <i32>(<f32>(above - kept) / slope);
    before = probe;
    countBefore = above;
    probe = next;
  }
  limit = low;
  ties = kept - countAtLeast(high, count);
  return low;
}

function countAtLeast(value: i32, count: i32): i32 {
  const end = magnitudes + (<usize>count << 2);
  const below = i32x4.splat(value - 1);
  let sum = i32x4.splat(0);
  for (let at = magnitudes; at < end; at += 16) sum = i32x4.sub(sum, i32x4.gt_s(v128.load(at), below));
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
}

/** Writes values, positions and gaps of what is kept, from index `to` on; each store is overwritten by the next where its element is not kept. */
function collect(start: i32, count: i32, to: i32, base: i32): void {
  let expected = start;
  let at = <usize>to << 2;
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    const position = load<i32>(candidates + i);
    const magnitude = load<i32>(magnitudes + i);
    let isKept = magnitude > limit;
    if (magnitude == limit && ties > 0) {
      ties--;
      isKept = true;
    }
    store<f32>(values + at, load<f32>(sums + (<usize>position << 2)));
    store<i32>(positions + at, base + position);
    store<i32>(gaps + at, position - expected);
    at += isKept ? 4 : 0;
    expected = isKept ? position + 1 : expected;
  }
}
