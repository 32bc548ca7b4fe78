/**
 * Stake: TAO goes into a subnet's pool and alpha comes out, which a coldkey then holds on a hotkey; and back, or elsewhere.
 * @module
 * @see pallets/subtensor/src/staking (opentensor/subtensor 14bc6f9f9)
 */
import { div64, mul64 } from '../fixed.ts';
import { EXISTENTIAL_DEPOSIT, freeBalance, transfer } from './balances.ts';
import { ensure, type Execution } from './execution.ts';
import { alphaPrice, approximateFee, hasCurve, MAX_INPUT_MULTIPLE, MIN_PRICE_RAO, simulateSwap, swapAlphaForTao, swapTaoForAlpha, type SwapOrder, type SwapResult } from './pools.ts';
import { adjustRootClaimed, indexStaker, unindexStaker } from './root-claims.ts';
import { buysShares, decreaseStake, increaseStake, stakeOf, type Position } from './share-pool.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { hotkeyExists, ownsHotkey, subnetAccount, subnetExists, subnetsOf } from './subnet-lookup.ts';

/** `SubtensorInitialMinStake` of the runtime: 0.002 TAO. */
export const MIN_STAKE_RAO = 2_000_000n;
const TAO_RAO = 1_000_000_000n;
const U64_MAX: bigint = (1n << 64n) - 1n;

/** Stake to be added or removed. */
export interface StakeChange extends Position {
  /** TAO that is staked, or alpha that is unstaked. */
  readonly amount: bigint;
  /** Rao per alpha; how far the price may go. */
  readonly limitRao: bigint;
  readonly dropFees?: boolean;
}

/** Moves TAO to the subnet's account, as much of it as leaves the coldkey alive; returns how much. */
export function payIntoSubnet(execution: Execution, netuid: number, coldkey: string, amountRao: bigint): bigint {
  if (amountRao === 0n) return 0n;
  const spendable = freeBalance(execution, coldkey) - EXISTENTIAL_DEPOSIT;
  const paid = amountRao < spendable ? amountRao : spendable;
  ensure(paid > 0n, 'SubtensorModule', 'InsufficientBalance');
  transfer(execution, coldkey, subnetAccount(netuid), { amountRao: paid, keepAlive: true });
  return paid;
}

/** Moves TAO from the subnet's account. */
export function payFromSubnet(execution: Execution, netuid: number, coldkey: string, amountRao: bigint): void {
  ensure(amountRao <= freeBalance(execution, subnetAccount(netuid)), 'SubtensorModule', 'InsufficientBalance');
  if (amountRao > 0n) transfer(execution, subnetAccount(netuid), coldkey, { amountRao, keepAlive: false });
}

/** The account of burnt TAO: `modl` ‖ `burntnsr`, filled up with zeros. */
const BURN_ACCOUNT: string = `${Buffer.from('modlburntnsr').toString('hex')}${'0'.repeat(40)}`;

/** Buys alpha for TAO and gives it to the position. @returns the alpha */
export function stakeIntoSubnet(execution: Execution, { hotkey, coldkey, netuid, amount, limitRao, dropFees = false }: StakeChange): bigint {
  const paid = payIntoSubnet(execution, netuid, coldkey, amount);
  const { paidIn, paidOut, feeRao } = swapTaoForAlpha(execution, netuid, { amount: paid, limitRao, dropFees });
  ensure(paidOut > 0n, 'SubtensorModule', 'AmountTooLow');
  ensure(buysShares(execution, hotkey, netuid, paidOut), 'SubtensorModule', 'InsufficientLiquidity');
  increaseStake(execution, hotkey, coldkey, { netuid, amount: paidOut });
  payFromSubnet(execution, netuid, BURN_ACCOUNT, feeRao);
  recordFlow(execution, netuid, paidIn);
  noteStakeChange(execution, { hotkey, coldkey });
  if (netuid === ROOT_NETUID) {
    adjustRootClaimed(execution, { hotkey, coldkey, amount: paidOut });
    indexStaker(execution, coldkey);
  }
  execution.deposit('SubtensorModule', 'StakeAdded', [coldkey, hotkey, paid, paidOut, netuid, feeRao]);
  return paidOut;
}

/** Takes alpha from the position, sells it, and pays the TAO to the coldkey. @returns the TAO */
export function unstakeFromSubnet(execution: Execution, { hotkey, coldkey, netuid, amount, limitRao, dropFees = false }: StakeChange): bigint {
  decreaseStake(execution, hotkey, coldkey, { netuid, amount });
  const { paidIn, paidOut, feeRao } = swapAlphaForTao(execution, netuid, { amount, limitRao, dropFees });
  const refund = amount - paidIn - feeRao;
  if (refund > 0n) increaseStake(execution, hotkey, coldkey, { netuid, amount: refund });
  payFromSubnet(execution, netuid, coldkey, paidOut);
  if (netuid === ROOT_NETUID) {
    adjustRootClaimed(execution, { hotkey, coldkey, amount: -amount });
    unindexStaker(execution, coldkey);
  }
  recordFlow(execution, netuid, -paidOut);
  noteStakeChange(execution, { hotkey, coldkey });
  execution.deposit('SubtensorModule', 'StakeRemoved', [coldkey, hotkey, paidOut, paidIn, netuid, feeRao]);
  return paidOut;
}

/** When a coldkey last changed its stake on a hotkey, by whatever call. */
export function noteStakeChange(execution: Execution, { hotkey, coldkey }: Pick<Position, 'hotkey' | 'coldkey'>): void {
  execution.storage.SubtensorModule.LastColdkeyHotkeyStakeBlock.set(coldkey, hotkey, execution.block);
}

/** What users bring into a pool and take out of it, TAO. */
export function recordFlow(execution: Execution, netuid: number, taoRao: bigint): void {
  const { SubnetTaoFlow } = execution.storage.SubtensorModule;
  SubnetTaoFlow.set(netuid, SubnetTaoFlow.get(netuid) + taoRao);
}

/** Limits of a request: how much could be swapped, and whether less than all is welcome. */
export interface StakeLimits {
  readonly maxAmount: bigint;
  readonly allowPartial: boolean;
}

/** Checks before stake is added, in the chain's order. @see stake_utils.rs:1056 */
export function checkAddStake(execution: Execution, { hotkey, coldkey, netuid, amount }: Omit<StakeChange, 'limitRao'>, { maxAmount, allowPartial }: StakeLimits): void {
  ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  ensure(execution.storage.SubtensorModule.SubtokenEnabled.get(netuid), 'SubtensorModule', 'SubtokenDisabled');
  const minFee = trySwap(execution, netuid, { side: 'buy', amount: MIN_STAKE_RAO })?.feeRao ?? approximateFee(execution, netuid, MIN_STAKE_RAO);
  ensure(amount >= MIN_STAKE_RAO + minFee, 'SubtensorModule', 'AmountTooLow');
  ensure(allowPartial || amount <= maxAmount, 'SubtensorModule', 'SlippageTooHigh');
  const possible = allowPartial && maxAmount < amount ? maxAmount : amount;
  ensure(possible <= freeBalance(execution, coldkey), 'SubtensorModule', 'NotEnoughBalanceToStake');
  ensure(hotkeyExists(execution, hotkey), 'SubtensorModule', 'HotKeyAccountNotExists');
  const result = trySwap(execution, netuid, { side: 'buy', amount: possible });
  ensure(result !== undefined, 'SubtensorModule', 'InsufficientLiquidity');
  ensure(result.paidIn >= MIN_STAKE_RAO, 'SubtensorModule', 'AmountTooLow');
  ensure(result.paidOut > 0n && buysShares(execution, hotkey, netuid, result.paidOut), 'SubtensorModule', 'InsufficientLiquidity');
}

/** Checks before stake is removed, in the chain's order. @see stake_utils.rs:1132 */
export function checkRemoveStake(execution: Execution, { hotkey, coldkey, netuid, amount }: Omit<StakeChange, 'limitRao'>, { maxAmount, allowPartial }: StakeLimits): void {
  ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  ensure(amount > 0n, 'SubtensorModule', 'AmountTooLow');
  const available = stakeOf(execution, hotkey, coldkey, netuid);
  ensure(available >= amount, 'SubtensorModule', 'NotEnoughStakeToWithdraw');
  const result = trySwap(execution, netuid, { side: 'sell', amount });
  ensure(result !== undefined, 'SubtensorModule', 'InsufficientLiquidity');
  ensure(available === amount || result.paidOut >= MIN_STAKE_RAO, 'SubtensorModule', 'AmountTooLow');
  ensure(allowPartial || amount <= maxAmount, 'SubtensorModule', 'SlippageTooHigh');
  ensure(hotkeyExists(execution, hotkey), 'SubtensorModule', 'HotKeyAccountNotExists');
}

/** What a swap would do, or `undefined` where the pool does not have it. */
export function trySwap(execution: Execution, netuid: number, order: SwapOrder): SwapResult | undefined {
  let result: SwapResult | undefined;
  execution.attempt(() => {
    result = simulateSwap(execution, netuid, order);
  });
  return result;
}

/** No pool takes more than so many times its reserve. */
export function ensureWithinReserve(execution: Execution, netuid: number, { side, amount }: SwapOrder): void {
  if (!hasCurve(execution, netuid)) return;
  const { SubnetTAO, SubnetAlphaIn } = execution.storage.SubtensorModule;
  ensure(amount <= (side === 'buy' ? SubnetTAO : SubnetAlphaIn).get(netuid) * MAX_INPUT_MULTIPLE, 'SubtensorModule', 'InsufficientLiquidity');
}

/** How much could be staked or unstaked before the price passes the limit. Fails where it has passed it already. */
export function amountUpTo(execution: Execution, netuid: number, { side, limitRao }: { side: 'buy' | 'sell'; limitRao: bigint }): bigint {
  if (!hasCurve(execution, netuid)) return (side === 'buy' ? limitRao >= TAO_RAO : limitRao <= TAO_RAO) ? U64_MAX : 0n;
  const { SubnetTAO, SubnetAlphaIn } = execution.storage.SubtensorModule;
  const amount = (side === 'buy' ? SubnetTAO : SubnetAlphaIn).get(netuid) * MAX_INPUT_MULTIPLE;
  const { paidIn, feeRao } = simulateSwap(execution, netuid, { side, amount, limitRao });
  return paidIn + feeRao;
}

/** A nomination that has become smaller than `NominatorMinRequiredStake` is paid out. */
export function clearSmallNomination(execution: Execution, position: Position): void {
  const { hotkey, coldkey, netuid } = position;
  if (ownsHotkey(execution, coldkey, hotkey)) return;
  const amount = stakeOf(execution, hotkey, coldkey, netuid);
  const required = execution.storage.SubtensorModule.NominatorMinRequiredStake.get();
  if (amount === 0n || amount >= div64(required << 64n, alphaPrice(execution, netuid)) >> 64n) return;
  const error = execution.attempt(() => void unstakeFromSubnet(execution, { ...position, amount, limitRao: MIN_PRICE_RAO }));
  if (error !== undefined) decreaseStake(execution, hotkey, coldkey, { netuid, amount });
}

/** A hotkey's stake on all subnets at the pools' prices, rao of TAO. */
export function totalStakeOf(execution: Execution, hotkey: string): bigint {
  const { TotalHotkeyAlpha } = execution.storage.SubtensorModule;
  const sum = [ROOT_NETUID, ...subnetsOf(execution.storage)].reduce((total, netuid) => total + mul64(TotalHotkeyAlpha.get(hotkey, netuid) << 64n, alphaPrice(execution, netuid)), 0n);
  return sum >> 64n;
}

/** Others' stake makes a hotkey a delegate, with the default take. */
export function becomeDelegate(execution: Execution, hotkey: string): void {
  const { Delegates } = execution.storage.SubtensorModule;
  if (!Delegates.has(hotkey)) Delegates.set(hotkey, Delegates.get(hotkey));
}

