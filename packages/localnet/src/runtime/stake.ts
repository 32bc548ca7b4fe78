/**
 * Stake: shares of hotkeys' alpha, adding and removing stake.
 *
 * A hotkey's alpha on a subnet is one pool (`TotalHotkeyAlpha`), in which coldkeys hold shares (`Alpha`, U64F64, of
 * `TotalHotkeyShares`), so that dividends to all its nominators are one addition. The price is fixed at 1 TAO per alpha for now.
 * @module
 * @see pallets/subtensor/src/staking (opentensor/subtensor 14bc6f9f9)
 */
import { canPay, transfer } from './balances.ts';
import { DispatchFailure, ensure, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { hotkeyExists, subnetAccount, subnetExists } from './subnet-lookup.ts';

/** `SubtensorInitialMinStake` of the runtime: 0.002 TAO. */
export const MIN_STAKE_RAO = 2_000_000n;
/** The root network, whose stake is TAO. */
export const ROOT_NETUID = 0;

/** What a coldkey has on a hotkey, in rao of alpha. */
export function stakeOf(execution: Execution, hotkey: string, coldkey: string, netuid: number): bigint {
  const { TotalHotkeyAlpha, TotalHotkeyShares, Alpha } = execution.storage.SubtensorModule;
  const shares = TotalHotkeyShares.get(hotkey, netuid).bits;
  return shares === 0n ? 0n : (TotalHotkeyAlpha.get(hotkey, netuid) * Alpha.get(hotkey, coldkey, netuid).bits) / shares;
}

/** Gives alpha to a coldkey's share of a hotkey. */
export function increaseStake(execution: Execution, hotkey: string, coldkey: string, { netuid, amount }: { netuid: number; amount: bigint }): void {
  const { TotalHotkeyAlpha, TotalHotkeyShares, Alpha, StakingHotkeys } = execution.storage.SubtensorModule;
  const total = TotalHotkeyAlpha.get(hotkey, netuid);
  const shares = TotalHotkeyShares.get(hotkey, netuid).bits;
  const bought = total === 0n || shares === 0n ? amount << 64n : (amount * shares) / total;
  TotalHotkeyAlpha.set(hotkey, netuid, total + amount);
  TotalHotkeyShares.set(hotkey, netuid, { bits: shares + bought });
  Alpha.set(hotkey, coldkey, netuid, { bits: Alpha.get(hotkey, coldkey, netuid).bits + bought });
  const staking = StakingHotkeys.get(coldkey);
  if (!staking.includes(hotkey)) StakingHotkeys.set(coldkey, [...staking, hotkey]);
}

/** Gives alpha to all who have a share of the hotkey; without shares it goes to its owner. */
export function increaseHotkeyStake(execution: Execution, hotkey: string, { netuid, amount }: { netuid: number; amount: bigint }): void {
  const { TotalHotkeyAlpha, TotalHotkeyShares, Owner } = execution.storage.SubtensorModule;
  if (TotalHotkeyShares.get(hotkey, netuid).bits === 0n) return increaseStake(execution, hotkey, Owner.get(hotkey), { netuid, amount });
  TotalHotkeyAlpha.set(hotkey, netuid, TotalHotkeyAlpha.get(hotkey, netuid) + amount);
}

/** Takes alpha from a coldkey's share; all of it takes all shares. */
function decreaseStake(execution: Execution, hotkey: string, coldkey: string, { netuid, amount }: { netuid: number; amount: bigint }): void {
  const { TotalHotkeyAlpha, TotalHotkeyShares, Alpha } = execution.storage.SubtensorModule;
  const total = TotalHotkeyAlpha.get(hotkey, netuid);
  const shares = TotalHotkeyShares.get(hotkey, netuid).bits;
  const own = Alpha.get(hotkey, coldkey, netuid).bits;
  const all = amount === stakeOf(execution, hotkey, coldkey, netuid);
  const sold = all ? own : (amount * shares) / total;
  TotalHotkeyAlpha.set(hotkey, netuid, total - amount);
  TotalHotkeyShares.set(hotkey, netuid, { bits: shares - sold });
  Alpha.set(hotkey, coldkey, netuid, { bits: own - sold });
}

/** A hotkey's stake weight: its alpha, and its TAO on root at `TaoWeight` / 2^64. */
export function stakeWeight(execution: Execution, hotkey: string, netuid: number): bigint {
  const { TotalHotkeyAlpha, TaoWeight } = execution.storage.SubtensorModule;
  const root = TotalHotkeyAlpha.get(hotkey, ROOT_NETUID);
  return TotalHotkeyAlpha.get(hotkey, netuid) + ((root * TaoWeight.get()) >> 64n);
}

/** The pallet's calls on stake. */
export const stakeCalls: Pick<CallHandlers<'SubtensorModule'>, 'add_stake' | 'remove_stake'> = {
  add_stake: (execution, origin, { hotkey, netuid, amount_staked: amount }) => {
    const coldkey = ensureSigned(origin);
    ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
    ensure(execution.storage.SubtensorModule.SubtokenEnabled.get(netuid), 'SubtensorModule', 'SubtokenDisabled');
    ensure(amount >= MIN_STAKE_RAO, 'SubtensorModule', 'AmountTooLow');
    ensure(canPay(execution, coldkey, amount), 'SubtensorModule', 'NotEnoughBalanceToStake');
    ensure(hotkeyExists(execution, hotkey), 'SubtensorModule', 'HotKeyAccountNotExists');
    transfer(execution, coldkey, subnetAccount(netuid), { amountRao: amount, keepAlive: true });
    increaseStake(execution, hotkey, coldkey, { netuid, amount });
    changePool(execution, netuid, amount);
    execution.deposit('SubtensorModule', 'StakeAdded', [coldkey, hotkey, amount, amount, netuid, 0n]);
  },
  remove_stake: (execution, origin, { hotkey, netuid, amount_unstaked }) => {
    const coldkey = ensureSigned(origin);
    const { SubtokenEnabled, SubnetTAO } = execution.storage.SubtensorModule;
    ensure(SubtokenEnabled.get(netuid), 'SubtensorModule', 'SubtokenDisabled');
    const available = stakeOf(execution, hotkey, coldkey, netuid);
    const amount = amount_unstaked < available ? amount_unstaked : available;
    ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
    ensure(amount > 0n, 'SubtensorModule', 'AmountTooLow');
    ensure(amount === available || amount >= MIN_STAKE_RAO, 'SubtensorModule', 'AmountTooLow');
    ensure(SubnetTAO.get(netuid) >= amount, 'SubtensorModule', 'InsufficientLiquidity');
    ensure(hotkeyExists(execution, hotkey), 'SubtensorModule', 'HotKeyAccountNotExists');
    decreaseStake(execution, hotkey, coldkey, { netuid, amount });
    transfer(execution, subnetAccount(netuid), coldkey, { amountRao: amount, keepAlive: false });
    changePool(execution, netuid, -amount);
    execution.deposit('SubtensorModule', 'StakeRemoved', [coldkey, hotkey, amount, amount, netuid, 0n]);
  },
};

/** TAO comes into the pool and the same amount of alpha goes out, or back. */
export function changePool(execution: Execution, netuid: number, amount: bigint): void {
  const { SubnetTAO, SubnetAlphaOut, SubnetVolume, TotalStake } = execution.storage.SubtensorModule;
  const out = SubnetAlphaOut.get(netuid) + amount;
  if (out < 0n) throw new DispatchFailure({ type: 'Arithmetic', value: { type: 'Underflow' } });
  SubnetTAO.set(netuid, SubnetTAO.get(netuid) + amount);
  SubnetAlphaOut.set(netuid, out);
  SubnetVolume.set(netuid, SubnetVolume.get(netuid) + (amount < 0n ? -amount : amount));
  TotalStake.set(TotalStake.get() + amount);
}
