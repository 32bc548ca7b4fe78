/**
 * `qwen2_moe`: softmax router, and beside the experts a shared network whose output a sigmoid gates; biases on queries, keys and values.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/qwen2_moe/modeling_qwen2_moe.py
 * @module
 */
import { parseGroupedAttention } from './attention.ts';
import { parseDecoder, parseExpertNumbers } from './decoder.ts';
import { SEPARATE_PROJECTIONS, type FamilyDefinition } from './family.ts';
import { parseQwenMoeLayers } from './qwen-layers.ts';
import { parseRope } from './rope.ts';

export const QWEN2_MOE: FamilyDefinition = {
  architecture: 'Qwen2Moe',
  naming: { block: 'mlp', router: 'gate.weight', experts: SEPARATE_PROJECTIONS, shared: 'shared_expert', sharedGate: 'shared_expert_gate.weight' },
  parse(fields) {
    const sliding = fields.flag('use_sliding_window', false);
    const slidingBelow = fields.count('max_window_layers', 28);
    const spans = { windowed: (layer: number) => (sliding && layer % 2 === 0 && layer < slidingBelow ? ('window' as const) : undefined), tokens: 4096 };
    const decoder = parseDecoder(fields, { rmsNormEpsilon: 1e-6, maxPositions: 32_768, spans: () => spans });
    const numbers = parseExpertNumbers(fields, { field: 'num_experts' });
    const biases = fields.flag('qkv_bias', true) ? 'qkv' : 'none';
    return {
      ...decoder,
      ...numbers,
      family: 'qwen2_moe',
      attention: parseGroupedAttention(fields, decoder.hiddenSize, { biases, norm: 'none', keyValueHeads: 16 }),
      rope: parseRope(fields, { theta: 10_000, pairs: 'halves' }),
      denseWidth: fields.size('intermediate_size', 5632),
      expertWidth: fields.size('moe_intermediate_size'),
      moeLayers: parseQwenMoeLayers(fields, decoder.layers),
      sharedExperts: { width: fields.size('shared_expert_intermediate_size', 5632), gated: true },
      routing: { experts: numbers.expertsPerLayer, expertsPerToken: numbers.expertsPerToken, normalizeTopK: fields.flag('norm_topk_prob', false) },
    };
  },
};
