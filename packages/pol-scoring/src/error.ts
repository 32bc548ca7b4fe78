/**
 * The one error class of this package. It is for misuse and for a validator's own faults; whatever a miner does ends in a code of the
 * verdict sheet, never in an exception.
 *
 * @module
 */

const BRAND: unique symbol = Symbol.for('@connito/pol-scoring/PolError');

/** What an error is about; every field is optional. */
export interface PolErrorContext {
  readonly option?: string;
  readonly expected?: number | string;
  readonly actual?: number | string;
}

/** Thrown by everything in `@connito/pol-scoring`; narrow with {@link isPolError}. */
export class PolError extends Error {
  readonly code: PolErrorCode;
  readonly context: Readonly<PolErrorContext>;

  constructor(code: PolErrorCode, message: string, context: PolErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PolError';
    this.code = code;
    this.context = Object.freeze({ ...context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether `error` is a {@link PolError} (of any copy of this package), optionally with that `code`. */
export function isPolError(error: unknown, code?: PolErrorCode): error is PolError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as PolError).code === code;
}

/**
 * Append-only.
 * - `invalid-option`: an argument out of its range.
 * - `too-few-rows`: a statistic needs at least two rows, a draw enough rows to draw from.
 * - `row-mismatch`: losses that do not belong to the same rows.
 * - `non-finite-base`: the base's own loss is not finite: the validator's fault, so it must not vote.
 * - `wrong-candidate`: a file that is no candidate for this model.
 */
export type PolErrorCode = 'invalid-option' | 'too-few-rows' | 'row-mismatch' | 'non-finite-base' | 'wrong-candidate';

/** @throws {PolError} `invalid-option` unless `minimum ≤ value ≤ maximum` (NaN never is) */
export function assertBetween(option: string, value: number, minimum: number, maximum: number): void {
  if (value >= minimum && value <= maximum) return;
  throw new PolError('invalid-option', `expected ${option} from ${minimum} to ${maximum}, got ${value}`, { option, actual: value });
}

/** @throws {PolError} `invalid-option` unless `value` is a whole number from `minimum` to `maximum` */
export function assertWhole(option: string, value: number, minimum: number, maximum: number): void {
  if (!Number.isInteger(value)) throw new PolError('invalid-option', `expected ${option} to be a whole number, got ${value}`, { option, actual: value });
  assertBetween(option, value, minimum, maximum);
}
