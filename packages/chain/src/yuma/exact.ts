/**
 * Yuma Consensus, exact: one epoch of one mechanism, bit for bit as the runtime computes it.
 *
 * Written to be compared with the runtime's source line by line, on bigints. For the same figures many times faster see `computeYumaFast`.
 * @module
 * @see pallets/subtensor/src/epoch/run_epoch.rs:566, `epoch_mechanism` (opentensor/subtensor 14bc6f9f9, spec 425)
 */
import { computeBonds } from './bonds.ts';
import { findConsensus } from './consensus.ts';
import { shareEmission } from './emission.ts';
import { fromInteger, fromU16, normalise, toNumber, toU16 } from './fixed-point.ts';
import { assertYumaInput, type YumaInput, type YumaRow } from './input.ts';
import { horizonOf, mayWeigh } from './mask.ts';
import type { YumaResult } from './result.ts';
import { clipColumns, multiplyRows, normaliseRows, rowSums, type Matrix } from './sparse.ts';
import { countVotes, type Votes } from './stake.ts';

/**
 * Runs one epoch: permits, consensus, incentives, bonds, dividends and emission.
 *
 * Per validator i and neuron j: W = weights, masked, rows summing to 1; C_j = stake-weighted median of column j; W′ = min(W, C);
 * I_j ∝ Σ_i S_i W′_ij; D_i from the moving average of bonds. Arithmetic is I32F32 (stake: I64F64), cut off; nothing depends on time or chance.
 * @param input lists of n neurons
 * @returns lists of n
 * @throws bad-value
 */
export function computeYuma(input: YumaInput): YumaResult {
  assertYumaInput(input);
  const votes = countVotes(input);
  const columns = input.stakeRao.length;
  const weights = normaliseRows(countedWeights(input, votes));
  const consensus = findConsensus({ weights, activeStake: votes.activeStake, kappa: fromU16(input.kappa), columns });
  const clipped = clipColumns(weights, consensus);
  const validatorTrust = rowSums(clipped);
  const incentive = normalise(multiplyRows(clipped, votes.activeStake, columns));
  const { dividends, bonds } = computeBonds(input, { weights, clipped, consensus, incentive, activeStake: votes.activeStake, stored: countedBonds(input) });
  return {
    ...toResult(votes, { consensus, validatorTrust, incentive, dividends }),
    ...shareEmission(input.emissionRao, { incentive, dividends, activeStake: votes.activeStake, stake: votes.stake }),
    bonds: bonds.map((row, uid): YumaRow => (votes.nextPermit[uid] === true ? row.map(([to, value]) => [to, toU16(value)] as const) : [])),
  };
}

function countedWeights(input: YumaInput, { permit }: Votes): Matrix {
  const horizon = horizonOf(input);
  return input.weights.map((row, from) => {
    if (permit[from] !== true) return [];
    const counted = row.filter(([to]) => mayWeigh(input, from, to) && (input.blockAtRegistration[to] as number) < horizon.ofWeights(from));
    return counted.map(([to, value]) => [to, fromInteger(value)] as const);
  });
}

function countedBonds(input: YumaInput): YumaRow[] {
  const { ofBonds } = horizonOf(input);
  return input.bonds.map((row) => row.filter(([to]) => (input.blockAtRegistration[to] as number) < ofBonds));
}

type Figures = Readonly<Record<'consensus' | 'validatorTrust' | 'incentive' | 'dividends', readonly bigint[]>>;

function toResult({ stake, activeStake, active, nextPermit }: Votes, figures: Figures): Omit<YumaResult, 'bonds' | 'emissionRao' | 'serverEmissionRao' | 'validatorEmissionRao'> {
  const { consensus, validatorTrust, incentive, dividends } = figures;
  const fractions = { stake, activeStake, consensus, validatorTrust, incentive, dividends };
  return {
    active,
    validatorPermit: nextPermit,
    stakeWeight: stake.map(toU16),
    consensus: consensus.map(toU16),
    validatorTrust: validatorTrust.map(toU16),
    incentive: incentive.map(toU16),
    dividends: dividends.map(toU16),
    fractions: {
      stake: fractions.stake.map(toNumber),
      activeStake: fractions.activeStake.map(toNumber),
      consensus: consensus.map(toNumber),
      validatorTrust: validatorTrust.map(toNumber),
      incentive: incentive.map(toNumber),
      dividends: dividends.map(toNumber),
    },
  };
}
