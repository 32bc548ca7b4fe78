/**
 * The sorting of `dispatch.ts` for WebGPU: the rows of each group are padded to whole blocks, so that every shape is known when the graph is built.
 *
 * ONNX Runtime's WebGPU kernels refuse what groups of unequal size are made of elsewhere: a Split into more parts than a shader has buffers, a Concat in
 * which one part has rows, and sizes on the processor would stop the GPU at each layer. So there are M blocks of b rows, each with one owner among the weights, and
 * a product over groups is one batched product. Rows of padding copy token 0 and get the weight 0, which keeps them out of every gradient.
 * Numbers are int32: the GPU's kernels for int64 are few.
 *
 * @see Gale et al., MegaBlocks, 2022 (blocks in place of capacities)
 * @module
 */
import { fixed, float, integers, type Graph, type Spec, type Value } from '../graph/graph.ts';
import { reshape } from './elementwise.ts';
import type { RowBlocks } from './row-groups.ts';

/** Which group each expert's rows belong to. */
export interface BlockOptions {
  /** Group by expert id, each below `groups`; `groups` for an expert that is absent. */
  readonly slots: Int32Array;
  readonly groups: number;
}

/** A sorting into blocks; N = T · K assignments, R = M · b rows. */
export interface SortedBlocks {
  /** `int32 [R]` */
  readonly token: Value;
  /** `int32 [R]` */
  readonly assignment: Value;
  /** `int32 [N]`; an absent expert's assignments share a row of padding. */
  readonly position: Value;
  /** `[R, 1]`: 1 for rows of assignments, 0 for padding. */
  readonly filled: Value;
  readonly blocks: RowBlocks;
}

/** Sorts assignments by group; `ids` — `int64 [T, K]`. Assignments of one group stay in token order. */
export function sortIntoBlocks(graph: Graph, ids: Value, { slots, groups }: BlockOptions): SortedBlocks {
  const assignments = fixed(ids.shape[0]) * fixed(ids.shape[1]);
  const blockSize = chooseBlockSize(assignments / groups);
  const hasAbsent = slots.some((slot) => slot === groups);
  const count = Math.floor((assignments + groups * (blockSize - 1)) / blockSize) + Number(hasAbsent);
  const rows = count * blockSize;
  const marks = groupMarks(graph, ids, { slots, groups });
  const { starts, ends } = blockRanges(graph, marks, { groups, blockSize });
  const running = graph.node('CumSum', [marks, number(graph, 0)], numbers(assignments, groups));
  const places = graph.node('Add', [running, graph.node('Sub', [starts, number(graph, 1)], numbers(groups))], numbers(assignments, groups));
  const isPresent = sumOver(graph, marks, 1);
  const own = sumOver(graph, graph.node('Mul', [places, marks], numbers(assignments, groups)), 1);
  const shared = graph.node('Mul', [graph.node('Sub', [number(graph, 1), isPresent], numbers(assignments)), number(graph, rows - 1)], numbers(assignments));
  const position = hasAbsent ? graph.node('Add', [own, shared], numbers(assignments)) : own;
  const order = graph.node('Mul', [graph.constant(Int32Array.from({ length: assignments }, (_, index) => index), [assignments]), isPresent], numbers(assignments));
  const assignment = scatter(graph, position, order, rows);
  const token = graph.node('Div', [assignment, number(graph, fixed(ids.shape[1]))], numbers(rows));
  const filled = graph.node('Cast', [scatter(graph, position, isPresent, rows)], float(rows), { to: { int: 1 } });
  return { token, assignment, position, filled: reshape(graph, filled, [rows, 1]), blocks: { owners: blockOwners(graph, ends, { count, groups }), count, blockSize } };
}

/** A power of two from 8 to 128 near the mean number of rows: padding at most about doubles the work, and a block's product outweighs the copy of its weight. */
function chooseBlockSize(meanRows: number): number {
  return Math.min(128, Math.max(8, 2 ** Math.round(Math.log2(meanRows))));
}

/** `int32 [N, G]`: 1 where an assignment goes to the group. Looking ids up in a table makes int32 of them; a Cast from int64 has no kernel. */
function groupMarks(graph: Graph, ids: Value, { slots, groups }: BlockOptions): Value {
  const assignments = fixed(ids.shape[0]) * fixed(ids.shape[1]);
  const group = graph.node('Gather', [graph.constant(slots, [slots.length]), ids], numbers(...ids.shape.map(fixed)));
  const names = graph.constant(Int32Array.from({ length: groups }, (_, index) => index), [1, groups]);
  const isOf = graph.node('Equal', [reshape(graph, group, [assignments, 1]), names], { type: 'bool', shape: [assignments, groups] });
  return graph.node('Cast', [isOf], numbers(assignments, groups), { to: { int: 6 } });
}

/** Of each group its first row, and the block behind its last: `int32 [G]`. */
function blockRanges(graph: Graph, marks: Value, { groups, blockSize }: { readonly groups: number; readonly blockSize: number }): { readonly starts: Value; readonly ends: Value } {
  const spec = numbers(groups);
  const rounded = graph.node('Add', [sumOver(graph, marks, 0), number(graph, blockSize - 1)], spec);
  const used = graph.node('Div', [rounded, number(graph, blockSize)], spec);
  const ends = graph.node('CumSum', [used, number(graph, 0)], spec);
  return { ends, starts: graph.node('Mul', [graph.node('Sub', [ends, used], spec), number(graph, blockSize)], spec) };
}

/** `int32 [M]`: the group of each block, which is the number of groups that end before it; blocks behind all groups count to the last. */
function blockOwners(graph: Graph, ends: Value, { count, groups }: { readonly count: number; readonly groups: number }): Value {
  const blocks = graph.constant(Int32Array.from({ length: count }, (_, index) => index), [count, 1]);
  const isBehind = graph.node('GreaterOrEqual', [blocks, ends], { type: 'bool', shape: [count, groups] });
  const ended = sumOver(graph, graph.node('Cast', [isBehind], numbers(count, groups), { to: { int: 6 } }), 1);
  const isUnused = graph.node('Equal', [ended, number(graph, groups)], { type: 'bool', shape: [count] });
  return graph.node('Sub', [ended, graph.node('Cast', [isUnused], numbers(count), { to: { int: 6 } })], numbers(count));
}

/** Zeros with `values` at `position`. Only the shared row of absent experts is written twice, always with 0. */
function scatter(graph: Graph, position: Value, values: Value, rows: number): Value {
  return graph.node('ScatterElements', [graph.constant(new Int32Array(rows), [rows]), position, values], numbers(rows), { axis: { int: 0 } });
}

function sumOver(graph: Graph, matrix: Value, axis: 0 | 1): Value {
  return graph.node('ReduceSum', [matrix, integers(graph, axis)], numbers(fixed(matrix.shape[1 - axis])), { keepdims: { int: 0 } });
}

function number(graph: Graph, given: number): Value {
  return graph.constant(Int32Array.of(given), []);
}

function numbers(...shape: number[]): Spec {
  return { type: 'int32', shape };
}
