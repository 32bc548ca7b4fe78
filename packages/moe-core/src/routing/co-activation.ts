/**
 * Which experts of a layer work together: how many tokens chose both of two. Groups of experts that are kept together (partitions, placement on
 * devices) are cut where this is small.
 * @module
 */
import { routingInvalid } from './routing-rule.ts';

/** Counts of one layer. Integers, exact up to 2^53 assignments, so partial counts add up to what one pass over everything gives, in any order. */
export interface CoActivation {
  /** E */
  readonly experts: number;
  /** K */
  readonly expertsPerToken: number;
  /**
   * `[E, E]`, symmetric: `counts[a, b]` tokens chose both a and b; the diagonal is the load, and sums to `K · T`.
   * {@link addCoActivation} writes here.
   */
  readonly counts: Float64Array;
}

/** Keeps the matrix at 128 MiB. */
const MAX_EXPERTS = 4096;

/**
 * Empty counts.
 * @throws routing-invalid
 * @example
 * const together = createCoActivation({ experts: 64, expertsPerToken: 6 });
 * addCoActivation(together, routeTokens(logits, rule).ids);
 */
export function createCoActivation(size: { readonly experts: number; readonly expertsPerToken: number }): CoActivation {
  const { experts, expertsPerToken } = size;
  if (!Number.isInteger(experts) || experts < 1 || experts > MAX_EXPERTS) throw routingInvalid('experts', `an integer from 1 to ${MAX_EXPERTS}, got ${experts}`);
  if (!Number.isInteger(expertsPerToken) || expertsPerToken < 1 || expertsPerToken > experts) {
    throw routingInvalid('expertsPerToken', `an integer from 1 to ${experts}, got ${expertsPerToken}`);
  }
  return { experts, expertsPerToken, counts: new Float64Array(experts * experts) };
}

/**
 * Adds tokens, in place: the matrix is too large to copy for every batch. A call that throws adds nothing.
 * @param ids `[T, K]`
 * @throws routing-invalid ids that do not fit, or an expert twice in one token
 */
export function addCoActivation(coActivation: CoActivation, ids: ArrayLike<number>): void {
  const { experts, expertsPerToken, counts } = coActivation;
  assertIds(coActivation, ids);
  for (let token = 0; token < ids.length; token += expertsPerToken) {
    for (let i = token; i < token + expertsPerToken; i++) {
      const row = ids[i]! * experts;
      for (let j = token; j < token + expertsPerToken; j++) counts[row + ids[j]!]! += 1;
    }
  }
}

/**
 * The counts of both, as new ones.
 * @throws routing-invalid where E or K differ
 */
export function mergeCoActivation(a: CoActivation, b: CoActivation): CoActivation {
  if (a.experts !== b.experts) throw routingInvalid('experts', `${a.experts} as in the first counts, got ${b.experts}`);
  if (a.expertsPerToken !== b.expertsPerToken) throw routingInvalid('expertsPerToken', `${a.expertsPerToken} as in the first counts, got ${b.expertsPerToken}`);
  return { ...a, counts: a.counts.map((count, i) => count + b.counts[i]!) };
}

function assertIds({ experts, expertsPerToken }: CoActivation, ids: ArrayLike<number>): void {
  if (ids.length % expertsPerToken !== 0) throw routingInvalid('ids', `a multiple of ${expertsPerToken} ids, got ${ids.length}`);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!Number.isInteger(id) || id < 0 || id >= experts) throw routingInvalid('ids', `expert ids below ${experts}, got ${id} at ${i}`);
    for (let j = i - (i % expertsPerToken); j < i; j++) if (ids[j] === id) throw routingInvalid('ids', `different experts in a token, got ${id} twice at ${i}`);
  }
}
