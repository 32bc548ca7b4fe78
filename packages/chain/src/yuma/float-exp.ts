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
 * Turns two exponents into their powers of e, in place, I32F32 bits.
 * @param pair from 0 to {@link MAX_EXPONENT}, but not 1, where the chain has a constant
 */
export function expOfTwo(pair: Float64Array): void {
  const x = pair[0] as number;
  const y = pair[1] as number;
  let termX = x;
  let termY = y;
  let totalX = x + ONE;
  let totalY = y + ONE;
  for (let index = 2; index < EXP_TERMS; index += 1) {
    const reciprocal = RECIPROCALS[index] as number;
    const nextX = termX * (x * reciprocal);
    const nextY = termY * (y * reciprocal);
    termX = Math.floor(nextX);
    termY = Math.floor(nextY);
    const isClearX = isClear(nextX, termX);
    const isClearY = isClear(nextY, termY);
    if (!isClearX || !isClearY) {
      if ((!isClearX && nextX !== 0) || (!isClearY && nextY !== 0)) return expWithCare(pair);
      if (nextX + nextY === 0) break;
    }
    totalX += termX;
    totalY += termY;
  }
  pair[0] = totalX;
  pair[1] = totalY;
}

/** Whether a term is farther from every integer than the relative error of three roundings. Constants are literals for the reason given at `ONE`. */
function isClear(term: number, floor: number): boolean {
  return Math.abs(term - floor - 0.5) + term * 2 ** -51 < 0.5 - 2 ** -40;
}

function expWithCare(pair: Float64Array): void {
  pair[0] = sumWithCare(pair[0] as number);
  pair[1] = sumWithCare(pair[1] as number);
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
