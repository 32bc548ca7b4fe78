/**
 * What an epoch stores and pays.
 * @module
 */
import type { YumaRow } from './input.ts';

/** The outcome of an epoch. Lists are by uid; u16 figures are fractions of 65535, cut off as on chain. */
export interface YumaResult {
  /** `Active`. */
  readonly active: readonly boolean[];
  /** The permits of the next epoch (`ValidatorPermit`). */
  readonly validatorPermit: readonly boolean[];
  /** Share of the subnet's stake, u16 (`StakeWeight`). */
  readonly stakeWeight: readonly number[];
  /** Stake-weighted median of the weights on a neuron, u16 (`Consensus`). */
  readonly consensus: readonly number[];
  /** What of a validator's weights consensus left, u16 (`ValidatorTrust`). */
  readonly validatorTrust: readonly number[];
  /** u16 (`Incentive`, per mechanism). */
  readonly incentive: readonly number[];
  /** u16 (`Dividends`). */
  readonly dividends: readonly number[];
  /** Both parts as the chain notes them, rao of alpha (`Emission`); rounded by itself, so it can differ from their sum by 1. */
  readonly emissionRao: readonly bigint[];
  /** For incentive: the miner's part, rao of alpha. */
  readonly serverEmissionRao: readonly bigint[];
  /** For dividends: the validator's part, before takes and nominators, rao of alpha. */
  readonly validatorEmissionRao: readonly bigint[];
  /** Rows of bonds to store, u16 (`Bonds`, per mechanism). Rows of neurons without a new permit are empty. */
  readonly bonds: readonly YumaRow[];
  /** The same figures before they are cut to u16. */
  readonly fractions: YumaFractions;
}

/** Figures of the chain's I32F32 as numbers, which hold them exactly: multiples of 2^-32. */
export interface YumaFractions {
  readonly stake: readonly number[];
  /** Stake of active neurons with a permit, normalised: the votes. */
  readonly activeStake: readonly number[];
  readonly consensus: readonly number[];
  readonly validatorTrust: readonly number[];
  readonly incentive: readonly number[];
  readonly dividends: readonly number[];
}
