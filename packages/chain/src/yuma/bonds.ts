/**
 * Bonds: the moving average of what validators weighed, which turns incentive into dividends.
 *
 * Classic Yuma averages shares of a neuron's bonds; Yuma3 averages the weights themselves, each pair by itself, and scales by stake afterwards.
 * @module
 * @see run_epoch.rs:817–925
 */
import { add, fromU16, max, min, multiply, multiplyOrZero, normalise, ONE, subtract } from './fixed-point.ts';
import type { YumaInput, YumaRow } from './input.ts';
import { alphaCurve, liquidAlpha, type AlphaCurve } from './liquid-alpha.ts';
import { multiplyColumns, normaliseColumns, scaleRows, toDense, toSparse, upscaleColumns, type Matrix, type Row } from './sparse.ts';

/** What bonds are made of, I32F32. */
export interface BondTerms {
  /** Normalised weights, before and after consensus cut them. */
  readonly weights: Matrix;
  readonly clipped: Matrix;
  readonly consensus: readonly bigint[];
  readonly incentive: readonly bigint[];
  readonly activeStake: readonly bigint[];
  /** Stored bonds that still count, as u16. */
  readonly stored: readonly YumaRow[];
}

export interface Bonds {
  readonly dividends: readonly bigint[];
  /** As stored: I32F32 of what becomes u16. */
  readonly bonds: Matrix;
}

/** New bonds and the dividends they pay. */
export function computeBonds(input: YumaInput, terms: BondTerms): Bonds {
  return input.yuma3 ? yuma3Bonds(input, terms) : classicBonds(input, terms);
}

function classicBonds(input: YumaInput, { stored, activeStake, incentive, ...terms }: BondTerms): Bonds {
  const columns = stored.length;
  const old = normaliseColumns(stored.map((row) => row.map(([uid, value]) => [uid, BigInt(value) << 32n] as const)), columns);
  const bought = normaliseColumns(scaleRows(weightsForBonds(input, terms), activeStake), columns);
  const bonds = normaliseColumns(average(bought, old, fixedAlpha(input)), columns);
  return { dividends: normalise(multiplyColumns(bonds, incentive)), bonds: upscaleColumns(bonds, columns) };
}

function yuma3Bonds(input: YumaInput, { stored, activeStake, incentive, consensus, ...terms }: BondTerms): Bonds {
  const columns = stored.length;
  const old = stored.map((row) => row.map(([uid, value]) => [uid, fromU16(value)] as const));
  const bought = weightsForBonds(input, terms);
  const isLiquid = input.liquidAlpha && consensus.some((value) => value !== 0n);
  const bonds = isLiquid ? averageByPair({ bought, old, consensus, curve: alphaCurve(input) }) : average(bought, old, fixedAlpha(input));
  const held = multiplyColumns(normaliseColumns(bonds, columns), incentive);
  return { dividends: normalise(held.map((share, uid) => multiplyOrZero(share, activeStake[uid] as bigint))), bonds };
}

/** W + penalty · (W′ − W), where that is positive. */
function weightsForBonds({ bondsPenalty }: YumaInput, { weights, clipped }: Pick<BondTerms, 'weights' | 'clipped'>): Matrix {
  const penalty = fromU16(bondsPenalty);
  if (penalty === 0n) return weights;
  if (penalty === ONE) return clipped;
  return weights.map((row, index) => {
    const from = toDense(row, weights.length);
    const to = toDense(clipped[index] ?? [], weights.length);
    return toSparse(from.map((value, column) => add(value, multiply(penalty, subtract(to[column] as bigint, value)))));
  });
}

/** 1 − moving average, the share of the new. */
function fixedAlpha({ bondsMovingAverage }: YumaInput): bigint {
  return ONE - (BigInt(bondsMovingAverage) << 32n) / 1_000_000n;
}

/** α · new + (1 − α) · old, where that is positive. */
function average(bought: Matrix, old: Matrix, alpha: bigint): Matrix {
  const rest = subtract(ONE, alpha);
  return bought.map((row, index) => {
    const values = toDense(row, bought.length).map((value) => multiply(alpha, value));
    for (const [column, value] of old[index] ?? []) values[column] = add(values[column] as bigint, multiply(rest, value));
    return toSparse(values);
  });
}

interface PairOptions {
  readonly bought: Matrix;
  readonly old: Matrix;
  readonly consensus: readonly bigint[];
  readonly curve: AlphaCurve;
}

/** As {@link average} with an alpha for each pair, at most 1; a bond without a new weight is dropped. */
function averageByPair({ bought, old, consensus, curve }: PairOptions): Matrix {
  return bought.map((row, index): Row => {
    const oldRow = old[index] ?? [];
    const seen = { weight: seenByAlpha(row), bond: seenByAlpha(oldRow) };
    const held = new Map(oldRow);
    return row.flatMap(([column, weight]): Row => {
      const alpha = liquidAlpha(curve, { consensus: consensus[column] as bigint, weight: seen.weight.get(column) ?? 0n, bond: seen.bond.get(column) ?? 0n });
      const kept = multiply(subtract(ONE, alpha), held.get(column) ?? 0n);
      const value = min(add(kept, max(multiply(alpha, weight), 0n)), ONE);
      return value > 0n ? [[column, value]] : [];
    });
  });
}

/**
 * The entries that the chain's search for alpha finds. It walks a row once, upwards, so it passes over every entry that stands after one of a
 * higher column: in a row that was not sent in ascending order, those count as zero there, and only there.
 * @see run_epoch.rs:1443, the `peekable` iterators
 */
function seenByAlpha(row: Row): ReadonlyMap<number, bigint> {
  const seen = new Map<number, bigint>();
  let highest = -1;
  for (const [column, value] of row) {
    if (column <= highest) continue;
    highest = column;
    seen.set(column, value);
  }
  return seen;
}

