/**
 * Integers from outside.
 * @module
 */
import { ChainError } from './errors.ts';

/** Checks an unsigned integer of 8, 16 or 32 bits. @throws bad-value */
export function parseUnsigned(name: string, value: number, bits: 8 | 16 | 32): number {
  const limit = 2 ** bits - 1;
  if (Number.isInteger(value) && value >= 0 && value <= limit) return value;
  throw new ChainError('bad-value', `${name} must be an integer from 0 to ${limit}, got ${String(value)}`, { subject: name, expected: `0..${limit}`, actual: String(value) });
}
