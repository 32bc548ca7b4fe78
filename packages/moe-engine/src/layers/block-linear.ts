/**
 * Products of padded groups of rows with the weights of their groups, as one batched product: see `block-dispatch.ts`.
 *
 * @module
 */
import { fixed, float, integers, type Graph, type Value } from '../graph/graph.ts';
import type { RowBlocks } from './row-groups.ts';

/** Parts of one Concat: few enough for the buffers of a shader on any GPU. */
const CONCAT_PARTS = 4;

/**
 * `out[block m] = x[block m] · Wᵀ` with the weight of the block's owner: `x` — `[M·b, in]`, `weights` — `[out, in]` each.
 * Rules, with `g` — `[M·b, out]`: `dx[m] = g[m] · W`, `dW_e = Σ_m of e gᵀ[m] · x[m]`.
 *
 * @returns `[M·b, out]`
 */
export function blockLinear(graph: Graph, x: Value, weights: readonly Value[], blocks: RowBlocks): Value {
  const stacked = stack(graph, weights);
  const out = multiply(graph, x, flip(graph, stacked), blocks);
  const pullback = (g: Value): (Value | undefined)[] => [
    graph.isTracked(x) ? multiply(graph, g, stacked, blocks) : undefined,
    ...weightGradients(graph, { x, g, weights, blocks }),
  ];
  graph.differentiable({ inputs: [x, ...weights], outputs: [out], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return out;
}

/** `x[m] · matrices[owner of m]`: `x` — `[M·b, from]`, `matrices` — `[G, from, to]`. */
function multiply(graph: Graph, x: Value, matrices: Value, { owners, count, blockSize }: RowBlocks): Value {
  const [from, to] = [fixed(matrices.shape[1]), fixed(matrices.shape[2])];
  const owned = graph.node('Gather', [matrices, owners], float(count, from, to));
  const product = graph.node('MatMul', [shaped(graph, x, [count, blockSize, from]), owned], float(count, blockSize, to));
  return shaped(graph, product, [count * blockSize, to]);
}

interface WeightGradients {
  readonly x: Value;
  readonly g: Value;
  readonly weights: readonly Value[];
  readonly blocks: RowBlocks;
}

/** One product per block, then one sum per trained weight: a product with the matrix that says which blocks are whose, in a fixed order. */
function weightGradients(graph: Graph, { x, g, weights, blocks: { owners, count, blockSize } }: WeightGradients): (Value | undefined)[] {
  const tracked = weights.flatMap((weight, group) => (graph.isTracked(weight) ? [group] : []));
  if (tracked.length === 0) return [];
  const [width, inner] = [fixed(g.shape[1]), fixed(x.shape[1])];
  const left = flip(graph, shaped(graph, g, [count, blockSize, width]));
  const perBlock = graph.node('MatMul', [left, shaped(graph, x, [count, blockSize, inner])], float(count, width, inner));
  const wanted = graph.constant(Int32Array.from(tracked), [tracked.length, 1]);
  const isOf = graph.node('Equal', [wanted, owners], { type: 'bool', shape: [tracked.length, count] });
  const share = graph.node('Cast', [isOf], float(tracked.length, count), { to: { int: 1 } });
  const sums = graph.node('MatMul', [share, shaped(graph, perBlock, [count, width * inner])], float(tracked.length, width * inner));
  return weights.map((_, group) => {
    const row = tracked.indexOf(group);
    if (row < 0) return undefined;
    const part = graph.node('Slice', [sums, integers(graph, row), integers(graph, row + 1), integers(graph, 0)], float(1, width * inner));
    return shaped(graph, part, [width, inner]);
  });
}

/** G matrices `[out, in]` as `[G, out, in]`. */
function stack(graph: Graph, weights: readonly Value[]): Value {
  let parts = weights.map((weight) => shaped(graph, weight, [1, ...weight.shape.map(fixed)]));
  while (parts.length > 1) {
    const joined: Value[] = [];
    for (let start = 0; start < parts.length; start += CONCAT_PARTS) joined.push(join(graph, parts.slice(start, start + CONCAT_PARTS)));
    parts = joined;
  }
  return parts[0]!;
}

function join(graph: Graph, parts: readonly Value[]): Value {
  if (parts.length === 1) return parts[0]!;
  const groups = parts.reduce((sum, { shape }) => sum + fixed(shape[0]), 0);
  return graph.node('Concat', parts, float(groups, ...parts[0]!.shape.slice(1)), { axis: { int: 0 } });
}

/** Swaps the last two of three axes. */
function flip(graph: Graph, x: Value): Value {
  return graph.node('Transpose', [x], float(x.shape[0]!, x.shape[2]!, x.shape[1]!), { perm: { ints: [0, 2, 1] } });
}

/** A reshape without a rule: used inside rules, and below the one of {@link blockLinear}. */
function shaped(graph: Graph, x: Value, shape: readonly number[]): Value {
  return graph.node('Reshape', [x, integers(graph, ...shape)], float(...shape));
}
