/**
 * From token ids to hidden states.
 *
 * @module
 */
import type { Topology } from '@connito/moe-core';
import { fixed, integers, type Value } from '../graph/graph.ts';
import { scale } from '../layers/elementwise.ts';
import { embed } from '../layers/embedding.ts';
import type { DecoderContext } from './decoder-context.ts';

/** Rows of the embedding, or means over bags of s of them; `tokens` — `int32 [B, S·s]`. @returns `[T, H]` */
export function embeddedTokens(context: DecoderContext, tokens: Value): Value {
  const { graph, batchSize, sequenceLength } = context;
  const shape = [batchSize * sequenceLength, fixed(tokens.shape[1]) / sequenceLength];
  return embed(graph, embedding(context), graph.node('Reshape', [tokens, integers(graph, ...shape)], { type: 'int32', shape }));
}

/** What the first layer reads: rows of the embedding, `[T, H]`, by the model's factor where it has one. */
export function firstHidden({ graph, topology: { multipliers } }: DecoderContext, rows: Value): Value {
  return multipliers === undefined ? rows : scale(graph, rows, multipliers.embedding);
}

/** The embedding, `[V, H]`. */
export function embedding({ topology, weight }: DecoderContext): Value {
  return weight(embeddingName(topology), [topology.vocabularySize, topology.hiddenSize]);
}

/** Its name in checkpoints. */
export function embeddingName({ namePrefix }: Topology): string {
  return `${namePrefix}model.embed_tokens.weight`;
}
