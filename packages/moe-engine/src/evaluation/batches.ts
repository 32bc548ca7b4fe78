/**
 * Rows in the portions that a graph takes.
 *
 * @module
 */

/** One run's worth of rows. */
export interface Batch {
  /** `[B, S]`; the rest of a last batch is filled with token 0, and what it gives is dropped. */
  readonly batch: Int32Array;
  /** First row, and number of real rows. */
  readonly row: number;
  readonly rows: number;
}

/** Cuts `tokens` — `[N, S]` into batches, in order. */
export function* batchesOf(tokens: Int32Array, { batchSize, sequenceLength }: { readonly batchSize: number; readonly sequenceLength: number }): Generator<Batch> {
  const total = tokens.length / sequenceLength;
  for (let row = 0; row < total; row += batchSize) {
    const rows = Math.min(batchSize, total - row);
    const batch = new Int32Array(batchSize * sequenceLength);
    batch.set(tokens.subarray(row * sequenceLength, (row + rows) * sequenceLength));
    yield { batch, row, rows };
  }
}
