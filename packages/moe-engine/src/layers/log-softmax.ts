/**
 * Logarithms of softmax probabilities.
 *
 * @module
 */
import { float, integers, type Graph, type Value } from '../graph/graph.ts';

/** `x − max(x) − log Σ exp(x − max(x))` over the last axis; `x` — `[N, V]`. No rule: used inside operations that have one. */
export function logSoftmax(graph: Graph, x: Value): Value {
  const wide = float(...x.shape);
  if (graph.profile !== 'webgpu') return graph.node('LogSoftmax', [x], wide, { axis: { int: -1 } });
  const perRow = float(...x.shape.slice(0, -1), 1);
  const reduced = (operator: string, given: Value): Value => graph.node(operator, [given, integers(graph, -1)], perRow, { keepdims: { int: 1 } });
  const shifted = graph.node('Sub', [x, reduced('ReduceMax', x)], wide);
  return graph.node('Sub', [shifted, graph.node('Log', [reduced('ReduceSum', graph.node('Exp', [shifted], wide))], perRow)], wide);
}
