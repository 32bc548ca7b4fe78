/** Random numbers that are the same in every run. @module */

/** Numbers in (0, 1) from a 32-bit linear congruential generator. */
export function createUniform(seed) {
  let state = seed;
  return () => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) + 0.5) / 2 ** 32;
}
