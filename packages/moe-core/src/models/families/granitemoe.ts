/**
 * `granitemoe`: experts in every layer, fused per layer as linear layers; softmax over the chosen logits, which is the softmax over all, renormalised; fixed
 * factors on embeddings, attention, residuals and logits. `intermediate_size` is the width of an expert.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/granitemoe/modeling_granitemoe.py
 * @module
 */
import { parseGroupedAttention } from './attention.ts';
import { layersWhere, parseDecoder, parseExpertNumbers } from './decoder.ts';
import type { FamilyDefinition } from './family.ts';
import { parseRope } from './rope.ts';

export const GRANITEMOE: FamilyDefinition = {
  architecture: 'GraniteMoe',
  naming: {
    block: 'block_sparse_moe',
    router: 'router.layer.weight',
    experts: { kind: 'fused', gateUp: 'input_linear.weight', down: 'output_linear.weight', outputs: 'rows', order: 'halves' },
  },
  parse(fields) {
    const decoder = parseDecoder(fields, { rmsNormEpsilon: 1e-6, maxPositions: 2048 });
    const numbers = parseExpertNumbers(fields, { field: 'num_local_experts' });
    const biases = fields.flag('attention_bias', false) ? 'all' : 'none';
    return {
      ...decoder,
      ...numbers,
      family: 'granitemoe',
      attention: parseGroupedAttention(fields, decoder.hiddenSize, { biases, norm: 'none' }),
      rope: parseRope(fields, { theta: 10_000, pairs: 'halves' }),
      expertWidth: fields.size('intermediate_size'),
      moeLayers: layersWhere(decoder.layers, () => true),
      routing: { experts: numbers.expertsPerLayer, expertsPerToken: numbers.expertsPerToken, normalizeTopK: true },
      multipliers: {
        embedding: fields.positive('embedding_multiplier') ?? 1,
        attention: fields.positive('attention_multiplier') ?? 1,
        residual: fields.positive('residual_multiplier') ?? 1,
        logits: fields.positive('logits_scaling') ?? 1,
      },
    };
  },
};
