/**
 * Brings each token's rows to its experts and back: a counting sort of the T·K assignments by expert, dropless for the experts that are present.
 *
 * `position[a]` is the place of assignment `a` in expert order, `token[r]` the token of sorted row `r`. Both directions and
 * both gradients are gathers along one of the two; floats are never scattered or added in an undefined order.
 *
 * Assignments to absent experts are sorted behind all others and cut off, so that they cost no row of any product. On the way back all of them
 * read one row of zeros behind the last.
 *
 * @module
 */
import { fixed, float, integers, type Dimension, type Graph, type Spec, type Value } from '../graph/graph.ts';
import { reshape } from './elementwise.ts';
import { sortIntoBlocks } from './block-dispatch.ts';
import type { RowBlocks, RowGroups } from './row-groups.ts';
import type { Routing } from './routing.ts';

/** Where every assignment goes. N = T · K assignments, R rows for present experts; `token`, `assignment` — `[R]`, `position` — `[N]`, `int64` or, in blocks, `int32`. */
export interface Dispatch {
  /** Which rows belong to which expert. */
  readonly groups: RowGroups | RowBlocks;
  /** `[R, 1]`, 0 for rows of padding; absent where there are none. */
  readonly filled?: Value;
  readonly token: Value;
  readonly assignment: Value;
  readonly position: Value;
  /** R: in blocks with their padding; else N where all experts are present, or known only when the graph runs. */
  readonly rows: Dimension;
  readonly tokens: number;
  readonly expertsPerToken: number;
}

/** Options of {@link createDispatch}. */
export interface DispatchOptions {
  /** E */
  readonly experts: number;
  /** Ids of those that compute, ascending, at least one; all by default. */
  readonly present?: readonly number[] | undefined;
}

/** Sorts the assignments of a routing by expert; assignments of one expert stay in token order. */
export function createDispatch(graph: Graph, { ids }: Pick<Routing, 'ids'>, { experts, present }: DispatchOptions): Dispatch {
  const [tokens, expertsPerToken] = [fixed(ids.shape[0]), fixed(ids.shape[1])];
  const sizes = { tokens, expertsPerToken };
  if (graph.profile === 'webgpu') return { ...dispatchToBlocks(graph, ids, { experts, present }), ...sizes };
  if (present === undefined || present.length === experts) {
    const { counts, ...sorted } = sortAssignments(graph, ids, experts);
    return { ...sorted, groups: { counts, groups: experts }, rows: tokens * expertsPerToken, ...sizes };
  }
  const groups = present.length;
  const sorted = sortAssignments(graph, toSlots(graph, ids, { experts, present }), groups + 1);
  const part = (value: Value, from: Value, to: Value): Value => graph.node('Slice', [value, from, to], whole(null));
  const counts = part(sorted.counts, integers(graph, 0), integers(graph, groups));
  const held = graph.node('ReduceSum', [counts, integers(graph, 0)], whole(1), { keepdims: { int: 1 } });
  return {
    groups: { counts, groups },
    token: part(sorted.token, integers(graph, 0), held),
    assignment: part(sorted.assignment, integers(graph, 0), held),
    position: graph.node('Min', [sorted.position, held], whole(tokens * expertsPerToken)),
    rows: null,
    ...sizes,
  };
}

/** Expert ids as places in `present`; absent ones share the place behind the last. */
function toSlots(graph: Graph, ids: Value, { experts, present }: { readonly experts: number; readonly present: readonly number[] }): Value {
  const slots = BigInt64Array.from(slotsOf(experts, present), BigInt);
  return graph.node('Gather', [graph.constant(slots, [experts]), ids], { type: 'int64', shape: ids.shape });
}

function slotsOf(experts: number, present: readonly number[]): Int32Array {
  const slots = new Int32Array(experts).fill(present.length);
  for (const [slot, expert] of present.entries()) slots[expert] = slot;
  return slots;
}

function dispatchToBlocks(graph: Graph, ids: Value, { experts, present }: DispatchOptions): Omit<Dispatch, 'tokens' | 'expertsPerToken'> {
  const held = present ?? Array.from({ length: experts }, (_, expert) => expert);
  const { blocks, ...sorted } = sortIntoBlocks(graph, ids, { slots: slotsOf(experts, held), groups: held.length });
  return { ...sorted, groups: blocks, rows: blocks.count * blocks.blockSize };
}

/** A counting sort of `ids` — `[T, K]`, each below `groups`. */
function sortAssignments(graph: Graph, ids: Value, groups: number): Pick<Dispatch, 'token' | 'assignment' | 'position'> & Pick<RowGroups, 'counts'> {
  const expertsPerToken = fixed(ids.shape[1]);
  const rows = fixed(ids.shape[0]) * expertsPerToken;
  const column = reshape(graph, ids, [rows, 1]);
  const isOf = graph.node('Equal', [column, graph.constant(BigInt64Array.from({ length: groups }, (_, id) => BigInt(id)), [1, groups])], { type: 'bool', shape: [rows, groups] });
  const marks = graph.node('Cast', [isOf], whole(rows, groups), { to: { int: 7 } });
  const axis = (index: number): Value => graph.constant(Int32Array.of(index), []);
  const running = graph.node('CumSum', [marks, axis(0)], whole(rows, groups));
  const counts = graph.node('ReduceSum', [marks, integers(graph, 0)], whole(groups), { keepdims: { int: 0 } });
  const starts = graph.node('CumSum', [counts, axis(0)], whole(groups), { exclusive: { int: 1 } });
  const places = graph.node('Add', [running, graph.node('Sub', [starts, integers(graph, 1)], whole(groups))], whole(rows, groups));
  const position = reshape(graph, graph.node('GatherElements', [places, column], whole(rows, 1), { axis: { int: 1 } }), [rows]);
  const numbers = graph.constant(BigInt64Array.from({ length: rows }, (_, index) => BigInt(index)), [rows]);
  const assignment = graph.node('ScatterElements', [numbers, position, numbers], whole(rows), { axis: { int: 0 } });
  const token = graph.node('Div', [assignment, integers(graph, expertsPerToken)], whole(rows));
  return { counts, token, assignment, position };
}

/** `[T, D]` → `[R, D]`: a copy of the token's row for each of its present experts, in expert order. Rule: {@link gatherToTokens}. */
export function dispatchRows(graph: Graph, x: Value, dispatch: Dispatch): Value {
  const out = gatherToExperts(graph, x, dispatch);
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && gatherToTokens(graph, g, dispatch)] });
  return out;
}

/** `[R, D]` → `[T, D]`: the sum of a token's rows, by descending weight, absent experts' as zeros. Rule: {@link gatherToExperts}. */
export function combineRows(graph: Graph, y: Value, dispatch: Dispatch): Value {
  const out = gatherToTokens(graph, y, dispatch);
  graph.differentiable({ inputs: [y], outputs: [out], pullback: ([g]) => [g && gatherToExperts(graph, g, dispatch)] });
  return out;
}

/** Routing weights `[T, K]` → `[R, 1]` in expert order, 0 for padding. Rule: the inverse, zero for absent experts. */
export function dispatchWeights(graph: Graph, weights: Value, dispatch: Dispatch): Value {
  const column = reshape(graph, weights, [dispatch.tokens * dispatch.expertsPerToken, 1]);
  const masked = (given: Value): Value => (dispatch.filled === undefined ? given : graph.node('Mul', [given, dispatch.filled], float(dispatch.rows, 1)));
  const out = masked(graph.node('Gather', [column, dispatch.assignment], float(dispatch.rows, 1)));
  graph.differentiable({ inputs: [column], outputs: [out], pullback: ([g]) => [g && gatherToAssignments(graph, masked(g), dispatch)] });
  return out;
}

function gatherToExperts(graph: Graph, x: Value, { token, rows }: Dispatch): Value {
  return graph.node('Gather', [x, token], float(rows, fixed(x.shape[1])));
}

/** `[R, D]` → `[N, D]`, zeros where an assignment's expert is absent. */
function gatherToAssignments(graph: Graph, y: Value, { position, rows, tokens, expertsPerToken }: Dispatch): Value {
  const width = fixed(y.shape[1]);
  const padded = rows === null ? graph.node('Pad', [y, integers(graph, 0, 0, 1, 0)], float(null, width)) : y;
  return graph.node('Gather', [padded, position], float(tokens * expertsPerToken, width));
}

function gatherToTokens(graph: Graph, y: Value, dispatch: Dispatch): Value {
  const { tokens, expertsPerToken } = dispatch;
  const width = fixed(y.shape[1]);
  const perToken = reshape(graph, gatherToAssignments(graph, y, dispatch), [tokens, expertsPerToken, width]);
  return graph.node('ReduceSum', [perToken, integers(graph, 1)], float(tokens, width), { keepdims: { int: 0 } });
}

function whole(...shape: Dimension[]): Spec {
  return { type: 'int64', shape };
}
