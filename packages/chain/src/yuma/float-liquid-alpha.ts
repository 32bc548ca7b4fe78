/**
 * Liquid alpha on float64: the figures of `liquid-alpha.ts`, bit for bit.
 * @module
 */
import { divide, multiply, ONE } from './float-fixed.ts';
import type { YumaInput } from './input.ts';
import { alphaCurve, sigmoid as exactSigmoid } from './liquid-alpha.ts';

/** Alpha of a pair, I32F32 bits, by what it follows from. */
export type LiquidAlpha = (consensus: number, weight: number, bond: number) => number;

const HALF: number = ONE / 2;
const EXP_TERMS = 32;
const LIMIT: number = 20 * ONE;
/** Up to here every term of the series stays below 2^47, so that its fraction is known to 2^-4 at least. */
const FLOAT_LIMIT: number = 12 * ONE;
/** 1 / (2^32 · index) */
const RECIPROCALS: Float64Array = Float64Array.from({ length: EXP_TERMS }, (_, index) => 1 / (ONE * index));
/** More than the relative error of three roundings. */
const ROUNDING: number = 2 ** -51;
const TINY: number = 2 ** -40;

/** The function of one subnet; `alphaLow` must not be above `alphaHigh`. */
export function createLiquidAlpha(input: YumaInput): LiquidAlpha {
  const { low, high, slope } = alphaCurve(input);
  const curve = { low: Number(low), span: Number(high - low), slope: Number(slope) };
  // With weights cut to consensus every buyer is here.
  const atConsensus = alphaAt(curve, 0);
  return (consensus, weight, bond) => {
    const departure = Math.max(0, Math.min(ONE, weight >= bond ? weight - consensus : bond - weight));
    return departure === 0 ? atConsensus : alphaAt(curve, departure);
  };
}

function alphaAt({ low, span, slope }: { readonly low: number; readonly span: number; readonly slope: number }, departure: number): number {
  return low + multiply(sigmoid(multiply(departure - HALF, slope)), span);
}

const AT_LIMITS: { readonly below: number; readonly above: number } = { below: exactly(-LIMIT), above: exactly(LIMIT) };

function sigmoid(x: number): number {
  if (x <= -LIMIT) return AT_LIMITS.below;
  if (x >= LIMIT) return AT_LIMITS.above;
  const magnitude = Math.abs(x);
  if (magnitude > FLOAT_LIMIT || magnitude === ONE) return exactly(x);
  const power = exp(magnitude);
  return divide(ONE, ONE + (x < 0 ? divide(ONE, power) : power));
}

function exactly(x: number): number {
  return Number(exactSigmoid(BigInt(x)));
}

/**
 * The series of `exp` in `liquid-alpha.ts`, for 0 ≤ x ≤ 12. Multiplying by a rounded 1 / (2^32 · index) is faster than dividing, but no longer monotone: a
 * term so near an integer that this could show is computed again.
 */
function exp(x: number): number {
  let term = x;
  let total = x + ONE;
  for (let index = 2; index < EXP_TERMS && term > 0; index += 1) {
    const quotient = term * (x * (RECIPROCALS[index] as number));
    const next = Math.floor(quotient);
    const rest = quotient - next;
    const doubt = quotient * ROUNDING + TINY;
    term = rest > doubt && rest < 1 - doubt ? next : Number(((BigInt(term) * BigInt(x)) >> 32n) / BigInt(index));
    total += term;
  }
  return total;
}
