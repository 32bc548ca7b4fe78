/**
 * The `config.json` of a model with fewer experts: only the fields that say how many there are change; all others keep their place and their text.
 * @module
 */
import { MoeError } from '../errors.ts';
import { formatJson } from '../internal/format-json.ts';
import { isJsonNumber, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../internal/strict-json.ts';
import type { RoutingGroups } from '../routing/routing-rule.ts';
import type { ExpertSelection } from '../experts/expert-selection.ts';
import type { Topology } from '../models/topology.ts';

/** A field that was rewritten. `from` is `undefined` where it had not been there or is no number, `to` where it was removed. */
export interface ConfigChange {
  readonly field: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** A config and what is new in it. */
export interface RightSizedConfig {
  readonly text: string;
  readonly changes: readonly ConfigChange[];
}

/** What the new config is about. */
export interface RightSizedCounts {
  /** Of the full model. */
  readonly topology: Topology;
  /** Layer to the experts that stay. */
  readonly kept: ExpertSelection;
  /** How many stay in each layer. */
  readonly count: number;
  /** Whether extra prediction layers (DeepSeek-V3) are left out: then `num_nextn_predict_layers` becomes 0 where it stands. */
  readonly dropsExtraLayers: boolean;
}

/** Names under which families keep E; the first that a family's own class knows comes first where none stands. */
const COUNT_FIELDS = ['num_experts', 'n_routed_experts', 'num_local_experts'] as const;
const COUNT_FIELD_OF: Readonly<Record<string, (typeof COUNT_FIELDS)[number]>> = { deepseek_v2: 'n_routed_experts', deepseek_v3: 'n_routed_experts', qwen2_moe: 'num_experts', qwen3_moe: 'num_experts', olmoe: 'num_experts' };
/** gpt-oss' own configs say K twice. */
const PER_TOKEN_FIELDS = ['num_experts_per_tok', 'experts_per_token'] as const;

/**
 * Rewrites a config for a model that keeps as many experts in every layer.
 *
 * E becomes their number under every name that stands in the config; K becomes `min(K, E)`. Group-limited routing (DeepSeek) stays where every layer keeps equal numbers of experts in
 * equally many groups: `n_group` is then the number of these. Where no layer keeps experts in more groups than a token may use, the limit has nothing left to do and both fields become 1.
 * `quantization_config` goes, because quantised weights are read, and so written, as floats.
 * @throws export-unsupported groups that a config cannot say; config-invalid no object; json-invalid, json-duplicate-key, json-forbidden-key
 */
export function rightSizeConfig(config: string, model: RightSizedCounts): RightSizedConfig {
  const { topology, kept, count } = model;
  const root = new Map(parseRoot(config));
  const nested = root.get('text_config');
  // Multimodal configs hold the language model's in a field of their own.
  const fields = topology.family === 'llama4' && isJsonObject(nested) ? new Map(nested) : root;
  const changes: ConfigChange[] = [];
  const set = (names: readonly string[], absent: string, to: number): void => {
    const standing = names.filter((name) => isJsonNumber(fields.get(name)));
    for (const field of standing.length > 0 ? standing : [absent]) {
      const from = numberOf(fields.get(field));
      if (from === to) continue;
      fields.set(field, { numberText: String(to) });
      changes.push({ field, from, to });
    }
  };
  set(COUNT_FIELDS, COUNT_FIELD_OF[topology.family] ?? 'num_local_experts', count);
  set(PER_TOKEN_FIELDS, 'num_experts_per_tok', Math.min(topology.expertsPerToken, count));
  const groups = rightSizeGroups(topology, kept, count);
  // DeepSeek-V3's class has 8 groups where a config has none; DeepSeek-V2's has none.
  if (groups !== undefined && (topology.family === 'deepseek_v3' || isJsonNumber(fields.get('n_group')))) {
    set(['n_group'], 'n_group', groups.count);
    set(['topk_group'], 'topk_group', groups.kept);
  }
  if (model.dropsExtraLayers && numberOf(fields.get('num_nextn_predict_layers')) !== undefined) set(['num_nextn_predict_layers'], '', 0);
  if (fields !== root) root.set('text_config', fields);
  if (root.delete(QUANTIZATION)) changes.push({ field: QUANTIZATION, from: undefined, to: undefined });
  return { text: `${formatJson(root)}\n`, changes };
}

const QUANTIZATION = 'quantization_config';

/**
 * A config without `quantization_config`, for a model whose quantised weights were read and are written as floats.
 * @throws json-invalid, json-duplicate-key, json-forbidden-key, config-invalid
 */
export function plainConfig(config: string): string {
  const root = new Map(parseRoot(config));
  root.delete(QUANTIZATION);
  return `${formatJson(root)}\n`;
}

function parseRoot(config: string): JsonObject {
  const root = parseStrictJson(config, 'config.json');
  if (isJsonObject(root)) return root;
  throw new MoeError('config-invalid', { message: 'config: expected a JSON object', context: { field: '' } });
}

function numberOf(value: JsonValue | undefined): number | undefined {
  return isJsonNumber(value) ? Number(value.numberText) : undefined;
}

/** Families whose configs speak of groups, whether they limit anything or not. */
const GROUPED_FAMILIES: readonly string[] = ['deepseek_v2', 'deepseek_v3'];

function rightSizeGroups(topology: Topology, kept: ExpertSelection, count: number): { count: number; kept: number } | undefined {
  if (!GROUPED_FAMILIES.includes(topology.family)) return undefined;
  const groups = topology.routing.groups;
  if (topology.family === 'deepseek_v3' && count < 2) throw unsupported('n_routed_experts', 'this router adds up the two best experts of a group, so at least 2 experts must stay in every layer');
  if (groups === undefined) return { count: 1, kept: 1 };
  const sizes = [...kept.values()].map((ids) => groupSizes(ids, topology.expertsPerLayer / groups.count));
  if (sizes.every((layer) => layer.length <= groups.kept)) return { count: 1, kept: 1 };
  return { count: equalGroups(sizes, groups, Math.min(topology.expertsPerToken, count)), kept: groups.kept };
}

/** How many experts stay in each group that keeps any. */
function groupSizes(ids: readonly number[], groupSize: number): number[] {
  const sizes = new Map<number, number>();
  for (const id of ids) sizes.set(Math.floor(id / groupSize), (sizes.get(Math.floor(id / groupSize)) ?? 0) + 1);
  return [...sizes.values()];
}

function equalGroups(sizes: readonly (readonly number[])[], groups: RoutingGroups, perToken: number): number {
  const [count, size] = [sizes[0]!.length, sizes[0]![0]!];
  if (sizes.some((layer) => layer.length !== count || layer.some((own) => own !== size))) {
    throw unsupported('n_group', `a token may use ${groups.kept} of ${groups.count} groups; a config can say that of fewer experts only where every layer keeps the same number of groups and of experts in each (or, in every layer, at most ${groups.kept} groups)`);
  }
  if (groups.score === 'top2-sum' && size < 2) throw unsupported('n_group', 'this router adds up the two best experts of a group, so at least 2 must stay in each');
  if (size * groups.kept < perToken) throw unsupported('topk_group', `${groups.kept} groups of ${size} experts are fewer than the ${perToken} that a token uses`);
  return count;
}

function unsupported(field: string, why: string): MoeError<'export-unsupported'> {
  return new MoeError('export-unsupported', { message: `a model with these experts cannot be written, ${field}: ${why}`, context: { field } });
}
