/**
 * A training run as a stream: what happens, one thing after another, and the result at the end.
 *
 * @module
 */
import { trainExperts, type TrainingResult, type TrainOptions } from './trainer.ts';
import type { TrainingEvent } from './training-options.ts';

/**
 * Trains like {@link trainExperts} and yields what happens; the last event has the result. Leaving the loop cancels the run, which
 * saves its state where it has a `resumeDirectory`; the loop is left once that is done. Events wait for a slow reader, the training does not.
 *
 * @example
 * for await (const event of trainingEvents({ checkpoint: 'model', start, tokens, sequenceLength: 128, batchSize: 8, steps: 25, learningRate: 3e-4, rowSeed: 'a' })) {
 *   if (event.kind === 'step') console.log(event.step, event.loss, event.expertLoad);
 *   if (event.kind === 'done') save(event.result.experts);
 * }
 * @throws as {@link trainExperts}
 */
export async function* trainingEvents(options: TrainOptions): AsyncGenerator<TrainingEvent | { readonly kind: 'done'; readonly result: TrainingResult }, void, undefined> {
  const left = new AbortController();
  const queue: TrainingEvent[] = [];
  let wake: (() => void) | undefined;
  const signal = options.signal == null ? left.signal : AbortSignal.any([options.signal, left.signal]);
  const onEvent = (event: TrainingEvent): void => {
    options.onEvent?.(event);
    queue.push(event);
    wake?.();
  };
  let isRunning = true;
  const run = trainExperts({ ...options, signal, onEvent }).finally(() => {
    isRunning = false;
    wake?.();
  });
  // A failure is thrown where the result is awaited, after the events before it.
  run.catch(() => undefined);
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      if (queue.length > 0) yield* queue.splice(0);
      else if (isRunning) await woken;
      else break;
    }
    yield { kind: 'done', result: await run };
  } finally {
    left.abort(new Error('the reader of the events has left'));
    await run.catch(() => undefined);
  }
}
