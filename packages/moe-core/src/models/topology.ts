/**
 * What a model is made of, as data: every number that fixes the names and shapes of its tensors and its forward pass. `parseTopology` reads it from a
 * `config.json`; nothing here refers back to the config.
 * @module
 */
import type { RoutingRule } from '../routing/routing-rule.ts';

/** Families whose checkpoints can be opened; the `model_type` of `config.json` (`llama4` and `llama4_text` are one). */
export const FAMILIES = ['deepseek_v2', 'deepseek_v3', 'qwen2_moe', 'qwen3_moe', 'olmoe', 'mixtral', 'granitemoe', 'gpt_oss', 'llama4'] as const;

export type Family = (typeof FAMILIES)[number];

/** A decoder with experts. Letters as in the README: L, H, V, E, K, I. Plain data: it survives JSON and `structuredClone`. */
export interface Topology {
  readonly family: Family;
  /** L. Extra layers that predict further tokens (DeepSeek-V3) are not counted. */
  readonly layers: number;
  /** H */
  readonly hiddenSize: number;
  /** V */
  readonly vocabularySize: number;
  readonly attention: Attention;
  /** What each layer's attention sees; L entries. */
  readonly spans: readonly AttentionSpan[];
  readonly rope: Rope;
  /** Width of the feed-forward network of layers without experts; 0 in families that have none. */
  readonly denseWidth: number;
  /** Whether dense and shared feed-forward networks add biases (`mlp_bias`). */
  readonly denseBias: boolean;
  /** E */
  readonly expertsPerLayer: number;
  /** K */
  readonly expertsPerToken: number;
  /** I */
  readonly expertWidth: number;
  /** Indices of the layers that have experts, ascending. */
  readonly moeLayers: readonly number[];
  readonly sharedExperts: SharedExperts | undefined;
  readonly routing: RoutingRule;
  /** Whether a routing weight multiplies what an expert gives, or what it is given (Llama 4). */
  readonly routingWeightsOn: 'output' | 'input';
  readonly activation: Activation;
  readonly multipliers: Multipliers | undefined;
  readonly rmsNormEpsilon: number;
  readonly maxPositions: number;
  /** Whether the output head is the embedding. */
  readonly tiedEmbeddings: boolean;
  /** How the checkpoint's weights are quantised; `undefined` where they are plain floats. */
  readonly quantization: Quantization | undefined;
  /** What stands before `model.` and `lm_head.` in tensor names: '' or, in multimodal checkpoints of Llama 4, `language_model.` */
  readonly namePrefix: '' | 'language_model.';
}

/** The kinds of attention. */
export type Attention = GroupedAttention | LatentAttention;

/** Queries in `heads` heads, keys and values in `keyValueHeads` of them, all `headDim` wide. */
export interface GroupedAttention {
  readonly kind: 'grouped';
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Which projections add biases: none, query, key and value, or the output too. */
  readonly biases: 'none' | 'qkv' | 'all';
  /** Norm of queries and keys before rope: none, weights per head dimension, weights over the full width, or L2 after rope without weights (Llama 4). */
  readonly norm: 'none' | 'head' | 'width' | 'l2';
  /** Whether each head has a learnt logit that takes part in the softmax and gives nothing (gpt-oss). */
  readonly sinks: boolean;
  /** Queries, keys and values are clamped to ± this (OLMoE's `clip_qkv`). */
  readonly clip: number | undefined;
  /** In layers without rope, queries are scaled with `ln(1 + ⌊(position + 1) / floor⌋) · scale + 1` (Llama 4). */
  readonly temperature: { readonly floor: number; readonly scale: number } | undefined;
}

/** DeepSeek's multi-head latent attention: keys and values are projected from `keyValueRank` numbers, and `ropeDim` more that all heads share. */
export interface LatentAttention {
  readonly kind: 'latent';
  readonly heads: number;
  /** Rank of the query projection; `undefined` where it is one full matrix. */
  readonly queryRank: number | undefined;
  readonly keyValueRank: number;
  /** Dimensions of a head's queries and keys without rope. */
  readonly plainDim: number;
  /** Dimensions with rope. */
  readonly ropeDim: number;
  readonly valueDim: number;
  /** Whether the projections into the ranks and out of the block add biases. */
  readonly bias: boolean;
}

/** Positions that a token attends to: all before it, a window of the last `tokens`, or those of its own chunk of `tokens`. */
export type AttentionSpan = { readonly kind: 'full' } | { readonly kind: 'window' | 'chunk'; readonly tokens: number };

/** Rotary embedding, as far as a config says it; this package computes none. */
export interface Rope {
  readonly theta: number;
  /** `default`, or the way of stretching it to longer contexts. */
  readonly kind: RopeKind;
  /** The kind's own numbers, by the names of the config. */
  readonly parameters: Readonly<Record<string, number | boolean | readonly number[]>>;
  /** Whether pairs are neighbours (0, 1), (2, 3) … or stand half a head apart. */
  readonly pairs: 'neighbours' | 'halves';
  /** Layers without rope, ascending (Llama 4). */
  readonly skippedLayers: readonly number[];
}

/** Kinds of rope that transformers names. */
export const ROPE_KINDS = ['default', 'linear', 'dynamic', 'yarn', 'longrope', 'llama3'] as const;

export type RopeKind = (typeof ROPE_KINDS)[number];

/** A feed-forward network beside the experts that every token passes. */
export interface SharedExperts {
  /** Width of the whole network: DeepSeek's shared experts lie side by side in one. */
  readonly width: number;
  /** Whether its output is multiplied with `σ(x · g)` (Qwen2). */
  readonly gated: boolean;
}

/**
 * What stands between an expert's matrices: `silu(g) · u`, or with both clamped, `(u' + 1) · g' · σ(alpha · g')` with `g' = min(g, limit)` and
 * `u' = min(max(u, −limit), limit)` (gpt-oss).
 */
export type Activation = { readonly kind: 'swiglu' } | { readonly kind: 'clamped-swiglu'; readonly alpha: number; readonly limit: number };

/** Granite's fixed factors: on embeddings, attention logits (in place of `1/√headDim`), every residual branch, and the output logits (divided by it). */
export interface Multipliers {
  readonly embedding: number;
  readonly attention: number;
  readonly residual: number;
  readonly logits: number;
}

/**
 * `fp8-blocks`: F8_E4M3 with a float32 factor per block of `rows × columns` in `*_scale_inv` (DeepSeek-V3). `mxfp4`: experts as 4-bit floats in
 * `*_blocks`, a power of two per 32 of them in `*_scales` (gpt-oss).
 */
export type Quantization = { readonly kind: 'fp8-blocks'; readonly rows: number; readonly columns: number } | { readonly kind: 'mxfp4' };
