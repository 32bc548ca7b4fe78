/**
 * The one error class of this package.
 *
 * @module
 */

const BRAND: unique symbol = Symbol.for('@connito/dataset/DatasetError');

/** What an error is about; every field is optional. */
export interface DatasetErrorContext {
  readonly path?: string;
  readonly line?: number;
  readonly field?: string;
  readonly option?: string;
  readonly rowsNeeded?: number;
  readonly rowsPossible?: number;
  readonly cyclesPossible?: number;
}

/** Thrown by everything in `@connito/dataset`; narrow with {@link isDatasetError}. */
export class DatasetError extends Error {
  readonly code: DatasetErrorCode;
  readonly context: Readonly<DatasetErrorContext>;

  constructor(code: DatasetErrorCode, message: string, context: DatasetErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DatasetError';
    this.code = code;
    this.context = Object.freeze({ ...context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether `error` is a {@link DatasetError} (of any copy of this package), optionally with that `code`. */
export function isDatasetError(error: unknown, code?: DatasetErrorCode): error is DatasetError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as DatasetError).code === code;
}

/**
 * Append-only.
 * - `invalid-option`: an option out of its range.
 * - `not-found`: a path that does not exist, or a directory without any text.
 * - `unsupported-file`: a file that is neither `.txt` nor `.jsonl`.
 * - `malformed-text`: bytes that are not UTF-8, or a `.jsonl` line that is not `{"text": …}`.
 * - `too-large`: a file above this package's caps.
 * - `malformed-tokenizer`: tokenizer files that are missing, unreadable, or have no end-of-text token.
 * - `unknown-token`: text that the tokenizer has no ids for.
 * - `text-too-small`: fewer rows than asked for; the message says what is possible.
 * - `output-not-empty`: the output directory holds something that this package did not write.
 * - `malformed-manifest`: a manifest.json that is not one.
 * - `malformed-shard`: a shard that breaks a rule of its format.
 * - `hash-mismatch`: a file that is not the one the manifest names.
 * - `aborted`: the caller's signal fired.
 * - `io`: the file system failed.
 */
export type DatasetErrorCode =
  | 'invalid-option'
  | 'not-found'
  | 'unsupported-file'
  | 'malformed-text'
  | 'too-large'
  | 'malformed-tokenizer'
  | 'unknown-token'
  | 'text-too-small'
  | 'output-not-empty'
  | 'malformed-manifest'
  | 'malformed-shard'
  | 'hash-mismatch'
  | 'aborted'
  | 'io';
