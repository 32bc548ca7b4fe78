/**
 * Floating-point operations of the matrix products in one step of a model, counted from its shapes.
 *
 * A product `[m, k] · [k, n]` counts as `2 · m · k · n`; norms, activations, softmax and the optimizer, which are a small share, count as nothing. Attention counts as
 * full squares of positions, as it is computed where half of it is masked; latent attention as it is trained, with keys and values expanded.
 * @module
 */
import type { Attention, Topology } from './topology.ts';

/** A step and what it trains. */
export interface FlopQuestion {
  readonly topology: Topology;
  /** B: rows of tokens. */
  readonly rows: number;
  /** S: tokens of a row; S − 1 of them predict the next one. */
  readonly sequenceLength: number;
  /** By layer with experts: assignments of tokens to experts that are computed. `B · S · K` in each by default; in a partial model those to experts that it holds. */
  readonly assignments?: ReadonlyMap<number, number> | undefined;
  /** `everything`, or by layer the assignments to experts that are trained, all else being frozen. An evaluation where left out. */
  readonly trained?: 'everything' | ReadonlyMap<number, number> | undefined;
}

/** Operations by what they are for. */
export interface FlopCounts {
  readonly forward: number;
  /** Gradients that go back through activations: above the lowest trained layer, in it for the trained experts' last product only. */
  readonly activationGradients: number;
  /** Gradients of trained weights. */
  readonly weightGradients: number;
  readonly total: number;
}

/**
 * Counts what a step needs: a product with a weight costs as much again for the gradient of its input and for that of its weight, where these are needed; a product of two activations twice as
 * much. A runtime may compute more than is needed.
 * @example
 * const { total } = countFlops({ topology, rows: 8, sequenceLength: 128, trained: new Map([[3, 512]]) });
 */
export function countFlops(question: FlopQuestion): FlopCounts {
  const { topology, rows, sequenceLength, trained } = question;
  const { hiddenSize, vocabularySize, layers } = topology;
  const sums = { forward: 0, activationGradients: 0, weightGradients: 0 };
  for (let layer = 0; layer < layers; layer++) addLayer(sums, question, layer);
  const head = 2 * rows * (sequenceLength - 1) * hiddenSize * vocabularySize;
  sums.forward += head;
  if (trained !== undefined) sums.activationGradients += head;
  if (trained === 'everything') sums.weightGradients += head;
  return { ...sums, total: sums.forward + sums.activationGradients + sums.weightGradients };
}

function addLayer(sums: { forward: number; activationGradients: number; weightGradients: number }, question: FlopQuestion, layer: number): void {
  const { topology, rows, sequenceLength, trained, assignments } = question;
  const tokens = rows * sequenceLength;
  const fixed = 2 * tokens * frozenParameters(topology, layer);
  const squares = 2 * rows * sequenceLength ** 2 * attentionWidth(topology.attention);
  const expert = 2 * 3 * topology.hiddenSize * topology.expertWidth;
  const computed = topology.moeLayers.includes(layer) ? expert * (assignments?.get(layer) ?? tokens * topology.expertsPerToken) : 0;
  sums.forward += fixed + squares + computed;
  if (trained === undefined) return;
  const own = trained === 'everything' ? computed : expert * (trained.get(layer) ?? 0);
  sums.weightGradients += own + (trained === 'everything' ? fixed : 0);
  const isAbove = trained === 'everything' || layer > Math.min(...trained.keys());
  sums.activationGradients += isAbove ? fixed + 2 * squares + computed : own / 3;
}

/** Parameters of a layer's products that every token passes: attention, router, shared experts, or the dense network. */
function frozenParameters(topology: Topology, layer: number): number {
  const { hiddenSize, denseWidth, expertsPerLayer, sharedExperts } = topology;
  const attention = attentionParameters(topology.attention, hiddenSize);
  if (!topology.moeLayers.includes(layer)) return attention + 3 * hiddenSize * denseWidth;
  const shared = sharedExperts === undefined ? 0 : hiddenSize * (3 * sharedExperts.width + Number(sharedExperts.gated));
  return attention + hiddenSize * expertsPerLayer + shared;
}

function attentionParameters(attention: Attention, hiddenSize: number): number {
  if (attention.kind === 'grouped') return 2 * hiddenSize * attention.headDim * (attention.heads + attention.keyValueHeads);
  const { heads, queryRank, keyValueRank, plainDim, ropeDim, valueDim } = attention;
  const queries = heads * (plainDim + ropeDim);
  const toQueries = queryRank === undefined ? hiddenSize * queries : queryRank * (hiddenSize + queries);
  return toQueries + hiddenSize * (keyValueRank + ropeDim) + keyValueRank * heads * (plainDim + valueDim) + heads * valueDim * hiddenSize;
}

/** Multiplications per pair of positions: scores, and the mean of values. */
function attentionWidth(attention: Attention): number {
  if (attention.kind === 'grouped') return 2 * attention.heads * attention.headDim;
  return attention.heads * (attention.plainDim + attention.ropeDim + attention.valueDim);
}
