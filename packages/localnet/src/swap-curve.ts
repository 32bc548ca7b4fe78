/**
 * The curve on which TAO and alpha are exchanged: a pool of two reserves with weights, `alpha^w₁ · tao^w₂ = const`, w₁ + w₂ = 1.
 *
 * With equal weights, as every pool begins, it is x · y = k. Adding liquidity off the price moves the weights instead of the price.
 * Powers are computed as the chain's library does: exactly for the exponents 1 and 1/2, else by logarithms of 256 bits and more, and
 * cut off at 10⁻¹⁸, so that amounts agree to the last rao but where a value lies within 2⁻²⁵⁶ of a step.
 * @module
 * @see pallets/swap/src/pallet/balancer.rs (opentensor/subtensor 14bc6f9f9), sam0x17/safe-bigmath 013c499 (`pow_ratio_scaled`)
 */
import { div64, mul64, ONE_64, saturatingSub } from './fixed.ts';

/** 1 as a perquintill: weights are parts of 10¹⁸. */
export const PERQUINTILL = 1_000_000_000_000_000_000n;
/** Neither weight may be less. */
const MIN_WEIGHT = PERQUINTILL / 100n;

/** Reserves in rao, and the weight of TAO in perquintill; alpha's is the rest. */
export interface SwapPool {
  readonly taoRao: bigint;
  readonly alphaRao: bigint;
  readonly taoWeight: bigint;
}

/** TAO per alpha, U64F64. */
export function poolPrice({ taoRao, alphaRao, taoWeight }: SwapPool): bigint {
  const ratio = div64((PERQUINTILL - taoWeight) << 64n, taoWeight << 64n);
  return mul64(ratio, div64(taoRao << 64n, alphaRao << 64n));
}

/** Alpha that `taoRao` more in the pool takes out of it. */
export function alphaForTao(pool: SwapPool, taoRao: bigint): bigint {
  const left = scaledPower(pool.taoRao, pool.taoRao + taoRao, [pool.taoWeight, PERQUINTILL - pool.taoWeight]);
  return mul64(pool.alphaRao << 64n, saturatingSub(ONE_64, fractionOf(left))) >> 64n;
}

/** TAO that `alphaRao` more in the pool takes out of it. */
export function taoForAlpha(pool: SwapPool, alphaRao: bigint): bigint {
  const left = scaledPower(pool.alphaRao, pool.alphaRao + alphaRao, [PERQUINTILL - pool.taoWeight, pool.taoWeight]);
  return mul64(pool.taoRao << 64n, saturatingSub(ONE_64, fractionOf(left))) >> 64n;
}

/** TAO that raises the price to `target` (U64F64). */
export function taoToReach(pool: SwapPool, target: bigint): bigint {
  const growth = scaledPower(target, poolPrice(pool), [PERQUINTILL - pool.taoWeight, PERQUINTILL]);
  return mul64(pool.taoRao << 64n, saturatingSub(fractionOf(growth), ONE_64)) >> 64n;
}

/** Alpha that lowers the price to `target` (U64F64). */
export function alphaToReach(pool: SwapPool, target: bigint): bigint {
  const growth = scaledPower(poolPrice(pool), target, [pool.taoWeight, PERQUINTILL]);
  return mul64(pool.alphaRao << 64n, saturatingSub(fractionOf(growth), ONE_64)) >> 64n;
}

/** TAO's weight after liquidity is added so that the price stays; `undefined` where a weight would fall below 1 %. */
export function weightAfter({ taoRao, alphaRao, taoWeight }: SwapPool, added: { readonly taoRao: bigint; readonly alphaRao: bigint }): bigint | undefined {
  const alphaPart = partOf(PERQUINTILL - taoWeight, taoRao * (alphaRao + added.alphaRao));
  const taoPart = partOf(taoWeight, alphaRao * (taoRao + added.taoRao));
  const sum = alphaPart + taoPart;
  const weight = sum === 0n ? PERQUINTILL / 2n : (taoPart * PERQUINTILL) / sum;
  return weight < MIN_WEIGHT || PERQUINTILL - weight < MIN_WEIGHT ? undefined : weight;
}

function partOf(weight: bigint, value: bigint): bigint {
  return (value * weight + PERQUINTILL / 2n) / PERQUINTILL;
}

/** A figure in units of 10⁻¹⁸ as U64F64; what does not fit a u64 is its greatest. */
function fractionOf(scaled: bigint): bigint {
  const max = (1n << 64n) - 1n;
  return div64((scaled > max ? max : scaled) << 64n, PERQUINTILL << 64n);
}

/** ⌊10¹⁸ · (numerator / denominator)^(e₀ / e₁)⌋. */
export function scaledPower(numerator: bigint, denominator: bigint, [up, down]: readonly [bigint, bigint]): bigint {
  if (denominator === 0n || numerator === 0n) return 0n;
  if (up === down) return (numerator * PERQUINTILL) / denominator;
  if (up * 2n === down) return squareRoot((numerator * PERQUINTILL * PERQUINTILL) / denominator);
  const power = exponential(((naturalLog(numerator) - naturalLog(denominator)) * up) / down);
  const rounded = (power + (1n << (GUARD - 1n))) >> GUARD;
  return (rounded * PERQUINTILL) >> (BITS - GUARD);
}

/** Fractional bits of logarithms and powers, and how many of them are not kept. */
const BITS = 320n;
const GUARD = 64n;
const UNIT: bigint = 1n << BITS;

function naturalLog(value: bigint): bigint {
  const exponent = BigInt(value.toString(2).length);
  const mantissa = (value << BITS) >> exponent;
  return exponent * LN_2 + 2n * inverseTangent(((mantissa - UNIT) << BITS) / (mantissa + UNIT));
}

/** artanh by its series; |x| ≤ 1/3. */
function inverseTangent(x: bigint): bigint {
  const square = (x * x) >> BITS;
  let sum = 0n;
  let power = x;
  for (let degree = 1n; power !== 0n && power !== -1n; degree += 2n) {
    sum += power / degree;
    power = (power * square) >> BITS;
  }
  return sum;
}

const LN_2: bigint = 2n * inverseTangent(UNIT / 3n);

function exponential(x: bigint): bigint {
  const halvings = x / LN_2;
  const rest = x - halvings * LN_2;
  let sum = UNIT;
  let term = UNIT;
  for (let degree = 1n; term !== 0n && term !== -1n; degree += 1n) {
    term = ((term * rest) >> BITS) / degree;
    sum += term;
  }
  return halvings >= 0n ? sum << halvings : sum >> -halvings;
}

/** ⌊√value⌋ by Newton's method. */
export function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
