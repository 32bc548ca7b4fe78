/**
 * `deepseek_v3`: latent attention, dense layers first, a shared expert, a sigmoid router whose choice sees a bias per expert and keeps the best groups. Layers that
 * predict further tokens (`model.layers.{L}.*`) are no part of the decoder: their tensors are kept and ignored.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/deepseek_v3/modeling_deepseek_v3.py
 * @module
 */
import { parseLatentAttention } from './attention.ts';
import { parseDecoder, parseExpertNumbers } from './decoder.ts';
import { parseDeepseekGroups, parseDeepseekMoeLayers, parseDeepseekShared } from './deepseek.ts';
import { SEPARATE_PROJECTIONS, type FamilyDefinition } from './family.ts';
import { parseRope } from './rope.ts';

export const DEEPSEEK_V3: FamilyDefinition = {
  architecture: 'DeepseekV3',
  naming: { block: 'mlp', router: 'gate.weight', selectionBias: 'gate.e_score_correction_bias', experts: SEPARATE_PROJECTIONS, shared: 'shared_experts' },
  parse(fields) {
    const decoder = parseDecoder(fields, { rmsNormEpsilon: 1e-6, maxPositions: 4096 });
    const numbers = parseExpertNumbers(fields, { field: 'n_routed_experts' });
    const expertWidth = fields.size('moe_intermediate_size');
    fields.word('scoring_func', ['sigmoid']);
    fields.word('topk_method', ['noaux_tc']);
    return {
      ...decoder,
      ...numbers,
      family: 'deepseek_v3',
      attention: parseLatentAttention(fields),
      rope: parseRope(fields, { theta: 10_000, pairs: fields.flag('rope_interleave', true) ? 'neighbours' : 'halves' }),
      denseWidth: fields.size('intermediate_size', 18_432),
      expertWidth,
      moeLayers: parseDeepseekMoeLayers(fields, decoder.layers, 3),
      sharedExperts: parseDeepseekShared(fields, expertWidth, 1),
      routing: {
        experts: numbers.expertsPerLayer,
        expertsPerToken: numbers.expertsPerToken,
        scoring: 'sigmoid',
        normalizeTopK: fields.flag('norm_topk_prob', true),
        scale: fields.positive('routed_scaling_factor') ?? 2.5,
        groups: parseDeepseekGroups(fields, numbers, { score: 'top2-sum', count: 8, kept: 4 }),
      },
    };
  },
};
