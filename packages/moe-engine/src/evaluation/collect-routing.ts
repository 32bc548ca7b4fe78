/**
 * Which experts a text goes to: the statistics behind expert relevance.
 *
 * @module
 */
import { openEngine, type EngineOptions } from '../runtime/engine-client.ts';
import type { LayerRouting } from '../runtime/messages.ts';
import { toTokenIds, type TokenMatrix } from './token-matrix.ts';

/** Options of {@link collectRouting}. */
export interface RoutingOptions extends Omit<EngineOptions, 'batchSize'> {
  /** B: rows per run of the graph, 8 by default. */
  readonly batchSize?: number;
  /** `[N, S]` */
  readonly tokens: TokenMatrix;
}

/**
 * Runs the model over all rows and returns each MoE layer's routing, in layer order: `ids` and `weights` — `[N · S, K]`,
 * by descending weight, weights as the model uses them (renormalised where its config says so).
 *
 * @throws {bad-option} {bad-shape} {unknown-tensor} {device-unavailable} {runtime-failed} {worker-crashed} {aborted}
 */
export async function collectRouting(options: RoutingOptions): Promise<readonly LayerRouting[]> {
  const { worker, topology } = await openEngine({ batchSize: 8, ...options }, { purpose: 'routing' });
  try {
    const tokens = toTokenIds(options.tokens, { sequenceLength: options.sequenceLength, vocabularySize: topology.vocabularySize });
    return await worker.call({ kind: 'routing', tokens }, { signal: options.signal });
  } finally {
    await worker.close();
  }
}
