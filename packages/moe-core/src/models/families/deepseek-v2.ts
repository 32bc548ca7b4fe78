/**
 * `deepseek_v2`: latent attention with or without a query rank, dense layers first, shared experts, softmax router, optionally limited to groups.
 *
 * As transformers does, weights are always multiplied with `routed_scaling_factor` and never divided by their sum: `norm_topk_prob` is not read. DeepSeek's own code
 * divides where it is true, and does not scale then; no published config of this family sets it.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/deepseek_v2/modeling_deepseek_v2.py
 * @module
 */
import { parseLatentAttention } from './attention.ts';
import { parseDecoder, parseExpertNumbers } from './decoder.ts';
import { parseDeepseekGroups, parseDeepseekMoeLayers, parseDeepseekShared } from './deepseek.ts';
import { SEPARATE_PROJECTIONS, type FamilyDefinition } from './family.ts';
import { parseRope } from './rope.ts';

export const DEEPSEEK_V2: FamilyDefinition = {
  architecture: 'DeepseekV2',
  naming: { block: 'mlp', router: 'gate.weight', experts: SEPARATE_PROJECTIONS, shared: 'shared_experts' },
  parse(fields) {
    const decoder = parseDecoder(fields, { rmsNormEpsilon: 1e-6, maxPositions: 2048 });
    const numbers = parseExpertNumbers(fields, { field: 'n_routed_experts' });
    const expertWidth = fields.size('moe_intermediate_size');
    fields.word('scoring_func', ['softmax']);
    const grouped = fields.word('topk_method', ['greedy', 'group_limited_greedy']) === 'group_limited_greedy';
    return {
      ...decoder,
      ...numbers,
      family: 'deepseek_v2',
      attention: parseLatentAttention(fields),
      rope: parseRope(fields, { theta: 10_000, pairs: 'neighbours' }),
      denseWidth: fields.size('intermediate_size', 11_008),
      denseBias: fields.flag('mlp_bias', false),
      expertWidth,
      moeLayers: parseDeepseekMoeLayers(fields, decoder.layers, 0),
      sharedExperts: parseDeepseekShared(fields, expertWidth, 2),
      routing: {
        experts: numbers.expertsPerLayer,
        expertsPerToken: numbers.expertsPerToken,
        normalizeTopK: false,
        scale: fields.positive('routed_scaling_factor') ?? 1,
        groups: grouped ? parseDeepseekGroups(fields, numbers, { score: 'max' }) : undefined,
      },
    };
  },
};
