/**
 * The one error class of this package.
 *
 * Codes are append-only: programs match on them, people read the message.
 * @module
 */

/** Why something was refused. Append-only. */
export type CommitRevealErrorCode =
  /** A byte string (hash, key, salt, signature) has the wrong length, or is no `Uint8Array`. */
  | 'bad-length'
  /** An integer is negative, fractional, or does not fit its field. */
  | 'out-of-range'
  /** Text is not lowercase or uppercase hexadecimal of even length. */
  | 'bad-hex'
  /** Text is not well-formed Unicode, or bytes are not well-formed UTF-8. */
  | 'bad-text'
  /** A root was asked of no tensors at all. */
  | 'no-tensors'
  /** Two tensors bear the same name. */
  | 'duplicate-tensor'
  /** A tensor was fed more or fewer bytes than its header announced, or was fed after it was finished; or a stream gave something else than bytes. */
  | 'bad-stream'
  /** A tensor asked for is not in the tree. */
  | 'unknown-tensor'
  /** A record has a number of fields that its kind does not have. */
  | 'record-fields'
  /** A field exceeds the 128 bytes of a Raw field, or does not have the length of its kind. */
  | 'record-length'
  /** The kind byte of a record is unknown. */
  | 'record-kind'
  /** The version byte of a record is unknown. */
  | 'record-version'
  /** The gate byte of a root record is neither 0 nor 1. */
  | 'record-gate'
  /** A locator is too long, or holds control characters. */
  | 'bad-locator'
  /** A verdict sheet is not 566 bytes long. */
  | 'sheet-length'
  /** A score is negative, not finite, or above the largest binary16. */
  | 'sheet-score'
  /** A code stands in no row of the table of sheet codes. */
  | 'sheet-code'
  /** A sheet names a uid above 255, or names one twice. */
  | 'sheet-uid'
  /** A beacon's parameters make no sense (period, genesis, key). */
  | 'bad-beacon'
  /** A timelock ciphertext has lengths or a suffix that are not those of the format, is cut, or has trailing bytes. */
  | 'timelock-layout'
  /** A timelock ciphertext does not begin with a point of G2. */
  | 'timelock-point'
  /** The signature of a round is no point of G1. */
  | 'bad-signature'
  /** A signature does not open a timelock ciphertext: another round's, another beacon's, or its head was altered. */
  | 'timelock-mismatch'
  /** The body of a timelock ciphertext was altered. */
  | 'timelock-altered'
  /** SCALE bytes of a weight payload are cut, trailing, not canonical, or their vectors differ in length. */
  | 'weights-payload'
  /** A seal does not begin with the header of this format. */
  | 'seal-header'
  /** A frame of a seal is not what was sealed there with this key: altered, moved, repeated, or another key. */
  | 'seal-altered'
  /** A seal ends before its last frame does. */
  | 'seal-truncated'
  /** Bytes follow the last frame of a seal. */
  | 'seal-trailing'
  /** A seal holds more than the caller allows. */
  | 'seal-too-large'
  /** A field of a commitment is of a kind that no record has there. */
  | 'record-field-kind'
  /** Commitments of one epoch take more bytes than the subnet allows. */
  | 'record-space'
  /** The bytes of a chunk list are cut, trail, or are of another format. */
  | 'chunk-list'
  /** A chunk list is not the one whose root was expected. */
  | 'chunk-root'
  /** A chunk does not have the hash that the list says. */
  | 'chunk-mismatch'
  /** An endpoint of a beacon is no http(s) URL. */
  | 'bad-endpoint'
  /** No endpoint gave the signature of a round. */
  | 'beacon-unreachable'
  /** A thread that hashes has died. */
  | 'hash-thread'
  /** A sealed record whose timelock the chain has opened and taken out of the commitment. */
  | 'record-revealed';

/** What an error can tell beside its message; which members are set depends on the code. */
export interface CommitRevealErrorContext {
  /** Which argument or field was wrong. */
  readonly field?: string;
  /** What was expected, in words or as a number. */
  readonly expected?: string | number;
  /** What came instead. */
  readonly actual?: string | number;
}

const BRAND: symbol = Symbol.for('@connito/commit-reveal/error');

/** Thrown by every function of this package that refuses its input. */
export class CommitRevealError extends Error {
  override readonly name = 'CommitRevealError';
  readonly code: CommitRevealErrorCode;
  readonly context: CommitRevealErrorContext;

  constructor(code: CommitRevealErrorCode, message: string, context: CommitRevealErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.context = Object.freeze({ ...context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Whether `error` is a {@link CommitRevealError}, and, if `code` is given, one with that code.
 * Works across copies of this package, unlike `instanceof`.
 */
export function isCommitRevealError(error: unknown, code?: CommitRevealErrorCode): error is CommitRevealError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as CommitRevealError).code === code;
}
