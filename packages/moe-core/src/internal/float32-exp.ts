/**
 * One exponential for routing, in float32 with only + − × and bit operations, so that the WebAssembly kernel and the plain one give the same bits on
 * every machine; `Math.exp` may differ between engines. `wasm/routing.ts` holds the same steps over four lanes: change both or neither.
 * @module
 */

/**
 * Below it e^x would be subnormal (2^−126 = e^−87.34) and counts as 0.
 * Beside a largest score of 1 that is far under one unit in the last place.
 */
export const EXP_UNDERFLOW: number = Math.fround(-87.3);

const LOG2_E = Math.fround(1.4426950216293335);
/** 1.5 · 2^23: adding it and taking it away again rounds to the nearest integer, ties to even. */
const ROUND_TO_INTEGER = 12_582_912;
/** ln 2 in two parts; products of the first with exponents of up to 15 bits are exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = Math.fround(-0.00021219444170128554);
/** Minimax coefficients of (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2, weighted for the relative error of e^r (`test/vectors/float32-exp.py`). */
const Q0 = Math.fround(0.4999999403953552);
const Q1 = Math.fround(0.1666651964187622);
const Q2 = Math.fround(0.04166839271783829);
const Q3 = Math.fround(0.008368780836462975);
const Q4 = Math.fround(0.0013814467238262296);

/** 2^n at −n, down to the least normal float32; made by halving, which is exact. */
const POWERS_OF_TWO = new Float32Array(127).fill(1);
for (let n = 1; n < POWERS_OF_TWO.length; n++) POWERS_OF_TWO[n] = POWERS_OF_TWO[n - 1]! / 2;

const { fround } = Math;

/**
 * `e^x` for a float32 x ≤ 0, within one unit in the last place. Every operation is rounded to float32:
 * `n = round(x log₂ e)`, `r = x − n ln 2`, `(1 + r + r² q(r)) · 2^n`.
 * @param x from −∞ to 0
 */
export function exp32(x: number): number {
  if (!(x >= EXP_UNDERFLOW)) return 0;
  // The second difference and the first product are exact: nothing to round.
  const n = fround(fround(x * LOG2_E) + ROUND_TO_INTEGER) - ROUND_TO_INTEGER;
  const r = fround(fround(x - n * LN2_HIGH) - fround(n * LN2_LOW));
  let q = fround(fround(Q4 * r) + Q3);
  q = fround(fround(q * r) + Q2);
  q = fround(fround(q * r) + Q1);
  q = fround(fround(q * r) + Q0);
  return fround(fround(fround(fround(q * fround(r * r)) + r) + 1) * POWERS_OF_TWO[-n | 0]!);
}

/** `1 / (1 + e^−x)` in float32 from {@link exp32} of −|x|, so that neither end overflows. 0 below −87.3. */
export function sigmoid32(x: number): number {
  const e = exp32(x > 0 ? -x : x);
  return fround((x > 0 ? 1 : e) / fround(1 + e));
}
