/**
 * The form in which weights travel between threads.
 *
 * @module
 */

/** A float32 tensor on its way between threads. */
export interface TensorMessage {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}
