/**
 * What an epoch pays: the owner's cut, miners' incentive, and dividends, which validators share with their parents and with all who
 * have stake on them, on the subnet or on root.
 * @module
 * @see pallets/subtensor/src/coinbase/run_coinbase.rs:476 (opentensor/subtensor 14bc6f9f9)
 */
import { div32, mul32, ONE_32, saturatingSub, u16Fraction, u64Fraction } from '../fixed.ts';
import { recycleAlpha } from './emission.ts';
import type { Execution } from './execution.ts';
import { increaseRootClaimable } from './root-claims.ts';
import { increaseHotkeyStake, increaseStake } from './share-pool.ts';
import { ROOT_NETUID, taoWeight } from './stake-weight.ts';
import { ownerUid } from './subnet-lookup.ts';

/** Alpha that is due, rao. */
export interface Pending {
  readonly server: bigint;
  readonly validator: bigint;
  readonly root: bigint;
  readonly ownerCut: bigint;
}

/** What Yuma gave a neuron, rao of alpha. */
export interface Earned {
  readonly hotkey: string;
  readonly incentive: bigint;
  readonly dividend: bigint;
}

/** Pays all of it as stake. */
export function payOut(execution: Execution, netuid: number, { pending, earned }: { pending: Pending; earned: readonly Earned[] }): void {
  const { SubnetOwner, SubnetOwnerHotkey } = execution.storage.SubtensorModule;
  const hasIncentive = earned.some(({ incentive }) => incentive > 0n);
  const validator = hasIncentive ? pending.validator : pending.validator + pending.server;
  const inOrder = [...earned].sort(({ hotkey: a }, { hotkey: b }) => (a < b ? -1 : 1));
  const dividends = shareWithParents(execution, netuid, inOrder);
  const shares = splitDividends(execution, netuid, dividends);
  if (pending.ownerCut > 0n) increaseStake(execution, SubnetOwnerHotkey.get(netuid), SubnetOwner.get(netuid), { netuid, amount: pending.ownerCut });
  payIncentives(execution, netuid, inOrder);
  payAlpha(execution, netuid, { shares, total: validator });
  payRoot(execution, netuid, { shares, total: pending.root });
}

/** Incentive goes to the miner's owner, or where that has said; of the subnet owner's own hotkeys it is burnt or recycled. */
function payIncentives(execution: Execution, netuid: number, earned: readonly Earned[]): void {
  const { Owner, AutoStakeDestination, RecycleOrBurn, MinerBurned } = execution.storage.SubtensorModule;
  const owned = ownerHotkeys(execution, netuid);
  let withheld = 0n;
  for (const { hotkey, incentive } of earned) {
    if (owned.has(hotkey)) {
      withheld += incentive;
      if (RecycleOrBurn.get(netuid).type === 'Recycle') recycleAlpha(execution, netuid, incentive);
      continue;
    }
    const owner = Owner.get(hotkey);
    const destination = AutoStakeDestination.get(owner, netuid);
    if (destination !== undefined) execution.deposit('SubtensorModule', 'AutoStakeAdded', { netuid, destination, hotkey, owner, incentive });
    increaseStake(execution, destination ?? hotkey, owner, { netuid, amount: incentive });
  }
  const total = earned.reduce((sum, { incentive }) => sum + incentive, 0n);
  MinerBurned.set(netuid, { bits: div32(withheld << 32n, total << 32n) });
}

/** Registered hotkeys of the subnet's owner. */
function ownerHotkeys(execution: Execution, netuid: number): ReadonlySet<string> {
  const { OwnedHotkeys, SubnetOwner, SubnetOwnerHotkey, Uids } = execution.storage.SubtensorModule;
  const owned = OwnedHotkeys.get(SubnetOwner.get(netuid)).filter((hotkey) => Uids.has(netuid, hotkey));
  return new Set(ownerUid(execution, netuid) === undefined ? owned : [...owned, SubnetOwnerHotkey.get(netuid)]);
}

type Dividends = ReadonlyMap<string, bigint>;

/** Dividends, U96F32, after each child has passed on to its parents what their stake earned. */
function shareWithParents(execution: Execution, netuid: number, earned: readonly Earned[]): Dividends {
  const dividends = new Map<string, bigint>();
  for (const { hotkey, dividend } of earned) {
    for (const [to, amount] of passToParents(execution, { hotkey, netuid, dividend })) dividends.set(to, (dividends.get(to) ?? 0n) + (amount << 32n));
  }
  return new Map([...dividends].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Each parent's part by its contribution, less the child's take where they have different owners. @see run_coinbase.rs:943 */
function passToParents(execution: Execution, { hotkey, netuid, dividend }: { hotkey: string; netuid: number; dividend: bigint }): (readonly [string, bigint])[] {
  const { ParentKeys, Owner, CKBurn } = execution.storage.SubtensorModule;
  const parents = ParentKeys.get(hotkey, netuid).map(([proportion, parent]) => ({ parent, part: contribution(execution, { hotkey: parent, netuid, proportion: u64Fraction(proportion) }) }));
  const own = selfContribution(execution, hotkey, netuid) << 32n;
  const whole = parents.reduce((sum, { part }) => sum + part, own);
  const [burnShare, takeShare] = [u64Fraction(CKBurn.get()), u16Fraction(childkeyTake(execution, hotkey, netuid))];
  let rest = dividend << 32n;
  let take = 0n;
  const paid = parents.map(({ parent, part }) => {
    let amount = mul32(dividend << 32n, div32(part, whole));
    rest = saturatingSub(rest, amount);
    if (Owner.get(parent) !== Owner.get(hotkey)) {
      const [burnt, taken] = [mul32(burnShare, amount), mul32(takeShare, amount)];
      amount = saturatingSub(saturatingSub(amount, burnt), taken);
      take += taken;
      recycleAlpha(execution, netuid, burnt >> 32n);
    }
    return [parent, amount >> 32n] as const;
  });
  return [...paid, [hotkey, (rest + take) >> 32n]];
}

/** A childkey's take, not below the subnet's minimum. */
export function childkeyTake(execution: Execution, hotkey: string, netuid: number): number {
  return Math.max(execution.storage.SubtensorModule.ChildkeyTake.get(hotkey, netuid), minChildkeyTake(execution, netuid));
}

/** The least take of childkeys on a subnet. */
export function minChildkeyTake(execution: Execution, netuid: number): number {
  const { MinChildkeyTake, MinChildkeyTakePerSubnet } = execution.storage.SubtensorModule;
  return Math.max(MinChildkeyTake.get(), MinChildkeyTakePerSubnet.get(netuid));
}

/** A part of a hotkey's stake, weighed, U96F32. */
function contribution(execution: Execution, { hotkey, netuid, proportion }: { hotkey: string; netuid: number; proportion: bigint }): bigint {
  const { TotalHotkeyAlpha } = execution.storage.SubtensorModule;
  const alpha = mul32(TotalHotkeyAlpha.get(hotkey, netuid) << 32n, proportion);
  return alpha + mul32(mul32(TotalHotkeyAlpha.get(hotkey, ROOT_NETUID) << 32n, proportion), taoWeight(execution));
}

/** What of its own stake the hotkey has not lent to children, weighed, rao. */
function selfContribution(execution: Execution, hotkey: string, netuid: number): bigint {
  const kept = execution.storage.SubtensorModule.ChildKeys.get(hotkey, netuid).reduce((left, [proportion]) => saturatingSub(left, u64Fraction(proportion)), ONE_32);
  return contribution(execution, { hotkey, netuid, proportion: kept }) >> 32n;
}

interface DividendShare {
  readonly hotkey: string;
  /** Of all that alpha stake earned, U96F32. */
  readonly alpha: bigint;
  /** Of all that root stake earned, U96F32. */
  readonly root: bigint;
}

/** Splits dividends into what alpha earned and what root's TAO did, as parts of all. */
function splitDividends(execution: Execution, netuid: number, dividends: Dividends): DividendShare[] {
  const { TotalHotkeyAlpha } = execution.storage.SubtensorModule;
  const split = [...dividends].map(([hotkey, dividend]) => {
    const root = mul32(TotalHotkeyAlpha.get(hotkey, ROOT_NETUID) << 32n, taoWeight(execution));
    const rootPart = mul32(dividend, div32(root, root + (TotalHotkeyAlpha.get(hotkey, netuid) << 32n)));
    return { hotkey, alpha: saturatingSub(dividend, rootPart), root: rootPart };
  });
  const total = split.reduce((sum, { alpha, root }) => ({ alpha: sum.alpha + alpha, root: sum.root + root }), { alpha: 0n, root: 0n });
  return split.map(({ hotkey, alpha, root }) => ({ hotkey, alpha: div32(alpha, total.alpha), root: div32(root, total.root) }));
}

interface DividendPayment {
  readonly shares: readonly DividendShare[];
  readonly total: bigint;
}

/** Each validator's owner keeps its take; the rest goes to all who have stake on it. */
function payAlpha(execution: Execution, netuid: number, { shares, total }: DividendPayment): void {
  const { AlphaDividendsPerSubnet, TotalHotkeyAlpha, TotalHotkeyAlphaLastEpoch } = execution.storage.SubtensorModule;
  AlphaDividendsPerSubnet.clear(netuid);
  for (const { hotkey, alpha } of shares) {
    const rest = payTake(execution, { hotkey, netuid, amount: mul32(total << 32n, alpha) });
    increaseHotkeyStake(execution, hotkey, { netuid, amount: rest });
    AlphaDividendsPerSubnet.set(netuid, hotkey, rest);
    TotalHotkeyAlphaLastEpoch.set(hotkey, netuid, TotalHotkeyAlpha.get(hotkey, netuid));
  }
}

function payRoot(execution: Execution, netuid: number, { shares, total }: DividendPayment): void {
  const { RootAlphaDividendsPerSubnet } = execution.storage.SubtensorModule;
  RootAlphaDividendsPerSubnet.clear(netuid);
  for (const { hotkey, root } of shares) {
    const rest = payTake(execution, { hotkey, netuid, amount: mul32(total << 32n, root) });
    increaseRootClaimable(execution, hotkey, { netuid, amount: rest });
    RootAlphaDividendsPerSubnet.set(netuid, hotkey, rest);
  }
}

/** Pays the delegate's take of an amount (U96F32); returns what is left, rao. */
function payTake(execution: Execution, { hotkey, netuid, amount }: { hotkey: string; netuid: number; amount: bigint }): bigint {
  const { Delegates, Owner } = execution.storage.SubtensorModule;
  const take = mul32(u16Fraction(Delegates.get(hotkey)), amount);
  increaseStake(execution, hotkey, Owner.get(hotkey), { netuid, amount: take >> 32n });
  return saturatingSub(amount, take) >> 32n;
}
