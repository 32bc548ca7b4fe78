/**
 * `llama4` (its text model, under `text_config`) and `llama4_text`: experts in every n-th layer, fused for `x W`; a sigmoid router whose weights multiply what an
 * expert is given; an ungated shared expert of an expert's width; layers without rope. `intermediate_size` is the width of an expert.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/llama4/modeling_llama4.py
 * @module
 */
import type { ConfigFields } from '../../internal/config-fields.ts';
import type { GroupedAttention, Topology } from '../topology.ts';
import { parseGroupedAttention } from './attention.ts';
import { layersWhere, parseDecoder, parseExpertNumbers } from './decoder.ts';
import type { FamilyDefinition } from './family.ts';
import { parseRope } from './rope.ts';

export const LLAMA4: FamilyDefinition = {
  architecture: 'Llama4',
  naming: {
    block: 'feed_forward',
    router: 'router.weight',
    experts: { kind: 'fused', gateUp: 'experts.gate_up_proj', down: 'experts.down_proj', outputs: 'columns', order: 'halves' },
    shared: 'shared_expert',
  },
  parse(fields) {
    if (fields.text('model_type') === 'llama4_text') return parseText(fields, '');
    const text = fields.nested('text_config');
    if (text === undefined) throw fields.invalid('text_config', 'the config of the text model', undefined);
    text.word('model_type', ['llama4_text']);
    const quantization = fields.value('quantization_config');
    if (quantization !== undefined) throw fields.unsupported('quantization_config', quantization, 'no quantisation');
    return parseText(text, 'language_model.');
  },
};

/** Nested configs are saved as differences from their defaults, so here the defaults hold for every field. */
function parseText(fields: ConfigFields, namePrefix: Topology['namePrefix']): Topology {
  const layers = fields.size('num_hidden_layers', 48);
  const skippedLayers = parseSkippedLayers(fields, layers);
  const spans = { windowed: (layer: number) => (skippedLayers.includes(layer) ? undefined : ('chunk' as const)), tokens: 8192 };
  const defaults = { rmsNormEpsilon: 1e-5, maxPositions: 131_072, vocabularySize: 202_048, hiddenSize: 5120, layers };
  const decoder = parseDecoder(fields, { ...defaults, spans: () => spans });
  const numbers = parseExpertNumbers(fields, { field: 'num_local_experts', experts: 16, perToken: 1 });
  const expertWidth = fields.size('intermediate_size', 8192);
  return {
    ...decoder,
    ...numbers,
    family: 'llama4',
    attention: parseAttention(fields, decoder.hiddenSize),
    rope: parseRope(fields, { theta: 500_000, pairs: 'neighbours', skippedLayers }),
    denseWidth: fields.size('intermediate_size_mlp', 16_384),
    expertWidth,
    moeLayers: parseMoeLayers(fields, layers),
    sharedExperts: { width: expertWidth, gated: false },
    routing: { experts: numbers.expertsPerLayer, expertsPerToken: numbers.expertsPerToken, scoring: 'sigmoid', normalizeTopK: false },
    routingWeightsOn: 'input',
    namePrefix,
  };
}

function parseAttention(fields: ConfigFields, hiddenSize: number): GroupedAttention {
  // The first published configs hold the number 4 here, which the reference takes as true.
  const tuning = fields.value('attn_temperature_tuning');
  const tuned = typeof tuning === 'number' ? tuning !== 0 : fields.flag('attn_temperature_tuning', true);
  return parseGroupedAttention(fields, hiddenSize, {
    biases: fields.flag('attention_bias', false) ? 'all' : 'none',
    norm: fields.flag('use_qk_norm', true) ? 'l2' : 'none',
    headDim: 128,
    heads: 40,
    keyValueHeads: 8,
    temperature: tuned ? { floor: fields.size('floor_scale', 8192), scale: fields.positive('attn_scale') ?? 0.1 } : undefined,
  });
}

/**
 * `moe_layers` where it stands, else every `interleave_moe_layer_step`-th layer from the step's last. The reference writes the step's default, 1, beside any list;
 * another step says the same as the list, or contradicts it.
 */
function parseMoeLayers(fields: ConfigFields, layers: number): readonly number[] {
  const listed = fields.layerIndices('moe_layers', layers);
  const step = fields.size('interleave_moe_layer_step', 1);
  const stepped = layersWhere(layers, (layer) => (layer + 1) % step === 0);
  const moeLayers = listed === undefined ? stepped : layersWhere(layers, (layer) => listed.includes(layer));
  if (moeLayers.length === 0) throw fields.invalid(listed === undefined ? 'interleave_moe_layer_step' : 'moe_layers', 'at least one layer with experts', listed ?? step);
  if (step > 1 && moeLayers.join() !== stepped.join()) throw fields.contradiction('moe_layers', 'interleave_moe_layer_step');
  return moeLayers;
}

/** `no_rope_layers` says 1 for layers with rope; empty or absent, every `no_rope_layer_interval`-th has none. */
function parseSkippedLayers(fields: ConfigFields, layers: number): readonly number[] {
  const flags = fields.value('no_rope_layers') ?? [];
  if (!Array.isArray(flags) || flags.some((flag) => flag !== 0 && flag !== 1)) throw fields.invalid('no_rope_layers', 'an array of 0 and 1', flags);
  if (flags.length > 0 && flags.length !== layers) throw fields.contradiction('no_rope_layers', 'num_hidden_layers');
  const interval = fields.size('no_rope_layer_interval', 4);
  return layersWhere(layers, (layer) => (flags.length > 0 ? flags[layer] === 0 : (layer + 1) % interval === 0));
}
