/**
 * What a miner needs in memory (of the GPU, where it trains on one) for a group of experts. Estimates by stated formulas, not measurements: what a runtime adds
 * for itself, fragmentation and work space come on top.
 * @module
 */
import type { Topology } from '../models/topology.ts';

/** What is held, and how much text goes through it at once. */
export interface MemoryQuestion {
  readonly topology: Pick<Topology, 'layers' | 'moeLayers' | 'hiddenSize' | 'vocabularySize' | 'expertsPerToken' | 'expertWidth' | 'denseWidth'>;
  /** P: parameters of the experts that are trained. */
  readonly trainedParameters: number;
  /** Bytes of those experts as stored. */
  readonly trainedBytes: number;
  /** Bytes, as held, of everything but the routed experts: embeddings, attention, norms, routers, dense layers, shared experts. The other routed experts are not held. */
  readonly frozenBytes: number;
  /** T: tokens of a batch, rows times their length. */
  readonly batchTokens: number;
}

/** Bytes, part by part. */
export interface MemoryEstimate {
  readonly frozen: number;
  readonly experts: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly total: number;
}

/**
 * For training: the experts in float32 with a gradient and AdamW's two moments each, `4P + 4P + 8P`; the frozen part as held; and what the backward pass
 * needs of the forward pass in float32, nothing recomputed and no `[S, S]` attention scores kept:
 * `4 · T · (8 · H · L + 3 · K · I · moeLayers + 3 · D · denseLayers + 2 · V)`: per layer eight tensors of width H (two normed inputs, queries, keys, values, attention, its projection,
 * the block's output), gate, up and their product of K experts (or of a dense layer of width D), logits and their gradient.
 */
export function estimateTrainingMemory(question: MemoryQuestion): MemoryEstimate {
  const { trainedParameters, frozenBytes, batchTokens } = question;
  const { layers, moeLayers, hiddenSize, vocabularySize } = question.topology;
  const inner = blockWidth(question) * moeLayers.length + denseBlockWidth(question) * (layers - moeLayers.length);
  const activations = 4 * batchTokens * (8 * hiddenSize * layers + inner + 2 * vocabularySize);
  return withTotal({ frozen: frozenBytes, experts: 4 * trainedParameters, gradients: 4 * trainedParameters, optimizer: 8 * trainedParameters, activations });
}

/** For evaluation with the partial model: frozen part and experts as stored, one layer's activations at a time and the logits, `4 · T · (8 · H + 3 · max(K · I, D) + V)`. */
export function estimateEvaluationMemory(question: MemoryQuestion): MemoryEstimate {
  const { trainedBytes, frozenBytes, batchTokens } = question;
  const { hiddenSize, vocabularySize } = question.topology;
  const activations = 4 * batchTokens * (8 * hiddenSize + Math.max(blockWidth(question), denseBlockWidth(question)) + vocabularySize);
  return withTotal({ frozen: frozenBytes, experts: trainedBytes, gradients: 0, optimizer: 0, activations });
}

function blockWidth({ topology }: MemoryQuestion): number {
  return 3 * topology.expertsPerToken * topology.expertWidth;
}

function denseBlockWidth({ topology }: MemoryQuestion): number {
  return topology.layers > topology.moeLayers.length ? 3 * topology.denseWidth : 0;
}

function withTotal(parts: Omit<MemoryEstimate, 'total'>): MemoryEstimate {
  const { frozen, experts, gradients, optimizer, activations } = parts;
  return { ...parts, total: frozen + experts + gradients + optimizer + activations };
}
