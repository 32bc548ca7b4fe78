/**
 * A feed-forward network that every token passes: that of a layer without experts, or the shared experts.
 *
 * @module
 */
import type { Value } from '../graph/graph.ts';
import { swiglu } from '../layers/elementwise.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import { layerPrefix, type DecoderContext } from './decoder-context.ts';
import { project } from './projection.ts';

/** Which network. */
export interface FeedForward {
  /** What the names of its projections begin with; ends with a dot. */
  readonly prefix: string;
  readonly width: number;
  /** `[T, H]`, added to the result. */
  readonly residual?: Value | undefined;
}

/** `Wd · swiglu(Wg · x, Wu · x) + residual`; `x` — `[T, H]`. */
export function feedForward(context: DecoderContext, x: Value, { prefix, width, residual }: FeedForward): Value {
  const { graph, topology } = context;
  const { hiddenSize, denseBias: bias } = topology;
  const gate = project(context, x, { name: `${prefix}gate_proj`, outputs: width, bias });
  const up = project(context, x, { name: `${prefix}up_proj`, outputs: width, bias });
  return project(context, swiglu(graph, gate, up), { name: `${prefix}down_proj`, outputs: hiddenSize, bias, residual });
}

/** The norm between the two halves of a layer; `x` — `[T, H]`. */
export function normAfterAttention(context: DecoderContext, x: Value, layer: number): Value {
  const { graph, topology, weight } = context;
  return rmsNorm(graph, x, weight(`${layerPrefix(context, layer)}post_attention_layernorm.weight`, [topology.hiddenSize]), topology.rmsNormEpsilon);
}
