/**
 * Rotary positions.
 *
 * @see Su et al., RoFormer, 2021
 * @module
 */
import type { Rope } from '@connito/moe-core';
import { float, type Graph, type Value } from '../graph/graph.ts';

/** Rotation tables of one graph: `cosine`, `sine`, `negativeSine` — `[P, D/2]`, `positions` — `int64 [B, S]`, each below P. */
export interface RotaryTables {
  readonly cosine: Value;
  readonly sine: Value;
  readonly negativeSine: Value;
  readonly positions: Value;
  readonly pairs: Rope['pairs'];
}

/** What the tables of one model are made from. */
export interface RotaryOptions {
  /** `int64 [B, S]` */
  readonly positions: Value;
  /** P: positions that there are. */
  readonly count: number;
  /** Radians per position of each pair, `[D/2]`. */
  readonly frequencies: Float32Array;
  /** Multiplies what is rotated; 1 but for stretched ropes. */
  readonly amplitude: number;
  readonly pairs: Rope['pairs'];
}

/** Angles `position · frequency`, rounded to float32 as transformers does; `amplitude · cos` and `amplitude · sin` rounded once. */
export function createRotaryTables(graph: Graph, { positions, count, frequencies, amplitude, pairs }: RotaryOptions): RotaryTables {
  const half = frequencies.length;
  const angles = Float32Array.from({ length: count * half }, (_, index) => Math.floor(index / half) * frequencies[index % half]!);
  const table = (entry: (angle: number) => number): Value => graph.constant(angles.map((angle) => amplitude * entry(angle)), [count, half]);
  return {
    cosine: table(Math.cos),
    sine: table(Math.sin),
    negativeSine: table((angle) => -Math.sin(angle)),
    positions,
    pairs,
  };
}

/**
 * Turns each pair: `(a, b) → (a cos − b sin, b cos + a sin)`; `x` — `[B, heads, S, D]`. A pair stands half a head apart or side by side.
 * Rule: the rotation by the negative angle, with the same amplitude.
 */
export function rotate(graph: Graph, x: Value, tables: RotaryTables): Value {
  const attributes = { interleaved: { int: Number(tables.pairs === 'neighbours') } };
  const turn = (value: Value, sine: Value): Value => graph.node('RotaryEmbedding', [value, tables.cosine, sine, tables.positions], float(...x.shape), attributes);
  const out = turn(x, tables.sine);
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && turn(g, tables.negativeSine)] });
  return out;
}
