/**
 * From routing to work lists: which tokens each expert takes, as training and inference engines batch them.
 * @module
 */
import { routingInvalid } from './routing-rule.ts';

/** Assignments sorted by expert. An assignment is one entry of `[T, K]`: `token · K + rank`. */
export interface TokenDispatch {
  /** `[E + 1]`: expert e has the assignments `order[offsets[e] … offsets[e + 1])`; the last offset is `T · K`. */
  readonly offsets: Uint32Array;
  /** `[T · K]`: assignments by expert, then rising, so that sums over them run in the order of tokens. */
  readonly order: Uint32Array;
}

/**
 * A counting sort, stable, without floats: `order` is the permutation that gathers, its inverse scatters. An expert's load is `offsets[e + 1] − offsets[e]`.
 * @param ids `[T, K]`, any K; fewer than 2^32
 * @throws routing-invalid an id of no expert
 * @example
 * const { ids } = routeTokens(logits, rule);
 * const { offsets, order } = dispatchTokens(ids, rule.experts);
 * const tokensOfExpert3 = order.subarray(offsets[3], offsets[4]).map((assignment) => Math.floor(assignment / rule.expertsPerToken));
 */
export function dispatchTokens(ids: Uint16Array, experts: number): TokenDispatch {
  if (!Number.isInteger(experts) || experts < 1 || experts > 65_536) throw routingInvalid('experts', `an integer from 1 to 65536, got ${experts}`);
  const offsets = new Uint32Array(experts + 1);
  for (let i = 0; i < ids.length; i++) {
    if (ids[i]! >= experts) throw routingInvalid('ids', `expert ids below ${experts}, got ${ids[i]} at ${i}`);
    offsets[ids[i]! + 1]! += 1;
  }
  for (let expert = 0; expert < experts; expert++) offsets[expert + 1]! += offsets[expert]!;
  const next = offsets.slice(0, experts);
  const order = new Uint32Array(ids.length);
  for (let i = 0; i < ids.length; i++) order[next[ids[i]!]!++] = i;
  return { offsets, order };
}
