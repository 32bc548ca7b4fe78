/**
 * Where a row's positions stand and what they see: one text a row, or several documents packed into one.
 *
 * @see Krell et al., Efficient Sequence Packing without Cross-contamination, 2021
 * @module
 */
import { integers, scalar, type Graph, type Value } from '../graph/graph.ts';

/** Positions and attention mask of a batch of rows. */
export interface RowLayout {
  /** `int64 [B, S]`, from 0. */
  readonly positions: Value;
  /** Added to attention scores: 0 where the query sees the key, −∞ elsewhere. `[S, S]`, or `[B, 1, S, S]` where rows differ. */
  readonly mask: Value;
}

/** Every row is one text: position s sees positions 0 to s. */
export function plainRows(graph: Graph, { batchSize, sequenceLength }: { readonly batchSize: number; readonly sequenceLength: number }): RowLayout {
  const positions = BigInt64Array.from({ length: batchSize * sequenceLength }, (_, index) => BigInt(index % sequenceLength));
  const mask = Float32Array.from({ length: sequenceLength ** 2 }, (_, index) => (index % sequenceLength > Math.floor(index / sequenceLength) ? -Infinity : 0));
  return { positions: graph.constant(positions, [batchSize, sequenceLength]), mask: graph.constant(mask, [sequenceLength, sequenceLength]) };
}

/**
 * Rows of several documents: a position sees those at or before it that belong to its own document, and its number is how many these are, less one.
 *
 * @param documents `int32 [B, S]`, the number of each position's document; padding is a document of its own
 */
export function packedRows(graph: Graph, documents: Value): RowLayout {
  const [batch, sequence] = documents.shape as [number, number];
  const shape = [batch, 1, sequence, sequence];
  const side = (...sizes: number[]): Value => graph.node('Reshape', [documents, integers(graph, ...sizes)], { type: 'int32', shape: sizes });
  const same = graph.node('Equal', [side(batch, 1, sequence, 1), side(batch, 1, 1, sequence)], { type: 'bool', shape });
  const places = graph.constant(Int32Array.from({ length: sequence }, (_, index) => index), [sequence]);
  const column = graph.node('Reshape', [places, integers(graph, sequence, 1)], { type: 'int32', shape: [sequence, 1] });
  const past = graph.node('GreaterOrEqual', [column, places], { type: 'bool', shape: [sequence, sequence] });
  const seen = graph.node('And', [same, past], { type: 'bool', shape });
  const counted = graph.node('ReduceSum', [graph.node('Cast', [seen], { type: 'int64', shape }, { to: { int: 7 } }), integers(graph, 3)], { type: 'int64', shape: [batch, 1, sequence] }, { keepdims: { int: 0 } });
  const numbers = graph.node('Sub', [counted, integers(graph, 1)], { type: 'int64', shape: [batch, 1, sequence] });
  return {
    positions: graph.node('Reshape', [numbers, integers(graph, batch, sequence)], { type: 'int64', shape: [batch, sequence] }),
    mask: graph.node('Where', [seen, scalar(graph, 0), scalar(graph, -Infinity)], { type: 'float32', shape }),
  };
}
