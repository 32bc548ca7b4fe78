/**
 * The feed-forward half of a decoder layer that has experts.
 *
 * @module
 */
import { expertTensorNames } from '@connito/moe-core';
import type { Value } from '../graph/graph.ts';
import { combineRows, createDispatch, dispatchRows, dispatchWeights } from '../layers/dispatch.ts';
import { add, scaleRows, swiglu } from '../layers/elementwise.ts';
import { maskLogits } from '../layers/expert-mask.ts';
import { groupedLinear, linear } from '../layers/linear.ts';
import { route, type Routing } from '../layers/routing.ts';
import type { DecoderContext } from './decoder-context.ts';
import { normAfterAttention } from './dense-block.ts';
import { presentInLayer } from './present-experts.ts';

/** `x + Σ_k w_k · expert_k(rmsNorm(x))`, the sum over the present experts that a token goes to. */
export function expertBlock(context: DecoderContext, x: Value, layer: number): { readonly hidden: Value; readonly routing: Routing } {
  const { graph, topology } = context;
  const normed = normAfterAttention(context, x, layer);
  const present = presentInLayer(topology, context.present, layer);
  const routing = route(graph, routerLogits(context, normed, { layer, present }), topology.routing);
  if (present.length === 0) return { hidden: x, routing };
  return { hidden: add(graph, x, expertSum(context, normed, { layer, present, routing })), routing };
}

interface HeldExperts {
  readonly layer: number;
  /** Ascending. */
  readonly present: readonly number[];
}

/** `[T, E]` over all experts: gates keep the topology of the full model. */
function routerLogits({ graph, topology, weight, present: partial }: DecoderContext, normed: Value, { layer, present }: HeldExperts): Value {
  const logits = linear(graph, normed, weight(`model.layers.${layer}.mlp.gate.weight`, [topology.expertsPerLayer, topology.hiddenSize]));
  return partial?.routing === 'masked' ? maskLogits(graph, logits, present) : logits;
}

/** The weight multiplies the activation, before the down projection: same sum, less work. */
function expertSum({ graph, topology, weight }: DecoderContext, normed: Value, { layer, present, routing }: HeldExperts & { readonly routing: Routing }): Value {
  const { hiddenSize, expertWidth, expertsPerLayer } = topology;
  const dispatch = createDispatch(graph, routing, { experts: expertsPerLayer, present });
  const names = present.map((expert) => expertTensorNames(topology, { layer, expert }));
  const rows = dispatchRows(graph, normed, dispatch);
  const gate = groupedLinear(graph, rows, names.map((name) => weight(name.gate, [expertWidth, hiddenSize])), dispatch);
  const up = groupedLinear(graph, rows, names.map((name) => weight(name.up, [expertWidth, hiddenSize])), dispatch);
  const activation = scaleRows(graph, swiglu(graph, gate, up), dispatchWeights(graph, routing.weights, dispatch));
  const down = groupedLinear(graph, activation, names.map((name) => weight(name.down, [hiddenSize, expertWidth])), dispatch);
  return combineRows(graph, down, dispatch);
}
