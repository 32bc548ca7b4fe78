/**
 * The chain's fixed point I32F32 on bigints: 64 bits in two's complement, 32 of them behind the point. A value here is its bits, so 1.0 is 2^32.
 *
 * Products and fractions are cut off downwards (arithmetic shift), quotients towards zero (integer division); everything saturates, but sums of
 * lists, which wrap as the chain's release build does.
 * @module
 * @see src/arith.rs of encointer/substrate-fixed v0.6.0 and primitives/safe-math of opentensor/subtensor 14bc6f9f9
 */

/** 1.0 */
export const ONE: bigint = 1n << 32n;
/** Largest and smallest value. */
export const MAX: bigint = (1n << 63n) - 1n;
export const MIN: bigint = -(1n << 63n);

const U16_MAX = 65535n;

/** `saturating_add` */
export function add(a: bigint, b: bigint): bigint {
  return saturate(a + b);
}

/** `saturating_sub` */
export function subtract(a: bigint, b: bigint): bigint {
  return saturate(a - b);
}

/** `saturating_mul` */
export function multiply(a: bigint, b: bigint): bigint {
  return saturate((a * b) >> 32n);
}

/** `checked_mul(…).unwrap_or_default()`: zero where the product does not fit. */
export function multiplyOrZero(a: bigint, b: bigint): bigint {
  const product = (a * b) >> 32n;
  return fits(product) ? product : 0n;
}

/** `safe_div`: zero where the divisor is zero or the quotient does not fit. */
export function divide(a: bigint, b: bigint): bigint {
  if (b === 0n) return 0n;
  const quotient = (a << 32n) / b;
  return fits(quotient) ? quotient : 0n;
}

/** `iter().sum()` */
export function sum(values: readonly bigint[]): bigint {
  return BigInt.asIntN(64, values.reduce((total, value) => total + value, 0n));
}

/** Divides by the sum, unless that is zero. @see math.rs:247, `inplace_normalize` */
export function normalise(values: readonly bigint[], total: bigint = sum(values)): readonly bigint[] {
  return total === 0n ? values : values.map((value) => divide(value, total));
}

/** An integer as I32F32. */
export function fromInteger(value: number): bigint {
  return BigInt(value) << 32n;
}

/** A u16 fraction of 65535. */
export function fromU16(value: number): bigint {
  return divide(fromInteger(value), fromInteger(65535));
}

/** `fixed_proportion_to_u16`: times 65535, cut off. */
export function toU16(bits: bigint): number {
  const value = multiply(bits, U16_MAX << 32n) >> 32n;
  return Number(value < 0n ? 0n : value > U16_MAX ? U16_MAX : value);
}

/** The value as a number; exact below 2^21. */
export function toNumber(bits: bigint): number {
  return Number(bits) / 2 ** 32;
}

/** The larger and the smaller of two. */
export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function saturate(bits: bigint): bigint {
  return bits > MAX ? MAX : bits < MIN ? MIN : bits;
}

function fits(bits: bigint): boolean {
  return bits <= MAX && bits >= MIN;
}
