/**
 * `olmoe`: experts in every layer, norms over the full width of queries and keys. `intermediate_size` is the width of an expert.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/olmoe/modeling_olmoe.py
 * @module
 */
import { parseGroupedAttention } from './attention.ts';
import { layersWhere, parseDecoder, parseExpertNumbers } from './decoder.ts';
import { SEPARATE_PROJECTIONS, type FamilyDefinition } from './family.ts';
import { parseRope } from './rope.ts';

export const OLMOE: FamilyDefinition = {
  architecture: 'Olmoe',
  naming: { block: 'mlp', router: 'gate.weight', experts: SEPARATE_PROJECTIONS },
  parse(fields) {
    const decoder = parseDecoder(fields, { rmsNormEpsilon: 1e-5, maxPositions: 4096 });
    const numbers = parseExpertNumbers(fields, { field: 'num_experts' });
    const attention = parseGroupedAttention(fields, decoder.hiddenSize, {
      biases: fields.flag('attention_bias', false) ? 'all' : 'none',
      norm: 'width',
      clip: fields.positive('clip_qkv'),
    });
    // The reference sizes the norms by the hidden size, and fails in its forward where the heads do not fill it.
    if (attention.heads * attention.headDim !== decoder.hiddenSize) throw fields.contradiction('head_dim', 'hidden_size');
    return {
      ...decoder,
      ...numbers,
      family: 'olmoe',
      attention,
      rope: parseRope(fields, { theta: 10_000, pairs: 'halves' }),
      expertWidth: fields.size('intermediate_size'),
      moeLayers: layersWhere(decoder.layers, () => true),
      routing: { experts: numbers.expertsPerLayer, expertsPerToken: numbers.expertsPerToken, normalizeTopK: fields.flag('norm_topk_prob', false) },
    };
  },
};
