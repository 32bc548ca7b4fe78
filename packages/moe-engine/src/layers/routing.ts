/**
 * The router of one layer inside the graph: which experts a token goes to, and with what weights.
 *
 * @see `Qwen3MoeTopKRouter` of transformers 5.18: softmax over all experts in float32, top-k, optional renormalisation
 * @module
 */
import { fixed, float, integers, type Graph, type Value } from '../graph/graph.ts';
import { sumLast } from './elementwise.ts';

/** A routing decision: `ids` — `int64 [T, K]`, `weights` — `[T, K]`, both by descending weight, from `logits` — `[T, E]`. */
export interface Routing {
  readonly logits: Value;
  readonly ids: Value;
  readonly weights: Value;
}

/** Options of {@link route}. */
export interface RouteOptions {
  readonly expertsPerToken: number;
  readonly normalizeTopK: boolean;
}

/**
 * `p = softmax(logits)`, `ids = top-k(p)`, `w = p[ids]`, divided by its sum if `normalizeTopK`. On ties the lower id wins.
 *
 * Rules (the choice of ids is piecewise constant): with `u = p_k · dw_k` for the chosen k,
 * `dlogits = scatter(u) − p · Σu`; renormalised: `dlogits = scatter(w_k · (dw_k − Σ_j dw_j w_j))`.
 *
 * @param logits `[T, E]`
 */
export function route(graph: Graph, logits: Value, { expertsPerToken, normalizeTopK }: RouteOptions): Routing {
  const tokens = logits.shape[0] ?? null;
  const chosen = float(tokens, expertsPerToken);
  const probabilities = graph.node('Softmax', [logits], float(...logits.shape), { axis: { int: -1 } });
  const [top, ids] = graph.nodes('TopK', [probabilities, integers(graph, expertsPerToken)], [chosen, { type: 'int64', shape: chosen.shape }]) as [Value, Value];
  const weights = normalizeTopK ? graph.node('Div', [top, sumLast(graph, top)], chosen) : top;
  const pullback = (g: Value): Value => {
    const weighted = graph.node('Mul', [g, weights], chosen);
    const total = sumLast(graph, weighted);
    if (!normalizeTopK) return graph.node('Sub', [scatter(graph, ids, weighted, logits), graph.node('Mul', [probabilities, total], float(...logits.shape))], float(...logits.shape));
    return scatter(graph, ids, graph.node('Sub', [weighted, graph.node('Mul', [weights, total], chosen)], chosen), logits);
  };
  graph.differentiable({ inputs: [logits], outputs: [weights], pullback: ([g]) => [g && pullback(g)] });
  return { logits, ids, weights };
}

/** Zeros in the shape of `like` with `values` at `[t, ids[t, k]]`; ids of a row are distinct, so nothing is added twice. */
function scatter(graph: Graph, ids: Value, values: Value, like: Value): Value {
  const sizes = like.shape.map(fixed);
  const zeros = graph.constant(new Float32Array(sizes.reduce((product, size) => product * size, 1)), sizes);
  return graph.node('ScatterElements', [zeros, ids, values], float(...sizes), { axis: { int: 1 } });
}
