/**
 * Swaps of coldkeys: all that a coldkey has and owns goes to another, which is announced by its hash and waits until the delay is over.
 * From the announcement on, the coldkey can call nothing else; who disputes it stops it until root resolves the matter.
 * @module
 * @see pallets/subtensor/src/swap/swap_coldkey.rs, macros/dispatches.rs:2263, guards/check_coldkey_swap.rs (opentensor/subtensor 14bc6f9f9)
 */
import { blake2, fromHex, toHex } from '../hex.ts';
import type { RuntimeCall } from '../scale/type-of.ts';
import { canPay, freeToSpend, transfer } from './balances.ts';
import { ensure, ensureRoot, ensureSigned, moduleFailure, type CallHandlers, type Execution } from './execution.ts';
import { KEY_SWAP_RAO } from './hotkey-swap.ts';
import { recycleTao } from './recycle-tao.ts';
import { indexStaker, moveRootClaimed, unindexStaker } from './root-claims.ts';
import { decreaseStake, increaseStake, stakeOf } from './share-pool.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { hotkeyExists } from './subnet-lookup.ts';

type ColdkeySwapNames =
  | 'announce_coldkey_swap'
  | 'swap_coldkey_announced'
  | 'dispute_coldkey_swap'
  | 'clear_coldkey_swap_announcement'
  | 'reset_coldkey_swap'
  | 'swap_coldkey'
  | 'schedule_swap_coldkey';

/** What a coldkey may call between announcement and swap. MEV shield's `submit_encrypted`, which it may too, is not here. */
const ALLOWED: ReadonlySet<string> = new Set(['announce_coldkey_swap', 'swap_coldkey_announced', 'dispute_coldkey_swap', 'clear_coldkey_swap_announcement']);

/** Fails for calls of a coldkey whose swap is announced or disputed. */
export function guardColdkeySwap(execution: Execution, who: string, { pallet, call }: RuntimeCall): void {
  const { ColdkeySwapAnnouncements, ColdkeySwapDisputes } = execution.storage.SubtensorModule;
  if (!ColdkeySwapAnnouncements.has(who)) return;
  ensure(!ColdkeySwapDisputes.has(who), 'SubtensorModule', 'ColdkeySwapDisputed');
  ensure(pallet === 'SubtensorModule' && ALLOWED.has(call), 'SubtensorModule', 'ColdkeySwapAnnounced');
}

/** The pallet's calls. */
export const coldkeySwapCalls: Pick<CallHandlers<'SubtensorModule'>, ColdkeySwapNames> = {
  announce_coldkey_swap: (execution, origin, { new_coldkey_hash }) => {
    const who = ensureSigned(origin);
    const { ColdkeySwapAnnouncements, ColdkeySwapAnnouncementDelay } = execution.storage.SubtensorModule;
    const announced = ColdkeySwapAnnouncements.get(who);
    if (announced === undefined) charge(execution, who, KEY_SWAP_RAO);
    else ensure(isRevocable(execution, announced[0]), 'SubtensorModule', 'ColdkeySwapReannouncedTooEarly');
    ColdkeySwapAnnouncements.set(who, [execution.blockNumber + ColdkeySwapAnnouncementDelay.get(), new_coldkey_hash]);
    execution.deposit('SubtensorModule', 'ColdkeySwapAnnounced', { who, new_coldkey_hash });
  },
  swap_coldkey_announced: (execution, origin, { new_coldkey: to }) => {
    const who = ensureSigned(origin);
    const { ColdkeySwapAnnouncements } = execution.storage.SubtensorModule;
    const [dueBlock, hash] = announcementOf(execution, who);
    ColdkeySwapAnnouncements.remove(who);
    ensure(hash === toHex(blake2(fromHex(to))), 'SubtensorModule', 'AnnouncedColdkeyHashDoesNotMatch');
    ensure(execution.blockNumber >= dueBlock, 'SubtensorModule', 'ColdkeySwapTooEarly');
    swapColdkey(execution, who, to);
  },
  dispute_coldkey_swap: (execution, origin) => {
    const coldkey = ensureSigned(origin);
    const { ColdkeySwapDisputes } = execution.storage.SubtensorModule;
    announcementOf(execution, coldkey);
    ensure(!ColdkeySwapDisputes.has(coldkey), 'SubtensorModule', 'ColdkeySwapAlreadyDisputed');
    ColdkeySwapDisputes.set(coldkey, execution.blockNumber);
    execution.deposit('SubtensorModule', 'ColdkeySwapDisputed', { coldkey });
  },
  clear_coldkey_swap_announcement: (execution, origin) => {
    const who = ensureSigned(origin);
    const [dueBlock] = announcementOf(execution, who);
    ensure(isRevocable(execution, dueBlock), 'SubtensorModule', 'ColdkeySwapClearTooEarly');
    execution.storage.SubtensorModule.ColdkeySwapAnnouncements.remove(who);
    execution.deposit('SubtensorModule', 'ColdkeySwapCleared', { who });
  },
  reset_coldkey_swap: (execution, origin, { coldkey }) => {
    ensureRoot(origin);
    forget(execution, coldkey);
    execution.deposit('SubtensorModule', 'ColdkeySwapReset', { who: coldkey });
  },
  swap_coldkey: (execution, origin, { old_coldkey: from, new_coldkey: to, swap_cost: costRao }) => {
    ensureRoot(origin);
    charge(execution, from, costRao);
    swapColdkey(execution, from, to);
    forget(execution, from);
  },
  schedule_swap_coldkey: () => {
    throw moduleFailure('SubtensorModule', 'Deprecated');
  },
};

function announcementOf(execution: Execution, who: string): readonly [dueBlock: number, hash: string] {
  const announced = execution.storage.SubtensorModule.ColdkeySwapAnnouncements.get(who);
  if (announced === undefined) throw moduleFailure('SubtensorModule', 'ColdkeySwapAnnouncementNotFound');
  return announced;
}

/** Another swap can be announced, or none, only some time after the first could have been made. */
function isRevocable(execution: Execution, dueBlock: number): boolean {
  return execution.blockNumber >= dueBlock + execution.storage.SubtensorModule.ColdkeySwapReannouncementDelay.get();
}

function charge(execution: Execution, who: string, costRao: bigint): void {
  if (costRao === 0n) return;
  ensure(canPay(execution, who, costRao), 'SubtensorModule', 'NotEnoughBalanceToPaySwapColdKey');
  recycleTao(execution, who, costRao);
}

function forget(execution: Execution, coldkey: string): void {
  const { ColdkeySwapAnnouncements, ColdkeySwapDisputes } = execution.storage.SubtensorModule;
  for (const item of [ColdkeySwapAnnouncements, ColdkeySwapDisputes]) item.remove(coldkey);
}

function swapColdkey(execution: Execution, from: string, to: string): void {
  const { StakingHotkeys, IdentitiesV2, NetworksAdded, LastRateLimitedBlock } = execution.storage.SubtensorModule;
  ensure(StakingHotkeys.get(to).length === 0, 'SubtensorModule', 'ColdKeyAlreadyAssociated');
  ensure(!hotkeyExists(execution, to), 'SubtensorModule', 'NewColdKeyIsHotkey');
  const identity = IdentitiesV2.get(from);
  if (identity !== undefined && !IdentitiesV2.has(to)) {
    IdentitiesV2.remove(from);
    IdentitiesV2.set(to, identity);
  }
  for (const [[netuid]] of NetworksAdded.entries()) moveOnSubnet(execution, netuid, { from, to });
  moveHotkeys(execution, from, to);
  moveAccountFlags(execution, from, to);
  const amountRao = freeToSpend(execution, from);
  if (amountRao > 0n) transfer(execution, from, to, { amountRao, keepAlive: false });
  LastRateLimitedBlock.set({ type: 'LastTxBlock', value: to }, execution.block);
  execution.deposit('SubtensorModule', 'ColdkeySwapped', { old_coldkey: from, new_coldkey: to });
}

interface Coldkeys {
  readonly from: string;
  readonly to: string;
}

/** Ownership, where rewards are staked, and stake. */
function moveOnSubnet(execution: Execution, netuid: number, { from, to }: Coldkeys): void {
  const { SubnetOwner, AutoStakeDestination, AutoStakeDestinationColdkeys } = execution.storage.SubtensorModule;
  if (SubnetOwner.get(netuid) === from) SubnetOwner.set(netuid, to);
  const destination = AutoStakeDestination.get(from, netuid);
  if (destination !== undefined) {
    AutoStakeDestination.remove(from, netuid);
    AutoStakeDestination.set(to, netuid, destination);
    const others = AutoStakeDestinationColdkeys.get(destination, netuid).filter((coldkey) => coldkey !== from && coldkey !== to);
    AutoStakeDestinationColdkeys.set(destination, netuid, [...others, to]);
  }
  moveStake(execution, netuid, { from, to });
}

function moveStake(execution: Execution, netuid: number, { from, to }: Coldkeys): void {
  for (const hotkey of execution.storage.SubtensorModule.StakingHotkeys.get(from)) {
    const amount = stakeOf(execution, hotkey, from, netuid);
    decreaseStake(execution, hotkey, from, { netuid, amount });
    increaseStake(execution, hotkey, to, { netuid, amount });
    if (stakeOf(execution, hotkey, to, netuid) === 0n) continue;
    moveRootClaimed(execution, netuid, { from: [hotkey, from], to: [hotkey, to] });
    if (netuid === ROOT_NETUID) indexStaker(execution, to);
  }
  if (netuid === ROOT_NETUID) unindexStaker(execution, from);
}

function moveHotkeys(execution: Execution, from: string, to: string): void {
  const { StakingHotkeys, OwnedHotkeys, Owner } = execution.storage.SubtensorModule;
  const owned = OwnedHotkeys.get(from);
  for (const list of [StakingHotkeys, OwnedHotkeys]) {
    list.set(to, [...new Set([...list.get(to), ...list.get(from)])]);
    list.remove(from);
  }
  for (const hotkey of owned) Owner.set(hotkey, to);
}

/** The new coldkey has the old one's flags, and no others. */
function moveAccountFlags(execution: Execution, from: string, to: string): void {
  const { AccountFlags } = execution.storage.SubtensorModule;
  const flags = AccountFlags.get(from);
  AccountFlags.remove(from);
  if (flags === 0n) AccountFlags.remove(to);
  else AccountFlags.set(to, flags);
}
