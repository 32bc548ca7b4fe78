/**
 * Which Golomb-Rice parameter is shortest for a tensor's gaps. It decides bytes that are hashed, so ties have a rule: the smallest.
 * @see https://doi.org/10.1109/TIT.1966.1053907 (Golomb, run-length encodings)
 * @module
 */

/**
 * The smallest r that minimises `Σ ⌊g / 2^r⌋ + r` over the first `count` gaps, each below 2^16; 0 where there are none. The sum is convex in r: what one
 * more bit saves, `Σ ⌈⌊g / 2^r⌋ / 2⌉`, only shrinks.
 */
export function chooseRiceParameter(gaps: Int32Array, count: number): number {
  let r = firstGuess(gaps, count);
  while (r > 0 && savedByNext(gaps, count, r - 1) <= count) r--;
  while (savedByNext(gaps, count, r) > count) r++;
  return r;
}

/** Bits of the first `count` gaps. */
export function gapBits(gaps: Int32Array, count: number, r: number): number {
  let quotients = 0;
  for (let i = 0; i < count; i++) quotients += gaps[i]! >>> r;
  return quotients + count * (1 + r);
}

/** Bits of a count below `quota`. */
export function countWidth(quota: number): number {
  return 32 - Math.clz32(quota - 1);
}

/** What r + 1 saves over r in zeros, before its own bit a gap. */
function savedByNext(gaps: Int32Array, count: number, r: number): number {
  let saved = 0;
  for (let i = 0; i < count; i++) saved += ((gaps[i]! >>> r) + 1) >>> 1;
  return saved;
}

/** Near the optimum of random positions, log2 of 0.69 times the mean. */
function firstGuess(gaps: Int32Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += gaps[i]!;
  return count === 0 ? 0 : Math.max(0, 31 - Math.clz32((0.69 * sum) / count));
}
