/**
 * SwapRuntimeApi: what alpha costs, and what a swap would give.
 * @module
 * @see runtime/src/lib.rs:2651, pallets/swap/src/pallet/impls.rs (opentensor/subtensor 14bc6f9f9)
 */
import { mul64 } from '../fixed.ts';
import { alphaPrice, approximateFee } from '../runtime/pools.ts';
import { trySwap } from '../runtime/stake.ts';
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext, ApiHandlers } from './context.ts';

const TAO_RAO = 1_000_000_000n;
const NOTHING: TypeOf<'SimSwapResult'> = { tao_amount: 0n, alpha_amount: 0n, tao_fee: 0n, alpha_fee: 0n, tao_slippage: 0n, alpha_slippage: 0n };

/** The API's methods. */
export const swapApi: ApiHandlers<'SwapRuntimeApi'> = {
  current_alpha_price: (context, { netuid }) => priceRao(context, netuid),
  current_alpha_price_all: (context) => context.netuids().map((netuid) => ({ netuid, price: priceRao(context, netuid) })),
  sim_swap_tao_for_alpha: ({ execution }, { netuid, tao }) => {
    const result = trySwap(execution, netuid, { side: 'buy', amount: tao });
    if (result === undefined) return NOTHING;
    const price = alphaPrice(execution, netuid);
    const atPrice = price === 0n ? 0n : (tao << 64n) / price;
    const slippage = atPrice > result.paidOut ? atPrice - result.paidOut : 0n;
    return { ...NOTHING, tao_amount: result.paidIn, alpha_amount: result.paidOut, tao_fee: result.feeRao, alpha_slippage: slippage };
  },
  sim_swap_alpha_for_tao: ({ execution }, { netuid, alpha }) => {
    const result = trySwap(execution, netuid, { side: 'sell', amount: alpha });
    if (result === undefined) return NOTHING;
    const atPrice = mul64(alpha << 64n, alphaPrice(execution, netuid)) >> 64n;
    const slippage = atPrice > result.paidOut ? atPrice - result.paidOut : 0n;
    return { ...NOTHING, tao_amount: result.paidOut, alpha_amount: result.paidIn, alpha_fee: result.feeRao, tao_slippage: slippage };
  },
};

/** Rao per alpha. */
function priceRao({ execution }: ApiContext, netuid: number): bigint {
  return (alphaPrice(execution, netuid) * TAO_RAO) >> 64n;
}

/** The fee of staking or unstaking `amount`, in its own unit. */
export function swapFee({ execution }: ApiContext, netuid: number, amount: bigint): bigint {
  return approximateFee(execution, netuid, amount);
}
