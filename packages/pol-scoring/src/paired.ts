/**
 * Paired statistics over rows (DESIGN §3.3, score). The unit is the row of a held-out shard: both losses of a row come from the same tokens in the same
 * batch, so what makes rows hard cancels and few rows give a narrow bound.
 *
 * @module
 */
import quantile from '@stdlib/stats-base-dists-t-quantile';
import { PolError, assertBetween } from './error.ts';

/** An estimate of a mean with one-sided bounds, in nats per token. */
export interface PairedEstimate {
  readonly mean: number;
  /** The mean is above this with probability `level`. */
  readonly lowerBound: number;
  /** The mean is below this with probability `level`. */
  readonly upperBound: number;
  readonly standardError: number;
  readonly rows: number;
}

/**
 * Mean of `differences` with Student's t bounds: `mean ± t(level, n − 1) · s / √n`, s² with n − 1 in the denominator.
 * float64, two passes, summed in row order.
 *
 * @param differences `[n]`, finite, n ≥ 2
 * @param level one-sided, 0.5 ≤ level < 1
 * @throws {PolError} `too-few-rows`, `invalid-option`
 */
export function estimateMean(differences: Float64Array, level: number): PairedEstimate {
  const rows = differences.length;
  if (rows < 2) throw new PolError('too-few-rows', `expected at least 2 rows for a confidence bound, got ${rows}`, { expected: 2, actual: rows });
  assertLevel(level);
  const mean = sum(differences) / rows;
  const variance = sum(differences.map((value) => (value - mean) ** 2)) / (rows - 1);
  const standardError = Math.sqrt(variance / rows);
  if (!Number.isFinite(mean + standardError)) throw new PolError('invalid-option', 'expected finite differences', { option: 'differences' });
  const margin = quantile(level, rows - 1) * standardError;
  return { mean, lowerBound: mean - margin, upperBound: mean + margin, standardError, rows };
}

/** Losses of base and candidate on the same rows. */
export interface PairedLosses {
  /** `[n]` mean nats per predicted token of each row, under the base. */
  readonly baseLosses: Float64Array;
  /** `[n]` the same under the candidate. */
  readonly candidateLosses: Float64Array;
  /** B in nats per token: gains count up to +B; a row worse than −B makes the candidate invalid. */
  readonly clip: number;
  /** One-sided level of the bounds, for instance `1 − 0.01 / candidates`. */
  readonly level: number;
}

/** A candidate's measured gain, or why it has none. */
export type PairOutcome =
  | {
      readonly code: 'scored';
      /** Mean of the clipped differences, nats per token; positive is better. */
      readonly gain: number;
      readonly lowerBound: number;
      readonly upperBound: number;
      readonly standardError: number;
      readonly rows: number;
    }
  | { readonly code: 'non-finite' | 'worse-than-clip' | 'validator-fault' };

/**
 * Scores one candidate: `d_i = baseLoss_i − candidateLoss_i`, clipped at +B.
 *
 * A single row below −B gives `worse-than-clip`, so that all d of a scored candidate lie in [−B, B]: no row can be ruined to win on the others,
 * and B must be well above the spread of honest rows (std .07 to .22 nats in facts/recipe.md). A base loss that is not finite is the validator's fault; a candidate loss that is not, with a
 * finite base, is `non-finite`.
 *
 * @throws {PolError} `row-mismatch`, `too-few-rows`, `invalid-option`
 */
export function scorePair({ baseLosses, candidateLosses, clip, level }: PairedLosses): PairOutcome {
  assertPaired(baseLosses, candidateLosses);
  assertBetween('clip', clip, Number.MIN_VALUE, Number.MAX_VALUE);
  assertLevel(level);
  if (!baseLosses.every(Number.isFinite)) return { code: 'validator-fault' };
  if (!candidateLosses.every(Number.isFinite)) return { code: 'non-finite' };
  const differences = subtract(baseLosses, candidateLosses);
  if (differences.some((d) => d < -clip)) return { code: 'worse-than-clip' };
  const { mean: gain, ...bounds } = estimateMean(
    differences.map((d) => Math.min(d, clip)),
    level,
  );
  return { code: 'scored', gain, ...bounds };
}

/** `a_i − b_i` in float64. */
export function subtract(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, row) => value - (b[row] ?? Number.NaN));
}

/** @throws {PolError} `row-mismatch` */
export function assertPaired(a: Float64Array, b: Float64Array): void {
  if (a.length === b.length) return;
  throw new PolError('row-mismatch', `expected losses of the same rows, got ${a.length} and ${b.length}`, { expected: a.length, actual: b.length });
}

/** @throws {PolError} `invalid-option` */
export function assertLevel(level: number): void {
  if (level < 1) assertBetween('level', level, 0.5, 1);
  else throw new PolError('invalid-option', `expected level from 0.5 to below 1, got ${level}`, { option: 'level', actual: level });
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
