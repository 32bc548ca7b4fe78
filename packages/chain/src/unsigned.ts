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

/** What a timer takes, 24 days: one that is longer goes off at once. */
const MAX_DURATION_MS = 2 ** 31 - 1;

/** Checks how long to wait, in milliseconds. @throws bad-value */
export function parseDuration(name: string, durationMs: number): number {
  if (durationMs > 0 && durationMs <= MAX_DURATION_MS) return durationMs;
  throw new ChainError('bad-value', `${name} must be above 0 and at most ${MAX_DURATION_MS} (24 days), got ${String(durationMs)}`, { subject: name, expected: `0..${MAX_DURATION_MS}`, actual: String(durationMs) });
}
