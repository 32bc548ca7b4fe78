/**
 * What `deepseek_v2` and `deepseek_v3` share: latent attention, dense layers first, shared experts side by side in one network.
 * @module
 */
import type { ConfigFields } from '../../internal/config-fields.ts';
import type { RoutingGroups } from '../../routing/routing-rule.ts';
import type { SharedExperts } from '../topology.ts';
import { layersWhere, type ExpertNumbers } from './decoder.ts';

/**
 * Layers from `first_k_dense_replace` on whose index `moe_layer_freq` divides. transformers does not know the latter, which DeepSeek's own code has; published
 * configs say 1.
 * @throws config-invalid
 */
export function parseDeepseekMoeLayers(fields: ConfigFields, layers: number, denseFirst: number): readonly number[] {
  const first = fields.count('first_k_dense_replace', denseFirst);
  const every = fields.size('moe_layer_freq', 1);
  const moeLayers = layersWhere(layers, (layer) => layer >= first && layer % every === 0);
  if (moeLayers.length === 0) throw fields.invalid('first_k_dense_replace', 'at least one layer with experts', first);
  return moeLayers;
}

/** `n_shared_experts: null` or 0 means none; left out, it is the reference's number. */
export function parseDeepseekShared(fields: ConfigFields, expertWidth: number, count: number): SharedExperts | undefined {
  const shared = fields.isNull('n_shared_experts') ? 0 : fields.count('n_shared_experts', count);
  return shared === 0 ? undefined : { width: shared * expertWidth, gated: false };
}

/**
 * Groups of experts; `undefined` where all of them are kept.
 * @throws config-invalid, config-contradiction
 */
export function parseDeepseekGroups(fields: ConfigFields, numbers: ExpertNumbers, rule: { readonly score: RoutingGroups['score']; readonly count?: number; readonly kept?: number }): RoutingGroups | undefined {
  const count = fields.size('n_group', rule.count);
  const kept = fields.size('topk_group', rule.kept);
  const field = 'n_routed_experts';
  if (numbers.expertsPerLayer % count !== 0) throw fields.contradiction('n_group', field);
  if (kept > count) throw fields.contradiction('topk_group', 'n_group');
  if (kept === count) return undefined;
  const groupSize = numbers.expertsPerLayer / count;
  if (rule.score === 'top2-sum' && groupSize < 2) throw fields.contradiction('n_group', field);
  if (kept * groupSize < numbers.expertsPerToken) throw fields.contradiction('topk_group', 'num_experts_per_tok');
  return { count, kept, score: rule.score };
}
