/**
 * Brings each token's rows to its experts and back: a counting sort of the T·K assignments by expert, dropless.
 *
 * `position[a]` is the place of assignment `a` in expert order, `token[r]` the token of sorted row `r`. Both directions and
 * both gradients are gathers along one of the two; floats are never scattered or added in an undefined order.
 *
 * @module
 */
import { fixed, float, integers, type Graph, type Spec, type Value } from '../graph/graph.ts';
import { reshape } from './elementwise.ts';
import type { RowGroups } from './linear.ts';
import type { Routing } from './routing.ts';

/** Where every assignment goes. `N = T · K`; `token`, `assignment`, `position` — `int64 [N]`. */
export interface Dispatch extends RowGroups {
  readonly token: Value;
  readonly assignment: Value;
  readonly position: Value;
  readonly tokens: number;
  readonly expertsPerToken: number;
}

/** Sorts the assignments of a routing by expert; assignments of one expert stay in token order. */
export function createDispatch(graph: Graph, { ids }: Routing, experts: number): Dispatch {
  const [tokens, expertsPerToken] = [fixed(ids.shape[0]), fixed(ids.shape[1])];
  const rows = tokens * expertsPerToken;
  const column = reshape(graph, ids, [rows, 1]);
  const isOf = graph.node('Equal', [column, graph.constant(BigInt64Array.from({ length: experts }, (_, id) => BigInt(id)), [1, experts])], { type: 'bool', shape: [rows, experts] });
  const marks = graph.node('Cast', [isOf], whole(rows, experts), { to: { int: 7 } });
  const axis = (index: number): Value => graph.constant(Int32Array.of(index), []);
  const running = graph.node('CumSum', [marks, axis(0)], whole(rows, experts));
  const counts = graph.node('ReduceSum', [marks, integers(graph, 0)], whole(experts), { keepdims: { int: 0 } });
  const starts = graph.node('CumSum', [counts, axis(0)], whole(experts), { exclusive: { int: 1 } });
  const places = graph.node('Add', [running, graph.node('Sub', [starts, integers(graph, 1)], whole(experts))], whole(rows, experts));
  const position = reshape(graph, graph.node('GatherElements', [places, column], whole(rows, 1), { axis: { int: 1 } }), [rows]);
  const numbers = graph.constant(BigInt64Array.from({ length: rows }, (_, index) => BigInt(index)), [rows]);
  const assignment = graph.node('ScatterElements', [numbers, position, numbers], whole(rows), { axis: { int: 0 } });
  const token = graph.node('Div', [assignment, integers(graph, expertsPerToken)], whole(rows));
  return { counts, groups: experts, token, assignment, position, tokens, expertsPerToken };
}

/** `[T, D]` → `[N, D]`: a copy of the token's row for each of its experts, in expert order. Rule: {@link gatherToTokens}. */
export function dispatchRows(graph: Graph, x: Value, dispatch: Dispatch): Value {
  const out = gatherToExperts(graph, x, dispatch);
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && gatherToTokens(graph, g, dispatch)] });
  return out;
}

/** `[N, D]` → `[T, D]`: the sum of a token's K rows, by descending weight. Rule: {@link gatherToExperts}. */
export function combineRows(graph: Graph, y: Value, dispatch: Dispatch): Value {
  const out = gatherToTokens(graph, y, dispatch);
  graph.differentiable({ inputs: [y], outputs: [out], pullback: ([g]) => [g && gatherToExperts(graph, g, dispatch)] });
  return out;
}

/** Routing weights `[T, K]` → `[N, 1]` in expert order. Rule: the inverse permutation. */
export function dispatchWeights(graph: Graph, weights: Value, { assignment, position, tokens, expertsPerToken }: Dispatch): Value {
  const rows = tokens * expertsPerToken;
  const permute = (given: Value, order: Value): Value => graph.node('Gather', [given, order], float(rows, 1));
  const column = reshape(graph, weights, [rows, 1]);
  const out = permute(column, assignment);
  graph.differentiable({ inputs: [column], outputs: [out], pullback: ([g]) => [g && permute(g, position)] });
  return out;
}

function gatherToExperts(graph: Graph, x: Value, { token, tokens, expertsPerToken }: Dispatch): Value {
  return graph.node('Gather', [x, token], float(tokens * expertsPerToken, fixed(x.shape[1])));
}

function gatherToTokens(graph: Graph, y: Value, { position, tokens, expertsPerToken }: Dispatch): Value {
  const width = fixed(y.shape[1]);
  const rows = graph.node('Gather', [y, position], float(tokens * expertsPerToken, width));
  const perToken = reshape(graph, rows, [tokens, expertsPerToken, width]);
  return graph.node('ReduceSum', [perToken, integers(graph, 1)], float(tokens, width), { keepdims: { int: 0 } });
}

function whole(...shape: number[]): Spec {
  return { type: 'int64', shape };
}
