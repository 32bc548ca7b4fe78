/**
 * The calls on stake: adding, removing, and moving it between hotkeys, coldkeys and subnets.
 * @module
 * @see pallets/subtensor/src/staking/add_stake.rs, remove_stake.rs, move_stake.rs (opentensor/subtensor 14bc6f9f9)
 */
import { div64, mul64, saturatingSub } from '../fixed.ts';
import { freeBalance, transfer } from './balances.ts';
import { ensure, ensureSigned, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { alphaPrice, hasCurve, MAX_PRICE_RAO, MIN_PRICE_RAO } from './pools.ts';
import { adjustRootClaimed } from './root-claims.ts';
import { decreaseStake, increaseStake, stakeOf, type Position } from './share-pool.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { becomeDelegate, checkAddStake, checkRemoveStake, clearSmallNomination, ensureWithinReserve, amountUpTo, MIN_STAKE_RAO, noteStakeChange, stakeIntoSubnet, totalStakeOf, trySwap, unstakeFromSubnet } from './stake.ts';
import { hotkeyExists, ownsHotkey, subnetExists, subnetsOf } from './subnet-lookup.ts';

type StakeCallNames =
  | 'add_stake'
  | 'add_stake_limit'
  | 'remove_stake'
  | 'remove_stake_limit'
  | 'remove_stake_full_limit'
  | 'unstake_all'
  | 'unstake_all_alpha'
  | 'move_stake'
  | 'transfer_stake'
  | 'swap_stake'
  | 'swap_stake_limit'
  | 'set_coldkey_auto_stake_hotkey';

/** The pallet's calls. */
export const stakeCalls: Pick<CallHandlers<'SubtensorModule'>, StakeCallNames> = {
  add_stake: (execution, origin, { hotkey, netuid, amount_staked }) => void addStake(execution, { hotkey, coldkey: ensureSigned(origin), netuid }, amount_staked),
  add_stake_limit: (execution, origin, { hotkey, netuid, amount_staked: amount, limit_price: limitRao, allow_partial: allowPartial }) =>
    void addStakeUpTo(execution, { hotkey, coldkey: ensureSigned(origin), netuid }, { amount, limitRao, allowPartial }),
  remove_stake: (execution, origin, { hotkey, netuid, amount_unstaked }) =>
    removeStake(execution, { hotkey, coldkey: ensureSigned(origin), netuid }, amount_unstaked),
  remove_stake_limit: (execution, origin, { hotkey, netuid, amount_unstaked: amount, limit_price: limitRao, allow_partial: allowPartial }) =>
    removeStakeLimit(execution, { hotkey, coldkey: ensureSigned(origin), netuid }, { amount, limitRao, allowPartial }),
  remove_stake_full_limit: (execution, origin, { hotkey, netuid, limit_price: limitRao }) => {
    const coldkey = ensureSigned(origin);
    const amount = stakeOf(execution, hotkey, coldkey, netuid);
    if (limitRao === undefined) removeStake(execution, { hotkey, coldkey, netuid }, amount);
    else removeStakeLimit(execution, { hotkey, coldkey, netuid }, { amount, limitRao, allowPartial: false });
  },
  unstake_all: (execution, origin, { hotkey }) => void unstakeAll(execution, origin, hotkey, [ROOT_NETUID, ...subnetsOf(execution.storage)]),
  unstake_all_alpha: (execution, origin, { hotkey }) => {
    const amount = unstakeAll(execution, origin, hotkey, subnetsOf(execution.storage));
    stakeIntoSubnet(execution, { hotkey, coldkey: ensureSigned(origin), netuid: ROOT_NETUID, amount, limitRao: MAX_PRICE_RAO });
  },
  move_stake: (execution, origin, { origin_hotkey, destination_hotkey, origin_netuid, destination_netuid, alpha_amount }) => {
    const coldkey = ensureSigned(origin);
    const from = { hotkey: origin_hotkey, coldkey, netuid: origin_netuid };
    const tao = transitionStake(execution, { from, to: { hotkey: destination_hotkey, coldkey, netuid: destination_netuid }, amount: alpha_amount });
    execution.deposit('SubtensorModule', 'StakeMoved', [coldkey, origin_hotkey, origin_netuid, destination_hotkey, destination_netuid, tao]);
  },
  transfer_stake: (execution, origin, { destination_coldkey, hotkey, origin_netuid, destination_netuid, alpha_amount }) => {
    const coldkey = ensureSigned(origin);
    const to = { hotkey, coldkey: destination_coldkey, netuid: destination_netuid };
    const tao = transitionStake(execution, { from: { hotkey, coldkey, netuid: origin_netuid }, to, amount: alpha_amount, checkToggle: true });
    execution.deposit('SubtensorModule', 'StakeTransferred', [coldkey, destination_coldkey, hotkey, origin_netuid, destination_netuid, tao]);
  },
  swap_stake: (execution, origin, { hotkey, origin_netuid, destination_netuid, alpha_amount }) =>
    swapStake(execution, origin, { hotkey, origin_netuid, destination_netuid, amount: alpha_amount }),
  swap_stake_limit: (execution, origin, { hotkey, origin_netuid, destination_netuid, alpha_amount, limit_price: limitRao, allow_partial: allowPartial }) =>
    swapStake(execution, origin, { hotkey, origin_netuid, destination_netuid, amount: alpha_amount, limit: { limitRao, allowPartial } }),
  set_coldkey_auto_stake_hotkey: (execution, origin, { netuid, hotkey }) => setAutoStake(execution, ensureSigned(origin), { netuid, hotkey }),
};

/** Stakes TAO. @returns the alpha */
export function addStake(execution: Execution, position: Position, amount: bigint): bigint {
  ensureWithinReserve(execution, position.netuid, { side: 'buy', amount });
  checkAddStake(execution, { ...position, amount }, { maxAmount: amount, allowPartial: false });
  return stakeIntoSubnet(execution, { ...position, amount, limitRao: MAX_PRICE_RAO });
}

interface LimitedAmount {
  readonly amount: bigint;
  readonly limitRao: bigint;
  readonly allowPartial: boolean;
}

/** Stakes TAO as long as the price stays within the limit. @returns the alpha */
export function addStakeUpTo(execution: Execution, position: Position, { amount, limitRao, allowPartial }: LimitedAmount): bigint {
  const { hotkey, coldkey, netuid } = position;
  ensureWithinReserve(execution, netuid, { side: 'buy', amount });
  const max = amountUpTo(execution, netuid, { side: 'buy', limitRao });
  checkAddStake(execution, { ...position, amount }, { maxAmount: max, allowPartial });
  if (!ownsHotkey(execution, coldkey, hotkey)) becomeDelegate(execution, hotkey);
  return stakeIntoSubnet(execution, { ...position, amount: amount < max ? amount : max, limitRao });
}

function setAutoStake(execution: Execution, coldkey: string, { netuid, hotkey }: { netuid: number; hotkey: string }): void {
  const { Uids, AutoStakeDestination, AutoStakeDestinationColdkeys } = execution.storage.SubtensorModule;
  ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  ensure(Uids.has(netuid, hotkey), 'SubtensorModule', 'HotKeyNotRegisteredInSubNet');
  const before = AutoStakeDestination.get(coldkey, netuid);
  ensure(before !== hotkey, 'SubtensorModule', 'SameAutoStakeHotkeyAlreadySet');
  if (before !== undefined) AutoStakeDestinationColdkeys.set(before, netuid, AutoStakeDestinationColdkeys.get(before, netuid).filter((other) => other !== coldkey));
  AutoStakeDestination.set(coldkey, netuid, hotkey);
  const coldkeys = AutoStakeDestinationColdkeys.get(hotkey, netuid);
  if (!coldkeys.includes(coldkey)) AutoStakeDestinationColdkeys.set(hotkey, netuid, [...coldkeys, coldkey]);
  execution.deposit('SubtensorModule', 'AutoStakeDestinationSet', { coldkey, netuid, hotkey });
}

function removeStake(execution: Execution, position: Position, requested: bigint): void {
  const { hotkey, coldkey, netuid } = position;
  ensure(execution.storage.SubtensorModule.SubtokenEnabled.get(netuid), 'SubtensorModule', 'SubtokenDisabled');
  const available = stakeOf(execution, hotkey, coldkey, netuid);
  const amount = requested < available ? requested : available;
  ensureWithinReserve(execution, netuid, { side: 'sell', amount });
  checkRemoveStake(execution, { ...position, amount }, { maxAmount: amount, allowPartial: false });
  unstakeFromSubnet(execution, { ...position, amount, limitRao: MIN_PRICE_RAO });
  settleRemoval(execution, position);
}

function removeStakeLimit(execution: Execution, position: Position, { amount, limitRao, allowPartial }: LimitedAmount): void {
  const { netuid } = position;
  ensureWithinReserve(execution, netuid, { side: 'sell', amount });
  const max = amountUpTo(execution, netuid, { side: 'sell', limitRao });
  checkRemoveStake(execution, { ...position, amount }, { maxAmount: max, allowPartial });
  unstakeFromSubnet(execution, { ...position, amount: amount < max ? amount : max, limitRao });
  settleRemoval(execution, position);
}

/** What is left may be too little to stay, or to have children with. */
function settleRemoval(execution: Execution, position: Position): void {
  clearSmallNomination(execution, position);
  const { StakeThreshold, PendingChildKeys } = execution.storage.SubtensorModule;
  if (totalStakeOf(execution, position.hotkey) >= StakeThreshold.get()) return;
  for (const netuid of subnetsOf(execution.storage)) PendingChildKeys.remove(netuid, position.hotkey);
}

/** Unstakes from each subnet what can be; returns the TAO. */
function unstakeAll(execution: Execution, origin: Origin, hotkey: string, netuids: readonly number[]): bigint {
  const coldkey = ensureSigned(origin);
  ensure(hotkeyExists(execution, hotkey), 'SubtensorModule', 'HotKeyAccountNotExists');
  let tao = 0n;
  for (const netuid of netuids) {
    if (!execution.storage.SubtensorModule.SubtokenEnabled.get(netuid)) continue;
    const amount = stakeOf(execution, hotkey, coldkey, netuid);
    const position = { hotkey, coldkey, netuid };
    if (execution.attempt(() => checkRemoveStake(execution, { ...position, amount }, { maxAmount: amount, allowPartial: false })) !== undefined) continue;
    tao += unstakeFromSubnet(execution, { ...position, amount, limitRao: MIN_PRICE_RAO });
    clearSmallNomination(execution, position);
  }
  return tao;
}

interface SwapStake {
  readonly hotkey: string;
  readonly origin_netuid: number;
  readonly destination_netuid: number;
  readonly amount: bigint;
  readonly limit?: { readonly limitRao: bigint; readonly allowPartial: boolean };
}

function swapStake(execution: Execution, origin: Origin, { hotkey, origin_netuid, destination_netuid, ...rest }: SwapStake): void {
  const coldkey = ensureSigned(origin);
  const tao = transitionStake(execution, { from: { hotkey, coldkey, netuid: origin_netuid }, to: { hotkey, coldkey, netuid: destination_netuid }, ...rest });
  execution.deposit('SubtensorModule', 'StakeSwapped', [coldkey, hotkey, origin_netuid, destination_netuid, tao]);
}

interface Transition {
  readonly from: Position;
  readonly to: Position;
  readonly amount: bigint;
  readonly limit?: { readonly limitRao: bigint; readonly allowPartial: boolean };
  readonly checkToggle?: boolean;
}

/** Moves stake; across subnets by way of TAO, with the fee of one of the two swaps. @returns the TAO that it is worth */
function transitionStake(execution: Execution, transition: Transition): bigint {
  const { from, to, limit } = transition;
  const available = stakeOf(execution, from.hotkey, from.coldkey, from.netuid);
  const amount = transition.amount < available ? transition.amount : available;
  const crosses = from.netuid !== to.netuid;
  const max = crosses && limit !== undefined ? maxMove(execution, { from: from.netuid, to: to.netuid, limitRao: limit.limitRao }) : amount;
  checkTransition(execution, { ...transition, amount }, max);
  const moved = amount < max ? amount : max;
  if (!crosses) return moveWithinSubnet(execution, from, to, moved);
  const dropOriginFee = from.netuid === ROOT_NETUID;
  const tao = unstakeFromSubnet(execution, { ...from, amount: moved, limitRao: MIN_PRICE_RAO, dropFees: dropOriginFee });
  if (from.coldkey !== to.coldkey) {
    ensure(tao <= freeBalance(execution, from.coldkey), 'SubtensorModule', 'InsufficientBalance');
    transfer(execution, from.coldkey, to.coldkey, { amountRao: tao, keepAlive: false });
  }
  if (tao < MIN_STAKE_RAO) return tao;
  if (!ownsHotkey(execution, to.coldkey, to.hotkey)) becomeDelegate(execution, to.hotkey);
  stakeIntoSubnet(execution, { ...to, amount: tao, limitRao: MAX_PRICE_RAO, dropFees: !dropOriginFee });
  return tao;
}

function checkTransition(execution: Execution, { from, to, amount, limit, checkToggle = false }: Transition, max: bigint): void {
  const { SubtokenEnabled, TransferToggle } = execution.storage.SubtensorModule;
  const crosses = from.netuid !== to.netuid;
  ensure(from.coldkey !== to.coldkey || from.hotkey !== to.hotkey || crosses, 'SubtensorModule', 'SameNetuid');
  for (const { netuid } of [from, to]) ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  for (const { netuid } of [from, to]) ensure(SubtokenEnabled.get(netuid), 'SubtensorModule', 'SubtokenDisabled');
  for (const { hotkey } of [from, to]) ensure(hotkeyExists(execution, hotkey), 'SubtensorModule', 'HotKeyAccountNotExists');
  ensure(amount <= stakeOf(execution, from.hotkey, from.coldkey, from.netuid), 'SubtensorModule', 'NotEnoughStakeToWithdraw');
  if (crosses) {
    const result = trySwap(execution, from.netuid, { side: 'sell', amount });
    ensure(result !== undefined, 'SubtensorModule', 'InsufficientLiquidity');
    ensure(result.paidOut > MIN_STAKE_RAO, 'SubtensorModule', 'AmountTooLow');
    ensure(limit === undefined || limit.allowPartial || amount <= max, 'SubtensorModule', 'SlippageTooHigh');
  }
  if (checkToggle) for (const { netuid } of [from, to]) ensure(TransferToggle.get(netuid), 'SubtensorModule', 'TransferDisallowed');
}

function moveWithinSubnet(execution: Execution, from: Position, to: Position, amount: bigint): bigint {
  const { netuid } = from;
  decreaseStake(execution, from.hotkey, from.coldkey, { netuid, amount });
  if (netuid === ROOT_NETUID) adjustRootClaimed(execution, { ...from, amount: -amount });
  increaseStake(execution, to.hotkey, to.coldkey, { netuid, amount });
  if (netuid === ROOT_NETUID) adjustRootClaimed(execution, { ...to, amount });
  const tao = mul64(alphaPrice(execution, netuid), amount << 64n) >> 64n;
  ensure(tao >= MIN_STAKE_RAO, 'SubtensorModule', 'AmountTooLow');
  noteStakeChange(execution, to);
  execution.deposit('SubtensorModule', 'StakeRemoved', [from.coldkey, from.hotkey, tao, amount, netuid, 0n]);
  execution.deposit('SubtensorModule', 'StakeAdded', [to.coldkey, to.hotkey, tao, amount, netuid, 0n]);
  return tao;
}

const TAO_RAO = 1_000_000_000n;
const U64_MAX: bigint = (1n << 64n) - 1n;

/** How much alpha may move before origin's price, in alpha of the destination, falls below the limit. @see move_stake.rs:424 */
function maxMove(execution: Execution, { from, to, limitRao }: { from: number; to: number; limitRao: bigint }): bigint {
  const [fromCurve, toCurve] = [hasCurve(execution, from), hasCurve(execution, to)];
  if (!fromCurve && !toCurve) return limitRao > TAO_RAO ? 0n : U64_MAX;
  if (!fromCurve) return limitRao === 0n ? U64_MAX : amountUpTo(execution, to, { side: 'buy', limitRao: mul64(div64(TAO_RAO << 64n, limitRao << 64n), TAO_RAO << 64n) >> 64n });
  if (!toCurve) return amountUpTo(execution, from, { side: 'sell', limitRao });
  const { SubnetTAO, SubnetAlphaIn } = execution.storage.SubtensorModule;
  const [taoFrom, taoTo, alphaFrom, alphaTo] = [SubnetTAO.get(from), SubnetTAO.get(to), SubnetAlphaIn.get(from), SubnetAlphaIn.get(to)];
  if ([taoFrom, taoTo, alphaFrom, alphaTo].includes(0n)) return 0n;
  const limit = div64(limitRao << 64n, TAO_RAO << 64n);
  if (limit > div64(alphaPrice(execution, from), alphaPrice(execution, to))) return 0n;
  if (limitRao === 0n) return U64_MAX;
  const share = (tao: bigint): bigint => div64(tao << 64n, (taoFrom + taoTo) << 64n);
  return saturatingSub(div64(mul64(alphaTo << 64n, share(taoFrom)), limit), mul64(alphaFrom << 64n, share(taoTo))) >> 64n;
}
