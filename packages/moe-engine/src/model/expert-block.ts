/**
 * The feed-forward half of a decoder layer that has experts.
 *
 * @module
 */
import { expertTensorNames, routerTensorNames, sharedTensorNames } from '@connito/moe-core';
import type { Value } from '../graph/graph.ts';
import { combineRows, createDispatch, dispatchRows, dispatchWeights } from '../layers/dispatch.ts';
import { add, gateRows } from '../layers/elementwise.ts';
import { maskLogits } from '../layers/expert-mask.ts';
import { expertNetworks } from '../layers/expert-networks.ts';
import { linear } from '../layers/linear.ts';
import { route, type Routing } from '../layers/routing.ts';
import type { DecoderContext } from './decoder-context.ts';
import { feedForward, normAfterAttention } from './feed-forward.ts';
import { presentInLayer } from './present-experts.ts';

/** `x + Σ_k w_k · expert_k(h) + shared(h)` with `h = rmsNorm(x)`, the sum over the present experts that a token goes to. */
export function expertBlock(context: DecoderContext, x: Value, layer: number): { readonly hidden: Value; readonly routing: Routing } {
  const normed = normAfterAttention(context, x, layer);
  const present = presentInLayer(context.topology, context.present, layer);
  const routing = routeRows(context, normed, { layer, present });
  const withExperts = present.length === 0 ? x : add(context.graph, x, expertSum(context, normed, { layer, present, routing }));
  return { hidden: addSharedExperts(context, { x: normed, layer, residual: withExperts }), routing };
}

interface HeldExperts {
  readonly layer: number;
  /** Ascending. */
  readonly present: readonly number[];
}

/** Logits are over all experts: gates keep the topology of the full model. */
function routeRows({ graph, topology, weight, present: partial }: DecoderContext, x: Value, { layer, present }: HeldExperts): Routing {
  const { expertsPerLayer, hiddenSize } = topology;
  const names = routerTensorNames(topology, layer);
  const all = linear(graph, x, weight(names.weight, [expertsPerLayer, hiddenSize]));
  const logits = partial?.routing === 'masked' ? maskLogits(graph, all, present) : all;
  const selectionBias = names.selectionBias === undefined ? undefined : weight(names.selectionBias, [expertsPerLayer]);
  return route(graph, { logits, selectionBias }, topology.routing);
}

/** `Σ_k w_k · expert_k(x)` */
function expertSum({ graph, topology, weight }: DecoderContext, x: Value, { layer, present, routing }: HeldExperts & { readonly routing: Routing }): Value {
  const { hiddenSize, expertWidth, expertsPerLayer } = topology;
  const dispatch = createDispatch(graph, routing, { experts: expertsPerLayer, present });
  const experts = present.map((expert) => {
    const names = expertTensorNames(topology, { layer, expert });
    return { gate: weight(names.gate, [expertWidth, hiddenSize]), up: weight(names.up, [expertWidth, hiddenSize]), down: weight(names.down, [hiddenSize, expertWidth]) };
  });
  const rows = dispatchRows(graph, x, dispatch);
  const shares = dispatchWeights(graph, routing.weights, dispatch);
  return combineRows(graph, expertNetworks(graph, { rows, shares, groups: dispatch.groups }, experts), dispatch);
}

interface SharedRows {
  /** `[T, H]` */
  readonly x: Value;
  readonly layer: number;
  /** `[T, H]` */
  readonly residual: Value;
}

/** `residual + shared(x)`, or `residual + σ(x · g) · shared(x)` where the shared experts are gated. */
function addSharedExperts(context: DecoderContext, { x, layer, residual }: SharedRows): Value {
  const { graph, topology, weight } = context;
  const names = sharedTensorNames(topology, layer);
  if (names === undefined) return residual;
  const network = { prefix: names.prefix, width: topology.sharedExperts!.width };
  if (names.gate === undefined) return feedForward(context, x, { ...network, residual });
  const gate = linear(graph, x, weight(names.gate, [1, topology.hiddenSize]));
  return add(graph, residual, gateRows(graph, feedForward(context, x, network), gate));
}
