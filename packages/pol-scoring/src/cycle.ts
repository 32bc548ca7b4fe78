/**
 * All candidates of a cycle to scores and codes (DESIGN §3.3, score).
 *
 * @module
 */
import type { SheetCodeName } from '@connito/commit-reveal';
import { PolError, assertBetween } from './error.ts';
import { scorePair, type PairOutcome } from './paired.ts';

/** How many of the best gains the floor looks at: a single lucky or colluding one moves it by a third. */
const BEST_GAINS = 3;

/** A candidate's losses. */
export interface Candidate {
  readonly uid: number;
  /** `[n]` in nats per token, on the rows of `baseLosses`. */
  readonly losses: Float64Array;
}

/** A cycle's measurements and rules. */
export interface CycleScoring {
  /** `[n]` in nats per token. */
  readonly baseLosses: Float64Array;
  readonly candidates: readonly Candidate[];
  /** See {@link scorePair}. */
  readonly clip: number;
  /** Least gain that is paid, nats per token. */
  readonly minGain: number;
  /** Least share of the mean of the three best gains that is paid; default 0.1. */
  readonly floorShare?: number;
  /** Probability that any candidate's bound is wrong, split evenly over them; default 0.01. */
  readonly errorRate?: number;
}

/** A candidate's outcome: what goes on the sheet, and the figures behind it. */
export interface CandidateScore {
  readonly uid: number;
  readonly code: Extract<SheetCodeName, 'scored' | 'below-floor' | 'non-finite' | 'worse-than-clip' | 'validator-fault'>;
  /** The lower bound where the code is `scored`, else 0. Nats per token. */
  readonly score: number;
  readonly gain?: number;
  readonly lowerBound?: number;
  readonly upperBound?: number;
  readonly standardError?: number;
  readonly rows?: number;
}

/**
 * Scores every candidate with bounds at level `1 − errorRate / candidates`; below the floor a score is 0. The result does not depend on the order of the candidates.
 *
 * @returns one score for each candidate, in the order given
 * @throws {PolError} `invalid-option`, `row-mismatch`, `too-few-rows`
 */
export function scoreCycle({ baseLosses, candidates, clip, minGain, floorShare = 0.1, errorRate = 0.01 }: CycleScoring): CandidateScore[] {
  assertBetween('errorRate', errorRate, Number.MIN_VALUE, 0.5);
  if (new Set(candidates.map(({ uid }) => uid)).size < candidates.length) throw new PolError('invalid-option', 'expected every uid once among the candidates', { option: 'candidates' });
  const level = 1 - errorRate / Math.max(1, candidates.length);
  const outcomes = candidates.map(({ losses }) => scorePair({ baseLosses, candidateLosses: losses, clip, level }));
  const floor = computeFloor({ gains: outcomes.flatMap((outcome) => (outcome.code === 'scored' ? [outcome.gain] : [])), minGain, floorShare });
  return candidates.map(({ uid }, index) => toScore(uid, outcomes[index] ?? { code: 'validator-fault' }, floor));
}

/** What the floor is made of. */
export interface FloorInputs {
  /** Mean gains of all measured candidates. */
  readonly gains: readonly number[];
  readonly minGain: number;
  readonly floorShare: number;
}

/**
 * `max(minGain, floorShare · mean of the three best gains)`; gains below 0 count as 0, and where there are fewer than three, the mean is over those.
 * A random step improves a little, measurably; the floor is what keeps it unpaid (facts/recipe.md, Proof-of-Loss).
 *
 * @throws {PolError} `invalid-option`
 */
export function computeFloor({ gains, minGain, floorShare }: FloorInputs): number {
  assertBetween('minGain', minGain, 0, Number.MAX_VALUE);
  assertBetween('floorShare', floorShare, 0, 1);
  const best = gains.toSorted((a, b) => b - a).slice(0, BEST_GAINS);
  const mean = best.reduce((total, gain) => total + Math.max(0, gain), 0) / Math.max(1, best.length);
  return Math.max(minGain, floorShare * mean);
}

function toScore(uid: number, outcome: PairOutcome, floor: number): CandidateScore {
  if (outcome.code !== 'scored') return { uid, score: 0, code: outcome.code };
  const { code, ...figures } = outcome;
  const isPaid = figures.lowerBound >= floor && figures.lowerBound > 0;
  return { uid, score: isPaid ? figures.lowerBound : 0, code: isPaid ? code : 'below-floor', ...figures };
}
