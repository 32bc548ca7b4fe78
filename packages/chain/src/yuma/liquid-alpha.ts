/**
 * Liquid alpha: how fast a bond follows a weight, by how far the weight departs from consensus (buying) or has fallen below the bond (selling).
 * @module
 * @see run_epoch.rs:1382–1530, `alpha_sigmoid`; math.rs:164, `exp_safe`
 */
import { add, divide, fromInteger, fromU16, max, min, multiply, ONE, subtract } from './fixed-point.ts';
import type { YumaInput } from './input.ts';

/** The curve, I32F32. */
export interface AlphaCurve {
  readonly low: bigint;
  readonly high: bigint;
  /** −steepness / 100 */
  readonly slope: bigint;
}

/** What alpha follows from, I32F32. */
export interface AlphaArguments {
  readonly consensus: bigint;
  readonly weight: bigint;
  readonly bond: bigint;
}

const HALF: bigint = ONE / 2n;
const EXP_LIMIT: bigint = 20n * ONE;
/** e as the library's I9F23 holds it, e · 2^23 cut off. @see src/transcendental.rs, `E` */
const E: bigint = 22802600n << 9n;
/** Terms of the series: `2..frac_nbits`. */
const EXP_TERMS = 32n;

export function alphaCurve(input: Pick<YumaInput, 'alphaLow' | 'alphaHigh' | 'alphaSigmoidSteepness'>): AlphaCurve {
  return { low: fromU16(input.alphaLow), high: fromU16(input.alphaHigh), slope: divide(fromInteger(input.alphaSigmoidSteepness), fromInteger(-100)) };
}

/** α = low + (high − low) / (1 + e^(−s (d − ½))), d = w ≥ b ? w − C : b − w, within [0, 1]. */
export function liquidAlpha({ low, high, slope }: AlphaCurve, { consensus, weight, bond }: AlphaArguments): bigint {
  const departure = clamp(weight >= bond ? subtract(weight, consensus) : subtract(bond, weight), 0n, ONE);
  const share = sigmoid(multiply(slope, subtract(departure, HALF)));
  return clamp(add(low, multiply(share, subtract(high, low))), low, high);
}

/** 1 / (1 + e^x) */
export function sigmoid(x: bigint): bigint {
  return divide(ONE, add(ONE, exp(x)));
}

/**
 * e^x for x within ±20: the series with 31 terms, each product and quotient cut off; 1 / e^|x| where x is negative.
 * At 20 the series is far from done; that is the chain's figure all the same.
 */
export function exp(x: bigint): bigint {
  const operand = clamp(x, -EXP_LIMIT, EXP_LIMIT);
  if (operand === 0n) return ONE;
  if (operand === ONE) return E;
  const magnitude = operand < 0n ? -operand : operand;
  let term = magnitude;
  let total = magnitude + ONE;
  for (let index = 2n; index < EXP_TERMS && term > 0n; index += 1n) {
    term = ((term * magnitude) >> 32n) / index;
    total += term;
  }
  return operand < 0n ? divide(ONE, total) : total;
}

/** `clamp_value`: where the bounds are crossed, the lower one wins. */
function clamp(value: bigint, low: bigint, high: bigint): bigint {
  return max(min(value, high), low);
}
