/**
 * Emission: incentive and dividends as shares of the alpha that an epoch pays.
 * @module
 * @see run_epoch.rs:929–975
 */
import { add, normalise, sum } from './fixed-point.ts';

/** I32F32 by uid. */
export interface Shares {
  readonly incentive: readonly bigint[];
  readonly dividends: readonly bigint[];
  readonly activeStake: readonly bigint[];
  readonly stake: readonly bigint[];
}

/** Rao of alpha by uid. */
export interface Emission {
  readonly emissionRao: readonly bigint[];
  readonly serverEmissionRao: readonly bigint[];
  readonly validatorEmissionRao: readonly bigint[];
}

const U64_MAX: bigint = 2n ** 64n - 1n;

/** Incentive and dividends share it by their sizes; where both are zero, validators get it by their votes, or, without votes, by stake. */
export function shareEmission(emissionRao: bigint, { incentive, dividends, activeStake, stake }: Shares): Emission {
  const combined = incentive.map((share, uid) => add(share, dividends[uid] as bigint));
  const total = sum(combined);
  const pay = (shares: readonly bigint[]): bigint[] => shares.map((share) => toRao(share, emissionRao));
  const instead = sum(activeStake) === 0n ? stake : activeStake;
  return {
    emissionRao: pay(total === 0n ? instead : normalise(combined, total)),
    serverEmissionRao: pay(normalise(incentive, total)),
    validatorEmissionRao: pay(total === 0n ? instead : normalise(dividends, total)),
  };
}

/** In I96F32, cut off to whole rao. */
function toRao(share: bigint, emissionRao: bigint): bigint {
  if (share === 0n) return 0n;
  const rao = (share * emissionRao) >> 32n;
  return rao < 0n ? 0n : rao > U64_MAX ? U64_MAX : rao;
}
