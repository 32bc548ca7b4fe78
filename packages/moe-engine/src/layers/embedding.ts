/**
 * Rows of an embedding by token id, and what its gradient needs: the ids as a matrix.
 *
 * Ids repeat within a batch. Adding their gradients up with a scatter would be a race (`ScatterND` with `reduction=add` gave wrong sums on two
 * threads), so they are added by a matrix product with the ids' indicator matrix, whose order of additions is the product's.
 *
 * @module
 */
import { fixed, float, integers, scalar, type Graph, type Value } from '../graph/graph.ts';
import { reshape } from './elementwise.ts';

/**
 * `out[t] = Σ_j table[ids[t, j]] / s`: the mean over the bag of s ids at each position; for s = 1, the row itself.
 * Rule: `dtable = indicator(ids)ᵀ · g`.
 *
 * @param table `[V, H]`
 * @param ids `int32 [T, s]`
 * @returns `[T, H]`
 */
export function embed(graph: Graph, table: Value, ids: Value): Value {
  const out = meanOfRows(graph, table, ids);
  const pullback = (g: Value): Value => graph.node('Gemm', [indicator(graph, ids, fixed(table.shape[0])), g], float(...table.shape), { transA: { int: 1 } });
  graph.differentiable({ inputs: [table], outputs: [out], pullback: ([g]) => [g && pullback(g)] });
  return out;
}

/** {@link embed} without a rule: used inside rules. */
export function meanOfRows(graph: Graph, table: Value, ids: Value): Value {
  const [tokens, bag, width] = [fixed(ids.shape[0]), fixed(ids.shape[1]), fixed(table.shape[1])];
  const rows = graph.node('Gather', [table, ids], float(tokens, bag, width));
  if (bag === 1) return reshape(graph, rows, [tokens, width]);
  return graph.node('ReduceMean', [rows, integers(graph, 1)], float(tokens, width), { keepdims: { int: 0 } });
}

/**
 * `[T, V]` with `count(v in ids[t]) / s` at `[t, v]`: each row sums to 1.
 *
 * Ids that repeat within a bag write the same number to the same place, so the order of writing does not matter.
 *
 * @param ids `int32 [T, s]`
 */
export function indicator(graph: Graph, ids: Value, vocabularySize: number): Value {
  const [tokens, bag] = [fixed(ids.shape[0]), fixed(ids.shape[1])];
  const fill = (given: number, ...sizes: number[]): Value => graph.node('Expand', [scalar(graph, given), integers(graph, ...sizes)], float(...sizes));
  const zeros = fill(0, tokens, vocabularySize);
  const shares = bag === 1 ? fill(1, tokens, 1) : sharesInBag(graph, ids);
  return graph.node('ScatterElements', [zeros, ids, shares], float(tokens, vocabularySize), { axis: { int: 1 } });
}

/** `[T, s]`: which share of its bag each id has. */
function sharesInBag(graph: Graph, ids: Value): Value {
  const [tokens, bag] = [fixed(ids.shape[0]), fixed(ids.shape[1])];
  const cube = [tokens, bag, bag];
  const same = graph.node('Equal', [reshape(graph, ids, [tokens, bag, 1]), reshape(graph, ids, [tokens, 1, bag])], { type: 'bool', shape: cube });
  const counts = graph.node('ReduceSum', [graph.node('Cast', [same], float(...cube), { to: { int: 1 } }), integers(graph, 2)], float(tokens, bag), { keepdims: { int: 0 } });
  return graph.node('Mul', [counts, scalar(graph, 1 / bag)], float(tokens, bag));
}
