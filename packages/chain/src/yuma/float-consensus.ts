/**
 * Consensus on float64: the figures of `consensus.ts`, bit for bit.
 * @module
 */
import { takeFloats } from './arena.ts';
import { normalise } from './float-fixed.ts';
import type { Packed } from './packed.ts';

export interface FloatConsensusOptions {
  /** Rows summing to 1. */
  readonly weights: Packed;
  /** I32F32 bits, summing to at most 1. */
  readonly activeStake: Float64Array;
  readonly kappa: number;
}

/** I32F32 bits by column. */
export function findConsensus({ weights, activeStake, kappa }: FloatConsensusOptions): Float64Array {
  const ballots = byColumn(weights, normalise(activeStake));
  const voters = activeStake.reduce((count, stake) => count + (stake > 0 ? 1 : 0), 0);
  return activeStake.map((_, column) => {
    const start = column * voters;
    const end = start + (ballots.counts[column] as number);
    let given = 0;
    for (let index = start; index < end; index += 1) given += ballots.stake[index] as number;
    // Who gives nothing votes for zero: zero it is where what remains is below the majority.
    const isZero = start === end || (end - start < voters && given < kappa);
    return isZero ? 0 : weightedMedian(ballots, { start, end, minority: given - kappa });
  });
}

/** Positive scores and the stake behind them, column by column, the largest stake first. */
interface Ballots {
  /** Ballots of column j stand from `j * voters` on. */
  readonly counts: Int32Array;
  readonly score: Float64Array;
  readonly stake: Float64Array;
}

function byColumn({ start, column, value }: Packed, stakeOf: Float64Array): Ballots {
  const voters = [...stakeOf.keys()].filter((row) => stakeOf[row] !== 0).sort((a, b) => (stakeOf[b] as number) - (stakeOf[a] as number));
  const counts = new Int32Array(stakeOf.length);
  const score = takeFloats(stakeOf.length * voters.length);
  const stake = takeFloats(stakeOf.length * voters.length);
  for (const row of voters) {
    const backing = stakeOf[row] as number;
    for (let index = start[row] as number; index < (start[row + 1] as number); index += 1) {
      if (value[index] === 0) continue;
      const to = column[index] as number;
      const count = counts[to] as number;
      counts[to] = count + 1;
      score[to * voters.length + count] = value[index] as number;
      stake[to * voters.length + count] = backing;
    }
  }
  return { counts, score, stake };
}

interface Partition {
  readonly start: number;
  readonly end: number;
  readonly minority: number;
}

/** The lowest score at which the stake of this and all lower ones exceeds `minority`, else the highest; a pivot search that reorders the ballots. */
function weightedMedian({ score, stake }: Ballots, partition: Partition): number {
  let { start, end, minority } = partition;
  // Where the largest stake is, the median often is.
  let pivot = score[start] as number;
  for (;;) {
    let lower = start;
    let upper = end;
    let below = 0;
    let at = 0;
    for (let index = start; index < upper; ) {
      const value = score[index] as number;
      const backing = stake[index] as number;
      if (value === pivot) {
        at += backing;
        index += 1;
        continue;
      }
      if (value < pivot) below += backing;
      const target = value < pivot ? lower++ : --upper;
      score[index] = score[target] as number;
      stake[index] = stake[target] as number;
      score[target] = value;
      stake[target] = backing;
      if (value < pivot) index += 1;
    }
    if (below > minority && lower > start) end = lower;
    else if (below + at <= minority && upper < end) {
      start = upper;
      minority -= below + at;
    } else return pivot;
    pivot = score[(start + end) >> 1] as number;
  }
}
