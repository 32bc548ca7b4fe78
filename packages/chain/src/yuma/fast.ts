/**
 * Yuma Consensus, fast: the same epoch on float64 arrays, without a bigint per entry.
 *
 * The chain's figures are at most 1.0, that is 2^32 in bits, which float64 holds exactly; see `float-fixed.ts` for why its rounding does not show. So this
 * form has the very bits of `computeYuma`, and what the chain decides by comparing (medians, ties, masks) is decided alike.
 * @module
 */
import { resetArena } from './arena.ts';
import { computeYuma } from './exact.ts';
import { fromU16, normalise, ONE, toU16 } from './float-fixed.ts';
import { computeBonds } from './float-bonds.ts';
import { findConsensus } from './float-consensus.ts';
import { shareFloatEmission } from './float-emission.ts';
import { assertAllButRows, type YumaInput, type YumaRow } from './input.ts';
import { horizonOf, mayWeigh } from './mask.ts';
import { cutWeights } from './float-weights.ts';
import { normaliseU16Rows, packRows, type Packed } from './packed.ts';
import type { YumaResult } from './result.ts';
import { countVotes, type Votes } from './stake.ts';

/**
 * What {@link computeYuma} returns, some 20 to 26 times faster for 64 validators and 256 neurons (`bench/yuma.bench.mjs`).
 *
 * Held to within ±1 of u16; in fact equal wherever it was compared. Inputs that no chain should have (a moving average above 1, crossed bounds of alpha, stake
 * whose sum overflows) are handed to the exact form.
 * @throws bad-value
 */
export function computeYumaFast(input: YumaInput): YumaResult {
  if (input.bondsMovingAverage > 1_000_000 || (input.liquidAlpha && input.alphaLow > input.alphaHigh)) return computeYuma(input);
  assertAllButRows(input);
  const votes = countVotes(input);
  if (votes.stake.some((share) => share < 0n || share > BigInt(ONE))) return computeYuma(input);
  return run(input, votes);
}

function run(input: YumaInput, votes: Votes): YumaResult {
  resetArena();
  const activeStake = Float64Array.from(votes.activeStake, Number);
  const weights = countedWeights(input, votes);
  const consensus = findConsensus({ weights, activeStake, kappa: fromU16(input.kappa) });
  const { validatorTrust, rank } = cutWeights({ weights, consensus, activeStake, penalty: fromU16(input.bondsPenalty) });
  const incentive = normalise(rank);
  const { dividends, bonds } = computeBonds(input, { bought: weights, consensus, rank, incentive, activeStake, stored: countedBonds(input) });
  const stake = Float64Array.from(votes.stake, Number);
  return {
    active: votes.active,
    validatorPermit: votes.nextPermit,
    ...toFigures({ stake, activeStake, consensus, validatorTrust, incentive, dividends }),
    ...shareFloatEmission(input.emissionRao, { incentive, dividends, activeStake, stake }),
    bonds: toRows(bonds, votes.nextPermit),
  };
}

function countedWeights(input: YumaInput, { permit }: Votes): Packed {
  const { ofWeights } = horizonOf(input);
  const weights = packRows({
    name: 'weights',
    rows: input.weights,
    registered: input.blockAtRegistration,
    horizon: (from) => (permit[from] === true ? ofWeights(from) : 0),
    except: (from) => (mayWeigh(input, from, from) ? -1 : from),
  });
  normaliseU16Rows(weights);
  return weights;
}

function countedBonds(input: YumaInput): Packed {
  const { ofBonds } = horizonOf(input);
  return packRows({ name: 'bonds', rows: input.bonds, registered: input.blockAtRegistration, horizon: () => ofBonds, except: () => -1 });
}

type Figures = Readonly<Record<'stake' | 'activeStake' | 'consensus' | 'validatorTrust' | 'incentive' | 'dividends', Float64Array>>;

function toFigures(figures: Figures): Pick<YumaResult, 'stakeWeight' | 'consensus' | 'validatorTrust' | 'incentive' | 'dividends' | 'fractions'> {
  const { stake, activeStake, consensus, validatorTrust, incentive, dividends } = figures;
  return {
    stakeWeight: mapFigures(stake, toU16),
    consensus: mapFigures(consensus, toU16),
    validatorTrust: mapFigures(validatorTrust, toU16),
    incentive: mapFigures(incentive, toU16),
    dividends: mapFigures(dividends, toU16),
    fractions: {
      stake: mapFigures(stake, toFraction),
      activeStake: mapFigures(activeStake, toFraction),
      consensus: mapFigures(consensus, toFraction),
      validatorTrust: mapFigures(validatorTrust, toFraction),
      incentive: mapFigures(incentive, toFraction),
      dividends: mapFigures(dividends, toFraction),
    },
  };
}

/** Several times faster than `Array.from` of a typed array, which iterates. */
function mapFigures(values: Float64Array, map: (value: number) => number): number[] {
  const mapped: number[] = [];
  for (let index = 0; index < values.length; index += 1) mapped.push(map(values[index] as number));
  return mapped;
}

function toRows(bonds: Packed, permit: readonly boolean[]): YumaRow[] {
  return permit.map((permitted, uid) => (permitted ? toRow(bonds, uid) : []));
}

function toRow({ start, column, value }: Packed, uid: number): YumaRow {
  const first = start[uid] as number;
  const row: [number, number][] = [];
  // All at once: a row that grows is copied several times.
  row.length = (start[uid + 1] as number) - first;
  // An integer of 32 bits: V8 makes its entries faster of these.
  for (let index = 0; index < row.length; index += 1) row[index] = [column[first + index] as number, (value[first + index] as number) | 0];
  return row;
}

function toFraction(bits: number): number {
  return bits / ONE;
}
