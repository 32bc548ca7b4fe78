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

let chunkSize: i32 = 0;
let keep: i32 = 0;
let decay: f32 = 0;

// A batch of chunks.
/** e and Δ; sums replace e. */
let sums: usize = 0;
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

/** Lays out the memory. Call it once. */
export function prepare(elements: i32, keepOf: i32, decayBy: f32, batchElements: i32): void {
  chunkSize = elements;
  keep = keepOf;
  decay = decayBy;
  const chunks: usize = (batchElements + elements - 1) / elements;
  const batch = <usize>batchElements << 2;
  // One more than can be kept: `collect` writes before it knows.
  const kept = (chunks * keepOf + 1) << 2;
  sums = (__heap_base + 15) & ~15;
  updates = (sums + batch + 15) & ~15;
  values = updates + batch;
  positions = values + kept;
  gaps = positions + kept;
  counts = gaps + kept;
  candidates = counts + (chunks << 2);
  magnitudes = (candidates + (<usize>elements << 2) + 15) & ~15;
  const end = magnitudes + (<usize>elements << 2) + 16;
  const pages = <i32>((end + 0xffff) >> 16);
  if (pages > memory.size()) memory.grow(pages - memory.size());
}

export function sumsPointer(): usize { return sums; }
export function updatesPointer(): usize { return updates; }
export function valuesPointer(): usize { return values; }
export function positionsPointer(): usize { return positions; }
export function gapsPointer(): usize { return gaps; }
export function countsPointer(): usize { return counts; }

/** Begins a tensor. */
export function reset(): void {
  usualCut = 0;
}

/** Works through the first `elements` of the batch, which begins at `base` in its tensor. @returns how many are kept, or −1 where a sum is not finite */
export function selectBatch(elements: i32, base: i32): i32 {
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
  let count = 0;
  let i = start;
  for (; i + 64 <= end; i += 64) {
    addSixteen(i);
    addSixteen(i + 16);
    addSixteen(i + 32);
    addSixteen(i + 48);
    count = listWord(i, below, count);
  }
  for (; i < end; i++) {
    const at = <usize>i << 2;
    store<f32>(sums + at, load<f32>(sums + at) * decay + load<f32>(updates + at));
    count = listOne(i, lowest, count);
  }
  return count;
}

/** Lists what is at least `lowest` of sums that are there. */
function list(start: i32, end: i32, lowest: i32): i32 {
  const below = i32x4.splat(lowest - 1);
  let count = 0;
  let i = start;
  for (; i + 64 <= end; i += 64) count = listWord(i, below, count);
  for (; i < end; i++) count = listOne(i, lowest, count);
  return count;
}

// @ts-ignore: decorator
@inline
function listWord(position: i32, below: v128, count: i32): i32 {
  let word = compareSixteen(position, below) | (compareSixteen(position + 16, below) << 16) | (compareSixteen(position + 32, below) << 32) | (compareSixteen(position + 48, below) << 48);
  while (word != 0) {
    append(position + <i32>ctz(word), count++);
    word &= word - 1;
  }
  return count;
}

// @ts-ignore: decorator
@inline
function listOne(position: i32, lowest: i32, count: i32): i32 {
  if ((load<i32>(sums + (<usize>position << 2)) & MAGNITUDE_MASK) < lowest) return count;
  append(position, count);
  return count + 1;
}

// @ts-ignore: decorator
@inline
function append(position: i32, at: i32): void {
  store<i32>(candidates + (<usize>at << 2), position);
  store<i32>(magnitudes + (<usize>at << 2), load<i32>(sums + (<usize>position << 2)) & MAGNITUDE_MASK);
}

// @ts-ignore: decorator
@inline
function addSixteen(position: i32): void {
  const at = <usize>position << 2;
  addFour(at);
  addFour(at + 16);
  addFour(at + 32);
  addFour(at + 48);
}

// @ts-ignore: decorator
@inline
function addFour(at: usize): void {
  v128.store(sums + at, f32x4.add(f32x4.mul(v128.load(sums + at), f32x4.splat(decay)), v128.load(updates + at)));
}

/** A bit for each of 16 elements whose magnitude is above `below`. */
// @ts-ignore: decorator
@inline
function compareSixteen(position: i32, below: v128): u64 {
  const at = sums + (<usize>position << 2);
  const low = i16x8.narrow_i32x4_s(compareFour(at, below), compareFour(at + 16, below));
  const high = i16x8.narrow_i32x4_s(compareFour(at + 32, below), compareFour(at + 48, below));
  return <u64>i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

// @ts-ignore: decorator
@inline
function compareFour(at: usize, below: v128): v128 {
  return i32x4.gt_s(v128.and(v128.load(at), i32x4.splat(MAGNITUDE_MASK)), below);
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
