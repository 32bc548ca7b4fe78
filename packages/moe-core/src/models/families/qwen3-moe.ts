/**
 * `qwen3_moe`: softmax router, no shared experts, norms on each head's queries and keys.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/qwen3_moe/configuration_qwen3_moe.py
 * @module
 */
import { parseGroupedAttention } from './attention.ts';
import { parseDecoder, parseExpertNumbers } from './decoder.ts';
import { SEPARATE_PROJECTIONS, type FamilyDefinition } from './family.ts';
import { parseQwenMoeLayers } from './qwen-layers.ts';
import { parseRope } from './rope.ts';

export const QWEN3_MOE: FamilyDefinition = {
  architecture: 'Qwen3Moe',
  naming: { block: 'mlp', router: 'gate.weight', experts: SEPARATE_PROJECTIONS },
  parse(fields) {
    const sliding = fields.flag('use_sliding_window', false);
    const decoder = parseDecoder(fields, { rmsNormEpsilon: 1e-6, maxPositions: 32_768, spans: () => ({ windowed: () => (sliding ? 'window' : undefined), tokens: 4096 }) });
    const numbers = parseExpertNumbers(fields, { field: 'num_experts' });
    const biases = fields.flag('attention_bias', false) ? 'all' : 'none';
    return {
      ...decoder,
      ...numbers,
      family: 'qwen3_moe',
      attention: parseGroupedAttention(fields, decoder.hiddenSize, { biases, norm: 'head', keyValueHeads: 4 }),
      rope: parseRope(fields, { theta: 10_000, pairs: 'halves' }),
      denseWidth: fields.size('intermediate_size', 6144),
      expertWidth: fields.size('moe_intermediate_size'),
      moeLayers: parseQwenMoeLayers(fields, decoder.layers),
      routing: { experts: numbers.expertsPerLayer, expertsPerToken: numbers.expertsPerToken, normalizeTopK: fields.flag('norm_topk_prob', false) },
    };
  },
};
