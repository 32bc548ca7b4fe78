/**
 * Matrix products with weights in the checkpoint's layout `[out, in]`.
 *
 * @module
 */
import { float, fixed, integers, type Graph, type Value } from '../graph/graph.ts';
import { blockLinear } from './block-linear.ts';
import type { RowBlocks, RowGroups } from './row-groups.ts';

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

/**
 * `out[rows of group e] = x[rows of group e] · W_eᵀ` for each of E weights: `x` — `[N, in]`, `weights[e]` — `[out, in]`.
 * A group may be empty. Rules as for {@link linear}, per group; the gradient of an empty group's weight is zero.
 */
export function groupedLinear(graph: Graph, x: Value, weights: readonly Value[], rows: RowGroups | RowBlocks): Value {
  if ('owners' in rows) return blockLinear(graph, x, weights, rows);
  const parts = splitRows(graph, x, rows);
  const products = parts.map((part, group) => forward(graph, part, weights[group]!));
  const out = joinRows(graph, products, x.shape[0] ?? null);
  const pullback = (g: Value): (Value | undefined)[] => {
    const pulled = splitRows(graph, g, rows).map((part, group) => {
      const [weight, input] = [weights[group]!, parts[group]!];
      return {
        input: graph.isTracked(x) ? graph.node('Gemm', [part, weight], float(...input.shape)) : undefined,
        weight: graph.isTracked(weight) ? graph.node('Gemm', [part, input], float(...weight.shape), TRANSPOSED_A) : undefined,
      };
    });
    const inputs = pulled.flatMap((entry) => entry.input ?? []);
    return [inputs.length > 0 ? joinRows(graph, inputs, x.shape[0] ?? null) : undefined, ...pulled.map((entry) => entry.weight)];
  };
  graph.differentiable({ inputs: [x, ...weights], outputs: [out], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return out;
}

/** Splits of a value by one grouping are shared: gate and up projection read the same parts. */
const splits = new WeakMap<RowGroups, Map<string, Value[]>>();

function splitRows(graph: Graph, x: Value, rows: RowGroups): Value[] {
  const known = splits.get(rows) ?? new Map<string, Value[]>();
  splits.set(rows, known);
  const found = known.get(x.name) ?? graph.nodes('Split', [x, rows.counts], Array.from({ length: rows.groups }, () => float(null, fixed(x.shape[1]))), { axis: { int: 0 } });
  known.set(x.name, found);
  return found;
}

function joinRows(graph: Graph, parts: readonly Value[], rows: number | null): Value {
  return graph.node('Concat', parts, float(rows, fixed(parts[0]!.shape[1])), { axis: { int: 0 } });
}
