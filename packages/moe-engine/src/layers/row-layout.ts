/**
 * Where a row's positions stand and what they see: one text a row, or several documents packed into one.
 *
 * @see Krell et al., Efficient Sequence Packing without Cross-contamination, 2021
 * @module
 */
import type { AttentionSpan } from '@connito/moe-core';
import { integers, scalar, type Graph, type Value } from '../graph/graph.ts';

/** Positions and attention masks of a batch of rows. */
export interface RowLayout {
  /** `int64 [B, S]`, from 0. */
  readonly positions: Value;
  /**
   * Added to the attention scores of a layer: 0 where the query sees the key, −∞ elsewhere. `[S, S]`, or `[B, 1, S, S]` where rows differ. The same span gives the
   * same value.
   */
  readonly maskOf: (span: AttentionSpan) => Value;
}

/** Every row is one text: position s sees positions 0 to s, as far as the layer's span reaches. */
export function plainRows(graph: Graph, { batchSize, sequenceLength }: { readonly batchSize: number; readonly sequenceLength: number }): RowLayout {
  const positions = BigInt64Array.from({ length: batchSize * sequenceLength }, (_, index) => BigInt(index % sequenceLength));
  const maskOf = (span: AttentionSpan): Value => {
    const mask = Float32Array.from({ length: sequenceLength ** 2 }, (_, index) => {
      const [query, key] = [Math.floor(index / sequenceLength), index % sequenceLength];
      return key <= query && reaches(span, query, key) ? 0 : -Infinity;
    });
    return graph.constant(mask, [sequenceLength, sequenceLength]);
  };
  return { positions: graph.constant(positions, [batchSize, sequenceLength]), maskOf: oncePerSpan(sequenceLength, maskOf) };
}

/** Whether a position's span reaches back to another, which is not behind it. */
export function reaches(span: AttentionSpan, query: number, key: number): boolean {
  if (span.kind === 'full') return true;
  return span.kind === 'window' ? query - key < span.tokens : Math.floor(query / span.tokens) === Math.floor(key / span.tokens);
}

/** A span of S tokens or more is a full one. */
function oncePerSpan(sequenceLength: number, make: (span: AttentionSpan) => Value): RowLayout['maskOf'] {
  const made = new Map<string, Value>();
  return (given) => {
    const span: AttentionSpan = given.kind !== 'full' && given.tokens < sequenceLength ? given : { kind: 'full' };
    const key = span.kind === 'full' ? span.kind : `${span.kind} ${span.tokens}`;
    const mask = made.get(key) ?? make(span);
    made.set(key, mask);
    return mask;
  };
}

/**
 * Rows of several documents: a position sees those at or before it that belong to its own document, and its number is how many these are, less one. A layer's span
 * counts these numbers.
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
  const maskOf = (span: AttentionSpan): Value => {
    const visible = span.kind === 'full' ? seen : graph.node('And', [seen, reachedNumbers(graph, numbers, span)], { type: 'bool', shape });
    return graph.node('Where', [visible, scalar(graph, 0), scalar(graph, -Infinity)], { type: 'float32', shape });
  };
  return {
    positions: graph.node('Reshape', [numbers, integers(graph, batch, sequence)], { type: 'int64', shape: [batch, sequence] }),
    maskOf: oncePerSpan(sequence, maskOf),
  };
}

/** Where a query's number reaches a key's: `numbers` — `int64 [B, 1, S]`. @returns `bool [B, 1, S, S]` */
function reachedNumbers(graph: Graph, numbers: Value, { kind, tokens }: Exclude<AttentionSpan, { readonly kind: 'full' }>): Value {
  const [batch, , sequence] = numbers.shape as [number, number, number];
  const shape = [batch, 1, sequence, sequence];
  const unit = (value: Value): Value => (kind === 'window' ? value : graph.node('Div', [value, integers(graph, tokens)], { type: 'int64', shape: value.shape }));
  const side = (...sizes: number[]): Value => unit(graph.node('Reshape', [numbers, integers(graph, ...sizes)], { type: 'int64', shape: sizes }));
  const apart = graph.node('Sub', [side(batch, 1, sequence, 1), side(batch, 1, 1, sequence)], { type: 'int64', shape });
  return graph.node('Less', [apart, integers(graph, kind === 'window' ? tokens : 1)], { type: 'bool', shape });
}
