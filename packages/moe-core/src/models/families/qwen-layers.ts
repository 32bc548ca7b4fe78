/**
 * Which layers of a Qwen model have experts.
 * @module
 */
import type { ConfigFields } from '../../internal/config-fields.ts';
import { layersWhere } from './decoder.ts';

/**
 * Layer i has experts where `i ∉ mlp_only_layers` and `(i + 1) % decoder_sparse_step = 0`.
 * @throws config-invalid
 */
export function parseQwenMoeLayers(fields: ConfigFields, layers: number): readonly number[] {
  const step = fields.size('decoder_sparse_step', 1);
  const dense = fields.layerIndices('mlp_only_layers', layers) ?? [];
  const moeLayers = layersWhere(layers, (layer) => !dense.includes(layer) && (layer + 1) % step === 0);
  if (moeLayers.length === 0) throw fields.invalid('decoder_sparse_step', 'at least one layer with experts', step);
  return moeLayers;
}
