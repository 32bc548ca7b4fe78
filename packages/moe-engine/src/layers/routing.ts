/**
 * The router of one layer inside the graph: which experts a token goes to, and with what weights.
 *
 * Experts are ranked as `routeTokens` of moe-core ranks them: by logits, or by biased scores where the choice has a bias, the lower id first where two are equal.
 *
 * @see the `…TopKRouter` of each family in transformers 5.18
 * @module
 */
import type { RoutingGroups, RoutingRule } from '@connito/moe-core';
import { fixed, float, integers, scalar, type Graph, type Value } from '../graph/graph.ts';
import { sumLast } from './elementwise.ts';

/** A routing decision: `ids` — `int64 [T, K]`, by falling rank; `weights` — `[T, K]`, beside them. */
export interface Routing {
  readonly ids: Value;
  readonly weights: Value;
  /** `[T, E]`, what the router gave. */
  readonly logits: Value;
  /** `[T, E]`: `softmax(logits)` or, by the rule, `σ(logits)`. No rule for gradients: they flow through `weights`. */
  readonly probabilities: Value;
}

/** What is routed. */
export interface RouteInputs {
  /** `[T, E]` */
  readonly logits: Value;
  /** `[E]`, added to the scores that choose, not to those that weigh. */
  readonly selectionBias?: Value | undefined;
}

/** In the denominator of renormalised sigmoids, as in DeepSeek's code: a token whose scores are all 0 gets weights 0, not NaN. */
const NORMALIZER_FLOOR = 1e-20;

/**
 * `p = softmax(logits)` or `σ(logits)`, `ids = top-k` of the ranked, `v = p[ids]`, divided by its sum if `normalizeTopK`; `w = scale · v`.
 *
 * Rules (the choice of ids is piecewise constant): with `u_k = w_k · dw_k` for the chosen k, renormalised `u_k − v_k · Σu`,
 * softmax gives `dlogits = scatter(u) − p · Σu`, where Σu is 0 if renormalised; sigmoid `dlogits = scatter(u · (1 − p_k))`.
 */
export function route(graph: Graph, { logits, selectionBias }: RouteInputs, rule: RoutingRule): Routing {
  const { expertsPerToken, scoring = 'softmax', normalizeTopK, scale = 1 } = rule;
  const chosen = float(logits.shape[0] ?? null, expertsPerToken);
  const probabilities = scoring === 'softmax' ? graph.node('Softmax', [logits], float(...logits.shape), { axis: { int: -1 } }) : sigmoid(graph, logits);
  const ids = chooseExperts(graph, { logits, probabilities, selectionBias }, rule);
  const scores = graph.node('GatherElements', [probabilities, ids], chosen, { axis: { int: 1 } });
  const shares = normalizeTopK ? graph.node('Div', [scores, normalizer(graph, scores, scoring)], chosen) : scores;
  const weights = scale === 1 ? shares : graph.node('Mul', [shares, scalar(graph, scale)], chosen);
  const pullback = (g: Value): Value => {
    const weighted = graph.node('Mul', [g, weights], chosen);
    const centred = normalizeTopK ? graph.node('Sub', [weighted, graph.node('Mul', [shares, sumLast(graph, weighted)], chosen)], chosen) : weighted;
    if (scoring === 'sigmoid') return scatter(graph, ids, graph.node('Mul', [centred, graph.node('Sub', [scalar(graph, 1), scores], chosen)], chosen), logits);
    if (normalizeTopK) return scatter(graph, ids, centred, logits);
    const spread = graph.node('Mul', [probabilities, sumLast(graph, centred)], float(...logits.shape));
    return graph.node('Sub', [scatter(graph, ids, centred, logits), spread], float(...logits.shape));
  };
  graph.differentiable({ inputs: [logits], outputs: [weights], pullback: ([g]) => [g && pullback(g)] });
  return { ids, weights, logits, probabilities };
}

/** `1 / (1 + e^(−x))`. ONNX Runtime's own Sigmoid errs by 1e-7 whatever the result, which is much where small scores are divided by their sum. */
function sigmoid(graph: Graph, x: Value): Value {
  const spec = float(...x.shape);
  const power = graph.node('Exp', [graph.node('Neg', [x], spec)], spec);
  return graph.node('Reciprocal', [graph.node('Add', [power, scalar(graph, 1)], spec)], spec);
}

function normalizer(graph: Graph, scores: Value, scoring: 'softmax' | 'sigmoid'): Value {
  const sum = sumLast(graph, scores);
  return scoring === 'softmax' ? sum : graph.node('Add', [sum, scalar(graph, NORMALIZER_FLOOR)], float(...sum.shape));
}

/** `int64 [T, K]` */
function chooseExperts(graph: Graph, { logits, probabilities, selectionBias }: RouteInputs & Pick<Routing, 'probabilities'>, { expertsPerToken, groups }: RoutingRule): Value {
  const ranked = selectionBias === undefined ? logits : whereFinite(graph, logits, graph.node('Add', [probabilities, selectionBias], float(...logits.shape)));
  const open = groups === undefined ? ranked : keepGroups(graph, { ranked, summed: selectionBias === undefined ? probabilities : ranked }, groups);
  return largest(graph, open, expertsPerToken).ids;
}

/** What groups are judged by: `ranked` by its maximum, `summed` by its two largest. Both `[T, E]`. */
interface GroupScores {
  readonly ranked: Value;
  readonly summed: Value;
}

/** Below every score and above −∞: absent experts of kept groups come before all experts of others, which are never chosen. */
const LEAST_SCORE = -3e38;

/** Experts outside of the kept groups become −∞, absent ones inside just more. @returns `[T, E]` */
function keepGroups(graph: Graph, { ranked, summed }: GroupScores, { count, kept, score }: RoutingGroups): Value {
  const [tokens, experts] = ranked.shape.map(fixed) as [number, number];
  const grouped = float(tokens, count, experts / count);
  const cut = (value: Value): Value => graph.node('Reshape', [value, integers(graph, ...grouped.shape.map(fixed))], grouped);
  const best = graph.node('ReduceMax', [cut(ranked), integers(graph, 2)], float(tokens, count), { keepdims: { int: 0 } });
  const { ids } = largest(graph, score === 'max' ? best : whereFinite(graph, best, sumOfTwo(graph, cut(summed))), kept);
  const closed = graph.constant(new Float32Array(tokens * count).fill(-Infinity), [tokens, count]);
  const zeros = graph.constant(new Float32Array(tokens * kept), [tokens, kept]);
  const mask = graph.node('ScatterElements', [closed, ids, zeros], float(tokens, count), { axis: { int: 1 } });
  const perGroup = graph.node('Reshape', [mask, integers(graph, tokens, count, 1)], float(tokens, count, 1));
  const raised = graph.node('Max', [cut(ranked), scalar(graph, LEAST_SCORE)], grouped);
  return graph.node('Reshape', [graph.node('Add', [raised, perGroup], grouped), integers(graph, tokens, experts)], float(tokens, experts));
}

/** The sum of the two largest of each group, of which −∞ counts nothing: `[T, G, E/G]` → `[T, G]`. */
function sumOfTwo(graph: Graph, grouped: Value): Value {
  const { values } = largest(graph, grouped, 2);
  const counted = graph.node('Where', [isFinite(graph, values), values, scalar(graph, 0)], float(...values.shape));
  return graph.node('ReduceSum', [counted, integers(graph, 2)], float(...grouped.shape.slice(0, 2)), { keepdims: { int: 0 } });
}

/** `values` where `like` is above −∞, else −∞: what is masked stays so. */
function whereFinite(graph: Graph, like: Value, values: Value): Value {
  return graph.node('Where', [isFinite(graph, like), values, scalar(graph, -Infinity)], float(...values.shape));
}

function isFinite(graph: Graph, x: Value): Value {
  return graph.node('Greater', [x, scalar(graph, -Infinity)], { type: 'bool', shape: x.shape });
}

/** The `count` largest entries of the last axis and where they stand, falling; the lower index first where two are equal. */
function largest(graph: Graph, x: Value, count: number): { readonly values: Value; readonly ids: Value } {
  const shape = [...x.shape.slice(0, -1), count];
  const ranked = graph.profile === 'webgpu' ? graph.node('Max', [x, scalar(graph, ABOVE_FILLING)], float(...x.shape)) : x;
  const [values, ids] = graph.nodes('TopK', [ranked, integers(graph, count)], [float(...shape), { type: 'int64', shape }]) as [Value, Value];
  return { ids, values: ranked === x ? values : graph.node('GatherElements', [x, ids], float(...shape), { axis: { int: shape.length - 1 } }) };
}

/** WebGPU's TopK fills rows up with the least float32 under the id −1, which would come before −∞. */
const ABOVE_FILLING = -3.3e38;

/** Zeros in the shape of `like` with `values` at `[t, ids[t, k]]`; ids of a row are distinct, so nothing is added twice. */
function scatter(graph: Graph, ids: Value, values: Value, like: Value): Value {
  const sizes = like.shape.map(fixed);
  const zeros = graph.constant(new Float32Array(sizes.reduce((product, size) => product * size, 1)), sizes);
  return graph.node('ScatterElements', [zeros, ids, values], float(...sizes), { axis: { int: 1 } });
}
