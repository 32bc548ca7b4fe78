/**
 * Consensus on float64: the figures of `consensus.ts`, bit for bit.
 * @module
 */
import { takeFloats, takeZeros } from './arena.ts';
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
  const voters = activeStake.reduce((count, stake) => count + (stake > 0 ? 1 : 0), 0);
  const { counts, given, ...ballots } = byColumn(weights, normalise(activeStake), voters);
  const consensus = takeZeros(activeStake.length);
  for (let column = 0; column < consensus.length; column += 1) {
    const count = counts[column] as number;
    // Of integers: without a kappa only all of the stake is enough.
    const minority = (given[column] as number) - Math.max(kappa, 1);
    // Who gives nothing votes for zero: zero it is where what remains is below the majority.
    if (count === 0 || (count < voters && minority < 0)) continue;
    consensus[column] = weightedMedian(ballots, { start: column * voters, end: column * voters + count, minority });
  }
  return consensus;
}

/** Positive scores and the stake behind them; those of column j stand from `j * voters` on. */
interface Ballots {
  readonly score: Float64Array;
  readonly stake: Float64Array;
}

interface BallotsByColumn extends Ballots {
  /** Ballots of each column, and the stake behind all of them. */
  readonly counts: Int32Array;
  readonly given: Float64Array;
}

function byColumn({ start, column, value }: Packed, stakeOf: Float64Array, voters: number): BallotsByColumn {
  const counts = new Int32Array(stakeOf.length);
  const given = takeZeros(stakeOf.length);
  const score = takeFloats(stakeOf.length * voters);
  const stake = takeFloats(stakeOf.length * voters);
  for (let row = 0; row < stakeOf.length; row += 1) {
    const backing = stakeOf[row] as number;
    const end = backing === 0 ? 0 : (start[row + 1] as number);
    for (let index = start[row] as number; index < end; index += 1) {
      const scored = value[index] as number;
      if (scored === 0) continue;
      const to = column[index] as number;
      const at = to * voters + (counts[to] as number);
      counts[to] = (counts[to] as number) + 1;
      given[to] = (given[to] as number) + backing;
      score[at] = scored;
      stake[at] = backing;
    }
  }
  return { counts, given, score, stake };
}

interface Electorate {
  readonly start: number;
  readonly end: number;
  readonly minority: number;
}

const BUCKETS = 32;
/** As many are looked through one by one. */
const FEW = 8;
const stakeByBucket: Float64Array = new Float64Array(BUCKETS);

/**
 * The lowest score at which the stake of this and all lower ones exceeds `minority`, as that of all does.
 *
 * Divides the range of scores into buckets, adds up the stake in each, and goes on with the ballots of the bucket where the sum passes `minority`. Unlike
 * a pivot search this takes no turn that depends on a single ballot, which a processor would guess wrong half of the time.
 */
function weightedMedian(ballots: Ballots, { start, end, minority }: Electorate): number {
  const { score, stake } = ballots;
  let count = end;
  let below = 0;
  while (count - start > FEW) {
    let low = score[start] as number;
    let high = low;
    for (let index = start + 1; index < count; index += 1) {
      const scored = score[index] as number;
      if (scored < low) low = scored;
      else if (scored > high) high = scored;
    }
    if (low === high) return low;
    // Below BUCKETS for the highest score, of integers up to 2^32; ascending, for rounding is monotone.
    const scale = BUCKETS / (high - low + 1);
    stakeByBucket.fill(0);
    for (let index = start; index < count; index += 1) {
      const bucket = ((score[index] as number) - low) * scale | 0;
      stakeByBucket[bucket] = (stakeByBucket[bucket] as number) + (stake[index] as number);
    }
    let chosen = 0;
    while (below + (stakeByBucket[chosen] as number) <= minority) {
      below += stakeByBucket[chosen] as number;
      chosen += 1;
    }
    let kept = start;
    for (let index = start; index < count; index += 1) {
      if ((((score[index] as number) - low) * scale | 0) !== chosen) continue;
      score[kept] = score[index] as number;
      stake[kept] = stake[index] as number;
      kept += 1;
    }
    count = kept;
  }
  return select(ballots, { start, end: count, minority: minority - below });
}

/** As {@link weightedMedian}, of a few: takes the lowest away until what is taken exceeds `minority`. */
function select({ score, stake }: Ballots, { start, end, minority }: Electorate): number {
  let count = end;
  let taken = 0;
  for (;;) {
    let lowest = start;
    for (let index = start + 1; index < count; index += 1) if ((score[index] as number) < (score[lowest] as number)) lowest = index;
    taken += stake[lowest] as number;
    if (taken > minority) return score[lowest] as number;
    count -= 1;
    score[lowest] = score[count] as number;
    stake[lowest] = stake[count] as number;
  }
}
