/**
 * The parts of a config that every family has: sizes of the decoder, numbers of experts, quantisation.
 * @module
 */
import type { ConfigFields } from '../../internal/config-fields.ts';
import type { Quantization, Topology } from '../topology.ts';
import { parseSpans, type SpanRule } from './attention.ts';

/** What a family says where its configs do not. */
export interface DecoderDefaults {
  readonly rmsNormEpsilon: number;
  readonly maxPositions: number;
  readonly vocabularySize?: number;
  readonly hiddenSize?: number;
  readonly layers?: number;
  /** How published weights of the family are quantised, where they are; `fp8` unless given. */
  readonly quantization?: 'fp8' | 'mxfp4';
  /** Layers that see less than everything; none unless given. */
  readonly spans?: (layers: number) => SpanRule;
}

type Decoder = Omit<Topology, 'family' | 'attention' | 'rope' | keyof ExpertNumbers | 'expertWidth' | 'moeLayers' | 'routing'>;

/** The deepest published decoders have some 130 layers; per-layer lists are made of this many entries. */
const MAX_LAYERS = 4096;

/**
 * Sizes of the decoder, and what most families have: no dense layers, no shared experts, full attention. A family writes over what it has otherwise. Sizes
 * that fix the shape of everything must be there; the rest defaults as in the reference.
 * @throws config-invalid, config-unsupported
 */
export function parseDecoder(fields: ConfigFields, defaults: DecoderDefaults): Decoder {
  const layers = fields.size('num_hidden_layers', defaults.layers);
  if (layers > MAX_LAYERS) throw fields.invalid('num_hidden_layers', `at most ${MAX_LAYERS}`, layers);
  fields.word('hidden_act', ['silu']);
  return {
    layers,
    hiddenSize: fields.size('hidden_size', defaults.hiddenSize),
    vocabularySize: fields.size('vocab_size', defaults.vocabularySize),
    rmsNormEpsilon: fields.positive('rms_norm_eps') ?? defaults.rmsNormEpsilon,
    maxPositions: fields.size('max_position_embeddings', defaults.maxPositions),
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
    quantization: parseQuantization(fields, defaults.quantization ?? 'fp8'),
    spans: parseSpans(fields, layers, defaults.spans?.(layers) ?? { windowed: () => undefined }),
    denseWidth: 0,
    denseBias: false,
    sharedExperts: undefined,
    routingWeightsOn: 'output',
    activation: { kind: 'swiglu' },
    multipliers: undefined,
    namePrefix: '',
  };
}

/** The number of experts per layer has three names among the families, and newer versions write it under another than older ones. */
const EXPERT_FIELDS = ['num_experts', 'num_local_experts', 'n_routed_experts'];

/** Expert ids travel as 16-bit numbers. */
const MAX_EXPERTS = 65_536;

/** Numbers of experts. */
export interface ExpertNumbers {
  readonly expertsPerLayer: number;
  readonly expertsPerToken: number;
}

/**
 * E under any of its names (all that stand must agree), K under `num_experts_per_tok`.
 * @param absent.field the name to complain about where none stands
 * @throws config-invalid, config-contradiction
 */
export function parseExpertNumbers(fields: ConfigFields, absent: { readonly field: string; readonly experts?: number; readonly perToken?: number }): ExpertNumbers {
  const given = fields.agree(EXPERT_FIELDS, (field) => fields.optionalSize(field));
  const expertsPerLayer = given ?? fields.size(absent.field, absent.experts);
  if (expertsPerLayer > MAX_EXPERTS) throw fields.invalid(absent.field, `at most ${MAX_EXPERTS}`, expertsPerLayer);
  const expertsPerToken = fields.size('num_experts_per_tok', absent.perToken);
  const field = EXPERT_FIELDS.find((name) => fields.value(name) !== undefined) ?? absent.field;
  if (expertsPerToken > expertsPerLayer) throw fields.contradiction('num_experts_per_tok', field);
  return { expertsPerLayer, expertsPerToken };
}

/** All layers from `first` whose index passes. */
export function layersWhere(layers: number, hasExperts: (layer: number) => boolean): readonly number[] {
  return Object.freeze(Array.from({ length: layers }, (_, layer) => layer).filter(hasExperts));
}

/** Blocks of a config that asks for more than this are no quantisation blocks. */
const MAX_BLOCK = 65_536;

function parseQuantization(fields: ConfigFields, known: 'fp8' | 'mxfp4'): Quantization | undefined {
  const config = fields.nested('quantization_config');
  if (config === undefined) return undefined;
  const method = config.text('quant_method');
  if (method !== known) throw config.unsupported('quant_method', method, known === 'fp8' ? '"fp8" (with weight_block_size)' : '"mxfp4"');
  if (known === 'mxfp4') return { kind: 'mxfp4' };
  config.word('fmt', ['e4m3']);
  const block = config.value('weight_block_size');
  const isBlock = Array.isArray(block) && block.length === 2 && block.every((size) => Number.isInteger(size) && size >= 1 && size <= MAX_BLOCK);
  if (!isBlock) throw config.unsupported('weight_block_size', block, 'two sizes, such as [128, 128]');
  const [rows, columns] = block as [number, number];
  return { kind: 'fp8-blocks', rows, columns };
}
