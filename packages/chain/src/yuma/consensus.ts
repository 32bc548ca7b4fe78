/**
 * Consensus: per neuron, the largest weight that a majority of stake gives at least.
 * @module
 * @see math.rs:975 and :1121, `weighted_median_col_sparse`
 */
import { normalise, subtract, sum } from './fixed-point.ts';
import { toDense, type Matrix } from './sparse.ts';

export interface ConsensusOptions {
  readonly weights: Matrix;
  readonly activeStake: readonly bigint[];
  readonly kappa: bigint;
  readonly columns: number;
}

/** I32F32 by column. With no active stake it is zero. */
export function findConsensus({ weights, activeStake, kappa, columns }: ConsensusOptions): bigint[] {
  const voters = activeStake.flatMap((stake, uid) => (stake > 0n ? [uid] : []));
  const stake = normalise(voters.map((uid) => activeStake[uid] as bigint));
  const minority = subtract(sum(stake), kappa);
  const rows = voters.map((uid) => toDense(weights[uid] ?? [], columns));
  return Array.from({ length: columns }, (_, column) => weightedMedian(rows.map((row) => row[column] as bigint), stake, minority));
}

/**
 * The lowest score at which the stake of this and all lower scores exceeds `minority`; the highest score if none does.
 * The chain finds it with a pivot search; because stake sums exactly, the order of its steps does not matter.
 */
function weightedMedian(scores: readonly bigint[], stake: readonly bigint[], minority: bigint): bigint {
  const totals = new Map<bigint, bigint>();
  for (const [index, score] of scores.entries()) totals.set(score, (totals.get(score) ?? 0n) + (stake[index] as bigint));
  const ascending = [...totals.keys()].sort((a, b) => (a < b ? -1 : 1));
  let reached = 0n;
  for (const score of ascending) {
    reached += totals.get(score) as bigint;
    if (reached > minority) return score;
  }
  return ascending.at(-1) ?? 0n;
}
