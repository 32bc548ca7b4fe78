/**
 * Attention from a config: heads, latent ranks, and what each layer sees.
 * @module
 */
import type { ConfigFields } from '../../internal/config-fields.ts';
import type { AttentionSpan, GroupedAttention, LatentAttention } from '../topology.ts';

/** What a family says of its grouped attention. */
export interface GroupedAttentionTraits {
  readonly biases: GroupedAttention['biases'];
  readonly norm: GroupedAttention['norm'];
  /** Width of a head where `head_dim` is absent; `hidden_size / num_attention_heads` unless given. */
  readonly headDim?: number;
  readonly sinks?: boolean;
  readonly clip?: number | undefined;
  readonly temperature?: GroupedAttention['temperature'];
  /** Heads, and those of keys and values, where their fields are absent; heads must be there and keys have as many unless given. */
  readonly heads?: number;
  readonly keyValueHeads?: number;
}

/** Heads of equal width, keys and values shared by groups of queries. */
export function parseGroupedAttention(fields: ConfigFields, hiddenSize: number, traits: GroupedAttentionTraits): GroupedAttention {
  const heads = fields.size('num_attention_heads', traits.heads);
  const keyValueHeads = fields.size('num_key_value_heads', traits.keyValueHeads ?? heads);
  if (heads % keyValueHeads !== 0) throw fields.contradiction('num_key_value_heads', 'num_attention_heads');
  const headDim = fields.optionalSize('head_dim') ?? traits.headDim ?? hiddenSize / heads;
  if (!Number.isInteger(headDim)) throw fields.contradiction('hidden_size', 'num_attention_heads');
  if (headDim % 2 !== 0) throw fields.invalid('head_dim', 'an even number (rope turns pairs)', headDim);
  const { biases, norm, sinks = false, clip, temperature } = traits;
  return { kind: 'grouped', heads, keyValueHeads, headDim, biases, norm, sinks, clip, temperature };
}

/** Multi-head latent attention, with keys and values for every head. `q_lora_rank: null` means one full query matrix; left out, it is the reference's 1,536. */
export function parseLatentAttention(fields: ConfigFields): LatentAttention {
  const heads = fields.size('num_attention_heads');
  if (fields.size('num_key_value_heads', heads) !== heads) throw fields.contradiction('num_key_value_heads', 'num_attention_heads');
  const ropeDim = fields.size('qk_rope_head_dim', 64);
  if (ropeDim % 2 !== 0) throw fields.invalid('qk_rope_head_dim', 'an even number (rope turns pairs)', ropeDim);
  return {
    kind: 'latent',
    heads,
    queryRank: fields.isNull('q_lora_rank') ? undefined : fields.size('q_lora_rank', 1536),
    keyValueRank: fields.size('kv_lora_rank', 512),
    plainDim: fields.size('qk_nope_head_dim', 128),
    ropeDim,
    valueDim: fields.size('v_head_dim', 128),
    bias: fields.flag('attention_bias', false),
  };
}

const FULL: AttentionSpan = Object.freeze({ kind: 'full' });

/** Which layers see less than everything, where the config has no `layer_types`. */
export interface SpanRule {
  /** The kind of a layer's span, `undefined` for full. */
  readonly windowed: (layer: number) => 'window' | 'chunk' | undefined;
  /** Length of a window or chunk where its field is absent. */
  readonly tokens?: number;
}

const KINDS: Readonly<Record<string, 'window' | 'chunk' | undefined>> = { full_attention: undefined, sliding_attention: 'window', chunked_attention: 'chunk' };

/** Spans from `layer_types` where there are any, else from the family's rule; lengths from `sliding_window` and `attention_chunk_size`; null there is no limit. */
export function parseSpans(fields: ConfigFields, layers: number, rule: SpanRule): readonly AttentionSpan[] {
  const kinds = fields.value('layer_types');
  if (kinds !== undefined) assertLayerTypes(fields, kinds, layers);
  return Array.from({ length: layers }, (_, layer) => {
    const kind = kinds === undefined ? rule.windowed(layer) : KINDS[(kinds as string[])[layer]!];
    if (kind === undefined) return FULL;
    const field = kind === 'window' ? 'sliding_window' : 'attention_chunk_size';
    if (fields.isNull(field)) return FULL;
    return { kind, tokens: fields.size(field, rule.tokens) };
  });
}

function assertLayerTypes(fields: ConfigFields, kinds: unknown, layers: number): void {
  if (!Array.isArray(kinds) || kinds.some((kind) => typeof kind !== 'string' || !Object.hasOwn(KINDS, kind))) {
    throw fields.unsupported('layer_types', kinds, `an array of ${Object.keys(KINDS).join(', ')}`);
  }
  if (kinds.length !== layers) throw fields.contradiction('layer_types', 'num_hidden_layers');
}
