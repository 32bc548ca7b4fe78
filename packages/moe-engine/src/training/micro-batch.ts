/**
 * What one run of the training graph is fed, in buffers that are filled again and again.
 *
 * The tokens of a step's micro-batches all count `1 / n`, n being the number of tokens of the whole step that count. So the sum of the
 * micro-batches' losses, and of their gradients, is the mean over the step, also where masks leave different numbers in each.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import type { Program } from '../model/program.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { isTarget, PADDING, type TrainingRows } from './training-rows.ts';

/** Buffers of one micro-batch of B rows. */
export interface MicroBatch {
  /** Graph inputs over the buffers. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** The buffer of token ids, `[B, S·s]`. */
  readonly tokens: Int32Array;
  /** Fills the buffers with these rows; a token that counts has the weight `1 / targets`. */
  fill(rows: readonly number[], targets: number): void;
  /** Whether position `index` of the filled `[B, S]` holds text. */
  isText(index: number): boolean;
}

/** Allocates the buffers. */
export function createMicroBatch(rows: TrainingRows, { runtime, program: { batchSize, sequenceLength, bag } }: { readonly runtime: Runtime; readonly program: Pick<Program, 'batchSize' | 'sequenceLength' | 'bag'> }): MicroBatch {
  const width = sequenceLength * bag;
  const size = batchSize * width;
  const [tokens, lossWeights] = [new Int32Array(size), new Float32Array(batchSize * (sequenceLength - 1))];
  const documents = rows.documents === undefined ? undefined : new Int32Array(size);
  const weigh = (row: number, index: number, share: number): void => {
    for (let step = 1; step < sequenceLength; step++) lossWeights[index * (sequenceLength - 1) + step - 1] = isTarget(rows, row * width + step * bag) ? share : 0;
  };
  return {
    tokens,
    feeds: {
      tokens: runtime.tensor(tokens, [batchSize, width]),
      lossWeights: runtime.tensor(lossWeights, [lossWeights.length, 1]),
      ...(documents === undefined ? {} : { documents: runtime.tensor(documents, [batchSize, width]) }),
    },
    fill(numbers, targets) {
      for (const [index, row] of numbers.entries()) {
        const span = [row * width, (row + 1) * width] as const;
        tokens.set(rows.tokens.subarray(...span), index * width);
        documents?.set(rows.documents!.subarray(...span), index * width);
        weigh(row, index, 1 / targets);
      }
    },
    isText: (index) => documents?.[index] !== PADDING,
  };
}
