/**
 * Bonds on float64: the figures of `bonds.ts`, bit for bit.
 * @module
 */
import { fromU16, multiply, normalise, ONE } from './float-fixed.ts';
import { createLiquidAlpha } from './float-liquid-alpha.ts';
import type { YumaInput } from './input.ts';
import { columnSums, createPacked, multiplyColumns, multiplyColumnShares, normaliseColumns, shareColumns, upscaleColumns, type Packed } from './packed.ts';

/** What bonds are made of, I32F32 bits; matrices are overwritten. */
export interface FloatBondTerms {
  readonly weights: Packed;
  /** The weights themselves where nothing else is needed of them. */
  readonly clipped: Packed;
  readonly consensus: Float64Array;
  readonly incentive: Float64Array;
  readonly activeStake: Float64Array;
  /** Stored bonds that still count, as u16. */
  readonly stored: Packed;
}

export interface FloatBonds {
  readonly dividends: Float64Array;
  readonly bonds: Packed;
}

const U16_MAX = 65535;

export function computeBonds(input: YumaInput, terms: FloatBondTerms): FloatBonds {
  return input.yuma3 ? yuma3Bonds(input, terms) : classicBonds(input, terms);
}

function classicBonds(input: YumaInput, terms: FloatBondTerms): FloatBonds {
  const { stored, activeStake, incentive } = terms;
  const bought = weightsForBonds(input, terms);
  shareColumns(bought, activeStake);
  const bonds = average({ bought, stored, one: columnSums(stored), alpha: fixedAlpha(input) });
  normaliseColumns(bonds);
  const dividends = normalise(multiplyColumns(bonds, incentive));
  upscaleColumns(bonds);
  return { dividends, bonds };
}

function yuma3Bonds(input: YumaInput, terms: FloatBondTerms): FloatBonds {
  const { stored, activeStake, incentive, consensus } = terms;
  const bought = weightsForBonds(input, terms);
  const isLiquid = input.liquidAlpha && consensus.some((value) => value !== 0);
  const bonds = isLiquid ? averageByPair(input, { bought, stored, consensus }) : average({ bought, stored, one: new Float64Array(consensus.length).fill(U16_MAX), alpha: fixedAlpha(input) });
  const held = multiplyColumnShares(bonds, incentive);
  return { dividends: normalise(held.map((share, uid) => multiply(activeStake[uid] as number, share))), bonds };
}

/** W + penalty · (W′ − W), where that is positive. */
function weightsForBonds({ bondsPenalty }: YumaInput, { weights, clipped }: Pick<FloatBondTerms, 'weights' | 'clipped'>): Packed {
  if (bondsPenalty === 0) return weights;
  if (bondsPenalty === U16_MAX) return clipped;
  const penalty = fromU16(bondsPenalty);
  return gatherRows([weights], (row, dense) => {
    // What was left out of `clipped` counts as cut to zero; the rest stands in the same order.
    let kept = clipped.start[row] as number;
    const keptEnd = clipped.start[row + 1] as number;
    for (let index = weights.start[row] as number; index < (weights.start[row + 1] as number); index += 1) {
      const column = weights.column[index] as number;
      const value = weights.value[index] as number;
      const isKept = kept < keptEnd && clipped.column[kept] === column;
      dense[column] = value + multiply((isKept ? (clipped.value[kept] as number) : 0) - value, penalty);
      if (isKept) kept += 1;
    }
  });
}

/** 1 − moving average, the share of the new. */
function fixedAlpha({ bondsMovingAverage }: YumaInput): number {
  return ONE - Math.floor((bondsMovingAverage * ONE) / 1_000_000);
}

interface AverageOptions {
  readonly bought: Packed;
  readonly stored: Packed;
  /** What a stored u16 is a fraction of, by column. */
  readonly one: Float64Array;
  readonly alpha: number;
}

/** α · new + (1 − α) · old, where that is positive. */
function average({ bought, stored, one, alpha }: AverageOptions): Packed {
  return gatherRows([bought, stored], (row, dense) => {
    for (let index = bought.start[row] as number; index < (bought.start[row + 1] as number); index += 1) dense[bought.column[index] as number] = multiply(alpha, bought.value[index] as number);
    for (let index = stored.start[row] as number; index < (stored.start[row + 1] as number); index += 1) {
      const column = stored.column[index] as number;
      const value = stored.value[index] as number;
      // Below 2^48: one division is exact.
      if (value !== 0) dense[column] = (dense[column] as number) + multiply(ONE - alpha, Math.floor((value * ONE) / (one[column] as number)));
    }
  });
}

/** Rows made of those of `sources`: the positive values that `fill` writes into a dense row of zeros, by ascending column. */
function gatherRows(sources: readonly [Packed, ...Packed[]], fill: (row: number, dense: Float64Array) => void): Packed {
  const rows = sources[0].start.length - 1;
  const gathered = createPacked(rows, Math.min(rows * rows, sources.reduce((total, { value }) => total + value.length, 0)));
  const dense = new Float64Array(rows);
  let end = 0;
  for (let row = 0; row < rows; row += 1) {
    if (sources.some(({ start }) => start[row] !== start[row + 1])) {
      fill(row, dense);
      end = moveRow(dense, gathered, end);
    }
    gathered.start[row + 1] = end;
  }
  return gathered;
}

/** Leaves zeros behind. */
function moveRow(dense: Float64Array, { column, value }: Packed, start: number): number {
  let end = start;
  for (let to = 0; to < dense.length; to += 1) {
    const moved = dense[to] as number;
    if (moved === 0) continue;
    column[end] = to;
    value[end] = moved;
    dense[to] = 0;
    end += 1;
  }
  return end;
}

interface PairOptions {
  readonly bought: Packed;
  readonly stored: Packed;
  readonly consensus: Float64Array;
}

/** As {@link average} with an alpha for each pair; a bond without a new weight is dropped. */
function averageByPair(input: YumaInput, { bought, stored, consensus }: PairOptions): Packed {
  const alphaOf = createLiquidAlpha(input);
  const rows = consensus.length;
  const averaged = createPacked(rows, bought.value.length);
  const [held, seen] = [new Float64Array(rows), new Float64Array(rows)];
  let end = 0;
  for (let row = 0; row < rows; row += 1) {
    spread(stored, row, { held, seen });
    let highest = -1;
    for (let index = bought.start[row] as number; index < (bought.start[row + 1] as number); index += 1) {
      const column = bought.column[index] as number;
      const weight = bought.value[index] as number;
      const alpha = alphaOf(consensus[column] as number, column > highest ? weight : 0, seen[column] as number);
      const value = Math.min(ONE, multiply(ONE - alpha, held[column] as number) + multiply(alpha, weight));
      highest = Math.max(highest, column);
      if (value === 0) continue;
      averaged.column[end] = column;
      averaged.value[end] = value;
      end += 1;
    }
    averaged.start[row + 1] = end;
    clear(stored, row, { held, seen });
  }
  return averaged;
}

interface DenseBonds {
  readonly held: Float64Array;
  /** What the chain's search for alpha finds; see `seenByAlpha` in bonds.ts. */
  readonly seen: Float64Array;
}

function spread({ start, column, value }: Packed, row: number, { held, seen }: DenseBonds): void {
  let highest = -1;
  for (let index = start[row] as number; index < (start[row + 1] as number); index += 1) {
    const to = column[index] as number;
    const bond = fromU16(value[index] as number);
    held[to] = bond;
    if (to > highest) seen[to] = bond;
    highest = Math.max(highest, to);
  }
}

function clear({ start, column }: Packed, row: number, { held, seen }: DenseBonds): void {
  for (let index = start[row] as number; index < (start[row + 1] as number); index += 1) {
    held[column[index] as number] = 0;
    seen[column[index] as number] = 0;
  }
}
