/**
 * Queries, keys and values of grouped attention: most families.
 *
 * @see `modeling_qwen2_moe.py`, `modeling_qwen3_moe.py`, `modeling_olmoe.py`, `modeling_mixtral.py`, `modeling_granitemoe.py`, `modeling_llama4.py` of transformers 5.18
 * @module
 */
import type { GroupedAttention, Topology } from '@connito/moe-core';
import { fixed, float, integers, scalar, type Graph, type Value } from '../graph/graph.ts';
import { clamp, scaleRows } from '../layers/elementwise.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import { rotate } from '../layers/rotary.ts';
import type { AttentionHeads } from '../layers/attention.ts';
import { attentionPrefix, toHeads } from './attention-heads.ts';
import type { DecoderContext } from './decoder-context.ts';
import { project } from './projection.ts';

/** Which attention of a model. */
export interface GroupedPlace {
  readonly layer: number;
  readonly attention: GroupedAttention;
}

/** Projects `x` — `[T, H]` — to heads of queries, keys and values, and gives queries and keys their positions. */
export function groupedHeads(context: DecoderContext, x: Value, { layer, attention }: GroupedPlace): AttentionHeads {
  const { graph, topology } = context;
  const { heads, keyValueHeads, headDim, biases, clip } = attention;
  const prefix = attentionPrefix(context, layer);
  const clipped = (value: Value): Value => (clip === undefined ? value : clamp(graph, value, clip));
  const projected = (name: string, count: number): Value => project(context, x, { name: prefix + name, outputs: count * headDim, bias: biases !== 'none' });
  const positioned = (letter: 'q' | 'k', count: number): Value => {
    const flat = projected(`${letter}_proj`, count);
    const normed = (value: Value): Value => rmsNorm(graph, value, context.weight(`${prefix}${letter}_norm.weight`, [fixed(value.shape.at(-1))]), topology.rmsNormEpsilon);
    const wide = clipped(attention.norm === 'width' ? normed(flat) : flat);
    return withPositions(context, toHeads(context, wide, { heads: count, perHead: (value) => (attention.norm === 'head' ? normed(value) : value) }), { layer, attention });
  };
  const query = positioned('q', heads);
  return {
    query: attention.temperature === undefined || hasRope(topology, layer) ? query : scaleByPosition(graph, query, { positions: context.rotary.positions, ...attention.temperature }),
    key: positioned('k', keyValueHeads),
    value: toHeads(context, clipped(projected('v_proj', keyValueHeads)), { heads: keyValueHeads }),
    scale: topology.multipliers?.attention ?? headDim ** -0.5,
  };
}

function hasRope({ rope }: Topology, layer: number): boolean {
  return !rope.skippedLayers.includes(layer);
}

/** Rope, and after it the norm without weights where the model has one; nothing in layers without rope. `x` — `[B, heads, S, D]`. */
function withPositions({ graph, topology, rotary }: DecoderContext, x: Value, { layer, attention }: GroupedPlace): Value {
  if (!hasRope(topology, layer)) return x;
  const turned = rotate(graph, x, rotary);
  if (attention.norm !== 'l2') return turned;
  return rmsNorm(graph, turned, graph.constant(new Float32Array(attention.headDim).fill(1), [attention.headDim]), topology.rmsNormEpsilon);
}

interface PositionScale extends NonNullable<GroupedAttention['temperature']> {
  /** `int64 [B, S]` */
  readonly positions: Value;
}

/** `x · (ln(1 + ⌊(position + 1) / floor⌋) · scale + 1)`; `x` — `[B, heads, S, D]`. */
function scaleByPosition(graph: Graph, x: Value, { positions, floor, scale }: PositionScale): Value {
  const column = float(fixed(positions.shape[0]), 1, fixed(positions.shape[1]), 1);
  const numbers = graph.node('Cast', [graph.node('Reshape', [positions, integers(graph, ...column.shape.map(fixed))], { type: 'int64', shape: column.shape })], column, { to: { int: 1 } });
  const steps = graph.node('Floor', [graph.node('Div', [graph.node('Add', [numbers, scalar(graph, 1)], column), scalar(graph, floor)], column)], column);
  const logarithms = graph.node('Log', [graph.node('Add', [steps, scalar(graph, 1)], column)], column);
  const factors = graph.node('Add', [graph.node('Mul', [logarithms, scalar(graph, scale)], column), scalar(graph, 1)], column);
  return scaleRows(graph, x, factors);
}
