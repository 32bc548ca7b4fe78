/**
 * Losses of one set of weights, inside the worker thread.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import { stopIfCancelled, type LoadedEngine, type RequestContext } from '../runtime/loaded-engine.ts';
import type { EngineRequest } from '../runtime/messages.ts';
import { batchesOf } from './batches.ts';
import { withPlacedExperts, type PlacedExperts } from './placed-experts.ts';

/** Losses of all rows, `[N, S − 1]`; the given experts take the place of the base's. @throws {aborted} {runtime-failed} */
export function computeLosses(engine: LoadedEngine, { tokens, experts }: Extract<EngineRequest, { kind: 'losses' }>, context: RequestContext): Promise<Float32Array> {
  return withPlacedExperts(engine.runtime, [experts], ([placed]) => runBatches(engine, { tokens, feeds: { ...Object.fromEntries(engine.weights), ...placed } }, context));
}

async function runBatches({ program, runtime, session }: LoadedEngine, { tokens, feeds }: { readonly tokens: Int32Array; readonly feeds: PlacedExperts }, context: RequestContext): Promise<Float32Array> {
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
