/**
 * Routing of given tokens, inside the worker thread.
 *
 * @module
 */
import { stopIfCancelled, type LoadedEngine, type RequestContext } from '../runtime/loaded-engine.ts';
import type { LayerRouting } from '../runtime/messages.ts';
import { batchesOf } from './batches.ts';

/** Ids and weights of all tokens at each MoE layer. @throws {aborted} {runtime-failed} */
export async function computeRouting({ program, runtime, session, topology, weights: loaded }: LoadedEngine, tokens: Int32Array, context: RequestContext): Promise<readonly LayerRouting[]> {
  const { batchSize, sequenceLength } = program;
  const { moeLayers, expertsPerToken } = topology;
  const layers = moeLayers.map((layer) => ({ layer, ids: new Uint16Array(tokens.length * expertsPerToken), weights: new Float32Array(tokens.length * expertsPerToken) }));
  const feeds = Object.fromEntries(loaded);
  for (const { batch, row, rows } of batchesOf(tokens, program)) {
    stopIfCancelled(context);
    const outputs = await session.run({ ...feeds, tokens: runtime.tensor(batch, [batchSize, sequenceLength]) });
    const [start, count] = [row * sequenceLength * expertsPerToken, rows * sequenceLength * expertsPerToken];
    for (const { layer, ids, weights } of layers) {
      weights.set((outputs.get(`weights.${layer}`)!.data as Float32Array).subarray(0, count), start);
      const chosen = outputs.get(`ids.${layer}`)!.data as BigInt64Array;
      for (let index = 0; index < count; index++) ids[start + index] = Number(chosen[index]);
    }
  }
  return layers;
}
