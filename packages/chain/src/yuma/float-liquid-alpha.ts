/**
 * Liquid alpha on float64: the figures of `liquid-alpha.ts`, bit for bit.
 * @module
 */
import { expOfTwo, MAX_EXPONENT } from './float-exp.ts';
import { divide, multiply, ONE } from './float-fixed.ts';
import type { YumaInput } from './input.ts';
import { alphaCurve, sigmoid as exactSigmoid } from './liquid-alpha.ts';

interface Curve {
  readonly low: number;
  readonly span: number;
  readonly slope: number;
}

const HALF: number = ONE / 2;
const LIMIT: number = 20 * ONE;
/** For {@link expOfTwo}. */
const pair: Float64Array = new Float64Array(2);

/** How far a pair is from rest, within [0, 1]: a buyer's weight above consensus, or a seller's below the bond. */
export function departureOf(consensus: number, weight: number, bond: number): number {
  const departure = weight >= bond ? weight - consensus : bond - weight;
  return departure < 0 ? 0 : departure > ONE ? ONE : departure;
}

/** Turns departures into alphas, in place; `alphaLow` must not be above `alphaHigh`. @param values departures, I32F32 bits from 0 to 1 */
export function toAlphas(input: YumaInput, values: Float64Array): void {
  const curve = curveOf(input);
  // With weights cut to consensus every buyer is here.
  const atConsensus = argumentAt(curve, 0);
  const alphaAtConsensus = alphaAt(curve, exactly(atConsensus));
  for (let index = 0; index < values.length; index += 1) values[index] = argumentAt(curve, values[index] as number);
  let waiting = -1;
  for (let index = 0; index < values.length; index += 1) {
    const argument = values[index] as number;
    if (argument === atConsensus) values[index] = alphaAtConsensus;
    else if (!isOfSeries(argument)) values[index] = alphaAt(curve, exactly(argument));
    else if (waiting < 0) waiting = index;
    else {
      settleTwo(curve, values, waiting, index);
      waiting = -1;
    }
  }
  if (waiting >= 0) settleTwo(curve, values, waiting, waiting);
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
  return magnitude <= MAX_EXPONENT && magnitude !== ONE;
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
  pair[0] = Math.abs(x);
  pair[1] = Math.abs(y);
  expOfTwo(pair);
  values[first] = alphaAt(curve, shareOf(x, pair[0] as number));
  values[second] = alphaAt(curve, shareOf(y, pair[1] as number));
}

/** 1 / (1 + e^x) by e^|x| */
function shareOf(x: number, power: number): number {
  return divide(ONE, ONE + (x < 0 ? divide(ONE, power) : power));
}
