/**
 * The pools of subnets: their price, and swaps between TAO and alpha.
 *
 * Root and subnets of mechanism 0 have no curve: one is worth one. There is no block author here, so fees are burnt as the chain does
 * where it finds none.
 * @module
 * @see pallets/swap/src/pallet/impls.rs, swap_step.rs; pallets/subtensor/src/staking/stake_utils.rs:640 (opentensor/subtensor 14bc6f9f9)
 */
import { div64, mul64, ONE_64, saturatingSub } from '../fixed.ts';
import { alphaForTao, alphaToReach, poolPrice, squareRoot, taoForAlpha, taoToReach, weightAfter, type SwapPool } from '../swap-curve.ts';
import { ensure, ensureRoot, type CallHandlers, type Execution } from './execution.ts';
import { subnetExists } from './subnet-lookup.ts';

/** Prices that no swap passes, in rao per alpha (`min_price`, `max_price`). */
export const MIN_PRICE_RAO = 1_000n;
export const MAX_PRICE_RAO = 1_000_000_000_000_000n;
/** The reserve that is taken from must hold so much, rao (`MinimumReserve`). */
const MIN_RESERVE_RAO = 1_000_000n;
/** What comes in may be so many times the reserve at most. */
export const MAX_INPUT_MULTIPLE = 1_000n;
const MAX_FEE_RATE = 10_000;

/** What a swap does, in rao: `paidIn` goes into the pool, `feeRao` besides (in what is paid), `paidOut` comes out. */
export interface SwapResult {
  readonly paidIn: bigint;
  readonly paidOut: bigint;
  readonly feeRao: bigint;
}

/** A swap: `buy` pays TAO for alpha, `sell` alpha for TAO. */
export interface SwapOrder {
  readonly side: 'buy' | 'sell';
  readonly amount: bigint;
  /** Rao per alpha; how far the price may go. */
  readonly limitRao?: bigint;
  readonly dropFees?: boolean;
}

/** Whether the subnet has a curve. */
export function hasCurve(execution: Execution, netuid: number): boolean {
  return execution.storage.SubtensorModule.SubnetMechanism.get(netuid) === 1;
}

/** TAO per alpha, U64F64. */
export function alphaPrice(execution: Execution, netuid: number): bigint {
  return hasCurve(execution, netuid) ? poolPrice(poolOf(execution, netuid)) : ONE_64;
}

function poolOf(execution: Execution, netuid: number): SwapPool {
  const { SubnetTAO, SubnetAlphaIn } = execution.storage.SubtensorModule;
  return { taoRao: SubnetTAO.get(netuid), alphaRao: SubnetAlphaIn.get(netuid), taoWeight: execution.storage.Swap.SwapBalancer.get(netuid).quote };
}

/** What the swap would do. Fails with the pallet's errors. */
export function simulateSwap(execution: Execution, netuid: number, order: SwapOrder): SwapResult {
  if (!hasCurve(execution, netuid)) return { paidIn: order.amount, paidOut: order.amount, feeRao: 0n };
  const { side, amount, limitRao = side === 'buy' ? MAX_PRICE_RAO : MIN_PRICE_RAO } = order;
  const pool = poolOf(execution, netuid);
  const limit = div64(limitRao << 64n, 1_000_000_000n << 64n);
  const feeRate = order.dropFees === true ? 0 : execution.storage.Swap.FeeRate.get(netuid);
  const [reserveIn, reserveOut] = side === 'buy' ? [pool.taoRao, pool.alphaRao] : [pool.alphaRao, pool.taoRao];
  const wanted = saturatingSub(amount, feeOf(amount, feeRate));
  ensure(wanted <= reserveIn * MAX_INPUT_MULTIPLE, 'Swap', 'SwapInputTooLarge');
  ensure(reserveOut >= MIN_RESERVE_RAO, 'Swap', 'ReservesTooLow');
  const price = poolPrice(pool);
  ensure(side === 'buy' ? price < limit : price > limit, 'Swap', 'PriceLimitExceeded');
  const result = swapUpTo(pool, { side, wanted, amount, limit, feeRate });
  ensure(result.paidIn === 0n || result.paidOut > 0n, 'Swap', 'ReservesTooLow');
  ensure(reserveOut >= result.paidOut, 'Swap', 'InsufficientLiquidity');
  return result;
}

interface CurveOrder {
  readonly side: 'buy' | 'sell';
  /** Without the fee. */
  readonly wanted: bigint;
  readonly amount: bigint;
  readonly limit: bigint;
  readonly feeRate: number;
}

/** All of it, or as much as the price limit lets in. */
function swapUpTo(pool: SwapPool, { side, wanted, amount, limit, feeRate }: CurveOrder): SwapResult {
  const convert = side === 'buy' ? alphaForTao : taoForAlpha;
  const paidOut = convert(pool, wanted);
  const after = side === 'buy' ? { taoRao: pool.taoRao + wanted, alphaRao: saturatingSub(pool.alphaRao, paidOut) } : { taoRao: saturatingSub(pool.taoRao, paidOut), alphaRao: pool.alphaRao + wanted };
  const target = poolPrice({ ...after, taoWeight: pool.taoWeight });
  if (side === 'buy' ? target <= limit : target >= limit) return { paidIn: wanted, paidOut, feeRao: feeOf(amount, feeRate) };
  const paidIn = side === 'buy' ? taoToReach(pool, limit) : alphaToReach(pool, limit);
  const rate = div64(BigInt(feeRate) << 64n, (65_535n - BigInt(feeRate)) << 64n);
  return { paidIn, paidOut: convert(pool, paidIn), feeRao: mul64(paidIn << 64n, rate) >> 64n };
}

function feeOf(amount: bigint, feeRate: number): bigint {
  return mul64(amount << 64n, div64(BigInt(feeRate) << 64n, 65_535n << 64n)) >> 64n;
}

/** The fee of an amount that is not swapped. */
export function approximateFee(execution: Execution, netuid: number, amount: bigint): bigint {
  return hasCurve(execution, netuid) ? feeOf(amount, execution.storage.Swap.FeeRate.get(netuid)) : 0n;
}

/** Swaps TAO, which the caller has moved to the subnet's account, for alpha, which is the caller's to hand out. */
export function swapTaoForAlpha(execution: Execution, netuid: number, order: Omit<SwapOrder, 'side'>): SwapResult {
  const result = simulateSwap(execution, netuid, { ...order, side: 'buy' });
  const { SubnetTAO, SubnetAlphaIn, SubnetAlphaOut, TotalStake, SubnetVolume } = execution.storage.SubtensorModule;
  SubnetAlphaIn.set(netuid, saturatingSub(SubnetAlphaIn.get(netuid), result.paidOut));
  SubnetAlphaOut.set(netuid, SubnetAlphaOut.get(netuid) + result.paidOut);
  SubnetTAO.set(netuid, SubnetTAO.get(netuid) + result.paidIn);
  TotalStake.set(TotalStake.get() + order.amount);
  SubnetVolume.set(netuid, SubnetVolume.get(netuid) + order.amount);
  notePool(execution, netuid);
  return result;
}

/** Swaps alpha that the caller has taken for TAO, which the caller moves from the subnet's account. */
export function swapAlphaForTao(execution: Execution, netuid: number, order: Omit<SwapOrder, 'side'>): SwapResult {
  const result = simulateSwap(execution, netuid, { ...order, side: 'sell' });
  const { SubnetTAO, SubnetAlphaIn, SubnetAlphaOut, TotalStake, SubnetVolume } = execution.storage.SubtensorModule;
  SubnetAlphaIn.set(netuid, SubnetAlphaIn.get(netuid) + result.paidIn);
  SubnetAlphaOut.set(netuid, saturatingSub(SubnetAlphaOut.get(netuid), result.paidIn));
  SubnetTAO.set(netuid, saturatingSub(SubnetTAO.get(netuid), result.paidOut));
  TotalStake.set(saturatingSub(TotalStake.get(), result.paidOut));
  SubnetVolume.set(netuid, SubnetVolume.get(netuid) + result.paidOut);
  notePool(execution, netuid);
  return result;
}

/** Weighs the pool so that liquidity that is about to come in leaves the price where it is; false where the weights do not allow it. */
export function prepareLiquidity(execution: Execution, netuid: number, added: { readonly taoRao: bigint; readonly alphaRao: bigint }): boolean {
  const quote = weightAfter(poolOf(execution, netuid), added);
  if (quote !== undefined) execution.storage.Swap.SwapBalancer.set(netuid, { quote });
  return quote !== undefined;
}

/** Notes that the pool is in use, and the root of its price, which clients of spec 393 read. */
export function notePool(execution: Execution, netuid: number): void {
  if (!hasCurve(execution, netuid)) return;
  const { PalSwapInitialized, SwapBalancer, AlphaSqrtPrice } = execution.storage.Swap;
  if (!PalSwapInitialized.get(netuid)) {
    PalSwapInitialized.set(netuid, true);
    SwapBalancer.set(netuid, SwapBalancer.get(netuid));
  }
  AlphaSqrtPrice.set(netuid, { bits: squareRoot(alphaPrice(execution, netuid) << 64n) });
}

/** The pallet's calls. */
export const swapCalls: CallHandlers<'Swap'> = {
  set_fee_rate: (execution, origin, { netuid, rate }) => {
    ensureRoot(origin);
    ensure(subnetExists(execution, netuid), 'Swap', 'MechanismDoesNotExist');
    ensure(rate <= MAX_FEE_RATE, 'Swap', 'FeeRateTooHigh');
    execution.storage.Swap.FeeRate.set(netuid, rate);
    execution.deposit('Swap', 'FeeRateSet', { netuid, rate });
  },
};
