/**
 * Alpha that a coldkey gives up: recycled, it can be issued again; burnt, it cannot. How much is burnt besides, the chain counts in
 * pallet AlphaAssets, which is not here.
 * @module
 * @see pallets/subtensor/src/staking/recycle_alpha.rs (opentensor/subtensor 14bc6f9f9)
 */
import { recycleAlpha } from './emission.ts';
import { ensure, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { decreaseStake, stakeOf, type Position } from './share-pool.ts';
import { addStake, addStakeUpTo } from './stake-calls.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { hotkeyExists, subnetExists } from './subnet-lookup.ts';

/** The pallet's calls. */
export const alphaBurningCalls: Pick<CallHandlers<'SubtensorModule'>, 'recycle_alpha' | 'burn_alpha' | 'add_stake_burn'> = {
  recycle_alpha: (execution, origin, { hotkey, amount, netuid }) => {
    const coldkey = ensureSigned(origin);
    const taken = takeAlpha(execution, { hotkey, coldkey, netuid }, amount);
    recycleAlpha(execution, netuid, taken);
    execution.deposit('SubtensorModule', 'AlphaRecycled', [coldkey, hotkey, taken, netuid]);
  },
  burn_alpha: (execution, origin, { hotkey, amount, netuid }) => burnAlpha(execution, { hotkey, coldkey: ensureSigned(origin), netuid }, amount),
  add_stake_burn: (execution, origin, { hotkey, netuid, amount, limit: limitRao }) => {
    const position = { hotkey, coldkey: ensureSigned(origin), netuid };
    const alpha = limitRao === undefined ? addStake(execution, position, amount) : addStakeUpTo(execution, position, { amount, limitRao, allowPartial: false });
    burnAlpha(execution, position, alpha);
    execution.deposit('SubtensorModule', 'AddStakeBurn', { netuid, hotkey, amount, alpha });
  },
};

function burnAlpha(execution: Execution, position: Position, amount: bigint): void {
  const taken = takeAlpha(execution, position, amount);
  execution.deposit('SubtensorModule', 'AlphaBurned', [position.coldkey, position.hotkey, taken, position.netuid]);
}

/** Takes alpha of a position, as much of it as there is; returns how much. */
function takeAlpha(execution: Execution, position: Position, requested: bigint): bigint {
  const { hotkey, coldkey, netuid } = position;
  const { SubtokenEnabled, SubnetAlphaOut } = execution.storage.SubtensorModule;
  ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  ensure(netuid !== ROOT_NETUID, 'SubtensorModule', 'CannotBurnOrRecycleOnRootSubnet');
  ensure(SubtokenEnabled.get(netuid), 'SubtensorModule', 'SubtokenDisabled');
  ensure(hotkeyExists(execution, hotkey), 'SubtensorModule', 'HotKeyAccountNotExists');
  const available = stakeOf(execution, hotkey, coldkey, netuid);
  const amount = requested < available ? requested : available;
  ensure(SubnetAlphaOut.get(netuid) >= amount, 'SubtensorModule', 'InsufficientLiquidity');
  decreaseStake(execution, hotkey, coldkey, { netuid, amount });
  return amount;
}
