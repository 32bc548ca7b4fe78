/**
 * The series of `exp` in `liquid-alpha.ts` on float64, bit for bit.
 *
 * Each term waits for the one before, so that two series at a time take little longer than one. Multiplying by a rounded 1 / (2^32 · index) is faster than
 * dividing, but no longer monotone: a series with a term so near an integer that this could show is computed again, with care.
 * @module
 */
import { ONE } from './float-fixed.ts';

const EXP_TERMS = 32;
/** 12: up to here every term stays below 2^47, so that its fraction is known to 2^-4 at least. */
export const MAX_EXPONENT: number = 12 * ONE;
/** 1 / (2^32 · index) */
const RECIPROCALS: Float64Array = Float64Array.from({ length: EXP_TERMS }, (_, index) => 1 / (ONE * index));

/**
 * e^x and e^y for 0 ≤ x, y ≤ {@link MAX_EXPONENT}, I32F32 bits, but not for 1, where the chain has a constant.
 * @param powers [2] where the two are left
 */
export function expOfTwo(x: number, y: number, powers: Float64Array): void {
  let [termX, termY] = [x, y];
  let [totalX, totalY] = [x + ONE, y + ONE];
  for (let index = 2; index < EXP_TERMS; index += 1) {
    const reciprocal = RECIPROCALS[index] as number;
    const [nextX, nextY] = [termX * (x * reciprocal), termY * (y * reciprocal)];
    termX = Math.floor(nextX);
    termY = Math.floor(nextY);
    const [isClearX, isClearY] = [isClear(nextX, termX), isClear(nextY, termY)];
    if (!isClearX || !isClearY) {
      if ((!isClearX && nextX !== 0) || (!isClearY && nextY !== 0)) return expWithCare(x, y, powers);
      if (nextX + nextY === 0) break;
    }
    totalX += termX;
    totalY += termY;
  }
  powers[0] = totalX;
  powers[1] = totalY;
}

/** Whether a term is farther from every integer than the relative error of three roundings. Constants are literals for the reason given at `ONE`. */
function isClear(term: number, floor: number): boolean {
  return Math.abs(term - floor - 0.5) + term * 2 ** -51 < 0.5 - 2 ** -40;
}

function expWithCare(x: number, y: number, powers: Float64Array): void {
  powers[0] = sumWithCare(x);
  powers[1] = sumWithCare(y);
}

function sumWithCare(x: number): number {
  let [term, total] = [x, x + ONE];
  for (let index = 2; index < EXP_TERMS && term > 0; index += 1) {
    const next = term * (x * (RECIPROCALS[index] as number));
    const floor = Math.floor(next);
    term = isClear(next, floor) ? floor : +termWithCare(term, x, index);
    total += term;
  }
  return total;
}

/** ⌊term · x / (2^32 · index)⌋, decided by the product and its rounding error. @see T. J. Dekker, A floating-point technique for extending the available precision, 1971 */
function termWithCare(term: number, x: number, index: number): number {
  const product = term * x;
  const [termHigh, xHigh] = [highHalf(term), highHalf(x)];
  const [termLow, xLow] = [term - termHigh, x - xHigh];
  const error = termHigh * xHigh - product + termHigh * xLow + termLow * xHigh + termLow * xLow;
  const nearest = Math.floor(product / (ONE * index) + 0.5);
  const excess = product - nearest * index * ONE + error;
  return excess < 0 ? nearest - 1 : nearest;
}

/** The upper 26 bits of a significand. */
function highHalf(value: number): number {
  const scaled = value * (2 ** 27 + 1);
  return scaled - (scaled - value);
}
