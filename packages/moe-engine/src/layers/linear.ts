/**
 * Matrix products with weights in the checkpoint's layout `[out, in]`.
 *
 * @module
 */
import { float, fixed, integers, type Graph, type Value } from '../graph/graph.ts';

const TRANSPOSED_B = { transB: { int: 1 } } as const;
const TRANSPOSED_A = { transA: { int: 1 } } as const;

/**
 * `x · Wᵀ`, plus `residual` if given: `x` — `[N, in]`, `weight` — `[out, in]`, `residual` — `[N, out]`.
 * Rules: `dx = g · W`, `dW = gᵀ · x`, `dresidual = g`.
 */
export function linear(graph: Graph, x: Value, weight: Value, residual?: Value): Value {
  const out = forward(graph, x, weight, residual);
  const inputs = residual === undefined ? [x, weight] : [x, weight, residual];
  graph.differentiable({ inputs, outputs: [out], pullback: ([g]) => (g === undefined ? [] : [...pullLinear(graph, { x, weight, g }), g]) });
  return out;
}

/** `x + b` in every row: `x` — `[N, D]`, `bias` — `[D]`. Rules: `dx = g`, `db = Σ_n g`. */
export function addBias(graph: Graph, x: Value, bias: Value): Value {
  const out = graph.node('Add', [x, bias], float(...x.shape));
  const sum = (g: Value): Value => graph.node('ReduceSum', [g, integers(graph, 0)], float(...bias.shape), { keepdims: { int: 0 } });
  graph.differentiable({ inputs: [x, bias], outputs: [out], pullback: ([g]) => [g, g && graph.isTracked(bias) ? sum(g) : undefined] });
  return out;
}

function forward(graph: Graph, x: Value, weight: Value, residual?: Value): Value {
  const inputs = residual === undefined ? [x, weight] : [x, weight, residual];
  return graph.node('Gemm', inputs, float(x.shape[0] ?? null, fixed(weight.shape[0])), TRANSPOSED_B);
}

function pullLinear(graph: Graph, { x, weight, g }: { readonly x: Value; readonly weight: Value; readonly g: Value }): (Value | undefined)[] {
  return [
    graph.isTracked(x) ? graph.node('Gemm', [g, weight], float(...x.shape)) : undefined,
    graph.isTracked(weight) ? graph.node('Gemm', [g, x], float(...weight.shape), TRANSPOSED_A) : undefined,
  ];
}
