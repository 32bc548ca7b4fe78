/**
 * Weights cut to consensus on float64: the figures of `exact.ts` and `bonds.ts`, bit for bit.
 * @module
 */
import { takeFloats, takeZeros } from './arena.ts';
import { multiply, ONE, smaller } from './float-fixed.ts';
import type { Packed } from './packed.ts';

export interface CutOptions {
  /** Rows summing to 1; overwritten by W + penalty · (W′ − W), what bonds are bought with. */
  readonly weights: Packed;
  readonly consensus: Float64Array;
  readonly activeStake: Float64Array;
  /** How much of what exceeds consensus is taken off. */
  readonly penalty: number;
}

/** Of the weights up to consensus, W′. */
export interface Cut {
  /** Σ_j W′_ij */
  readonly validatorTrust: Float64Array;
  /** Σ_i S_i · W′_ij */
  readonly rank: Float64Array;
}

export function cutWeights({ weights, consensus, activeStake, penalty }: CutOptions): Cut {
  const { start, column, value } = weights;
  const [validatorTrust, rank] = [takeFloats(consensus.length), takeZeros(consensus.length)];
  const isPartial = penalty !== 0 && penalty !== ONE;
  let index = 0;
  let end = 0;
  for (let row = 0; row < consensus.length; row += 1) {
    const stake = activeStake[row] as number;
    const rowEnd = start[row + 1] as number;
    const rowStart = end;
    let trust = 0;
    let last = -1;
    let isAscending = true;
    for (; index < rowEnd; index += 1) {
      const to = column[index] as number;
      const given = value[index] as number;
      const cut = smaller(given, consensus[to] as number);
      trust += cut;
      rank[to] = (rank[to] as number) + multiply(stake, cut);
      const left = penalty === ONE ? cut : cut === given || penalty === 0 ? given : given + multiply(cut - given, penalty);
      if (left === 0 && (isPartial || given !== 0)) continue;
      if (to < last) isAscending = false;
      last = to;
      column[end] = to;
      value[end] = left;
      end += 1;
    }
    validatorTrust[row] = trust;
    start[row + 1] = end;
    if (isPartial && !isAscending) sortRow(weights, rowStart, end);
  }
  return { validatorTrust, rank };
}

function sortRow({ column, value }: Packed, start: number, end: number): void {
  const row = Array.from({ length: end - start }, (_, index) => ({ to: column[start + index] as number, value: value[start + index] as number })).sort((a, b) => a.to - b.to);
  for (const [index, entry] of row.entries()) {
    column[start + index] = entry.to;
    value[start + index] = entry.value;
  }
}
