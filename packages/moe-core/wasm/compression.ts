/**
 * Compression of a tensor's update, in WebAssembly SIMD (AssemblyScript): the streams and the residual of `src/internal/compression-plain.ts`, bit for bit.
 * `npm run wasm` in this package builds it into `src/internal/compression-wasm-bytes.ts`; a test builds it again and compares.
 *
 * One pass adds up the residual and lists the elements above a threshold that the chunk before suggests; a few probes among the listed magnitudes find where
 * to cut. What is kept of a whole tensor stays here until it is encoded. Magnitudes are float32 bits without the sign, compared as integers.
 * @module
 */

const MAGNITUDE_MASK: i32 = 0x7fffffff;
const INFINITY_BITS: i32 = 0x7f800000;
/** How far below the last cuts the next is looked for at first, 3 to 6 % in magnitude: a sixteenth of a binade. Some 90 of 4,096 normal values are above it. */
const FIRST_MARGIN: i32 = 0x080000;
/** And how far at most, as where that was too few: a quarter of a binade. */
const WIDE_MARGIN: i32 = 0x200000;

/** The largest chunk, and what a batch may hold. */
const MAX_ELEMENTS: i32 = 65536;
/** Elements that `listWord` may write beyond those it counts, and zeros of `largestOf`. */
const AHEAD: i32 = 8;

// Memory at fixed places, which cost no load.
/** e and Δ of a batch; e may also be elsewhere. */
const BATCH_SUMS: usize = memory.data(MAX_ELEMENTS << 2, 16);
const UPDATES: usize = memory.data(MAX_ELEMENTS << 2, 16);
/** Listed elements of a chunk: place in the batch, and magnitude. */
const CANDIDATES: usize = memory.data((MAX_ELEMENTS + AHEAD) << 2, 16);
const MAGNITUDES: usize = memory.data((MAX_ELEMENTS + AHEAD) << 2, 16);
/** Four bits, the lowest first, as every second bit of a byte, the highest first. */
const SPREAD: usize = memory.data<u8>([0x00, 0x40, 0x10, 0x50, 0x04, 0x44, 0x14, 0x54, 0x01, 0x41, 0x11, 0x51, 0x05, 0x45, 0x15, 0x55]);

let chunkSize: i32 = 0;
let keep: i32 = 0;
let decay: f32 = 0;
/** So many more than are kept should be listed: three standard deviations of how many are above a threshold by chance. */
let reserve: i32 = 0;

// What was kept of the tensor last, and is now left of it: a value (`f32`), the elements skipped before it in its chunk, and by chunk how many (`i32`).
let pendingValues: usize = 0;
let pendingGaps: usize = 0;
let pendingCounts: usize = 0;
/** The same of what is kept now; 4 elements beyond it may be written. */
let values: usize = 0;
let gaps: usize = 0;
let counts: usize = 0;

/** Of the tensor, so far. */
let placed: usize = 0;
let total: i32 = 0;
let chunks: i32 = 0;
let lastQuota: i32 = 0;

/** A moving average of the magnitudes where chunks were cut; 0 for none. */
let usualCut: i32 = 0;
/** How far below it the next is looked for. */
let margin: i32 = 0;
/** Magnitudes above `limit` are kept, and the first `ties` that equal it. */
let limit: i32 = 0;
let ties: i32 = 0;

/** So that `touch` is not optimised away. */
let touched: i32 = 0;

let smallLevel: f32 = 0;
let largeLevel: f32 = 0;

export function batchSums(): usize { return BATCH_SUMS; }
export function updates(): usize { return UPDATES; }
/** Where memory is free. */
export function heapBase(): usize { return (__heap_base + 15) & ~15; }
/** Levels of the last `encodeTwoBits`. */
export function firstLevel(): f32 { return smallLevel; }
export function secondLevel(): f32 { return largeLevel; }

/** Call it once. */
export function prepare(elements: i32, keepOf: i32, decayBy: f32): void {
  chunkSize = elements;
  keep = keepOf;
  decay = decayBy;
  reserve = 3 * <i32>sqrt<f32>(<f32>keepOf);
}

/** Begins a tensor. */
export function begin(pendingValuesAt: usize, pendingGapsAt: usize, pendingCountsAt: usize, valuesAt: usize, gapsAt: usize, countsAt: usize): void {
  pendingValues = pendingValuesAt;
  pendingGaps = pendingGapsAt;
  pendingCounts = pendingCountsAt;
  values = valuesAt;
  gaps = gapsAt;
  counts = countsAt;
  placed = 0;
  total = 0;
  chunks = 0;
  usualCut = 0;
  margin = FIRST_MARGIN;
}

/**
 * Works through the next `elements` of the tensor, whose Δ is in the batch and whose e, replaced by the sums, is at `sums`.
 * @returns how many of the tensor are kept so far, or −1 where a sum is not finite
 */
export function selectBatch(sums: usize, elements: i32): i32 {
  touched = touch(sums, elements);
  for (let start = 0; start < elements; start += chunkSize) {
    const length = min(chunkSize, elements - start);
    const from = <usize>start << 2;
    const quota = quotaOf(length);
    place(sums + from);
    let lowest = max(1, usualCut - margin);
    let count = addUp(sums + from, UPDATES + from, length, lowest);
    adaptMargin(count - quota);
    if (count < quota && lowest > 1) count = list(sums + from, length, (lowest = max(1, usualCut - WIDE_MARGIN)));
    if (count < quota && lowest > 1) count = list(sums + from, length, (lowest = 1));
    const largest = largestOf(count);
    if (largest >= INFINITY_BITS) return -1;
    const kept = min(count, quota);
    const cut = findCut(count, kept, lowest, largest);
    collect(sums + from, count);
    store<i32>(counts + (<usize>chunks << 2), kept);
    chunks++;
    total += kept;
    lastQuota = quota;
    usualCut = kept < quota ? 0 : usualCut == 0 ? cut : usualCut + ((cut - usualCut) >> 2);
  }
  return total;
}

/** Most values that a chunk of so many elements keeps. */
function quotaOf(length: i32): i32 {
  return <i32>((<i64>keep * length + chunkSize - 1) / chunkSize);
}

/** Narrows and widens it slowly, and widens it at once where it was too narrow. */
function adaptMargin(excess: i32): void {
  const step = excess < 0 ? margin >> 1 : excess > reserve ? -(margin >> 5) : (margin >> 5) + 1;
  margin = min(margin + step, WIDE_MARGIN);
}

/** Reads a value of every cache line, in order: what `place` writes here and there would otherwise wait for memory, line by line. @returns nothing of interest */
function touch(sums: usize, elements: i32): i32 {
  let bits = 0;
  for (const end = sums + (<usize>elements << 2); sums < end; sums += 64) bits |= load<i32>(sums);
  return bits;
}

/** Writes what the next chunk kept last back into it. */
function place(sums: usize): void {
  const end = placed + (<usize>load<i32>(pendingCounts + (<usize>chunks << 2)) << 2);
  const valuesAt = pendingValues;
  const gapsAt = pendingGaps;
  for (let from = placed; from < end; from += 4, sums += 4) {
    sums += <usize>load<i32>(gapsAt + from) << 2;
    store<f32>(sums, load<f32>(valuesAt + from));
  }
  placed = end;
}

/** Adds up a chunk and lists what is at least `lowest`; how many. */
function addUp(sums: usize, updates: usize, length: i32, lowest: i32): i32 {
  const below = i32x4.splat(lowest - 1);
  const factor = f32x4.splat(decay);
  const offset = updates - sums;
  let count = 0;
  let at = sums;
  let i = 0;
  for (; i + 64 <= length; i += 64, at += 256) {
    const word = addSixteen(at, offset, factor, below) | (addSixteen(at + 64, offset, factor, below) << 16) | (addSixteen(at + 128, offset, factor, below) << 32) | (addSixteen(at + 192, offset, factor, below) << 48);
    count = listWord(i, word, count);
  }
  for (; i < length; i++, at += 4) {
    store<f32>(at, load<f32>(at) * decay + load<f32>(at + offset));
    if ((load<i32>(at) & MAGNITUDE_MASK) >= lowest) count = listOne(i, count);
  }
  return readMagnitudes(sums, count);
}

/** Lists what is at least `lowest` of sums that are there. */
function list(sums: usize, length: i32, lowest: i32): i32 {
  let count = 0;
  for (let i = 0; i < length; i++) {
    if ((load<i32>(sums + (<usize>i << 2)) & MAGNITUDE_MASK) >= lowest) count = listOne(i, count);
  }
  return readMagnitudes(sums, count);
}

/** Lists the elements whose bits are set: most words have none to four, and how many cannot be predicted, so four are written and as many counted as there are. */
// @ts-ignore: decorator
@inline
function listWord(position: i32, word: u64, count: i32): i32 {
  let to = CANDIDATES + (<usize>count << 2);
  const end = count + <i32>popcnt(word);
  word = appendLowest(position, word, to);
  word = appendLowest(position, word, to + 4);
  word = appendLowest(position, word, to + 8);
  word = appendLowest(position, word, to + 12);
  for (; word != 0; to += 4) word = appendLowest(position, word, to + 16);
  return end;
}

/** @returns the word without its lowest bit */
// @ts-ignore: decorator
@inline
function appendLowest(position: i32, word: u64, to: usize): u64 {
  store<i32>(to, position + <i32>ctz(word));
  return word & (word - 1);
}

// @ts-ignore: decorator
@inline
function listOne(position: i32, count: i32): i32 {
  store<i32>(CANDIDATES + (<usize>count << 2), position);
  return count + 1;
}

/** Of the listed. @returns how many */
function readMagnitudes(sums: usize, count: i32): i32 {
  for (let i: usize = 0; i < <usize>count << 2; i += 4) store<i32>(MAGNITUDES + i, load<i32>(sums + (<usize>load<i32>(CANDIDATES + i) << 2)) & MAGNITUDE_MASK);
  return count;
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
  const end = MAGNITUDES + (<usize>count << 2);
  v128.store(end, i32x4.splat(0));
  let most = i32x4.splat(0);
  for (let at = MAGNITUDES; at < end; at += 16) most = i32x4.max_s(most, v128.load(at));
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
  let probe = lowest + margin;
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
  const end = MAGNITUDES + (<usize>count << 2);
  const below = i32x4.splat(value - 1);
  let sum = i32x4.splat(0);
  for (let at = MAGNITUDES; at < end; at += 16) sum = i32x4.sub(sum, i32x4.gt_s(v128.load(at), below));
  return sumLanes(sum);
}

/** Writes values and gaps of what is kept; each store is overwritten by the next where its element is not kept. */
function collect(sums: usize, count: i32): void {
  const to = <usize>total << 2;
  let valueAt = values + to;
  let gapAt = gaps + to;
  let left = ties;
  let expected = 0;
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    const position = load<i32>(CANDIDATES + i);
    const magnitude = load<i32>(MAGNITUDES + i);
    let isKept = magnitude > limit;
    if (magnitude == limit && left > 0) {
      left--;
      isKept = true;
    }
    store<f32>(valueAt, load<f32>(sums + (<usize>position << 2)));
    store<i32>(gapAt, position - expected);
    const step: usize = isKept ? 4 : 0;
    valueAt += step;
    gapAt += step;
    expected = isKept ? position + 1 : expected;
  }
}

/** The smallest r that minimises the bits of the gaps (see `src/internal/gap-code.ts`). */
export function chooseRiceParameter(): i32 {
  v128.store(gaps + (<usize>total << 2), i32x4.splat(0));
  let r = 0;
  while (savedByNext(r) > total) r++;
  return r;
}

/** What r + 1 saves over r in zeros, before its own bit a gap; at most the elements of the tensor. */
function savedByNext(r: i32): i32 {
  const end = gaps + (<usize>total << 2);
  const one = i32x4.splat(1);
  let saved = i32x4.splat(0);
  for (let at = gaps; at < end; at += 16) saved = i32x4.add(saved, i32x4.shr_u(i32x4.add(i32x4.shr_u(v128.load(at), r), one), 1));
  return sumLanes(saved);
}

/** Writes the index stream at `to`, and up to 20 bytes beyond its end. @returns its bytes */
export function encodeIndex(to: usize, r: i32): i32 {
  const one: u32 = 1 << r;
  let word: u64 = 0;
  let position: u32 = 0;
  let gapAt = gaps;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const count = load<i32>(counts + (<usize>chunk << 2));
    const quota = chunk == chunks - 1 ? lastQuota : keep;
    const isFull = count == quota;
    const countWidth: u32 = isFull ? 1 : 1 + 32 - <u32>clz(quota - 1);
    word = append(to, position, word, isFull ? 1 : count, countWidth);
    position += countWidth;
    for (const end = gapAt + (<usize>count << 2); gapAt < end; gapAt += 4) {
      const gap = load<u32>(gapAt);
      let zeros = gap >> r;
      // More would not fit into 32 bits together with the rest; most gaps have no or few.
      for (; zeros > 15; zeros -= 16, position += 16) word = append(to, position, word, 0, 16);
      word = append(to, position, word, one | (gap & (one - 1)), zeros + 1 + r);
      position += zeros + 1 + r;
    }
  }
  append(to, position, word, 0, 32 - (position & 31));
  const bytes = (position + 7) >> 3;
  reverseWords(to, bytes);
  return bytes;
}

/**
 * Appends the lowest `width` bits of a value below 2^width, at most 32, to a stream of 32-bit words: `last` ends with the last bits before `position`. The word
 * is written each time, and rightly when it is full: whether it is cannot be predicted.
 * @returns the new `last`
 */
// @ts-ignore: decorator
@inline
function append(to: usize, position: u32, last: u64, value: u32, width: u32): u64 {
  const word = (last << width) | value;
  store<u32>(to + ((position >> 5) << 2), <u32>(word >> ((position + width) & 31)));
  return word;
}

/** Puts the highest byte of each 32-bit word first. */
function reverseWords(from: usize, bytes: usize): void {
  for (let at = from; at < from + bytes; at += 16) {
    const words = v128.load(at);
    v128.store(at, i8x16.shuffle(words, words, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  }
}

/**
 * Encodes the values at `to`, 2 bits each, and leaves in their place what is not sent of them. There are more than two different magnitudes, so that some are below
 * the mean and others above, and no float32 is nearest to the means of both.
 */
export function encodeTwoBits(to: usize): void {
  const end = values + (<usize>total << 2);
  v128.store(end, f32x4.splat(0));
  const border = meanMagnitude(end);
  chooseTwoLevels(border, end);
  const first = firstFrom(border);
  for (let at = values; at < end; at += 16, to++) store<u8>(to, sendFour(at, first));
}

/** In float64, in the order of the values. */
function meanMagnitude(end: usize): f64 {
  let sum: f64 = 0;
  for (let at = values; at < end; at += 4) sum += <f64>abs(load<f32>(at));
  return sum / <f64>total;
}

/** The means of the magnitudes below `border`, and of the others: float64 sums in the order of the values, side by side. */
function chooseTwoLevels(border: f64, end: usize): void {
  const borders = f64x2.splat(border);
  const isFirst = i64x2(-1, 0);
  let sums = f64x2.splat(0);
  let sizes = i64x2.splat(0);
  for (let at = values; at < end; at += 4) {
    const magnitude = f64x2.splat(<f64>abs(load<f32>(at)));
    const bin = v128.xor(f64x2.ge(magnitude, borders), isFirst);
    sums = f64x2.add(sums, v128.and(magnitude, bin));
    sizes = i64x2.sub(sizes, bin);
  }
  smallLevel = <f32>(f64x2.extract_lane(sums, 0) / <f64>i64x2.extract_lane(sizes, 0));
  largeLevel = <f32>(f64x2.extract_lane(sums, 1) / <f64>i64x2.extract_lane(sizes, 1));
}

/** The first float32 that is not below a positive number. */
function firstFrom(value: f64): f32 {
  const nearest = <f32>value;
  return <f64>nearest < value ? reinterpret<f32>(reinterpret<i32>(nearest) + 1) : nearest;
}

/** Subtracts their levels from four values. @returns their codes, the first on top */
// @ts-ignore: decorator
@inline
function sendFour(at: usize, border: f32): u8 {
  const four = v128.load(at);
  const isLarge = f32x4.ge(f32x4.abs(four), f32x4.splat(border));
  const magnitudes = v128.bitselect(f32x4.splat(largeLevel), f32x4.splat(smallLevel), isLarge);
  v128.store(at, f32x4.sub(four, v128.bitselect(magnitudes, four, i32x4.splat(MAGNITUDE_MASK))));
  return load<u8>(SPREAD + i32x4.bitmask(isLarge)) | (load<u8>(SPREAD + i32x4.bitmask(four)) << 1);
}

// @ts-ignore: decorator
@inline
function sumLanes(sum: v128): i32 {
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
}
