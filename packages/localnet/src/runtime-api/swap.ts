/**
 * SwapRuntimeApi: what alpha costs, and what a swap would give. Stake trades at 1 TAO per alpha here, without fee or slippage.
 * @module
 * @see runtime/src/lib.rs:2651, pallets/swap/src/pallet/impls.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext, ApiHandlers } from './context.ts';

/** Prices are rao per alpha. */
const ONE_TAO_RAO = 1_000_000_000n;

/** The API's methods. */
export const swapApi: ApiHandlers<'SwapRuntimeApi'> = {
  current_alpha_price: () => ONE_TAO_RAO,
  current_alpha_price_all: (context) => context.netuids().map((netuid) => ({ netuid, price: ONE_TAO_RAO })),
  sim_swap_tao_for_alpha: (_context, { tao }) => evenSwap(tao),
  sim_swap_alpha_for_tao: (_context, { alpha }) => evenSwap(alpha),
};

/** The fee of staking or unstaking `amount`, in its own unit. */
export function swapFee(_context: ApiContext, _netuid: number, _amount: bigint): bigint {
  return 0n;
}

function evenSwap(amount: bigint): TypeOf<'SimSwapResult'> {
  return { tao_amount: amount, alpha_amount: amount, tao_fee: 0n, alpha_fee: 0n, tao_slippage: 0n, alpha_slippage: 0n };
}
