/**
 * Rows that are multiplied with different weights: how it is said which rows belong to which.
 *
 * @module
 */
import { fixed, float, type Dimension, type Graph, type Value } from '../graph/graph.ts';

/** Consecutive groups of rows, one per weight; see `dispatch.ts`. */
export interface RowGroups {
  /** `int64 [E]`: rows of each group; they sum to N. */
  readonly counts: Value;
  readonly groups: number;
}

/** Groups padded to blocks of equal size; see `block-dispatch.ts`. */
export interface RowBlocks {
  /** `int32 [M]`: which weight each block's rows are multiplied with. */
  readonly owners: Value;
  /** M */
  readonly count: number;
  /** b: rows of a block. */
  readonly blockSize: number;
}

/** `x` — `[N, D]` as one value per group, which may be without rows; all of them must be used. Rule: {@link joinRows} of the gradients. */
export function splitRows(graph: Graph, x: Value, rows: RowGroups): Value[] {
  const parts = split(graph, x, rows);
  graph.differentiable({ inputs: [x], outputs: parts, pullback: (gradients) => [join(graph, gradients.filter((g) => g !== undefined), x.shape)] });
  return parts;
}

/** One value per group as `[N, D]`. Rule: {@link splitRows} of the gradient. */
export function joinRows(graph: Graph, parts: readonly Value[], { rows, total }: { readonly rows: RowGroups; readonly total: Dimension }): Value {
  const out = join(graph, parts, [total, parts[0]!.shape[1]!]);
  graph.differentiable({ inputs: parts, outputs: [out], pullback: ([g]) => (g === undefined ? [] : split(graph, g, rows)) });
  return out;
}

function split(graph: Graph, x: Value, { counts, groups }: RowGroups): Value[] {
  return graph.nodes('Split', [x, counts], Array.from({ length: groups }, () => float(null, fixed(x.shape[1]))), { axis: { int: 0 } });
}

function join(graph: Graph, parts: readonly Value[], shape: readonly Dimension[]): Value {
  return graph.node('Concat', parts, float(...shape), { axis: { int: 0 } });
}
