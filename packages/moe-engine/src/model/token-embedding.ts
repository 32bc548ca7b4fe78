/**
 * From token ids to hidden states.
 *
 * @module
 */
import { fixed, integers, type Value } from '../graph/graph.ts';
import { scale } from '../layers/elementwise.ts';
import { embed } from '../layers/embedding.ts';
import type { DecoderContext } from './decoder-context.ts';

/** Rows of the embedding, or means over bags of s of them; `tokens` — `int32 [B, S·s]`. @returns `[T, H]` */
export function embedTokens(context: DecoderContext, tokens: Value): Value {
  const { graph, batchSize, sequenceLength } = context;
  const { multipliers } = context.topology;
  const shape = [batchSize * sequenceLength, fixed(tokens.shape[1]) / sequenceLength];
  const rows = embed(graph, embedding(context), graph.node('Reshape', [tokens, integers(graph, ...shape)], { type: 'int32', shape }));
  return multipliers === undefined ? rows : scale(graph, rows, multipliers.embedding);
}

/** The embedding, `[V, H]`. */
export function embedding({ topology, weight }: DecoderContext): Value {
  return weight(`${topology.namePrefix}model.embed_tokens.weight`, [topology.vocabularySize, topology.hiddenSize]);
}
