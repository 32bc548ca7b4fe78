/**
 * Scores of the last cycles to ratings, ratings to weights (DESIGN §3.4.7).
 *
 * @module
 */
import { PolError, assertBetween, assertWhole } from './error.ts';

/** Scores of the last cycles. */
export interface RatingInputs {
  /** Oldest first: hotkey → score in nats per token. Medians of the cycle records; for the newest cycle the validator's own sheet. Void cycles are left out. */
  readonly cycles: readonly ReadonlyMap<string, number>[];
  /** Number of newest cycles that count. */
  readonly window: number;
}

/**
 * A miner's rating is the plain mean of its scores in the newest `window` cycles, 0 for cycles that it has no score in; before there are `window` cycles, the mean over those that there are.
 * A window is a pure function of a few records, where an exponential average needs all the past; and a hotkey that stops working is forgotten after `window` cycles.
 *
 * @returns every hotkey of the window, also those at 0; summed oldest first in float64
 * @throws {PolError} `invalid-option`
 */
export function rateMiners({ cycles, window }: RatingInputs): Map<string, number> {
  assertWhole('window', window, 1, Number.MAX_SAFE_INTEGER);
  const newest = cycles.slice(-window);
  const ratings = new Map<string, number>();
  for (const scores of newest) {
    for (const [hotkey, score] of scores) {
      assertScore('cycles', score);
      ratings.set(hotkey, (ratings.get(hotkey) ?? 0) + score / newest.length);
    }
  }
  return ratings;
}

/** Ratings and what a cycle's work should come to. */
export interface WeightInputs {
  /** uid → rating in nats per token. */
  readonly ratings: ReadonlyMap<number, number>;
  /** Sum of ratings that is paid in full, nats per token. */
  readonly targetGain: number;
  /** Where the unpaid share burns: the subnet owner's uid. */
  readonly burnUid: number;
}

/** A weight between 0 and 1. */
export interface WeightEntry {
  readonly uid: number;
  readonly weight: number;
}

/**
 * `wᵢ = paid · ratingᵢ / Σ ratings` with `paid = min(1, Σ ratings / targetGain)`; the rest, `1 − paid`, goes to `burnUid`.
 * So the least bad of nobody is not paid in full.
 *
 * @returns ascending by uid, zeros left out; the sum is 1 but for rounding
 * @throws {PolError} `invalid-option`
 */
export function weightsFromRatings({ ratings, targetGain, burnUid }: WeightInputs): WeightEntry[] {
  assertBetween('targetGain', targetGain, Number.MIN_VALUE, Number.MAX_VALUE);
  assertWhole('burnUid', burnUid, 0, 0xffff);
  const sorted = [...ratings].toSorted(([a], [b]) => a - b);
  for (const [uid, rating] of sorted) {
    assertWhole('ratings', uid, 0, 0xffff);
    assertScore('ratings', rating);
  }
  const total = sorted.reduce((sum, [, rating]) => sum + rating, 0);
  if (total === 0) return [{ uid: burnUid, weight: 1 }];
  const paid = Math.min(1, total / targetGain);
  const weights = new Map(sorted.map(([uid, rating]) => [uid, (paid * rating) / total]));
  weights.set(burnUid, (weights.get(burnUid) ?? 0) + (1 - paid));
  return [...weights].flatMap(([uid, weight]) => (weight > 0 ? [{ uid, weight }] : [])).sort((a, b) => a.uid - b.uid);
}

function assertScore(option: string, score: number): void {
  if (Number.isFinite(score) && score >= 0) return;
  throw new PolError('invalid-option', `expected ratings and scores to be finite numbers of at least 0, got ${score}`, { option, actual: score });
}
