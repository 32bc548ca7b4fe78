/**
 * The attention half of a decoder layer.
 *
 * @see `modeling_qwen3_moe.py` of transformers 5.18
 * @module
 */
import type { GroupedAttention, Topology } from '@connito/moe-core';
import type { Value } from '../graph/graph.ts';
import { causalAttention, rotate } from '../layers/attention.ts';
import { reshape, transpose } from '../layers/elementwise.ts';
import { linear } from '../layers/linear.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import type { DecoderContext } from './decoder-context.ts';

/** `x + Wo · attention(rmsNorm(x))`; `x` — `[T, H]`. */
export function attentionBlock(context: DecoderContext, x: Value, layer: number): Value {
  const { graph, topology, weight, rotary, mask, batchSize, sequenceLength } = context;
  const { hiddenSize, rmsNormEpsilon } = topology;
  const { heads, keyValueHeads, headDim } = groupedAttention(topology);
  const prefix = `model.layers.${layer}.self_attn`;
  const normed = rmsNorm(graph, x, weight(`model.layers.${layer}.input_layernorm.weight`, [hiddenSize]), rmsNormEpsilon);
  const project = (name: string, count: number): Value => {
    const flat = linear(graph, normed, weight(`${prefix}.${name}.weight`, [count * headDim, hiddenSize]));
    return reshape(graph, flat, [batchSize, sequenceLength, count, headDim]);
  };
  const toHeads = (value: Value): Value => transpose(graph, value, [0, 2, 1, 3]);
  const normHeads = (value: Value, name: string): Value => rmsNorm(graph, value, weight(`${prefix}.${name}.weight`, [headDim]), rmsNormEpsilon);
  const query = rotate(graph, toHeads(normHeads(project('q_proj', heads), 'q_norm')), rotary);
  const key = rotate(graph, toHeads(normHeads(project('k_proj', keyValueHeads), 'k_norm')), rotary);
  const value = toHeads(project('v_proj', keyValueHeads));
  const mixed = reshape(graph, toHeads(causalAttention(graph, { query, key, value, mask })), [batchSize * sequenceLength, heads * headDim]);
  return linear(graph, mixed, weight(`${prefix}.o_proj.weight`, [hiddenSize, heads * headDim]), x);
}

/** Attention of a model that `assertSupported` let through. */
export function groupedAttention({ attention }: Topology): GroupedAttention {
  if (attention.kind === 'grouped') return attention;
  throw new TypeError(`expected grouped attention, got ${attention.kind}`);
}
