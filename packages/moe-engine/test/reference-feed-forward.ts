/** Dense layers, shared experts and routed experts in plain float64 loops. */
import { blockPrefix, expertTensorNames, routerTensorNames, sharedTensorNames, type RoutingRule, type Topology } from '@connito/moe-core';
import { dot, plus, project, sigmoid, softmax, times, type Vector, type Weights } from './reference-arithmetic.ts';

/** What the feed-forward half of a layer adds; `x` is normed. */
export function feedForward(topology: Topology, weights: Weights, layer: number, x: Vector): number[] {
  if (!topology.moeLayers.includes(layer)) return network(weights, blockPrefix(topology, layer), x);
  const routed = routedExperts(topology, weights, layer, x);
  const shared = sharedTensorNames(topology, layer);
  if (shared === undefined) return routed;
  const out = network(weights, shared.prefix, x);
  const gate = shared.gate === undefined ? 1 : sigmoid(dot(x, Array.from(weights.get(shared.gate)!)));
  return plus(routed, out, gate);
}

function network(weights: Weights, prefix: string, x: Vector): number[] {
  const [gate, up] = [project(weights, `${prefix}gate_proj`, x), project(weights, `${prefix}up_proj`, x)];
  return project(weights, `${prefix}down_proj`, swiglu(gate, up));
}

function swiglu(gate: Vector, up: Vector): number[] {
  return gate.map((z, i) => z * sigmoid(z) * up[i]!);
}

function routedExperts(topology: Topology, weights: Weights, layer: number, x: Vector): number[] {
  const { hiddenSize, expertWidth, expertsPerLayer, routing } = topology;
  const router = routerTensorNames(topology, layer);
  const logits = times(weights.get(router.weight)!, x, expertsPerLayer);
  const bias = router.selectionBias === undefined ? undefined : Array.from(weights.get(router.selectionBias)!);
  return chooseExperts(routing, logits, bias).reduce((sum, { id, weight }) => {
    const names = expertTensorNames(topology, { layer, expert: id });
    const [inner, outer] = topology.routingWeightsOn === 'input' ? [weight, 1] : [1, weight];
    const given = x.map((entry) => inner * entry);
    const activation = swiglu(times(weights.get(names.gate)!, given, expertWidth), times(weights.get(names.up)!, given, expertWidth));
    return plus(sum, times(weights.get(names.down)!, activation, hiddenSize), outer);
  }, Array.from({ length: hiddenSize }, () => 0));
}

interface Choice {
  readonly id: number;
  readonly weight: number;
}

function chooseExperts({ experts, expertsPerToken, scoring = 'softmax', normalizeTopK, scale = 1, groups }: RoutingRule, logits: Vector, bias: Vector | undefined): Choice[] {
  const scores = scoring === 'softmax' ? softmax(logits) : logits.map(sigmoid);
  const ranked = scores.map((score, id) => score + (bias?.[id] ?? 0));
  const size = groups === undefined ? experts : experts / groups.count;
  const best = Array.from({ length: experts / size }, (_, group) => {
    const sorted = ranked.slice(group * size, (group + 1) * size).sort((a, b) => b - a);
    return groups?.score === 'top2-sum' ? sorted[0]! + sorted[1]! : sorted[0]!;
  });
  const kept = order(best).slice(0, groups?.kept ?? 1);
  const chosen = order(ranked).filter((id) => kept.includes(Math.floor(id / size))).slice(0, expertsPerToken);
  const total = normalizeTopK ? chosen.reduce((sum, id) => sum + scores[id]!, 0) : 1;
  return chosen.map((id) => ({ id, weight: (scale * scores[id]!) / total }));
}

/** Indices by falling value, the lower first where two are equal. */
function order(values: Vector): number[] {
  return values.map((_, index) => index).sort((a, b) => values[b]! - values[a]! || a - b);
}
