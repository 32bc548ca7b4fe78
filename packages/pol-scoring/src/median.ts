/**
 * What the validators together say of each miner (DESIGN §3.4.3): the stake-weighted lower median, which nobody with less than half of the
 * stake can move beyond what another says.
 *
 * @module
 */
import { SHEET_CODES, type SheetEntry } from '@connito/commit-reveal';
import { PolError } from './error.ts';

/** One validator's sheet, with its stake at the score snapshot. */
export interface WeighedSheet {
  readonly stakeRao: bigint;
  /** By uid. */
  readonly entries: readonly SheetEntry[];
}

/** A miner's median score, nats per token. */
export interface MedianScore {
  readonly uid: number;
  readonly score: number;
}

/**
 * Per uid, the stake-weighted lower median of the sheets that do not abstain. A code counts as 0, except those of fault `validator` (an abstention: its stake
 * leaves the total too) and `empty`. A uid is left out unless more than half of all the stake speaks of it: who can keep honest validators from scoring somebody must not get to
 * decide on it alone.
 *
 * @returns ascending by uid
 * @throws {PolError} `invalid-option` for a stake below 0 or a score that is not a number of at least 0
 */
export function medianScores(sheets: readonly WeighedSheet[]): MedianScore[] {
  const uids = Math.max(0, ...sheets.map(({ entries }) => entries.length));
  const allStakeRao = totalStake(sheets);
  const medians: MedianScore[] = [];
  for (let uid = 0; uid < uids; uid++) {
    const votes = sheets.flatMap(({ stakeRao, entries }) => voteOf(entries[uid], stakeRao));
    const score = lowerMedian(votes);
    if (score !== undefined && totalStake(votes) * 2n > allStakeRao) medians.push({ uid, score });
  }
  return medians;
}

/** A value and its weight. */
export interface WeightedValue {
  readonly value: number;
  /** At least 0. */
  readonly weight: number;
}

/**
 * The smallest value at which the weights of it and all smaller ones reach half of the total; of equal weights, the lower of the middle two. Weights are added in ascending order of
 * their values, in float64.
 *
 * @throws {PolError} `invalid-option` where there is no positive weight, or a value or weight is not finite
 */
export function weightedLowerMedian(values: readonly WeightedValue[]): number {
  const sorted = values.toSorted((a, b) => a.value - b.value || a.weight - b.weight);
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  if (!(total > 0) || !sorted.every(({ value, weight }) => Number.isFinite(value) && Number.isFinite(weight) && weight >= 0)) {
    throw new PolError('invalid-option', 'expected finite values with weights of at least 0 and a positive sum', { option: 'values' });
  }
  let reached = 0;
  const median = sorted.find(({ weight }) => weight > 0 && (reached += weight) * 2 >= total);
  return (median ?? sorted[sorted.length - 1])?.value ?? Number.NaN;
}

interface Vote {
  readonly score: number;
  readonly stakeRao: bigint;
}

function voteOf(entry: SheetEntry | undefined, stakeRao: bigint): Vote[] {
  if (stakeRao < 0n) throw new PolError('invalid-option', `expected a stake of at least 0 rao, got ${stakeRao}`, { option: 'stakeRao' });
  if (entry === undefined || stakeRao === 0n) return [];
  if ('code' in entry) return entry.code === 'empty' || SHEET_CODES[entry.code].fault === 'validator' ? [] : [{ score: 0, stakeRao }];
  if (Number.isFinite(entry.score) && entry.score >= 0) return [{ score: entry.score, stakeRao }];
  throw new PolError('invalid-option', `expected scores of at least 0, got ${entry.score}`, { option: 'entries', actual: entry.score });
}

/** In whole rao: stakes pass 2^53. */
function lowerMedian(votes: readonly Vote[]): number | undefined {
  const total = totalStake(votes);
  let reached = 0n;
  return votes.toSorted((a, b) => a.score - b.score).find(({ stakeRao }) => (reached += stakeRao) * 2n >= total)?.score;
}

function totalStake(voters: readonly { readonly stakeRao: bigint }[]): bigint {
  return voters.reduce((sum, { stakeRao }) => sum + stakeRao, 0n);
}
