/**
 * Queries, keys and values of grouped attention: most families.
 *
 * @see `modeling_qwen2_moe.py`, `modeling_qwen3_moe.py`, `modeling_olmoe.py`, `modeling_mixtral.py` of transformers 5.18
 * @module
 */
import type { GroupedAttention } from '@connito/moe-core';
import { fixed, type Value } from '../graph/graph.ts';
import { clamp } from '../layers/elementwise.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import { rotate } from '../layers/rotary.ts';
import { toHeads, type AttentionHeads } from './attention-heads.ts';
import type { DecoderContext } from './decoder-context.ts';
import { project } from './projection.ts';

/** Which attention of a model: what its tensors' names begin with (ends with a dot) and its sizes. */
export interface GroupedPlace {
  readonly prefix: string;
  readonly attention: GroupedAttention;
}

/** Projects `x` — `[T, H]`; queries and keys are normed over the full width or per head, clamped, and rotated. */
export function groupedHeads(context: DecoderContext, x: Value, { prefix, attention }: GroupedPlace): AttentionHeads {
  const { graph, topology, weight, rotary } = context;
  const { heads, keyValueHeads, headDim, biases, norm, clip } = attention;
  const normed = (value: Value, name: string): Value => rmsNorm(graph, value, weight(`${prefix}${name}.weight`, [fixed(value.shape.at(-1))]), topology.rmsNormEpsilon);
  const clipped = (value: Value): Value => (clip === undefined ? value : clamp(graph, value, clip));
  const projected = (name: string, count: number): Value => project(context, x, { name: prefix + name, outputs: count * headDim, bias: biases !== 'none' });
  const positioned = (letter: 'q' | 'k', count: number): Value => {
    const flat = projected(`${letter}_proj`, count);
    const wide = clipped(norm === 'width' ? normed(flat, `${letter}_norm`) : flat);
    return rotate(graph, toHeads(context, wide, { heads: count, perHead: (value) => (norm === 'head' ? normed(value, `${letter}_norm`) : value) }), rotary);
  };
  return {
    query: positioned('q', heads),
    key: positioned('k', keyValueHeads),
    value: toHeads(context, clipped(projected('v_proj', keyValueHeads)), { heads: keyValueHeads }),
    scale: headDim ** -0.5,
  };
}
