/**
 * Attention of a few new positions over many old ones whose keys and values were kept. For generation: it has no rule.
 *
 * @module
 */
import { fixed, float, integers, type Graph, type Value } from '../graph/graph.ts';
import { product, type AttentionHeads } from './attention.ts';
import { reshape } from './elementwise.ts';

/** Heads of S new positions of one text (B = 1), and M places for old ones. */
export interface CachedAttentionInputs extends AttentionHeads {
  /** `[1, keyValueHeads, M, D]` */
  readonly oldKeys: Value;
  /** `[1, keyValueHeads, M, Dv]` */
  readonly oldValues: Value;
  /** `[S, M + S]`, added to the scores: old places first. */
  readonly mask: Value;
}

/**
 * `softmax(scale · Q [K_old; K]ᵀ + mask) · [V_old; V]`, without joining old and new: what is kept is read where it lies.
 *
 * @returns `[1, heads, S, Dv]`
 */
export function cachedAttention(graph: Graph, inputs: CachedAttentionInputs): Value {
  const { query, key, value, oldKeys, oldValues, mask, scale } = inputs;
  const [, heads, fresh, headDim] = query.shape.map(fixed) as [number, number, number, number];
  const [sharedHeads, valueDim, old] = [fixed(key.shape[1]), fixed(value.shape[3]), fixed(oldKeys.shape[2])];
  const rows = (heads / sharedHeads) * fresh;
  const q = reshape(graph, query, [1, sharedHeads, rows, headDim]);
  const scoresOf = (keys: Value, count: number): Value => product(graph, q, keys, { transB: true, scale, shape: [1, sharedHeads, rows, count] });
  const scores = graph.node('Concat', [scoresOf(oldKeys, old), scoresOf(key, fresh)], float(1, sharedHeads, rows, old + fresh), { axis: { int: 3 } });
  const perHead = float(1, heads, fresh, old + fresh);
  const masked = graph.node('Add', [reshape(graph, scores, perHead.shape), mask], perHead);
  const probabilities = reshape(graph, graph.node('Softmax', [masked], perHead, { axis: { int: -1 } }), scores.shape);
  const [onOld, onFresh] = graph.nodes('Split', [probabilities, integers(graph, old, fresh)], [float(1, sharedHeads, rows, old), float(1, sharedHeads, rows, fresh)], { axis: { int: 3 } }) as [Value, Value];
  const shape = [1, sharedHeads, rows, valueDim];
  const mixed = graph.node('Add', [product(graph, onOld, oldValues, { shape }), product(graph, onFresh, value, { shape })], float(...shape));
  return reshape(graph, mixed, [1, heads, fresh, valueDim]);
}
