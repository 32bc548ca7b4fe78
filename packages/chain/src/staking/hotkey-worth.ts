/**
 * What all stake on a hotkey is worth in TAO: of every coldkey, on all subnets, at the prices of their pools.
 * @see `get_total_stake_for_hotkey` in pallets/subtensor/src/staking/helpers.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { parseHotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { readStorage, subtensor, toBigInt } from '../internal/storage.ts';
import { readSubnets } from '../metagraph/subnet-list.ts';
import { RAO } from './quote.ts';

/** In rao of TAO; prices are whole rao for 1e9 of alpha, so to about a millionth. @throws bad-address, and as `Chain.request` */
export async function readHotkeyWorth(chain: Chain, { hotkey, at }: { readonly hotkey: string } & ReadOptions): Promise<bigint> {
  const key = parseHotkey(hotkey);
  const state = await openState(chain, at);
  const subnets = await readSubnets(chain, { at: state.hash });
  const stakes = await readStorage(state, subnets.map(({ netuid }) => subtensor('TotalHotkeyAlpha', key, netuid)));
  const worth = subnets.reduce((sum, { alphaPriceRao }, index) => sum + toBigInt(stakes[index]) * alphaPriceRao, 0n);
  return worth / RAO;
}
