/**
 * The feed-forward half of a decoder layer that has experts.
 *
 * @module
 */
import { expertTensorNames } from '@connito/moe-core';
import type { Value } from '../graph/graph.ts';
import { combineRows, createDispatch, dispatchRows, dispatchWeights } from '../layers/dispatch.ts';
import { add, scaleRows, swiglu } from '../layers/elementwise.ts';
import { groupedLinear, linear } from '../layers/linear.ts';
import { route, type Routing } from '../layers/routing.ts';
import type { DecoderContext } from './decoder-context.ts';
import { normAfterAttention } from './dense-block.ts';

/** `x + Σ_k w_k · expert_k(rmsNorm(x))`. The weight multiplies the activation, before the down projection: same sum, less work. */
export function expertBlock(context: DecoderContext, x: Value, layer: number): { readonly hidden: Value; readonly routing: Routing } {
  const { graph, topology, weight } = context;
  const { hiddenSize, expertWidth, expertsPerLayer } = topology;
  const normed = normAfterAttention(context, x, layer);
  const logits = linear(graph, normed, weight(`model.layers.${layer}.mlp.gate.weight`, [expertsPerLayer, hiddenSize]));
  const routing = route(graph, logits, topology.routing);
  const dispatch = createDispatch(graph, routing, expertsPerLayer);
  const names = Array.from({ length: expertsPerLayer }, (_, expert) => expertTensorNames(topology, { layer, expert }));
  const rows = dispatchRows(graph, normed, dispatch);
  const gate = groupedLinear(graph, rows, names.map((name) => weight(name.gate, [expertWidth, hiddenSize])), dispatch);
  const up = groupedLinear(graph, rows, names.map((name) => weight(name.up, [expertWidth, hiddenSize])), dispatch);
  const activation = scaleRows(graph, swiglu(graph, gate, up), dispatchWeights(graph, routing.weights, dispatch));
  const down = groupedLinear(graph, activation, names.map((name) => weight(name.down, [hiddenSize, expertWidth])), dispatch);
  return { hidden: add(graph, x, combineRows(graph, down, dispatch)), routing };
}
