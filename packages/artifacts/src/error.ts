/**
 * The one error class of this package. A store's caller must tell "the peer sent wrong bytes" (`hash-mismatch`,
 * `size-mismatch`, `too-large`) from "my disk failed" (`io`), because only the first is the peer's fault (DESIGN §3.3, faults).
 *
 * @module
 */

const BRAND: unique symbol = Symbol.for('@connito/artifacts/ArtifactError');

/** What an error is about; every field is optional and none is ever a secret. */
export interface ArtifactErrorContext {
  readonly sha256?: string;
  readonly path?: string;
  readonly locator?: string;
  readonly option?: string;
  readonly expectedBytes?: number;
  readonly actualBytes?: number;
  readonly maxBytes?: number;
  readonly actualSha256?: string;
}

/** Thrown by everything in `@connito/artifacts`; narrow with {@link isArtifactError}. */
export class ArtifactError extends Error {
  readonly code: ArtifactErrorCode;
  readonly context: Readonly<ArtifactErrorContext>;

  constructor(code: ArtifactErrorCode, message: string, context: ArtifactErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ArtifactError';
    this.code = code;
    this.context = Object.freeze({ ...context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether `error` is an {@link ArtifactError} (of any copy of this package), optionally with that `code`. */
export function isArtifactError(error: unknown, code?: ArtifactErrorCode): error is ArtifactError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as ArtifactError).code === code;
}

/**
 * Append-only.
 * - `not-found`: the store has no such artifact.
 * - `hash-mismatch`: the bytes do not hash to the address.
 * - `size-mismatch`: longer or shorter than the stated `sizeBytes`.
 * - `too-large`: longer than the caller's `maxBytes`.
 * - `malformed-hash`: an address that is not 64 lowercase hexadecimal digits.
 * - `malformed-locator`: a locator that {@link parseLocator} does not know.
 * - `invalid-option`: a cap or a size that is not a whole number of bytes.
 * - `not-a-file`: a symlink, directory, FIFO or device where an artifact should lie.
 * - `aborted`: the caller's signal fired.
 * - `io`: the file system failed; says nothing about any other party.
 */
export type ArtifactErrorCode =
  | 'not-found'
  | 'hash-mismatch'
  | 'size-mismatch'
  | 'too-large'
  | 'malformed-hash'
  | 'malformed-locator'
  | 'invalid-option'
  | 'not-a-file'
  | 'aborted'
  | 'io';
