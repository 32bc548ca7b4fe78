/**
 * The one error class of this package.
 *
 * @module
 */

/** Append-only. */
export type SubnetErrorCode =
  | 'invalid-manifest'
  | 'invalid-record'
  | 'no-task'
  | 'task-changed'
  | 'wrong-network'
  | 'not-registered'
  | 'state-in-use'
  | 'state-of-another'
  | 'void-cycle'
  | 'late'
  | 'root-mismatch'
  | 'unopenable-participant'
  | 'invalid-rules'
  | 'another-plan'
  | 'used-data'
  | 'unexpected-encoding'
  | 'invalid-evidence'
  | 'damaged-state';

const BRAND: symbol = Symbol.for('@connito/subnet/SubnetError');

/** `code` says what went wrong, `context` with which values; the message says what to do. */
export class SubnetError extends Error {
  readonly code: SubnetErrorCode;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: SubnetErrorCode, message: string, context: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SubnetError';
    this.code = code;
    this.context = Object.freeze({ ...context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether `error` is a {@link SubnetError}, of this `code` if one is given; holds across copies of the package. */
export function isSubnetError(error: unknown, code?: SubnetErrorCode): error is SubnetError {
  return typeof error === 'object' && error !== null && BRAND in error && (code === undefined || (error as SubnetError).code === code);
}
