/**
 * What a method answers besides a result.
 * @module
 */

/** An answer, and what is to be done once it has been sent. */
export interface Reply {
  readonly result: unknown;
  readonly begin?: () => void;
}
