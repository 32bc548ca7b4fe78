/**
 * Sums of one layer that are still being added to; `expert-relevance.ts` says what they mean. Kept apart because logs of a hundred million
 * entries must not make an accumulator per line.
 * @module
 */
import { MoeError } from '../errors.ts';

/** A layer's sums, and for every expert the last token that named it. */
export interface RelevanceSums {
  tokens: number;
  readonly counts: Float64Array;
  readonly weightsHigh: Float64Array;
  readonly weightsLow: Float64Array;
  readonly lastToken: Int32Array;
}

/** `LayerRouting` of `expert-relevance.ts`, which imports this file. */
interface RoutingArrays {
  readonly layer: number;
  readonly ids: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
}

/** A weight is `high · 2^-24 + low · 2^-48` with 0 ≤ low < 2^24. */
export const LIMB: number = 2 ** 24;

/** Beyond this the integer sums might leave 2^53: with weights up to {@link MAX_WEIGHT}, 2^29 / 2^4 tokens. */
const MAX_TOKENS = 2 ** 25;

/** Scaled routers (DeepSeek-V3: 2.5) exceed 1; nothing published exceeds 16. */
const MAX_WEIGHT = 16;

/** Empty sums over E experts. */
export function createSums(experts: number): RelevanceSums {
  return {
    tokens: 0,
    counts: new Float64Array(experts),
    weightsHigh: new Float64Array(experts),
    weightsLow: new Float64Array(experts),
    lastToken: new Int32Array(experts).fill(-1),
  };
}

/**
 * Adds the entries of some tokens, `[T, K]`. After an error the sums are of no use.
 * @throws relevance-invalid an id or weight out of range, an expert twice in a token, too many tokens
 */
export function addEntries(sums: RelevanceSums, entries: { readonly expertsPerToken: number; readonly ids: ArrayLike<number>; readonly weights: ArrayLike<number>; readonly count: number }): void {
  const { counts, weightsHigh, weightsLow, lastToken } = sums;
  const { expertsPerToken, ids, weights, count } = entries;
  const experts = counts.length;
  let token = sums.tokens - 1;
  assertTokens(sums.tokens + count / expertsPerToken);
  for (let i = 0, rank = 0; i < count; i++, rank++) {
    if (rank === expertsPerToken || i === 0) {
      rank = 0;
      token++;
    }
    const expert = ids[i]!;
    const weight = weights[i]!;
    // The look-up is undefined for anything that is no id.
    const last = lastToken[expert];
    if (last === undefined) throw invalid('ids', `expected expert ids below ${experts}, got ${expert}`);
    if (last === token) throw invalid('ids', `token ${token} names expert ${expert} twice`);
    if (!(weight >= 0 && weight <= MAX_WEIGHT)) throw invalid('weights', `expected routing weights from 0 to ${MAX_WEIGHT}, got ${weight}`);
    lastToken[expert] = token;
    const fixed = Math.round(weight * (LIMB * LIMB));
    const high = Math.floor(fixed / LIMB);
    counts[expert]! += 1;
    weightsHigh[expert]! += high;
    weightsLow[expert]! += fixed - high * LIMB;
  }
  sums.tokens = token + 1;
}

/** @throws relevance-invalid E or K out of range */
export function assertSize({ experts, expertsPerToken }: { readonly experts: number; readonly expertsPerToken: number }): void {
  if (!Number.isInteger(experts) || experts < 1 || experts > 65_536) throw invalid('experts', `expected an integer from 1 to 65536, got ${experts}`);
  if (Number.isInteger(expertsPerToken) && expertsPerToken >= 1 && expertsPerToken <= experts) return;
  throw invalid('expertsPerToken', `expected an integer from 1 to ${experts}, got ${expertsPerToken}`);
}

/** @throws relevance-invalid a layer that is no index, arrays that are not `[T, K]` */
export function assertRouting({ layer, ids, weights }: RoutingArrays, expertsPerToken: number): void {
  if (!Number.isInteger(layer) || layer < 0) throw invalid('layer', `expected a layer index, got ${layer}`);
  if (ids.length === weights.length && ids.length % expertsPerToken === 0) return;
  throw invalid('ids', `expected as many ids as weights, ${expertsPerToken} per token, got ${ids.length} and ${weights.length}`);
}

/** @throws relevance-invalid */
export function assertTokens(tokens: number): void {
  if (tokens > MAX_TOKENS) throw invalid('tokens', `at most ${MAX_TOKENS} tokens of a layer can be summed exactly, got ${tokens}`);
}

/** The error of this concept, shared with `expert-relevance.ts`. */
export function invalid(field: string, message: string): MoeError<'relevance-invalid'> {
  return new MoeError('relevance-invalid', { message: `expert relevance, ${field}: ${message}`, context: { field } });
}
