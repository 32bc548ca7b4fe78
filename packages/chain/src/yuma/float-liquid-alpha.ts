/**
 * Liquid alpha on float64: the figures of `liquid-alpha.ts`, bit for bit.
 *
 * Nearly all of its time goes into the series of `exp`, of which each term waits for the one before. Two series at a time keep a processor busy.
 * @module
 */
import { divide, multiply, ONE } from './float-fixed.ts';
import type { YumaInput } from './input.ts';
import { alphaCurve, sigmoid as exactSigmoid } from './liquid-alpha.ts';

interface Curve {
  readonly low: number;
  readonly span: number;
  readonly slope: number;
}

const HALF: number = ONE / 2;
const EXP_TERMS = 32;
const LIMIT: number = 20 * ONE;
/** Up to here every term of the series stays below 2^47, so that its fraction is known to 2^-4 at least. */
const FLOAT_LIMIT: number = 12 * ONE;
/** 1 / (2^32 · index) */
const RECIPROCALS: Float64Array = Float64Array.from({ length: EXP_TERMS }, (_, index) => 1 / (ONE * index));
/** What {@link expOfTwo} finds. */
const powers: Float64Array = new Float64Array(2);

/** How far a pair is from rest, within [0, 1]: a buyer's weight above consensus, or a seller's below the bond. */
export function departureOf(consensus: number, weight: number, bond: number): number {
  const departure = weight >= bond ? weight - consensus : bond - weight;
  return departure < 0 ? 0 : departure > ONE ? ONE : departure;
}

/** Turns departures into alphas, in place; `alphaLow` must not be above `alphaHigh`. */
export function toAlphas(input: YumaInput, departures: Float64Array): void {
  const curve = curveOf(input);
  // With weights cut to consensus every buyer is here.
  const atConsensus = alphaAt(curve, exactly(argumentAt(curve, 0)));
  let waiting = -1;
  for (let index = 0; index < departures.length; index += 1) {
    const departure = departures[index] as number;
    const argument = argumentAt(curve, departure);
    if (departure === 0) departures[index] = atConsensus;
    else if (!isOfSeries(argument)) departures[index] = alphaAt(curve, exactly(argument));
    else {
      departures[index] = argument;
      if (waiting >= 0) settleTwo(curve, departures, waiting, index);
      waiting = waiting >= 0 ? -1 : index;
    }
  }
  if (waiting >= 0) settleTwo(curve, departures, waiting, waiting);
}

function curveOf(input: YumaInput): Curve {
  const { low, high, slope } = alphaCurve(input);
  return { low: Number(low), span: Number(high - low), slope: Number(slope) };
}

function argumentAt({ slope }: Curve, departure: number): number {
  return multiply(departure - HALF, slope);
}

function alphaAt({ low, span }: Curve, share: number): number {
  return low + multiply(share, span);
}

function isOfSeries(argument: number): boolean {
  const magnitude = Math.abs(argument);
  return magnitude <= FLOAT_LIMIT && magnitude !== ONE;
}

const AT_LIMITS: { readonly below: number; readonly above: number } = { below: sigmoid(-LIMIT), above: sigmoid(LIMIT) };

/** The sigmoid by the exact form. */
function exactly(argument: number): number {
  return argument <= -LIMIT ? AT_LIMITS.below : argument >= LIMIT ? AT_LIMITS.above : sigmoid(argument);
}

function sigmoid(argument: number): number {
  return Number(exactSigmoid(BigInt(argument)));
}

/** Turns two arguments of the sigmoid into alphas. */
function settleTwo(curve: Curve, values: Float64Array, first: number, second: number): void {
  const x = values[first] as number;
  const y = values[second] as number;
  expOfTwo(Math.abs(x), Math.abs(y));
  values[first] = alphaAt(curve, shareOf(x, powers[0] as number));
  values[second] = alphaAt(curve, shareOf(y, powers[1] as number));
}

/** 1 / (1 + e^x) by e^|x| */
function shareOf(x: number, power: number): number {
  return divide(ONE, ONE + (x < 0 ? divide(ONE, power) : power));
}

/**
 * The series of `exp` in `liquid-alpha.ts`, for 0 ≤ x, y ≤ 12. Multiplying by a rounded 1 / (2^32 · index) is faster than dividing, but no longer monotone:
 * a series with a term so near an integer that this could show is computed again.
 */
function expOfTwo(x: number, y: number): void {
  let [termX, termY] = [x, y];
  let [totalX, totalY] = [x + ONE, y + ONE];
  for (let index = 2; index < EXP_TERMS; index += 1) {
    const reciprocal = RECIPROCALS[index] as number;
    const [nextX, nextY] = [termX * (x * reciprocal), termY * (y * reciprocal)];
    termX = Math.floor(nextX);
    termY = Math.floor(nextY);
    const [isClearX, isClearY] = [isClear(nextX, termX), isClear(nextY, termY)];
    if (!isClearX || !isClearY) {
      if ((!isClearX && nextX !== 0) || (!isClearY && nextY !== 0)) return expWithCare(x, y);
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

function expWithCare(x: number, y: number): void {
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
