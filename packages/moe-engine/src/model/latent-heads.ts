/**
 * Queries, keys and values of multi-head latent attention (DeepSeek).
 *
 * Keys and values of all heads are projected from one vector of `keyValueRank` numbers per token, and one rotated part of a key is shared by all heads.
 * Each head's queries and keys are its plain part followed by the rotated one.
 *
 * @see DeepSeek-V2, 2024, section 2.1 · `modeling_deepseek_v2.py` of transformers 5.18
 * @module
 */
import type { LatentAttention, Topology } from '@connito/moe-core';
import type { Value } from '../graph/graph.ts';
import { joinLast, repeatHead, splitLast } from '../layers/heads.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import { rotate } from '../layers/rotary.ts';
import type { AttentionHeads } from '../layers/attention.ts';
import { attentionPrefix, toHeads } from './attention-heads.ts';
import type { DecoderContext } from './decoder-context.ts';
import { project } from './projection.ts';
import { yarnTemperature } from './rotary-frequencies.ts';

/** Which attention of a model. */
export interface LatentPlace {
  readonly layer: number;
  readonly attention: LatentAttention;
}

/** The norms of the latent vectors have this epsilon whatever the config says: in transformers they take their class's default. */
const LATENT_EPSILON = 1e-6;

/** Projects `x` — `[T, H]` — to heads of `plainDim + ropeDim` queries and keys and `valueDim` values. */
export function latentHeads(context: DecoderContext, x: Value, place: LatentPlace): AttentionHeads {
  const { graph, rotary } = context;
  const { heads, keyValueRank, plainDim, ropeDim, valueDim, bias } = place.attention;
  const prefix = attentionPrefix(context, place.layer);
  const [queryPlain, queryRope] = splitLast(graph, toHeads(context, projectQueries(context, x, place), { heads }), [plainDim, ropeDim]) as [Value, Value];
  const compressed = project(context, x, { name: `${prefix}kv_a_proj_with_mqa`, outputs: keyValueRank + ropeDim, bias });
  const [latent, keyRope] = splitLast(graph, compressed, [keyValueRank, ropeDim]) as [Value, Value];
  const expanded = project(context, latentNorm(context, latent, `${prefix}kv_a_layernorm`), { name: `${prefix}kv_b_proj`, outputs: heads * (plainDim + valueDim) });
  const [keyPlain, value] = splitLast(graph, toHeads(context, expanded, { heads }), [plainDim, valueDim]) as [Value, Value];
  const sharedRope = rotate(graph, toHeads(context, keyRope, { heads: 1 }), rotary);
  return {
    query: joinLast(graph, [queryPlain, rotate(graph, queryRope, rotary)]),
    key: joinLast(graph, [keyPlain, repeatHead(graph, sharedRope, heads)]),
    value,
    scale: latentScale(context.topology, plainDim + ropeDim),
  };
}

/** `[T, heads · (plainDim + ropeDim)]`: by one full matrix, or by way of `queryRank` numbers. */
function projectQueries(context: DecoderContext, x: Value, { layer, attention }: LatentPlace): Value {
  const { heads, queryRank, plainDim, ropeDim, bias } = attention;
  const [outputs, prefix] = [heads * (plainDim + ropeDim), attentionPrefix(context, layer)];
  if (queryRank === undefined) return project(context, x, { name: `${prefix}q_proj`, outputs });
  const compressed = project(context, x, { name: `${prefix}q_a_proj`, outputs: queryRank, bias });
  return project(context, latentNorm(context, compressed, `${prefix}q_a_layernorm`), { name: `${prefix}q_b_proj`, outputs });
}

function latentNorm({ graph, weight }: DecoderContext, x: Value, name: string): Value {
  return rmsNorm(graph, x, weight(`${name}.weight`, [x.shape[1]!]), LATENT_EPSILON);
}

/** `D^(−1/2)`, times the square of YaRN's temperature where the config says `mscale_all_dim`. */
function latentScale({ rope }: Topology, headDim: number): number {
  const { factor, mscale_all_dim: mscale } = rope.parameters;
  if (typeof factor !== 'number' || typeof mscale !== 'number' || mscale === 0) return headDim ** -0.5;
  return headDim ** -0.5 * yarnTemperature(factor, mscale) ** 2;
}
