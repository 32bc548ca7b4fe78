/**
 * The errors of `@connito/localnet`.
 * @module
 */

/** Codes are only ever added. */
export type LocalnetErrorCode =
  /** `startLocalnet` was given an option that cannot be. */
  | 'bad-option'
  /** The port is taken. */
  | 'port-in-use'
  /** The server could not listen for another reason. */
  | 'listen-failed'
  /** The state directory belongs to another chain, or its newest block cannot be read. */
  | 'bad-state'
  /** Another process has the state directory open. */
  | 'state-locked'
  /** Bytes that are not valid SCALE of the expected type. */
  | 'bad-scale'
  /** Used after `close()`. */
  | 'closed'
  /** A snapshot file that is torn, was changed, or is something else. */
  | 'bad-snapshot'
  /** There is no snapshot of that name. */
  | 'unknown-snapshot'
  /** A control was asked for something that cannot be: a time in the past, a reorganisation of final blocks, a value of another type. */
  | 'bad-control'
  /** A scenario says something that cannot be understood or carried out. */
  | 'bad-scenario';

/** What each error carries. */
export type LocalnetErrorContext = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

const BRAND: symbol = Symbol.for('@connito/localnet/error');

/** Every error that this package throws. */
export class LocalnetError extends Error {
  override readonly name = 'LocalnetError';
  readonly code: LocalnetErrorCode;
  readonly context: LocalnetErrorContext;

  constructor(code: LocalnetErrorCode, message: string, options: { context?: LocalnetErrorContext; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.context = Object.freeze({ ...options.context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether `error` is a {@link LocalnetError}, and, if `code` is given, one of that code. */
export function isLocalnetError(error: unknown, code?: LocalnetErrorCode): error is LocalnetError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as LocalnetError).code === code;
}
