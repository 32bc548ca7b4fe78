/**
 * The models in plain float64 loops, written apart from the tensor language: the oracle of the finite differences.
 */
import type { Topology } from '@connito/moe-core';
import { norm, plus, times, type Weights } from './reference-arithmetic.ts';
import { attention } from './reference-attention.ts';
import { feedForward } from './reference-feed-forward.ts';

/** Mean next-token loss of `[B, S]` tokens. */
export function referenceLoss(topology: Topology, weights: Weights, tokens: Int32Array, sequenceLength: number): number {
  let sum = 0;
  const rows = tokens.length / sequenceLength;
  for (let row = 0; row < rows; row++) sum += rowLoss(topology, weights, [...tokens.subarray(row * sequenceLength, (row + 1) * sequenceLength)]);
  return sum / rows;
}

function rowLoss(topology: Topology, weights: Weights, tokens: readonly number[]): number {
  const { hiddenSize, layers, vocabularySize, tiedEmbeddings, rmsNormEpsilon, namePrefix } = topology;
  const { embedding: embedded = 1, residual = 1, logits: divisor = 1 } = topology.multipliers ?? {};
  const get = (name: string): ArrayLike<number> => weights.get(namePrefix + name)!;
  const embedding = get('model.embed_tokens.weight');
  let hidden = tokens.map((token) => Array.from({ length: hiddenSize }, (_, d) => embedded * embedding[token * hiddenSize + d]!));
  for (let layer = 0; layer < layers; layer++) {
    const normed = (x: readonly number[], name: string): number[] => norm(x, get(`model.layers.${layer}.${name}.weight`), rmsNormEpsilon);
    const mixed = attention(topology, weights, layer, hidden.map((x) => normed(x, 'input_layernorm')));
    hidden = hidden.map((x, t) => plus(x, mixed[t]!, residual));
    hidden = hidden.map((x) => plus(x, feedForward(topology, weights, layer, normed(x, 'post_attention_layernorm')), residual));
  }
  const head = get(tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight');
  let sum = 0;
  for (let t = 0; t + 1 < tokens.length; t++) {
    const logits = times(head, norm(hidden[t]!, get('model.norm.weight'), rmsNormEpsilon), vocabularySize).map((logit) => logit / divisor);
    const top = Math.max(...logits);
    sum += top + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - top), 0)) - logits[tokens[t + 1]!]!;
  }
  return sum / (tokens.length - 1);
}
