/** Attention in plain float64 loops. */
import type { AttentionSpan, GroupedAttention, LatentAttention, Topology } from '@connito/moe-core';
import { dot, norm, project, softmax, type Vector, type Weights } from './reference-arithmetic.ts';
import { temperature, turn } from './reference-rope.ts';

/** Queries, keys and values of a row: position, head, number. */
interface Heads {
  readonly query: readonly Vector[][];
  readonly key: readonly Vector[][];
  readonly value: readonly Vector[][];
  readonly scale: number;
}

/** What attention adds to each position of a row; `x` is normed. */
export function attention(topology: Topology, weights: Weights, layer: number, x: readonly Vector[]): number[][] {
  const prefix = `${topology.namePrefix}model.layers.${layer}.self_attn.`;
  const { query, key, value, scale } = topology.attention.kind === 'latent' ? latent(topology, topology.attention, { weights, prefix, x, layer }) : grouped(topology, topology.attention, { weights, prefix, x, layer });
  return x.map((_, t) => {
    const seen = Array.from({ length: t + 1 }, (_unused, s) => s).filter((s) => reaches(topology.spans[layer]!, t, s));
    const mixed = query[t]!.flatMap((q, head) => {
      const shared = Math.floor((head * key[t]!.length) / query[t]!.length);
      const probabilities = softmax(seen.map((s) => scale * dot(q, key[s]![shared]!)));
      return value[t]![shared]!.map((_entry, d) => probabilities.reduce((sum, p, i) => sum + p * value[seen[i]!]![shared]![d]!, 0));
    });
    return project(weights, `${prefix}o_proj`, mixed);
  });
}

function reaches(span: AttentionSpan, t: number, s: number): boolean {
  if (span.kind === 'window') return s > t - span.tokens;
  return span.kind === 'full' || Math.floor(s / span.tokens) === Math.floor(t / span.tokens);
}

interface Row {
  readonly weights: Weights;
  readonly prefix: string;
  readonly layer: number;
  readonly x: readonly Vector[];
}

function grouped(topology: Topology, { heads, keyValueHeads, headDim, norm: kind, clip = Infinity, temperature: tuned }: GroupedAttention, { weights, prefix, layer, x }: Row): Heads {
  const hasRope = !topology.rope.skippedLayers.includes(layer);
  const clipped = (values: Vector): Vector => values.map((entry) => Math.min(clip, Math.max(-clip, entry)));
  const normed = (values: Vector, name: string): Vector => norm(values, weights.get(`${prefix}${name}.weight`)!, topology.rmsNormEpsilon);
  const positioned = (letter: string, count: number): Vector[][] =>
    x.map((row, position) => {
      const flat = project(weights, `${prefix}${letter}_proj`, row);
      return cut(clipped(kind === 'width' ? normed(flat, `${letter}_norm`) : flat), count).map((part) => {
        const own = kind === 'head' ? normed(part, `${letter}_norm`) : part;
        if (!hasRope) return letter === 'q' && tuned !== undefined ? own.map((entry) => entry * (Math.log1p(Math.floor((position + 1) / tuned.floor)) * tuned.scale + 1)) : own;
        const turned = turn(topology, own, { position, sequenceLength: x.length });
        return kind === 'l2' ? norm(turned, turned.map(() => 1), topology.rmsNormEpsilon) : turned;
      });
    });
  return {
    query: positioned('q', heads),
    key: positioned('k', keyValueHeads),
    value: x.map((row) => cut(clipped(project(weights, `${prefix}v_proj`, row)), keyValueHeads)),
    scale: topology.multipliers?.attention ?? 1 / Math.sqrt(headDim),
  };
}

function latent(topology: Topology, { heads, queryRank, keyValueRank, plainDim, ropeDim }: LatentAttention, { weights, prefix, x }: Row): Heads {
  const through = (values: Vector, name: string): Vector => norm(values, weights.get(`${prefix}${name}.weight`)!, 1e-6);
  const turned = (values: Vector, position: number): Vector => turn(topology, values, { position, sequenceLength: x.length });
  const positions = x.map((row, position) => {
    const flat = queryRank === undefined ? project(weights, `${prefix}q_proj`, row) : project(weights, `${prefix}q_b_proj`, through(project(weights, `${prefix}q_a_proj`, row), 'q_a_layernorm'));
    const compressed = project(weights, `${prefix}kv_a_proj_with_mqa`, row);
    const expanded = cut(project(weights, `${prefix}kv_b_proj`, through(compressed.slice(0, keyValueRank), 'kv_a_layernorm')), heads);
    const shared = turned(compressed.slice(keyValueRank), position);
    return {
      query: cut(flat, heads).map((q) => [...q.slice(0, plainDim), ...turned(q.slice(plainDim), position)]),
      key: expanded.map((part) => [...part.slice(0, plainDim), ...shared]),
      value: expanded.map((part) => part.slice(plainDim)),
    };
  });
  const { factor = 1, mscale_all_dim: mscale = 0 } = topology.rope.parameters as Record<string, number>;
  return {
    query: positions.map(({ query }) => query),
    key: positions.map(({ key }) => key),
    value: positions.map(({ value }) => value),
    scale: (mscale === 0 ? 1 : temperature(factor, mscale) ** 2) / Math.sqrt(plainDim + ropeDim),
  };
}

function cut(flat: Vector, count: number): Vector[] {
  const width = flat.length / count;
  return Array.from({ length: count }, (_, head) => flat.slice(head * width, (head + 1) * width));
}
