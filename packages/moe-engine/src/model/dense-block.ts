/**
 * The feed-forward half of a decoder layer without experts.
 *
 * @module
 */
import type { Value } from '../graph/graph.ts';
import { swiglu } from '../layers/elementwise.ts';
import { linear } from '../layers/linear.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import type { DecoderContext } from './decoder-context.ts';

/** `x + Wd · swiglu(Wg · h, Wu · h)` with `h = rmsNorm(x)`. */
export function denseBlock(context: DecoderContext, x: Value, layer: number): Value {
  const { graph, topology, weight } = context;
  const normed = normAfterAttention(context, x, layer);
  const project = (name: string): Value => linear(graph, normed, weight(`model.layers.${layer}.mlp.${name}.weight`, [topology.denseWidth, topology.hiddenSize]));
  const activation = swiglu(graph, project('gate_proj'), project('up_proj'));
  return linear(graph, activation, weight(`model.layers.${layer}.mlp.down_proj.weight`, [topology.hiddenSize, topology.denseWidth]), x);
}

/** The norm between the two halves of a layer; `x` — `[T, H]`. */
export function normAfterAttention({ graph, topology, weight }: DecoderContext, x: Value, layer: number): Value {
  return rmsNorm(graph, x, weight(`model.layers.${layer}.post_attention_layernorm.weight`, [topology.hiddenSize]), topology.rmsNormEpsilon);
}
