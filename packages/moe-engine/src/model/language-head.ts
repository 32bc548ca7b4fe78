/**
 * From the last hidden states to losses or logits.
 *
 * @module
 */
import { fixed, integers, type Value } from '../graph/graph.ts';
import { tokenLosses } from '../layers/cross-entropy.ts';
import { dropLastPosition, reshape, scale } from '../layers/elementwise.ts';
import { linear } from '../layers/linear.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import type { DecoderContext } from './decoder-context.ts';
import { embedding } from './token-embedding.ts';

/** Cross-entropy of each next token, or bag of s tokens: `hidden` — `[T, H]`, `tokens` — `int32 [B, S·s]`. @returns `[B·(S−1), 1]` nats, row-major */
export function nextTokenLosses(context: DecoderContext, { hidden, tokens }: { readonly hidden: Value; readonly tokens: Value }): Value {
  const { graph, topology, batchSize, sequenceLength } = context;
  const [predicted, width] = [batchSize * (sequenceLength - 1), fixed(tokens.shape[1])];
  const bag = width / sequenceLength;
  const kept = dropLastPosition(graph, reshape(graph, hidden, [batchSize, sequenceLength, topology.hiddenSize]));
  const normed = finalNorm(context, reshape(graph, kept, [predicted, topology.hiddenSize]));
  const bounds = [integers(graph, bag), integers(graph, width), integers(graph, 1)];
  const next = graph.node('Slice', [tokens, ...bounds], { type: 'int32', shape: [batchSize, width - bag] });
  const targets = graph.node('Reshape', [next, integers(graph, predicted, bag)], { type: 'int32', shape: [predicted, bag] });
  return tokenLosses(graph, { hidden: normed, head: outputHead(context), targets });
}

/** What each position says of the next token; `hidden` — `[T, H]`. @returns `[T, V]` */
export function nextTokenLogits(context: DecoderContext, hidden: Value): Value {
  return linear(context.graph, finalNorm(context, hidden), outputHead(context));
}

/** The norm before the head, divided by the model's divisor of logits where it has one: the head is linear. `x` — `[N, H]`. */
export function finalNorm({ graph, topology, weight }: DecoderContext, x: Value): Value {
  const normed = rmsNorm(graph, x, weight(`${topology.namePrefix}model.norm.weight`, [topology.hiddenSize]), topology.rmsNormEpsilon);
  return topology.multipliers === undefined ? normed : scale(graph, normed, 1 / topology.multipliers.logits);
}

/** The output head `[V, H]`; where embeddings are tied, the embedding. */
export function outputHead(context: DecoderContext): Value {
  const { topology, weight } = context;
  return topology.tiedEmbeddings ? embedding(context) : weight(`${topology.namePrefix}lm_head.weight`, [topology.vocabularySize, topology.hiddenSize]);
}
