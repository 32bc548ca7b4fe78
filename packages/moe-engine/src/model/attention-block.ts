/**
 * The attention half of a decoder layer.
 *
 * @module
 */
import type { Value } from '../graph/graph.ts';
import { reshape, transpose } from '../layers/elementwise.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import type { AttentionHeads } from '../layers/attention.ts';
import { layerPrefix, type DecoderContext } from './decoder-context.ts';
import { groupedHeads } from './grouped-heads.ts';
import { latentHeads } from './latent-heads.ts';
import { project } from './projection.ts';
import { addBranch } from './residual.ts';

/** `x + Wo · attention(rmsNorm(x))`; `x` — `[T, H]`. */
export function attentionBlock(context: DecoderContext, x: Value, layer: number): Value {
  const { graph, topology, weight } = context;
  const { hiddenSize, rmsNormEpsilon, attention } = topology;
  const prefix = layerPrefix(context, layer);
  const normed = rmsNorm(graph, x, weight(`${prefix}input_layernorm.weight`, [hiddenSize]), rmsNormEpsilon);
  const mixed = joinHeads(context, context.attend(projectHeads(context, normed, layer), layer));
  const bias = attention.kind === 'latent' ? attention.bias : attention.biases === 'all';
  return addBranch(context, x, (residual) => project(context, mixed, { name: `${prefix}self_attn.o_proj`, outputs: hiddenSize, bias, residual }));
}

function projectHeads(context: DecoderContext, x: Value, layer: number): AttentionHeads {
  const { attention } = context.topology;
  return attention.kind === 'latent' ? latentHeads(context, x, { layer, attention }) : groupedHeads(context, x, { layer, attention });
}

/** `[B, heads, S, Dv]` → `[T, heads · Dv]` */
function joinHeads({ graph, batchSize, sequenceLength }: DecoderContext, heads: Value): Value {
  const rows = transpose(graph, heads, [0, 2, 1, 3]);
  return reshape(graph, rows, [batchSize * sequenceLength, rows.shape.slice(2).reduce<number>((product, size) => product * size!, 1)]);
}
