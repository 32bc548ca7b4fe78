/**
 * Losses of one set of weights, inside the worker thread.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import { stopIfCancelled, type LoadedEngine, type RequestContext } from '../runtime/loaded-engine.ts';
import type { EngineRequest } from '../runtime/messages.ts';
import { batchesOf } from './batches.ts';

/** Losses of all rows, `[N, S − 1]`; the given experts take the place of the base's. @throws {aborted} {runtime-failed} */
export async function computeLosses(engine: LoadedEngine, { tokens, experts }: Extract<EngineRequest, { kind: 'losses' }>, context: RequestContext): Promise<Float32Array> {
  const { program, runtime, session, weights } = engine;
  const swapped = experts.map(({ name, data, shape }) => [name, runtime.tensor(data, shape)] as const);
  const feeds = Object.fromEntries([...weights, ...swapped]);
  const predicted = program.sequenceLength - 1;
  const losses = new Float32Array((tokens.length / program.sequenceLength) * predicted);
  for (const { batch, row, rows } of batchesOf(tokens, program)) {
    stopIfCancelled(context);
    const outputs = await session.run({ ...feeds, tokens: runtime.tensor(batch, [program.batchSize, program.sequenceLength]) });
    losses.set(lossesOf(outputs).subarray(0, rows * predicted), row * predicted);
  }
  return losses;
}

/** What a program gave as `losses`, `[B·(S − 1)]`. */
export function lossesOf(outputs: ReadonlyMap<string, Tensor>): Float32Array {
  return outputs.get('losses')!.data as Float32Array;
}
