/**
 * What a model is made of, from its `config.json`. One family for now: `qwen3_moe` (no shared experts, softmax router, q/k norm per head).
 * What this package does not implement is refused by the name of its field, never guessed.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/qwen3_moe/configuration_qwen3_moe.py
 * @module
 */
import { MoeError } from './errors.ts';
import { ConfigFields } from './internal/config-fields.ts';
import { quote } from './internal/quote.ts';

/** Families whose checkpoints can be opened; the `model_type` of `config.json`. */
export const FAMILIES = ['qwen3_moe'] as const;

export type Family = (typeof FAMILIES)[number];

/** Numbers that fix every tensor's name and shape and the forward pass. Letters as in the README: L, H, V, E, K, I. */
export interface Topology {
  readonly family: Family;
  /** L */
  readonly layers: number;
  /** H */
  readonly hiddenSize: number;
  /** V */
  readonly vocabularySize: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Width of the feed-forward network of layers without experts (`intermediate_size`). */
  readonly denseWidth: number;
  /** E */
  readonly expertsPerLayer: number;
  /** K */
  readonly expertsPerToken: number;
  /** I (`moe_intermediate_size`) */
  readonly expertWidth: number;
  /** Indices of the layers that have experts, ascending. */
  readonly moeLayers: readonly number[];
  /** Whether the K routing weights are divided by their sum. */
  readonly normalizeTopK: boolean;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  readonly maxPositions: number;
  /** Whether the output head is the embedding. */
  readonly tiedEmbeddings: boolean;
}

/**
 * Reads a topology from a parsed `config.json`.
 *
 * Layer i has experts where `i ∉ mlp_only_layers` and `(i + 1) % decoder_sparse_step = 0`. The number of experts stands under
 * `num_experts` or, saved by newer versions, `num_local_experts`; rope's theta under `rope_theta` or in `rope_parameters` / `rope_scaling`.
 * Where both stand they must agree. Optional fields take the reference's defaults.
 * @throws config-invalid a field is missing or of the wrong type or range
 * @throws config-contradiction two fields say different things
 * @throws config-unsupported unknown family, activation, rope type, biases, sliding window, quantisation
 * @example
 * const topology = parseTopology(JSON.parse(configText));
 */
export function parseTopology(config: unknown): Topology {
  const fields = new ConfigFields(config);
  assertFamily(fields);
  assertPlainAttention(fields);
  const layers = fields.size('num_hidden_layers');
  const hiddenSize = fields.size('hidden_size');
  const expertsPerLayer = fields.agree(['num_experts', 'num_local_experts'], (field) => fields.optionalSize(field));
  if (expertsPerLayer === undefined) throw fields.invalid('num_experts', 'the number of experts per layer', undefined);
  const topology: Topology = {
    family: 'qwen3_moe',
    layers,
    hiddenSize,
    vocabularySize: fields.size('vocab_size'),
    ...parseHeads(fields, hiddenSize),
    denseWidth: fields.optionalSize('intermediate_size') ?? 6144,
    expertsPerLayer,
    expertsPerToken: fields.size('num_experts_per_tok'),
    expertWidth: fields.size('moe_intermediate_size'),
    moeLayers: parseMoeLayers(fields, layers),
    normalizeTopK: fields.flag('norm_topk_prob', false),
    rmsNormEpsilon: fields.positive('rms_norm_eps') ?? 1e-6,
    ropeTheta: parseRopeTheta(fields),
    maxPositions: fields.optionalSize('max_position_embeddings') ?? 32768,
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
  };
  assertExperts(fields, topology);
  return Object.freeze(topology);
}

function assertFamily(fields: ConfigFields): void {
  const family = fields.text('model_type');
  if (family === undefined) throw fields.invalid('model_type', `one of ${FAMILIES.join(', ')}`, undefined);
  if ((FAMILIES as readonly string[]).includes(family)) return;
  throw new MoeError('config-unsupported', {
    message: `config field model_type: the family ${quote(family)} is not supported; supported: ${FAMILIES.join(', ')}`,
    context: { field: 'model_type' },
  });
}

function assertPlainAttention(fields: ConfigFields): void {
  const activation = fields.text('hidden_act') ?? 'silu';
  if (activation !== 'silu') throw fields.unsupported('hidden_act', activation, '"silu"');
  for (const field of ['attention_bias', 'use_sliding_window']) {
    if (fields.flag(field, false)) throw fields.unsupported(field, true, 'false');
  }
  const quantization = fields.value('quantization_config');
  if (quantization !== undefined) throw fields.unsupported('quantization_config', quantization, 'no quantisation');
  const kinds = fields.value('layer_types');
  if (kinds === undefined) return;
  if (!Array.isArray(kinds) || kinds.some((kind) => kind !== 'full_attention')) throw fields.unsupported('layer_types', kinds, 'full_attention in every layer');
  if (kinds.length !== fields.size('num_hidden_layers')) throw fields.contradiction('layer_types', 'num_hidden_layers');
}

function parseHeads(fields: ConfigFields, hiddenSize: number): Pick<Topology, 'heads' | 'keyValueHeads' | 'headDim'> {
  const heads = fields.size('num_attention_heads');
  const keyValueHeads = fields.size('num_key_value_heads');
  if (heads % keyValueHeads !== 0) throw fields.contradiction('num_key_value_heads', 'num_attention_heads');
  const headDim = fields.optionalSize('head_dim') ?? hiddenSize / heads;
  if (!Number.isInteger(headDim)) throw fields.contradiction('hidden_size', 'num_attention_heads');
  if (headDim % 2 !== 0) throw fields.invalid('head_dim', 'an even number (rope turns pairs)', headDim);
  return { heads, keyValueHeads, headDim };
}

function parseMoeLayers(fields: ConfigFields, layers: number): readonly number[] {
  const step = fields.optionalSize('decoder_sparse_step') ?? 1;
  const dense = fields.value('mlp_only_layers') ?? [];
  if (!Array.isArray(dense) || dense.some((layer) => !Number.isInteger(layer) || layer < 0 || layer >= layers)) {
    throw fields.invalid('mlp_only_layers', `an array of layer indices below ${layers}`, dense);
  }
  const moeLayers = Array.from({ length: layers }, (_, layer) => layer).filter((layer) => !dense.includes(layer) && (layer + 1) % step === 0);
  if (moeLayers.length === 0) throw fields.invalid('decoder_sparse_step', 'at least one layer with experts', step);
  return Object.freeze(moeLayers);
}

/** Versions 4 and 5 of transformers keep theta in different places; version 5 writes `rope_parameters`, reads all three. */
function parseRopeTheta(fields: ConfigFields): number {
  const theta = fields.agree(['rope_theta', 'rope_parameters', 'rope_scaling'], (field) =>
    field === 'rope_theta' ? fields.positive(field) : thetaOf(fields, field),
  );
  return theta ?? 10_000;
}

function thetaOf(fields: ConfigFields, field: string): number | undefined {
  const nested = fields.nested(field);
  if (nested === undefined) return undefined;
  for (const key of nested.names()) {
    const name = `${field}.${key}`;
    if (key === 'rope_theta') continue;
    const plain = key === 'partial_rotary_factor' ? 1 : 'default';
    if (key !== 'rope_type' && key !== 'type' && key !== 'partial_rotary_factor') throw fields.unsupported(name, nested.value(key), 'no such field');
    if (nested.value(key) !== plain) throw fields.unsupported(name, nested.value(key), JSON.stringify(plain));
  }
  return nested.positive('rope_theta');
}

/** Expert ids travel as 16-bit numbers. */
const MAX_EXPERTS = 65_536;

function assertExperts(fields: ConfigFields, topology: Topology): void {
  const { expertsPerLayer, expertsPerToken } = topology;
  if (expertsPerLayer > MAX_EXPERTS) throw fields.invalid('num_experts', `at most ${MAX_EXPERTS}`, expertsPerLayer);
  if (expertsPerToken > expertsPerLayer) throw fields.contradiction('num_experts_per_tok', 'num_experts');
}
