/**
 * What pays the fee of a call that takes stake away: TAO, or else some of that stake.
 *
 * The chain asks for TAO that leaves the existential deposit. Where there is too little of it, it sells stake for the fee: of the one position that the call takes from, at the pool's price.
 * @see `withdraw_fee` and `fees_in_alpha` in pallets/transaction-fee/src/lib.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { Inclusion } from '../extrinsic.ts';
import { formatTao, type Check } from '../plan.ts';
import { RAO } from './quote.ts';

/** Who pays, and with what. */
export interface FeeSource {
  readonly feeRao: bigint;
  readonly balanceRao: bigint;
  readonly existentialDepositRao: bigint;
  /** The one position that the call takes from; undefined where it takes from several, or none. */
  readonly position: { readonly stakeRao: bigint; readonly priceRao: bigint } | undefined;
}

/** Rao of alpha that are sold for the fee; 0 where TAO pays it. */
export function alphaFee({ feeRao, balanceRao, existentialDepositRao, position }: FeeSource): bigint {
  if (feeRao === 0n || balanceRao - feeRao >= existentialDepositRao) return 0n;
  if (position === undefined || position.priceRao === 0n) return 0n;
  return (feeRao * RAO) / position.priceRao;
}

/** Whether neither TAO nor stake can pay the fee. */
export function paymentCheck(source: FeeSource): Check {
  const { feeRao, balanceRao, existentialDepositRao, position } = source;
  const isShort = feeRao > 0n && balanceRao - feeRao < existentialDepositRao;
  const hasStake = position !== undefined && position.stakeRao > 0n && position.stakeRao >= alphaFee(source);
  return [isShort && !hasStake, 'Payment', `the fee is ${formatTao(feeRao)} and has to leave the existential deposit of ${formatTao(existentialDepositRao)}, the coldkey has ${formatTao(balanceRao)}`];
}

/** Stake that a call took away. */
export interface Removal {
  readonly netuid: number;
  readonly taoRao: bigint;
  readonly alphaRao: bigint;
}

/** What a call took away by its events, in order, without what was sold for the fee: that comes first, and an event of its own tells of it. */
export function removalsOf({ events }: Inclusion): readonly Removal[] {
  const own = events.filter(({ pallet }) => pallet === 'SubtensorModule');
  // Coldkey, hotkey, TAO, alpha, netuid, fee.
  const removals = own.filter(({ name }) => name === 'StakeRemoved').map(({ data }) => ({ netuid: Number(data[4]), taoRao: BigInt(String(data[2])), alphaRao: BigInt(String(data[3])) }));
  return own.some(({ name }) => name === 'TransactionFeePaidWithAlpha') ? removals.slice(1) : removals;
}
