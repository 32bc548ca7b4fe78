/**
 * The stake of a subnet's neurons, in its parts.
 * @module
 * @see pallets/subtensor/src/staking/stake_utils.rs:233 (`get_stake_weights_for_network`, opentensor/subtensor 14bc6f9f9)
 */
import { ROOT_NETUID, stakeWeight } from '../runtime/stake.ts';
import type { ApiContext } from './context.ts';

/** Rao by uid: alpha on the subnet, TAO on root, and what counts of both. */
export interface StakeWeights {
  readonly alpha_stake: readonly bigint[];
  readonly tao_stake: readonly bigint[];
  readonly total_stake: readonly bigint[];
}

/** The stake of all neurons of a subnet. */
export function stakeWeights(context: ApiContext, netuid: number): StakeWeights {
  const { execution, subtensor } = context;
  const hotkeys = context.hotkeys(netuid);
  return {
    alpha_stake: hotkeys.map((hotkey) => subtensor.TotalHotkeyAlpha.get(hotkey, netuid)),
    tao_stake: hotkeys.map((hotkey) => subtensor.TotalHotkeyAlpha.get(hotkey, ROOT_NETUID)),
    total_stake: hotkeys.map((hotkey) => stakeWeight(execution, hotkey, netuid)),
  };
}
