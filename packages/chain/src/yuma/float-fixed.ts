/**
 * The chain's I32F32 on float64: a value is its bits, an integer, so 1.0 is 2^32. Everything from −2^53 to 2^53 is held exactly.
 *
 * A float64 product or quotient is the true one, rounded. Rounding is monotone and integers are representable, so it never crosses an integer; it
 * can only land on one. Cutting off a result that is no integer is therefore exact, and only a result that is one has to be computed again with care.
 * @module
 */

/** 1.0; in functions that are called for every entry it stands as a literal, since a bundler makes a variable of it, which no compiler sees through. */
export const ONE: number = 2 ** 32;
const SPLIT: number = 2 ** 20;
const STEP: number = 2 ** 16;
/** A number up to this, times STEP, is exact. */
const STEP_LIMIT: number = 2 ** 37;

/** ⌊a · b⌋ for |a| ≤ 1 and |b| < 512. The sign + says that a number comes back from a rare call, without which V8 puts every result on the heap. */
export function multiply(a: number, b: number): number {
  const product = a * b * 2 ** -32;
  const floor = Math.floor(product);
  return floor !== product ? floor : +multiplyWithCare(a, b);
}

/** ⌊a / b⌋ for 0 ≤ a < 2^53, 0 < b < 2^53 and a quotient below 2^21. */
export function divide(a: number, b: number): number {
  const quotient = (a * 2 ** 32) / b;
  const floor = Math.floor(quotient);
  return floor !== quotient ? floor : +divideWithCare(a, b);
}

/** ⌊a / b⌋ for integers below 2^21, as which a and b are given: one division is exact. */
export function fraction(a: number, b: number): number {
  return Math.floor((a * 2 ** 32) / b);
}

/** The smaller of two, up to 2^51; `Math.min` would take a branch. */
export function smaller(a: number, b: number): number {
  return (a + b - Math.abs(a - b)) / 2;
}

/** A u16 fraction of 65535, without a division: 2^32 is 65535 · 65537 + 1. */
export function fromU16(value: number): number {
  return value === 65535 ? 2 ** 32 : value * 65537;
}

/** Times 65535, cut off, for 0 ≤ bits < 2^37. */
export function toU16(bits: number): number {
  const value = (bits * 65535 * 2 ** -32) | 0;
  return value > 65535 ? 65535 : value;
}

/** Divides by the sum, unless that is zero. */
export function normalise(values: Float64Array): Float64Array {
  const total = values.reduce((sum, value) => sum + value, 0);
  return total === 0 ? values : values.map((value) => (value === 0 ? 0 : divide(value, total)));
}

function multiplyWithCare(a: number, b: number): number {
  const high = Math.floor(b / SPLIT);
  const low = b - high * SPLIT;
  return Math.floor((a * high + Math.floor((a * low) / SPLIT)) / (ONE / SPLIT));
}

function divideWithCare(a: number, b: number): number {
  if (a === b) return ONE;
  if (b === ONE) return a;
  if (Math.max(a, b) > STEP_LIMIT) return Number((BigInt(a) << 32n) / BigInt(b));
  const high = Math.floor((a * STEP) / b);
  return high * STEP + Math.floor(((a * STEP - high * b) * STEP) / b);
}
