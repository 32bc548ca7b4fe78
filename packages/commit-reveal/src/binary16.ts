/**
 * IEEE 754 binary16 of non-negative numbers, rounded once, to nearest, ties to even.
 * @module
 */
import { CommitRevealError } from './errors.ts';

/** The largest finite binary16. */
export const MAX_BINARY16 = 65504;
/** From here on rounding to nearest gives infinity. */
const OVERFLOW = 65520;

/**
 * The 16 bits of the binary16 nearest to `value` (float64), ties to even; the sign bit is never set.
 * @throws sheet-score when `value` is negative, NaN, infinite, or rounds to infinity
 */
export function encodeBinary16(value: number): number {
  if (!(typeof value === 'number' && value >= 0 && value < OVERFLOW)) {
    throw new CommitRevealError('sheet-score', `expected a score from 0 to ${MAX_BINARY16}, got ${String(value)}`, { expected: `0..${MAX_BINARY16}`, actual: String(value) });
  }
  if (value === 0) return 0;
  const exponent = Math.max(exponentOf(value), -14);
  // Scaling by a power of two is exact, so the only rounding is the one below.
  const scaled = value * 2 ** (10 - exponent);
  const significand = roundHalfEven(scaled);
  // Below 2^-14 the significand is the encoding; above, its leading one carries into the exponent field.
  return (exponent + 14) * 1024 + significand;
}

/**
 * The value of 16 bits without a sign.
 * @throws sheet-score when the bits mean infinity or NaN, the sign bit is set, or they are no 16 bits
 */
export function decodeBinary16(bits: number): number {
  const exponent = bits >>> 10;
  if (!Number.isInteger(bits) || bits < 0 || bits > 0xffff || exponent >= 31) {
    throw new CommitRevealError('sheet-score', `expected the 16 bits of a finite, non-negative binary16, got ${String(bits)}`, { expected: '0..0x7bff', actual: String(bits) });
  }
  const fraction = bits & 1023;
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
}

function exponentOf(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return ((view.getUint16(0) >>> 4) & 0x7ff) - 1023;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
