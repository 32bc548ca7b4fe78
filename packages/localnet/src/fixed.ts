/**
 * The runtime's fixed-point numbers as bigints of their bits: U64F64, U96F32, I96F32 and their like. All operations cut off, as
 * substrate-fixed does for values that are not negative.
 * @module
 */

/** Fractional bits of U96F32 and I96F32. */
const SHORT = 32n;
/** Fractional bits of U64F64. */
const LONG = 64n;
/** 1 as U64F64. */
export const ONE_64: bigint = 1n << LONG;
/** 1 as U96F32. */
export const ONE_32: bigint = 1n << SHORT;
const U16_MAX = 65_535n;
const U64_MAX: bigint = (1n << 64n) - 1n;

/** a · b of U96F32. */
export function mul32(a: bigint, b: bigint): bigint {
  return (a * b) >> SHORT;
}

/** a / b of U96F32; 0 where b is. */
export function div32(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : (a << SHORT) / b;
}

/** a · b of U64F64. */
export function mul64(a: bigint, b: bigint): bigint {
  return (a * b) >> LONG;
}

/** a / b of U64F64; 0 where b is. */
export function div64(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : (a << LONG) / b;
}

/** A u16 as a fraction of 65,535, U96F32. */
export function u16Fraction(value: number): bigint {
  return (BigInt(value) << SHORT) / U16_MAX;
}

/** A u64 as a fraction of 2^64 − 1, U96F32. */
export function u64Fraction(value: bigint): bigint {
  return (value << SHORT) / U64_MAX;
}

/** a − b, not below 0. */
export function saturatingSub(a: bigint, b: bigint): bigint {
  return a > b ? a - b : 0n;
}
