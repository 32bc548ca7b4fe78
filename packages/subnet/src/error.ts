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
  | 'root-mismatch';

const brand: unique symbol = Symbol.for('connito.subnet.error') as never;

/** `code` says what went wrong, `context` with which values; the message says what to do. */
export class SubnetError extends Error {
  readonly code: SubnetErrorCode;
  readonly context: Readonly<Record<string, unknown>>;
  readonly [brand] = true;

  constructor(code: SubnetErrorCode, message: string, context: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SubnetError';
    this.code = code;
    this.context = Object.freeze(context);
  }
}

/** Whether `error` is a {@link SubnetError}, of this `code` if one is given; holds across copies of the package. */
export function isSubnetError(error: unknown, code?: SubnetErrorCode): error is SubnetError {
  return typeof error === 'object' && error !== null && brand in error && (code === undefined || (error as SubnetError).code === code);
}
