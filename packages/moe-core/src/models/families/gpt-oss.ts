/**
 * `gpt_oss`: experts in every layer, fused for `x W` with gate and up in turn, with biases; a router bias; attention sinks; a clamped activation. Softmax over the
 * chosen logits, which is the softmax over all, renormalised. `intermediate_size` is the width of an expert.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/gpt_oss/modeling_gpt_oss.py
 * @module
 */
import { parseGroupedAttention } from './attention.ts';
import { layersWhere, parseDecoder, parseExpertNumbers } from './decoder.ts';
import type { FamilyDefinition } from './family.ts';
import { parseRope } from './rope.ts';

/** The reference's own rope where a config has none. */
const YARN = { kind: 'yarn', parameters: { beta_fast: 32, beta_slow: 1, factor: 32, original_max_position_embeddings: 4096, truncate: false } } as const;

export const GPT_OSS: FamilyDefinition = {
  architecture: 'GptOss',
  naming: {
    block: 'mlp',
    router: 'router.weight',
    routerBias: 'router.bias',
    experts: {
      kind: 'fused', gateUp: 'experts.gate_up_proj', down: 'experts.down_proj', outputs: 'columns', order: 'interleaved',
      gateUpBias: 'experts.gate_up_proj_bias', downBias: 'experts.down_proj_bias',
    },
  },
  parse(fields) {
    const spans = { windowed: (layer: number) => (layer % 2 === 0 ? ('window' as const) : undefined), tokens: 128 };
    const decoder = parseDecoder(fields, { rmsNormEpsilon: 1e-5, maxPositions: 131_072, quantization: 'mxfp4', spans: () => spans });
    const numbers = parseExpertNumbers(fields, { field: 'num_local_experts' });
    const perToken = fields.optionalSize('experts_per_token');
    if (perToken !== undefined && perToken !== numbers.expertsPerToken) throw fields.contradiction('experts_per_token', 'num_experts_per_tok');
    const biases = fields.flag('attention_bias', true) ? 'all' : 'none';
    return {
      ...decoder,
      ...numbers,
      family: 'gpt_oss',
      attention: parseGroupedAttention(fields, decoder.hiddenSize, { biases, norm: 'none', headDim: 64, keyValueHeads: 8, sinks: true }),
      rope: parseRope(fields, { theta: 150_000, pairs: 'halves', scaling: YARN }),
      expertWidth: fields.size('intermediate_size'),
      moeLayers: layersWhere(decoder.layers, () => true),
      routing: { experts: numbers.expertsPerLayer, expertsPerToken: numbers.expertsPerToken, normalizeTopK: true },
      // The reference has 1.702 in its code; the limit it takes from the config where weights are quantised, and has 7 in its code where not.
      activation: { kind: 'clamped-swiglu', alpha: 1.702, limit: fields.positive('swiglu_limit') ?? 7 },
    };
  },
};
