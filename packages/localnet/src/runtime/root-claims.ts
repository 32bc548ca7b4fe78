/**
 * Dividends of root: what stake on root earns on subnets accrues per hotkey as a rate (`RootClaimable`, alpha per rao of root stake), of
 * which each coldkey claims its part, as alpha or sold for TAO that is staked on root.
 * @module
 * @see pallets/subtensor/src/staking/claim_root.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, ensureRoot, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { MIN_PRICE_RAO, swapAlphaForTao } from './pools.ts';
import { increaseStake, stakeOf } from './share-pool.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { ensureOwnerOrRoot, subnetAccount } from './subnet-lookup.ts';
import { transfer } from './balances.ts';

const MAX_CLAIMED_SUBNETS = 5;
const MAX_ROOT_CLAIMS = 50n;
const MAX_THRESHOLD_RAO = 10_000_000n;

/** Rates are I96F32. */
type Claimable = readonly (readonly [number, { readonly bits: bigint }])[];

/** Lets those who stake on root with the hotkey claim alpha; more than its root stake goes to its owner at once. */
export function increaseRootClaimable(execution: Execution, hotkey: string, { netuid, amount }: { netuid: number; amount: bigint }): void {
  const { TotalHotkeyAlpha, RootClaimable, Owner } = execution.storage.SubtensorModule;
  const stake = TotalHotkeyAlpha.get(hotkey, ROOT_NETUID);
  if (amount > stake) return increaseStake(execution, hotkey, Owner.get(hotkey), { netuid, amount });
  if (stake === 0n) return;
  const rates: Claimable = RootClaimable.get(hotkey);
  const rate = (rates.find(([id]) => id === netuid)?.[1].bits ?? 0n) + (amount << 32n) / stake;
  const next = [...rates.filter(([id]) => id !== netuid), [netuid, { bits: rate }] as const];
  RootClaimable.set(hotkey, next.sort(([a], [b]) => a - b));
}

/** New root stake has no part in what was earned before it, and stake that goes takes its claims with it. */
export function adjustRootClaimed(execution: Execution, { hotkey, coldkey, amount }: { hotkey: string; coldkey: string; amount: bigint }): void {
  const { RootClaimable, RootClaimed } = execution.storage.SubtensorModule;
  const size = amount < 0n ? -amount : amount;
  for (const [netuid, { bits }] of RootClaimable.get(hotkey)) {
    const part = (bits * size) >> 32n;
    const before = RootClaimed.get(netuid, hotkey, coldkey);
    const after = amount < 0n ? before - part : before + part;
    RootClaimed.set(netuid, hotkey, coldkey, after < 0n ? 0n : after);
  }
}

/** Gives the rates of one hotkey to another, added to those that it has. */
export function moveRootClaimable(execution: Execution, { from, to }: { readonly from: string; readonly to: string }): void {
  const { RootClaimable } = execution.storage.SubtensorModule;
  const rates = new Map(RootClaimable.get(to).map(([netuid, { bits }]) => [netuid, bits]));
  for (const [netuid, { bits }] of RootClaimable.get(from)) rates.set(netuid, (rates.get(netuid) ?? 0n) + bits);
  RootClaimable.remove(from);
  RootClaimable.set(to, [...rates].sort(([a], [b]) => a - b).map(([netuid, bits]) => [netuid, { bits }] as const));
}

/** Hotkey and coldkey. */
type Pair = readonly [hotkey: string, coldkey: string];

/** Gives what one pair has claimed to another, added to what that has. */
export function moveRootClaimed(execution: Execution, netuid: number, { from, to }: { readonly from: Pair; readonly to: Pair }): void {
  const { RootClaimed } = execution.storage.SubtensorModule;
  const claimed = RootClaimed.get(netuid, ...from);
  RootClaimed.remove(netuid, ...from);
  RootClaimed.set(netuid, ...to, claimed + RootClaimed.get(netuid, ...to));
}

/** What the coldkey may claim, I96F32; below 0 where it has claimed more. */
export function owedToRoot(execution: Execution, hotkey: string, coldkey: string, netuid: number): bigint {
  const { RootClaimable, RootClaimed } = execution.storage.SubtensorModule;
  const rate = RootClaimable.get(hotkey).find(([id]) => id === netuid)?.[1].bits ?? 0n;
  return rate * stakeOf(execution, hotkey, coldkey, ROOT_NETUID) - (RootClaimed.get(netuid, hotkey, coldkey) << 32n);
}

function claim(execution: Execution, hotkey: string, coldkey: string, netuid: number): void {
  const { RootClaimableThreshold, RootClaimed, RootClaimType } = execution.storage.SubtensorModule;
  const owed = owedToRoot(execution, hotkey, coldkey, netuid);
  if (owed < RootClaimableThreshold.get(netuid).bits || owed >> 32n <= 0n) return;
  const amount = owed >> 32n;
  const type = RootClaimType.get(coldkey);
  const keeps = type.type === 'Keep' || (type.type === 'KeepSubnets' && type.value.subnets.includes(netuid));
  if (keeps) increaseStake(execution, hotkey, coldkey, { netuid, amount });
  else sellForRoot(execution, { hotkey, coldkey, netuid, amount });
  RootClaimed.set(netuid, hotkey, coldkey, RootClaimed.get(netuid, hotkey, coldkey) + amount);
}

function sellForRoot(execution: Execution, { hotkey, coldkey, netuid, amount }: { hotkey: string; coldkey: string; netuid: number; amount: bigint }): void {
  const { SubnetRootSellTao, SubnetProtocolFlow, SubnetTAO, SubnetAlphaOut, TotalStake } = execution.storage.SubtensorModule;
  const { paidOut } = swapAlphaForTao(execution, netuid, { amount, limitRao: MIN_PRICE_RAO, dropFees: true });
  transfer(execution, subnetAccount(netuid), subnetAccount(ROOT_NETUID), { amountRao: paidOut, keepAlive: false });
  SubnetRootSellTao.set(netuid, SubnetRootSellTao.get(netuid) + paidOut);
  SubnetProtocolFlow.set(netuid, SubnetProtocolFlow.get(netuid) - paidOut);
  increaseStake(execution, hotkey, coldkey, { netuid: ROOT_NETUID, amount: paidOut });
  for (const total of [SubnetTAO, SubnetAlphaOut]) total.set(ROOT_NETUID, total.get(ROOT_NETUID) + paidOut);
  TotalStake.set(TotalStake.get() + paidOut);
  adjustRootClaimed(execution, { hotkey, coldkey, amount: paidOut });
}

/** Claims all that the coldkey is owed, on some subnets or all. */
function claimAll(execution: Execution, coldkey: string, subnets?: readonly number[]): void {
  const { StakingHotkeys, RootClaimable } = execution.storage.SubtensorModule;
  for (const hotkey of StakingHotkeys.get(coldkey)) {
    for (const [netuid] of RootClaimable.get(hotkey)) if (subnets?.includes(netuid) !== false) claim(execution, hotkey, coldkey, netuid);
  }
  execution.deposit('SubtensorModule', 'RootClaimed', { coldkey });
}

/** Claims, each block, for a few coldkeys that the parent's hash picks. */
export function claimAutomatically(execution: Execution): void {
  const { NumStakingColdkeys, NumRootClaim, StakingColdkeysByIndex } = execution.storage.SubtensorModule;
  const count = NumStakingColdkeys.get();
  if (count === 0n) return;
  for (const index of pickIndices(execution.storage.System.ParentHash.get(), Number(NumRootClaim.get()), count)) {
    const coldkey = StakingColdkeysByIndex.get(index);
    if (coldkey !== undefined) execution.attempt(() => claimAll(execution, coldkey));
  }
}

/** `picks` steps around a circle of `count`, by the words of the hash; each index once, ascending. */
function pickIndices(hash: string, picks: number, count: bigint): bigint[] {
  const words = [0, 1, 2, 3].map((word) => BigInt(`0x${hash.slice(word * 16, word * 16 + 16)}`));
  const picked = new Set<bigint>();
  let last = words[0] as bigint;
  for (let pick = 0; pick < picks; pick++) {
    const sum = last + (words[pick % 4] as bigint);
    last = (sum > U64_MAX ? U64_MAX : sum) % count;
    picked.add(last);
  }
  return [...picked].sort((a, b) => (a < b ? -1 : 1));
}

const U64_MAX: bigint = (1n << 64n) - 1n;

/** Lists a coldkey among those that are claimed for. */
export function indexStaker(execution: Execution, coldkey: string): void {
  const { StakingColdkeys, StakingColdkeysByIndex, NumStakingColdkeys } = execution.storage.SubtensorModule;
  if (StakingColdkeys.has(coldkey)) return;
  const count = NumStakingColdkeys.get();
  StakingColdkeysByIndex.set(count, coldkey);
  StakingColdkeys.set(coldkey, count);
  NumStakingColdkeys.set(count + 1n);
}

/** Takes a coldkey without root stake off that list; the last one takes its place. */
export function unindexStaker(execution: Execution, coldkey: string): void {
  const { StakingHotkeys, StakingColdkeys, StakingColdkeysByIndex, NumStakingColdkeys } = execution.storage.SubtensorModule;
  const index = StakingColdkeys.get(coldkey);
  if (index === undefined || StakingHotkeys.get(coldkey).some((hotkey) => stakeOf(execution, hotkey, coldkey, ROOT_NETUID) > 0n)) return;
  const last = NumStakingColdkeys.get() - 1n;
  const moved = StakingColdkeysByIndex.get(last);
  StakingColdkeys.remove(coldkey);
  StakingColdkeysByIndex.remove(last);
  if (index !== last && moved !== undefined) {
    StakingColdkeysByIndex.set(index, moved);
    StakingColdkeys.set(moved, index);
  }
  NumStakingColdkeys.set(last);
}

type RootClaimNames = 'claim_root' | 'set_root_claim_type' | 'sudo_set_num_root_claims' | 'sudo_set_root_claim_threshold';

/** The pallet's calls. */
export const rootClaimCalls: Pick<CallHandlers<'SubtensorModule'>, RootClaimNames> = {
  claim_root: (execution, origin, { subnets }) => {
    const coldkey = ensureSigned(origin);
    ensure(subnets.length > 0 && subnets.length <= MAX_CLAIMED_SUBNETS, 'SubtensorModule', 'InvalidSubnetNumber');
    indexStaker(execution, coldkey);
    claimAll(execution, coldkey, subnets);
  },
  set_root_claim_type: (execution, origin, { new_root_claim_type: type }) => {
    const coldkey = ensureSigned(origin);
    ensure(type.type !== 'KeepSubnets' || type.value.subnets.length > 0, 'SubtensorModule', 'InvalidSubnetNumber');
    indexStaker(execution, coldkey);
    execution.storage.SubtensorModule.RootClaimType.set(coldkey, type);
    execution.deposit('SubtensorModule', 'RootClaimTypeSet', { coldkey, root_claim_type: type });
  },
  sudo_set_num_root_claims: (execution, origin, { new_value: count }) => {
    ensureRoot(origin);
    ensure(count <= MAX_ROOT_CLAIMS, 'SubtensorModule', 'InvalidNumRootClaim');
    execution.storage.SubtensorModule.NumRootClaim.set(count);
  },
  sudo_set_root_claim_threshold: (execution, origin, { netuid, new_value: rao }) => {
    ensureOwnerOrRoot(execution, origin, netuid);
    ensure(rao <= MAX_THRESHOLD_RAO, 'SubtensorModule', 'InvalidRootClaimThreshold');
    execution.storage.SubtensorModule.RootClaimableThreshold.set(netuid, { bits: rao << 32n });
  },
};
