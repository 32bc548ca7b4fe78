/**
 * Fees paid with stake: where a coldkey has too little TAO for the fee of a call that takes stake from one hotkey on one subnet, alpha of
 * that very stake is sold for it. Such a fee is final. The chain gives the TAO to the block's author; here it is burnt, as other fees are.
 * @module
 * @see pallets/transaction-fee/src/lib.rs, `fees_in_alpha` (opentensor/subtensor 14bc6f9f9)
 */
import { div64 } from '../fixed.ts';
import type { RuntimeCall } from '../scale/type-of.ts';
import { burn } from './balances.ts';
import type { Execution } from './execution.ts';
import { alphaPrice, hasCurve, MIN_PRICE_RAO } from './pools.ts';
import { stakeOf, type Position } from './share-pool.ts';
import { unstakeFromSubnet } from './stake.ts';

/** What was sold, and what it brought. */
export interface AlphaFee {
  readonly netuid: number;
  readonly alpha: bigint;
  readonly taoRao: bigint;
}

/** Where the hotkey and the subnet stand in calls that take stake. */
const SOURCES: Readonly<Record<string, readonly [hotkey: string, netuid: string]>> = {
  remove_stake: ['hotkey', 'netuid'],
  remove_stake_limit: ['hotkey', 'netuid'],
  remove_stake_full_limit: ['hotkey', 'netuid'],
  move_stake: ['origin_hotkey', 'origin_netuid'],
  transfer_stake: ['hotkey', 'origin_netuid'],
  swap_stake: ['hotkey', 'origin_netuid'],
  swap_stake_limit: ['hotkey', 'origin_netuid'],
  recycle_alpha: ['hotkey', 'netuid'],
  burn_alpha: ['hotkey', 'netuid'],
};

/** Whether stake can pay the fee. */
export function canPayInAlpha(execution: Execution, coldkey: string, { call, feeRao }: { readonly call: RuntimeCall; readonly feeRao: bigint }): boolean {
  const position = positionOf(execution, coldkey, call);
  return position !== undefined && stakeAt(execution, position) >= alphaFor(execution, position.netuid, feeRao);
}

/** Sells stake for the fee, all of it if that is not enough. Undefined where stake cannot pay; fails if it cannot be sold. */
export function payInAlpha(execution: Execution, coldkey: string, { call, feeRao }: { readonly call: RuntimeCall; readonly feeRao: bigint }): AlphaFee | undefined {
  const position = positionOf(execution, coldkey, call);
  if (position === undefined) return undefined;
  const [stake, wanted] = [stakeAt(execution, position), alphaFor(execution, position.netuid, feeRao)];
  const alpha = wanted === 0n || wanted > stake ? stake : wanted;
  const taoRao = unstakeFromSubnet(execution, { ...position, amount: alpha, limitRao: MIN_PRICE_RAO, dropFees: true });
  burn(execution, coldkey, taoRao);
  return { netuid: position.netuid, alpha, taoRao };
}

/** The one position that the call takes stake from; calls that take from several do not count. */
function positionOf(execution: Execution, coldkey: string, { pallet, call, args }: RuntimeCall): Position | undefined {
  if (pallet !== 'SubtensorModule') return undefined;
  const source = SOURCES[call];
  if (source !== undefined) return { hotkey: args[source[0]] as string, coldkey, netuid: args[source[1]] as number };
  if (call !== 'unstake_all' && call !== 'unstake_all_alpha') return undefined;
  const hotkey = args['hotkey'] as string;
  const { NetworksAdded, SubtokenEnabled } = execution.storage.SubtensorModule;
  const netuids = NetworksAdded.entries().flatMap(([[netuid]]) => (SubtokenEnabled.get(netuid) && stakeOf(execution, hotkey, coldkey, netuid) > 0n ? [netuid] : []));
  return netuids.length === 1 ? { hotkey, coldkey, netuid: netuids[0] as number } : undefined;
}

function stakeAt(execution: Execution, { hotkey, coldkey, netuid }: Position): bigint {
  return stakeOf(execution, hotkey, coldkey, netuid);
}

/** The alpha that is worth so much TAO at the pool's price. */
function alphaFor(execution: Execution, netuid: number, rao: bigint): bigint {
  return hasCurve(execution, netuid) ? div64(rao << 64n, alphaPrice(execution, netuid)) >> 64n : rao;
}
