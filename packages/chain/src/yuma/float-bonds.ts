/**
 * Bonds on float64: the figures of `bonds.ts`, bit for bit.
 * @module
 */
import { takeFloats, takeZeros } from './arena.ts';
import { divide, fraction, fromU16, multiply, normalise, ONE, toU16 } from './float-fixed.ts';
import { departureOf, toAlphas } from './float-liquid-alpha.ts';
import type { YumaInput } from './input.ts';
import { columnSums, countOf, createPacked, multiplyRows, type Packed } from './packed.ts';

/** What bonds are made of, I32F32 bits. */
export interface FloatBondTerms {
  /** Weights less the penalty for what exceeds consensus. */
  readonly bought: Packed;
  readonly consensus: Float64Array;
  readonly rank: Float64Array;
  readonly incentive: Float64Array;
  readonly activeStake: Float64Array;
  /** Stored bonds that still count, as u16. */
  readonly stored: Packed;
}

export interface FloatBonds {
  readonly dividends: Float64Array;
  /** As stored, u16. */
  readonly bonds: Packed;
}

export function computeBonds(input: YumaInput, terms: FloatBondTerms): FloatBonds {
  return input.yuma3 ? yuma3Bonds(input, terms) : classicBonds(input, terms);
}

function classicBonds(input: YumaInput, { bought, stored, activeStake, rank, incentive }: FloatBondTerms): FloatBonds {
  const alpha = fixedAlpha(input);
  // With the full penalty, what is bought is what was ranked.
  const ofBought = { ...bought, stake: activeStake, totals: input.bondsPenalty === 65_535 ? rank : multiplyRows(bought, activeStake), alpha };
  const ofStored = { ...stored, totals: columnSums(stored), alpha: ONE - alpha };
  const bonds = addRows(bought, stored, (dense, row) => {
    placeShares(dense, row, ofBought);
    addFractions(dense, row, ofStored);
  });
  const held = payIncentive(bonds, incentive, bonds.largest);
  return { dividends: normalise(held), bonds };
}

function yuma3Bonds(input: YumaInput, { bought, stored, activeStake, incentive, consensus }: FloatBondTerms): FloatBonds {
  const isLiquid = input.liquidAlpha && consensus.some((value) => value !== 0);
  const bonds = isLiquid ? averageByPair(input, { bought, stored, consensus }) : average(bought, stored, fixedAlpha(input));
  const held = payIncentive(bonds, incentive);
  for (let uid = 0; uid < held.length; uid += 1) held[uid] = multiply(activeStake[uid] as number, held[uid] as number);
  return { dividends: normalise(held), bonds };
}

/** 1 − moving average, the share of the new. */
function fixedAlpha({ bondsMovingAverage }: YumaInput): number {
  return ONE - Math.floor((bondsMovingAverage * ONE) / 1_000_000);
}

/** α · new + (1 − α) · old, where that is positive. */
function average(bought: Packed, stored: Packed, alpha: number): Averaged {
  return addRows(bought, stored, (dense, row) => {
    placeRow(dense, row, bought, alpha);
    addRow(dense, row, stored, ONE - alpha);
  });
}

/** α · matrix_ij */
function placeRow(dense: Float64Array, row: number, { start, column, value }: Packed, alpha: number): void {
  const end = start[row + 1] as number;
  for (let index = start[row] as number; index < end; index += 1) dense[column[index] as number] = multiply(alpha, value[index] as number);
}

/** α · matrix_ij, of u16 */
function addRow(dense: Float64Array, row: number, { start, column, value }: Packed, alpha: number): void {
  const end = start[row + 1] as number;
  for (let index = start[row] as number; index < end; index += 1) {
    const to = column[index] as number;
    dense[to] = (dense[to] as number) + multiply(alpha, fromU16(value[index] as number));
  }
}

interface ScaledColumns extends Packed {
  readonly totals: Float64Array;
  readonly alpha: number;
}

/** α · (stake_i · matrix_ij / total_j) */
function placeShares(dense: Float64Array, row: number, { start, column, value, stake, totals, alpha }: ScaledColumns & { readonly stake: Float64Array }): void {
  const factor = stake[row] as number;
  const end = factor === 0 ? 0 : (start[row + 1] as number);
  for (let index = start[row] as number; index < end; index += 1) {
    const to = column[index] as number;
    const part = multiply(factor, value[index] as number);
    if (part !== 0) dense[to] = multiply(alpha, divide(part, totals[to] as number));
  }
}

/** α · (matrix_ij / total_j), of u16 */
function addFractions(dense: Float64Array, row: number, { start, column, value, totals, alpha }: ScaledColumns): void {
  const end = start[row + 1] as number;
  for (let index = start[row] as number; index < end; index += 1) {
    const to = column[index] as number;
    const bond = value[index] as number;
    if (bond !== 0) dense[to] = (dense[to] as number) + multiply(alpha, fraction(bond, totals[to] as number));
  }
}

/** Bonds, all positive, with the sum and the largest of each column. */
interface Averaged extends Packed {
  readonly totals: Float64Array;
  readonly largest: Float64Array;
}

function createAveraged(rows: number, capacity: number): Averaged {
  // Written out, not spread: V8 gives spread objects more than one hidden class, and whatever reads them is then compiled again and again.
  const { start, column, value } = createPacked(rows, capacity);
  return { start, column, value, totals: takeZeros(rows), largest: takeZeros(rows) };
}

/** What `fill` makes of each row that either matrix has, where it is positive, by ascending column. @param fill adds to zeros */
function addRows(a: Packed, b: Packed, fill: (dense: Float64Array, row: number) => void): Averaged {
  const rows = a.start.length - 1;
  const sum = createAveraged(rows, Math.min(rows * rows, countOf(a) + countOf(b)));
  const dense = takeZeros(rows);
  let end = 0;
  for (let row = 0; row < rows; row += 1) {
    if (a.start[row] !== a.start[row + 1] || b.start[row] !== b.start[row + 1]) {
      fill(dense, row);
      end = moveRow(dense, sum, end);
    }
    sum.start[row + 1] = end;
  }
  return sum;
}

/** Leaves zeros behind. */
function moveRow(dense: Float64Array, { column, value, totals, largest }: Averaged, start: number): number {
  let end = start;
  for (let to = 0; to < dense.length; to += 1) {
    const moved = dense[to] as number;
    if (moved === 0) continue;
    column[end] = to;
    value[end] = moved;
    totals[to] = (totals[to] as number) + moved;
    if (moved > (largest[to] as number)) largest[to] = moved;
    end += 1;
  }
  dense.fill(0);
  return end;
}

/**
 * Σ_j incentive_j · share_ij, with shares of a column summing to 1. Leaves behind what is stored, as u16: bonds themselves, or, where the largest of each
 * column is given, shares as fractions of the largest.
 */
function payIncentive({ start, column, value, totals }: Averaged, incentive: Float64Array, largest?: Float64Array): Float64Array {
  const units = largest?.map((bond, to) => (bond === 0 ? 0 : divide(bond, totals[to] as number)));
  const held = takeFloats(incentive.length);
  for (let row = 0; row < held.length; row += 1) {
    const end = start[row + 1] as number;
    let total = 0;
    for (let index = start[row] as number; index < end; index += 1) {
      const to = column[index] as number;
      const bond = value[index] as number;
      const share = divide(bond, totals[to] as number);
      total += multiply(incentive[to] as number, share);
      value[index] = toU16(units === undefined ? bond : divide(share, units[to] as number));
    }
    held[row] = total;
  }
  return held;
}

interface PairOptions {
  readonly bought: Packed;
  readonly stored: Packed;
  readonly consensus: Float64Array;
}

/** As {@link average} with an alpha for each pair; a bond without a new weight is dropped. */
function averageByPair(input: YumaInput, { bought, stored, consensus }: PairOptions): Averaged {
  const { held, departure: alpha } = pairUp(bought, stored, consensus);
  toAlphas(input, alpha);
  const averaged = createAveraged(consensus.length, bought.value.length);
  const { start, column, value } = bought;
  const { totals } = averaged;
  let end = 0;
  for (let row = 0; row < consensus.length; row += 1) {
    const rowEnd = start[row + 1] as number;
    for (let index = start[row] as number; index < rowEnd; index += 1) {
      const to = column[index] as number;
      const share = alpha[index] as number;
      const blend = multiply(ONE - share, held[index] as number) + multiply(share, value[index] as number);
      if (blend === 0) continue;
      const bond = blend > ONE ? ONE : blend;
      averaged.column[end] = to;
      averaged.value[end] = bond;
      totals[to] = (totals[to] as number) + bond;
      end += 1;
    }
    averaged.start[row + 1] = end;
  }
  return averaged;
}

/** What an average takes beside each weight bought, I32F32 bits in the order of those. */
interface Pairs {
  /** The stored bond. */
  readonly held: Float64Array;
  readonly departure: Float64Array;
}

function pairUp({ start, column, value }: Packed, stored: Packed, consensus: Float64Array): Pairs {
  const count = start[consensus.length] as number;
  const pairs = { held: takeFloats(count), departure: takeFloats(count) };
  const dense = { held: takeZeros(consensus.length), seen: takeZeros(consensus.length) };
  for (let row = 0; row < consensus.length; row += 1) {
    const rowEnd = start[row + 1] as number;
    if (start[row] !== rowEnd) spread(stored, row, dense);
    let highest = -1;
    for (let index = start[row] as number; index < rowEnd; index += 1) {
      const to = column[index] as number;
      const isSeen = to > highest;
      if (isSeen) highest = to;
      pairs.held[index] = dense.held[to] as number;
      pairs.departure[index] = departureOf(consensus[to] as number, isSeen ? (value[index] as number) : 0, dense.seen[to] as number);
    }
  }
  return pairs;
}

interface DenseBonds {
  readonly held: Float64Array;
  /** What the chain's search for alpha finds; see `seenByAlpha` in bonds.ts. */
  readonly seen: Float64Array;
}

function spread({ start, column, value }: Packed, row: number, { held, seen }: DenseBonds): void {
  held.fill(0);
  seen.fill(0);
  const end = start[row + 1] as number;
  let highest = -1;
  for (let index = start[row] as number; index < end; index += 1) {
    const to = column[index] as number;
    const bond = fromU16(value[index] as number);
    held[to] = bond;
    if (to <= highest) continue;
    seen[to] = bond;
    highest = to;
  }
}
