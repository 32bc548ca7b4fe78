/**
 * The stake of a subnet's neurons, in its parts.
 * @module
 * @see pallets/subtensor/src/staking/stake_utils.rs:233 (`get_stake_weights_for_network`, opentensor/subtensor 14bc6f9f9)
 */
import { stakeWeightParts } from '../runtime/stake-weight.ts';
import type { ApiContext } from './context.ts';

/** Rao by uid: alpha on the subnet, TAO on root, and what counts of both. */
export interface StakeWeights {
  readonly alpha_stake: readonly bigint[];
  readonly tao_stake: readonly bigint[];
  readonly total_stake: readonly bigint[];
}

/** The stake of all neurons of a subnet. */
export function stakeWeights(context: ApiContext, netuid: number): StakeWeights {
  const parts = context.hotkeys(netuid).map((hotkey) => stakeWeightParts(context.execution, hotkey, netuid));
  return {
    alpha_stake: parts.map(({ alpha }) => alpha),
    tao_stake: parts.map(({ tao }) => tao),
    total_stake: parts.map(({ total }) => total),
  };
}
