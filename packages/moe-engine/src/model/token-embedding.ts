/**
 * From token ids to hidden states.
 *
 * @module
 */
import { float, integers, type Value } from '../graph/graph.ts';
import type { DecoderContext } from './decoder-context.ts';

/** Rows of the embedding; `tokens` — `int32 [B, S]`. @returns `[T, H]` */
export function embedTokens(context: DecoderContext, tokens: Value): Value {
  const { graph, topology, batchSize, sequenceLength } = context;
  const rows = batchSize * sequenceLength;
  const flat = graph.node('Reshape', [tokens, integers(graph, rows)], { type: 'int32', shape: [rows] });
  return graph.node('Gather', [embedding(context), flat], float(rows, topology.hiddenSize));
}

/** The embedding, `[V, H]`. */
export function embedding({ topology, weight }: DecoderContext): Value {
  return weight('model.embed_tokens.weight', [topology.vocabularySize, topology.hiddenSize]);
}
