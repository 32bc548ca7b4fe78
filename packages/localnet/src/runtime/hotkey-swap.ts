/**
 * Swaps of hotkeys: a coldkey gives all that one of its hotkeys is, on one subnet or on all, to another hotkey.
 *
 * Locks of stake, voting power and `LoadedEmission`, which the chain moves too, are not here.
 * @module
 * @see pallets/subtensor/src/swap/swap_hotkey.rs (opentensor/subtensor 14bc6f9f9)
 */
import { freeToSpend } from './balances.ts';
import { moveRelations } from './child-relations.ts';
import { ensure, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { recycleTao } from './recycle-tao.ts';
import { moveRootClaimable, moveRootClaimed } from './root-claims.ts';
import { decreaseStake, increaseStake, stakeOf } from './share-pool.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { hotkeyExists, isSubnetAccount, mechanismIndexes, ownsHotkey } from './subnet-lookup.ts';

/** `KeySwapCost`: what a swap on all subnets, and the announcement of a coldkey swap, costs. */
export const KEY_SWAP_RAO = 100_000_000n;
/** `KeySwapOnSubnetCost`. */
const SUBNET_SWAP_RAO = 1_000_000n;
/** `HotkeySwapOnSubnetInterval`, between two swaps of a coldkey on a subnet. */
const INTERVAL_BLOCKS = 7_200n;

interface Swap {
  readonly coldkey: string;
  readonly from: string;
  readonly to: string;
  /** Stake, and what it has earned, stays with the old hotkey. */
  readonly keepStake: boolean;
}

/** The pallet's calls. */
export const hotkeySwapCalls: Pick<CallHandlers<'SubtensorModule'>, 'swap_hotkey' | 'swap_hotkey_v2'> = {
  swap_hotkey: (execution, origin, { hotkey: from, new_hotkey: to, netuid }) => swapHotkey(execution, { coldkey: ensureSigned(origin), from, to, keepStake: false }, netuid),
  swap_hotkey_v2: (execution, origin, { hotkey: from, new_hotkey: to, netuid, keep_stake: keepStake }) =>
    swapHotkey(execution, { coldkey: ensureSigned(origin), from, to, keepStake }, netuid),
};

function swapHotkey(execution: Execution, swap: Swap, netuid: number | undefined): void {
  const { coldkey, from, to } = swap;
  ensure(ownsHotkey(execution, coldkey, from), 'SubtensorModule', 'NonAssociatedColdKey');
  ensure(!hotkeyExists(execution, to) || ownsHotkey(execution, coldkey, to), 'SubtensorModule', 'NonAssociatedColdKey');
  ensure(from !== to, 'SubtensorModule', 'NewHotKeyIsSameWithOld');
  ensure(passesTxRateLimit(execution, coldkey), 'SubtensorModule', 'HotKeySetTxRateLimitExceeded');
  const { IsNetworkMember, LastRateLimitedBlock } = execution.storage.SubtensorModule;
  const isRegistered = netuid === undefined ? IsNetworkMember.entries(to).some(([, member]) => member) : IsNetworkMember.get(to, netuid);
  ensure(!isRegistered, 'SubtensorModule', 'HotKeyAlreadyRegisteredInSubNet');
  ensure((netuid ?? ROOT_NETUID) !== ROOT_NETUID || isCleanOnRoot(execution, to), 'SubtensorModule', 'NewHotKeyNotCleanForRootSwap');
  for (const type of LAST_BLOCKS) LastRateLimitedBlock.set({ type, value: to }, LastRateLimitedBlock.get({ type, value: from }));
  if (netuid === undefined) swapEverywhere(execution, swap);
  else swapOnSubnet(execution, swap, netuid);
}

/** What is noted of a hotkey's transactions. */
const LAST_BLOCKS = ['LastTxBlock', 'LastTxBlockDelegateTake', 'LastTxBlockChildKeyTake'] as const;

/** `TxRateLimit` blocks between two swaps of a coldkey, on whatever subnets. */
function passesTxRateLimit(execution: Execution, coldkey: string): boolean {
  const { LastRateLimitedBlock, TxRateLimit } = execution.storage.SubtensorModule;
  const [limit, last] = [TxRateLimit.get(), LastRateLimitedBlock.get({ type: 'LastTxBlock', value: coldkey })];
  return limit === 0n || last === 0n || execution.block - last > limit;
}

/** What others have earned on the new hotkey would be mixed with what the old one brings. */
function isCleanOnRoot(execution: Execution, hotkey: string): boolean {
  const { RootClaimable, RootClaimed, TotalHotkeyAlpha } = execution.storage.SubtensorModule;
  return RootClaimable.get(hotkey).length === 0 && TotalHotkeyAlpha.get(hotkey, ROOT_NETUID) === 0n && RootClaimed.entries(ROOT_NETUID, hotkey).length === 0;
}

function swapOnSubnet(execution: Execution, swap: Swap, netuid: number): void {
  const { coldkey, from: old_hotkey, to: new_hotkey } = swap;
  const { LastHotkeySwapOnNetuid, Owner, OwnedHotkeys } = execution.storage.SubtensorModule;
  // On this way, unlike the other, the first swap of a chain's first blocks is refused too.
  ensure(LastHotkeySwapOnNetuid.get(netuid, coldkey) + INTERVAL_BLOCKS < execution.block, 'SubtensorModule', 'HotKeySwapOnSubnetIntervalNotPassed');
  ensure(!isSubnetAccount(new_hotkey), 'SubtensorModule', 'CannotUseSystemAccount');
  pay(execution, coldkey, SUBNET_SWAP_RAO);
  Owner.set(new_hotkey, coldkey);
  addTo(OwnedHotkeys, coldkey, new_hotkey);
  moveOnSubnet(execution, swap, netuid);
  noteSwap(execution, coldkey, [netuid]);
  execution.deposit('SubtensorModule', 'HotkeySwappedOnSubnet', { coldkey, old_hotkey, new_hotkey, netuid });
}

function swapEverywhere(execution: Execution, swap: Swap): void {
  const { coldkey, from: old_hotkey, to: new_hotkey } = swap;
  const { IsNetworkMember, ChildKeys, LastHotkeySwapOnNetuid, NetworksAdded } = execution.storage.SubtensorModule;
  const netuids = NetworksAdded.entries().map(([[netuid]]) => netuid);
  const affected = netuids.filter((netuid) => IsNetworkMember.get(old_hotkey, netuid) || ChildKeys.get(old_hotkey, netuid).length > 0);
  const lastSwaps = affected.map((netuid) => LastHotkeySwapOnNetuid.get(netuid, coldkey));
  ensure(lastSwaps.every((last) => last === 0n || last + INTERVAL_BLOCKS < execution.block), 'SubtensorModule', 'HotKeySwapOnSubnetIntervalNotPassed');
  pay(execution, coldkey, KEY_SWAP_RAO);
  moveEverywhere(execution, swap, netuids);
  noteSwap(execution, coldkey, affected);
  execution.deposit('SubtensorModule', 'HotkeySwapped', { coldkey, old_hotkey, new_hotkey });
}

/** The balance must do, and then the account must stay alive. */
function pay(execution: Execution, coldkey: string, costRao: bigint): void {
  ensure(costRao <= freeToSpend(execution, coldkey), 'SubtensorModule', 'NotEnoughBalanceToPaySwapHotKey');
  recycleTao(execution, coldkey, costRao);
}

function noteSwap(execution: Execution, coldkey: string, netuids: readonly number[]): void {
  const { LastHotkeySwapOnNetuid, LastRateLimitedBlock } = execution.storage.SubtensorModule;
  for (const netuid of netuids) LastHotkeySwapOnNetuid.set(netuid, coldkey, execution.block);
  LastRateLimitedBlock.set({ type: 'LastTxBlock', value: coldkey }, execution.block);
}

type AccountList = Execution['storage']['SubtensorModule']['OwnedHotkeys'];

function addTo(item: AccountList, coldkey: string, hotkey: string): void {
  const list = item.get(coldkey);
  if (!list.includes(hotkey)) item.set(coldkey, [...list, hotkey]);
}

function moveEverywhere(execution: Execution, swap: Swap, netuids: readonly number[]): void {
  const { coldkey, from, to, keepStake } = swap;
  const { Alpha, Owner, OwnedHotkeys, LastRateLimitedBlock, Delegates, StakingHotkeys } = execution.storage.SubtensorModule;
  const stakers = [...new Set(Alpha.entries(from).map(([[, staker]]) => staker))];
  Owner.remove(from);
  ensure(!isSubnetAccount(to), 'SubtensorModule', 'CannotUseSystemAccount');
  Owner.set(to, coldkey);
  const owned = OwnedHotkeys.get(coldkey);
  OwnedHotkeys.set(coldkey, (owned.includes(to) ? owned : [...owned, to]).filter((hotkey) => hotkey !== from));
  for (const netuid of netuids) moveOnSubnet(execution, swap, netuid);
  for (const type of LAST_BLOCKS) LastRateLimitedBlock.remove({ type, value: from });
  if (Delegates.has(from)) {
    Delegates.set(to, Delegates.get(from));
    Delegates.remove(from);
  }
  if (keepStake) return;
  for (const staker of stakers) {
    const list = StakingHotkeys.get(staker);
    if (list.includes(from)) StakingHotkeys.set(staker, [...list.filter((hotkey) => hotkey !== from && hotkey !== to), to]);
  }
}

function moveOnSubnet(execution: Execution, swap: Swap, netuid: number): void {
  moveSeat(execution, swap, netuid);
  moveChildkeyTake(execution, swap, netuid);
  moveRelations(execution, netuid, swap);
  renamePendingChild(execution, swap, netuid);
  moveAutoStake(execution, swap, netuid);
  moveOwnerHotkey(execution, swap, netuid);
  if (swap.keepStake) return;
  moveDividends(execution, swap, netuid);
  moveStake(execution, swap, netuid);
  if (netuid === ROOT_NETUID) moveRootState(execution, swap);
}

/** A member's uid, and what it serves and has committed. */
function moveSeat(execution: Execution, { from, to }: Swap, netuid: number): void {
  const { IsNetworkMember, Uids, Keys, Prometheus, Axons, WeightCommits, NeuronCertificates } = execution.storage.SubtensorModule;
  const isMember = IsNetworkMember.get(from, netuid);
  IsNetworkMember.remove(from, netuid);
  IsNetworkMember.set(to, netuid, isMember);
  if (!isMember) return;
  const uid = Uids.get(netuid, from);
  if (uid !== undefined) Keys.set(netuid, uid, to);
  for (const item of [Uids, Prometheus, Axons, NeuronCertificates]) moveEntry(item, [netuid, from], [netuid, to]);
  for (const index of mechanismIndexes(execution, netuid)) moveEntry(WeightCommits, [index, from], [index, to]);
}

interface Movable {
  get(netuid: number, hotkey: string): unknown;
  set(netuid: number, hotkey: string, value: never): void;
  remove(netuid: number, hotkey: string): void;
}

/** An entry that there is goes to another key. */
function moveEntry(item: Movable, from: readonly [number, string], to: readonly [number, string]): void {
  const value = item.get(...from);
  if (value === undefined) return;
  item.remove(...from);
  item.set(...to, value as never);
}

/** Only what was set: a default is nobody's. */
function moveChildkeyTake(execution: Execution, { from, to }: Swap, netuid: number): void {
  const { ChildkeyTake } = execution.storage.SubtensorModule;
  if (!ChildkeyTake.has(from, netuid)) return;
  ChildkeyTake.set(to, netuid, ChildkeyTake.get(from, netuid));
  ChildkeyTake.remove(from, netuid);
}

/** In the scheduled children of others the new hotkey stands last, with the old one's part. */
function renamePendingChild(execution: Execution, { from, to }: Swap, netuid: number): void {
  const { PendingChildKeys } = execution.storage.SubtensorModule;
  for (const [[, parent], [children, fromBlock]] of PendingChildKeys.entries(netuid)) {
    const found = children.find(([, child]) => child === from);
    if (found !== undefined) PendingChildKeys.set(netuid, parent, [[...children.filter((child) => child !== found), [found[0], to]], fromBlock]);
  }
}

function moveAutoStake(execution: Execution, { from, to }: Swap, netuid: number): void {
  const { AutoStakeDestination, AutoStakeDestinationColdkeys } = execution.storage.SubtensorModule;
  if (!AutoStakeDestinationColdkeys.has(from, netuid)) return;
  const coldkeys = AutoStakeDestinationColdkeys.get(from, netuid);
  for (const coldkey of coldkeys) AutoStakeDestination.set(coldkey, netuid, to);
  AutoStakeDestinationColdkeys.remove(from, netuid);
  AutoStakeDestinationColdkeys.set(to, netuid, coldkeys);
}

function moveOwnerHotkey(execution: Execution, { from, to }: Swap, netuid: number): void {
  const { SubnetOwnerHotkey } = execution.storage.SubtensorModule;
  if (!SubnetOwnerHotkey.has(netuid) || SubnetOwnerHotkey.get(netuid) !== from) return;
  ensure(!isSubnetAccount(to), 'SubtensorModule', 'CannotUseSystemAccount');
  SubnetOwnerHotkey.set(netuid, to);
  execution.deposit('SubtensorModule', 'SubnetOwnerHotkeySet', [netuid, to]);
}

/** Sums, which the chain writes even where both are 0. */
function moveDividends(execution: Execution, { from, to }: Swap, netuid: number): void {
  const { TotalHotkeyAlphaLastEpoch, AlphaDividendsPerSubnet } = execution.storage.SubtensorModule;
  const alpha = TotalHotkeyAlphaLastEpoch.get(from, netuid);
  TotalHotkeyAlphaLastEpoch.remove(from, netuid);
  TotalHotkeyAlphaLastEpoch.set(to, netuid, alpha + TotalHotkeyAlphaLastEpoch.get(to, netuid));
  const dividends = AlphaDividendsPerSubnet.get(netuid, from);
  AlphaDividendsPerSubnet.remove(netuid, from);
  AlphaDividendsPerSubnet.set(netuid, to, dividends + AlphaDividendsPerSubnet.get(netuid, to));
}

/** Everybody's stake on the hotkey, staker by staker. */
function moveStake(execution: Execution, { from, to }: Swap, netuid: number): void {
  const { Alpha, StakingHotkeys } = execution.storage.SubtensorModule;
  const stakers = Alpha.entries(from).flatMap(([[, coldkey, id]]) => (id === netuid ? [coldkey] : []));
  for (const coldkey of stakers.sort()) {
    const amount = stakeOf(execution, from, coldkey, netuid);
    decreaseStake(execution, from, coldkey, { netuid, amount });
    increaseStake(execution, to, coldkey, { netuid, amount });
    if (StakingHotkeys.get(coldkey).includes(from)) addTo(StakingHotkeys, coldkey, to);
  }
}

/** Claims go with the stake on root alone: they are of those who hold it. */
function moveRootState(execution: Execution, { from, to }: Swap): void {
  const { RootClaimable, RootClaimed, AutoParentDelegationEnabled } = execution.storage.SubtensorModule;
  moveRootClaimable(execution, { from, to });
  for (const [netuid] of RootClaimable.get(to)) {
    for (const [[, , coldkey]] of RootClaimed.entries(netuid, from)) moveRootClaimed(execution, netuid, { from: [from, coldkey], to: [to, coldkey] });
  }
  if (!AutoParentDelegationEnabled.has(from)) return;
  AutoParentDelegationEnabled.set(to, AutoParentDelegationEnabled.get(from));
  AutoParentDelegationEnabled.remove(from);
}
