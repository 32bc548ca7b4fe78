/**
 * The gate before a merged version is accepted (DESIGN §3.4.5): better on the target with confidence, and not worse on everything else by more
 * than an allowance. Forgetting is measured against the task's first version, so that small losses cannot add up over the cycles.
 *
 * @module
 */
import { PolError, assertBetween } from './error.ts';
import { assertLevel, assertPaired, estimateMean, subtract } from './paired.ts';

/** Losses of the gate's own draw, in nats per token. */
export interface GateInputs {
  /** `[n]` target rows (disjoint from the score's) under the current version. */
  readonly targetBase: Float64Array;
  /** `[n]` the same under the merged candidate. */
  readonly targetCandidate: Float64Array;
  /** `[m]` general rows under the task's first version. */
  readonly generalFirst: Float64Array;
  /** `[m]` the same under the merged candidate. */
  readonly generalCandidate: Float64Array;
  /** One-sided level of both bounds; default 0.99. */
  readonly level?: number;
  /** Largest mean rise of the general loss that the upper bound may reach, nats per token. */
  readonly forgettingAllowance: number;
}

/** The gate's vote and its figures, nats per token. */
export interface GateOutcome {
  readonly accepted: boolean;
  /** Why not, where it is not. */
  readonly reason: 'non-finite' | 'no-gain' | 'forgetting' | undefined;
  /** Mean fall of the target loss, above `lowerBound` with confidence. NaN where a loss of the candidate is not finite. */
  readonly target: { readonly gain: number; readonly lowerBound: number; readonly rows: number };
  /** Mean rise of the general loss, below `upperBound` with confidence. NaN where a loss of the candidate is not finite. */
  readonly general: { readonly forgetting: number; readonly upperBound: number; readonly rows: number };
}

/**
 * Accepts where the lower bound of the target gain is above 0 and the upper bound of forgetting is at most the allowance. Nothing is clipped.
 *
 * @throws {PolError} `non-finite-base` (a validator that cannot measure the base must not vote), `row-mismatch`, `too-few-rows`, `invalid-option`
 */
export function gate({ targetBase, targetCandidate, generalFirst, generalCandidate, level = 0.99, forgettingAllowance }: GateInputs): GateOutcome {
  assertLevel(level);
  assertBetween('forgettingAllowance', forgettingAllowance, 0, Number.MAX_VALUE);
  assertPaired(targetBase, targetCandidate);
  assertPaired(generalFirst, generalCandidate);
  if (![targetBase, generalFirst].every((losses) => losses.every(Number.isFinite))) {
    throw new PolError('non-finite-base', 'expected finite losses of the current and the first version; the evaluator or the data of this machine is damaged, so it must not vote');
  }
  if (![targetCandidate, generalCandidate].every((losses) => losses.every(Number.isFinite))) return nonFinite(targetBase.length, generalFirst.length);
  const { mean: gain, lowerBound } = estimateMean(subtract(targetBase, targetCandidate), level);
  const { mean: forgetting, upperBound } = estimateMean(subtract(generalCandidate, generalFirst), level);
  const reason = lowerBound <= 0 ? 'no-gain' : upperBound > forgettingAllowance ? 'forgetting' : undefined;
  return {
    accepted: reason === undefined,
    reason,
    target: { gain, lowerBound, rows: targetBase.length },
    general: { forgetting, upperBound, rows: generalFirst.length },
  };
}

function nonFinite(targetRows: number, generalRows: number): GateOutcome {
  return {
    accepted: false,
    reason: 'non-finite',
    target: { gain: Number.NaN, lowerBound: Number.NaN, rows: targetRows },
    general: { forgetting: Number.NaN, upperBound: Number.NaN, rows: generalRows },
  };
}
