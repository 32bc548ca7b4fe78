/**
 * `expert_cfg.json`, ESFT's file format of a selection: `{"experts": {"<layer>": [ids]}, "shared_experts": false, "non_expert_modules": false}`.
 * @module
 */
import { MoeError } from '../errors.ts';
import type { ExpertSelection } from './expert-selection.ts';
import { cut, fieldName } from '../internal/quote.ts';
import { formatObject, inStringOrder } from '../internal/python-json.ts';
import { isJsonArray, isJsonNumber, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../internal/strict-json.ts';

/** What is trained. */
export interface ExpertConfig {
  readonly experts: ExpertSelection;
  readonly sharedExperts: boolean;
  readonly nonExpertModules: boolean;
}

/** Writes a config, byte for byte as published: layer keys in string order, ids in selection order, no newline at the end. */
export function formatExpertConfig(config: ExpertConfig): string {
  return formatObject([
    ['experts', formatObject(inStringOrder(config.experts).map(([layer, ids]) => [layer, `[${ids.join(', ')}]`]))],
    ['shared_experts', String(config.sharedExperts)],
    ['non_expert_modules', String(config.nonExpertModules)],
  ]);
}

/**
 * Reads a config; layers come out ascending. Ids are checked against a model by `assertSelection`.
 * @throws json-invalid, json-duplicate-key, json-forbidden-key, expert-config-invalid
 */
export function parseExpertConfig(text: string): ExpertConfig {
  const root = parseStrictJson(text, 'expert_cfg.json');
  if (!isJsonObject(root)) throw invalid('', 'an object');
  const layers = root.get('experts');
  if (!isJsonObject(layers)) throw invalid('experts', 'an object of layers');
  const experts = new Map<number, readonly number[]>();
  for (const [layer, ids] of layers) {
    if (!/^(0|[1-9]\d{0,5})$/.test(layer)) throw invalid(`experts.${layer}`, 'a layer index as key');
    experts.set(Number(layer), parseIds(ids, `experts.${layer}`));
  }
  return {
    experts: new Map([...experts].sort(([a], [b]) => a - b)),
    sharedExperts: parseFlag(root, 'shared_experts'),
    nonExpertModules: parseFlag(root, 'non_expert_modules'),
  };
}

function parseIds(value: JsonValue, field: string): number[] {
  if (!isJsonArray(value)) throw invalid(field, 'an array of expert ids');
  const ids = value.map((item) => {
    if (isJsonNumber(item) && /^\d{1,5}$/.test(item.numberText) && Number(item.numberText) < 65_536) return Number(item.numberText);
    throw invalid(field, 'expert ids from 0 to 65535');
  });
  if (new Set(ids).size !== ids.length) throw invalid(field, 'each expert once');
  return ids;
}

function parseFlag(root: JsonObject, field: string): boolean {
  const value = root.get(field);
  if (typeof value !== 'boolean') throw invalid(field, 'true or false');
  return value;
}

function invalid(field: string, expected: string): MoeError<'expert-config-invalid'> {
  return new MoeError('expert-config-invalid', { message: `expert_cfg.json${field === '' ? '' : `, field ${fieldName(field)}`}: expected ${expected}`, context: { field: cut(field) } });
}
