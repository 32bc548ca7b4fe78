/**
 * Rotary embedding from a config. Versions 4 and 5 of transformers keep it in different places: theta in `rope_theta` or with the rest, the rest in
 * `rope_scaling` or `rope_parameters`. Where several stand they must agree.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/modeling_rope_utils.py
 * @module
 */
import type { ConfigFields } from '../../internal/config-fields.ts';
import { ROPE_KINDS, type Rope, type RopeKind } from '../topology.ts';

/** What a family says where its configs do not. */
export interface RopeDefaults {
  readonly theta: number;
  readonly pairs: Rope['pairs'];
  /** The kind without any rope field; `default` unless given. */
  readonly scaling?: Pick<Rope, 'kind' | 'parameters'>;
  readonly skippedLayers?: readonly number[];
}

/**
 * Reads the rope fields.
 * @throws config-invalid, config-contradiction, config-unsupported
 */
export function parseRope(fields: ConfigFields, defaults: RopeDefaults): Rope {
  const names = ['rope_theta', 'rope_parameters', 'rope_scaling'];
  const theta = fields.agree(names, (field) => (field === 'rope_theta' ? fields.positive(field) : fields.nested(field)?.positive('rope_theta')));
  const scalings = new Map(names.slice(1).map((field) => [field, parseScaling(fields, field)] as const));
  fields.agree(names.slice(1), (field) => JSON.stringify(scalings.get(field)));
  const scaling = scalings.get('rope_parameters') ?? scalings.get('rope_scaling') ?? defaults.scaling ?? { kind: 'default' as const, parameters: {} };
  return { theta: theta ?? defaults.theta, ...scaling, pairs: defaults.pairs, skippedLayers: defaults.skippedLayers ?? [] };
}

/** Parameters that each kind may have. An unknown one is refused: it would change the positions. */
const PARAMETERS: Readonly<Record<RopeKind, readonly string[]>> = {
  default: [],
  linear: ['factor'],
  dynamic: ['factor', 'original_max_position_embeddings'],
  yarn: ['factor', 'original_max_position_embeddings', 'attention_factor', 'beta_fast', 'beta_slow', 'mscale', 'mscale_all_dim', 'truncate'],
  longrope: ['factor', 'original_max_position_embeddings', 'attention_factor', 'short_factor', 'long_factor'],
  llama3: ['factor', 'original_max_position_embeddings', 'low_freq_factor', 'high_freq_factor'],
};

function parseScaling(fields: ConfigFields, field: string): Pick<Rope, 'kind' | 'parameters'> | undefined {
  const nested = fields.nested(field);
  if (nested === undefined) return undefined;
  const kind = nested.agree(['rope_type', 'type'], (name) => (nested.value(name) === undefined ? undefined : nested.word(name, ROPE_KINDS))) ?? 'default';
  const parameters: Record<string, number | boolean | readonly number[]> = {};
  for (const name of nested.names().sort()) {
    if (['rope_type', 'type', 'rope_theta'].includes(name)) continue;
    if (name === 'partial_rotary_factor' && nested.value(name) === 1) continue;
    if (!PARAMETERS[kind].includes(name)) throw nested.unsupported(name, nested.value(name), `no such field for rope of type ${kind}`);
    parameters[name] = parseParameter(nested, name);
  }
  return { kind, parameters };
}

function parseParameter(nested: ConfigFields, name: string): number | boolean | readonly number[] {
  const value = nested.value(name);
  if (typeof value === 'boolean' && name === 'truncate') return value;
  if (Array.isArray(value) && name.endsWith('_factor') && value.every((item) => typeof item === 'number' && Number.isFinite(item))) return value as number[];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw nested.invalid(name, 'a finite number', value);
}
