/**
 * `mixtral`: experts in every layer, weights of the chosen ones always divided by their sum. `intermediate_size` is the width of an expert.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/mixtral/modeling_mixtral.py
 * @module
 */
import { parseGroupedAttention } from './attention.ts';
import { layersWhere, parseDecoder, parseExpertNumbers } from './decoder.ts';
import type { FamilyDefinition } from './family.ts';
import { parseRope } from './rope.ts';

export const MIXTRAL: FamilyDefinition = {
  architecture: 'Mixtral',
  naming: { block: 'block_sparse_moe', router: 'gate.weight', experts: { kind: 'separate', gate: 'w1', up: 'w3', down: 'w2' } },
  parse(fields) {
    const sliding = fields.value('sliding_window') !== undefined;
    const decoder = parseDecoder(fields, { rmsNormEpsilon: 1e-5, maxPositions: 131_072, spans: () => ({ windowed: () => (sliding ? 'window' : undefined) }) });
    const numbers = parseExpertNumbers(fields, { field: 'num_local_experts' });
    return {
      ...decoder,
      ...numbers,
      family: 'mixtral',
      attention: parseGroupedAttention(fields, decoder.hiddenSize, { biases: 'none', norm: 'none', keyValueHeads: 8 }),
      rope: parseRope(fields, { theta: 1_000_000, pairs: 'halves' }),
      expertWidth: fields.size('intermediate_size'),
      moeLayers: layersWhere(decoder.layers, () => true),
      routing: { experts: numbers.expertsPerLayer, expertsPerToken: numbers.expertsPerToken, normalizeTopK: true },
    };
  },
};
