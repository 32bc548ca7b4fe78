/**
 * The model in plain float64 loops, written apart from the tensor language: the oracle of the finite differences.
 */
import { expertTensorNames, type Topology } from '@connito/moe-core';

type Weights = ReadonlyMap<string, ArrayLike<number>>;

/** Mean next-token loss of `[B, S]` tokens. */
export function referenceLoss(topology: Topology, weights: Weights, tokens: Int32Array, sequenceLength: number): number {
  let sum = 0;
  const rows = tokens.length / sequenceLength;
  for (let row = 0; row < rows; row++) sum += rowLoss(topology, weights, [...tokens.subarray(row * sequenceLength, (row + 1) * sequenceLength)]);
  return sum / rows;
}

function rowLoss(topology: Topology, weights: Weights, tokens: readonly number[]): number {
  const { hiddenSize, layers, vocabularySize, tiedEmbeddings, rmsNormEpsilon } = topology;
  const get = (name: string): ArrayLike<number> => weights.get(name)!;
  const embedding = get('model.embed_tokens.weight');
  let hidden = tokens.map((token) => Array.from({ length: hiddenSize }, (_, d) => embedding[token * hiddenSize + d]!));
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const mixed = attention(topology, weights, prefix, hidden.map((x) => norm(x, get(`${prefix}.input_layernorm.weight`), rmsNormEpsilon)));
    hidden = hidden.map((x, t) => x.map((entry, d) => entry + mixed[t]![d]!));
    hidden = hidden.map((x) => {
      const out = feedForward(topology, weights, layer, norm(x, get(`${prefix}.post_attention_layernorm.weight`), rmsNormEpsilon));
      return x.map((entry, d) => entry + out[d]!);
    });
  }
  const head = get(tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight');
  let sum = 0;
  for (let t = 0; t + 1 < tokens.length; t++) {
    const logits = times(norm(hidden[t]!, get('model.norm.weight'), rmsNormEpsilon), head, vocabularySize);
    const top = Math.max(...logits);
    sum += top + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - top), 0)) - logits[tokens[t + 1]!]!;
  }
  return sum / (tokens.length - 1);
}

function attention(topology: Topology, weights: Weights, prefix: string, x: readonly number[][]): number[][] {
  const { rmsNormEpsilon, rope, hiddenSize } = topology;
  if (topology.attention.kind !== 'grouped') throw new Error('expected grouped attention');
  const { heads, keyValueHeads, headDim } = topology.attention;
  const project = (name: string, count: number, normName?: string): number[][][] =>
    x.map((row, position) => {
      const flat = times(row, weights.get(`${prefix}.self_attn.${name}.weight`)!, count * headDim);
      return Array.from({ length: count }, (_, head) => {
        const part = flat.slice(head * headDim, (head + 1) * headDim);
        return normName === undefined ? part : turn(norm(part, weights.get(`${prefix}.self_attn.${normName}.weight`)!, rmsNormEpsilon), position, rope.theta);
      });
    });
  const [query, key, value] = [project('q_proj', heads, 'q_norm'), project('k_proj', keyValueHeads, 'k_norm'), project('v_proj', keyValueHeads)];
  return x.map((_, t) => {
    const out: number[] = [];
    for (let head = 0; head < heads; head++) {
      const shared = Math.floor(head / (heads / keyValueHeads));
      const scores = Array.from({ length: t + 1 }, (_unused, s) => dot(query[t]![head]!, key[s]![shared]!) / Math.sqrt(headDim));
      const probabilities = softmax(scores);
      for (let d = 0; d < headDim; d++) out.push(probabilities.reduce((sum, p, s) => sum + p * value[s]![shared]![d]!, 0));
    }
    return times(out, weights.get(`${prefix}.self_attn.o_proj.weight`)!, hiddenSize);
  });
}

function feedForward(topology: Topology, weights: Weights, layer: number, x: readonly number[]): number[] {
  const { hiddenSize, expertWidth, denseWidth, expertsPerLayer, expertsPerToken, routing, moeLayers } = topology;
  const block = (names: { gate: string; up: string; down: string }, width: number): number[] => {
    const [gate, up] = [times(x, weights.get(names.gate)!, width), times(x, weights.get(names.up)!, width)];
    return times(gate.map((z, i) => (z / (1 + Math.exp(-z))) * up[i]!), weights.get(names.down)!, hiddenSize);
  };
  const prefix = `model.layers.${layer}.mlp`;
  if (!moeLayers.includes(layer)) return block({ gate: `${prefix}.gate_proj.weight`, up: `${prefix}.up_proj.weight`, down: `${prefix}.down_proj.weight` }, denseWidth);
  const probabilities = softmax(times(x, weights.get(`${prefix}.gate.weight`)!, expertsPerLayer));
  const chosen = probabilities.map((p, id) => ({ p, id })).sort((a, b) => b.p - a.p || a.id - b.id).slice(0, expertsPerToken);
  const total = routing.normalizeTopK ? chosen.reduce((sum, { p }) => sum + p, 0) : 1;
  const out = Array.from({ length: hiddenSize }, () => 0);
  for (const { p, id } of chosen) {
    const y = block(expertTensorNames(topology, { layer, expert: id }), expertWidth);
    for (let d = 0; d < hiddenSize; d++) out[d]! += (p / total) * y[d]!;
  }
  return out;
}

function times(x: readonly number[], weight: ArrayLike<number>, outputs: number): number[] {
  return Array.from({ length: outputs }, (_, o) => x.reduce((sum, entry, i) => sum + entry * weight[o * x.length + i]!, 0));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, entry, i) => sum + entry * b[i]!, 0);
}

function softmax(scores: readonly number[]): number[] {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function norm(x: readonly number[], weight: ArrayLike<number>, epsilon: number): number[] {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
  return x.map((entry, i) => entry * scale * weight[i]!);
}

function turn(x: readonly number[], position: number, theta: number): number[] {
  const half = x.length / 2;
  return x.map((entry, i) => {
    const angle = position * theta ** ((-2 * (i % half)) / x.length);
    return i < half ? entry * Math.cos(angle) - x[i + half]! * Math.sin(angle) : entry * Math.cos(angle) + x[i - half]! * Math.sin(angle);
  });
}
