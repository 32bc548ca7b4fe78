/**
 * The feed-forward half of a decoder layer that has experts.
 *
 * @module
 */
import { expertTensorNames, routerTensorNames, sharedTensorNames } from '@connito/moe-core';
import { fixed, type Graph, type Value } from '../graph/graph.ts';
import { combineRows, createDispatch, dispatchRows, dispatchWeights } from '../layers/dispatch.ts';
import { add, gateRows, scaleRows } from '../layers/elementwise.ts';
import { maskLogits } from '../layers/expert-mask.ts';
import { expertNetworks } from '../layers/expert-networks.ts';
import { linear } from '../layers/linear.ts';
import { route, type Routing } from '../layers/routing.ts';
import type { DecoderContext } from './decoder-context.ts';
import { feedForward, normAfterAttention } from './feed-forward.ts';
import { presentInLayer } from './present-experts.ts';
import { addBranch } from './residual.ts';

/** `x + Σ_k w_k · expert_k(h) + shared(h)` with `h = rmsNorm(x)`, the sum over the present experts that a token goes to. */
export function expertBlock(context: DecoderContext, x: Value, layer: number): { readonly hidden: Value; readonly routing: Routing } {
  const normed = normAfterAttention(context, x, layer);
  const present = presentInLayer(context.topology, context.present, layer);
  const routing = routeRows(context, normed, { layer, present });
  const sum = present.length === 0 ? undefined : expertSum(context, normed, { layer, present, routing });
  const withShared = (residual: Value | undefined): Value | undefined => addSharedExperts(context, { x: normed, layer, residual: addUp(context, residual, sum) });
  return { hidden: addBranch(context, x, withShared), routing };
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

/** `Σ_k w_k · expert_k(x)`, or `Σ_k expert_k(w_k · x)` by the model's rule. */
function expertSum({ graph, topology, weight }: DecoderContext, x: Value, { layer, present, routing }: HeldExperts & { readonly routing: Routing }): Value {
  const { hiddenSize, expertWidth, expertsPerLayer } = topology;
  const dispatch = createDispatch(graph, routing, { experts: expertsPerLayer, present });
  const experts = present.map((expert) => {
    const names = expertTensorNames(topology, { layer, expert });
    return { gate: weight(names.gate, [expertWidth, hiddenSize]), up: weight(names.up, [expertWidth, hiddenSize]), down: weight(names.down, [hiddenSize, expertWidth]) };
  });
  const rows = dispatchRows(graph, x, dispatch);
  const shares = dispatchWeights(graph, routing.weights, dispatch);
  const given = topology.routingWeightsOn === 'output' ? { rows, shares } : { rows: scaleRows(graph, rows, shares), shares: dispatchWeights(graph, onesLike(graph, routing.weights), dispatch) };
  return combineRows(graph, expertNetworks(graph, { ...given, groups: dispatch.groups }, experts), dispatch);
}

function onesLike(graph: Graph, x: Value): Value {
  const sizes = x.shape.map(fixed);
  return graph.constant(new Float32Array(sizes.reduce((product, size) => product * size, 1)).fill(1), sizes);
}

interface SharedRows {
  /** `[T, H]` */
  readonly x: Value;
  readonly layer: number;
  /** `[T, H]`; `undefined` is nothing. */
  readonly residual: Value | undefined;
}

/** `residual + shared(x)`, or `residual + σ(x · g) · shared(x)` where the shared experts are gated. */
function addSharedExperts(context: DecoderContext, { x, layer, residual }: SharedRows): Value | undefined {
  const { graph, topology, weight } = context;
  const names = sharedTensorNames(topology, layer);
  if (names === undefined) return residual;
  const network = { prefix: names.prefix, width: topology.sharedExperts!.width };
  if (names.gate === undefined) return feedForward(context, x, { ...network, residual });
  const gate = linear(graph, x, weight(names.gate, [1, topology.hiddenSize]));
  return addUp(context, residual, gateRows(graph, feedForward(context, x, network), gate));
}

/** `a + b`, where `undefined` is nothing. */
function addUp<T extends Value | undefined>({ graph }: DecoderContext, a: Value | undefined, b: T): Value | T {
  if (a === undefined) return b;
  return b === undefined ? a : add(graph, a, b);
}
