/**
 * Who has staked what: the alpha of a coldkey on a hotkey in a subnet.
 * @module
 */
import type { ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid, type Hotkey } from '../identifier.ts';
import { openState, type BlockState } from '../internal/block-state.ts';
import { callRuntime, hasRuntimeApi } from '../internal/runtime-api.ts';
import { fieldOf, readStorage, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber, type Codec } from '../internal/storage.ts';
import { fixedBits } from '../registration.ts';

/** Alpha of one coldkey on one hotkey in one subnet. */
export interface StakePosition {
  readonly netuid: number;
  readonly hotkey: Hotkey;
  readonly coldkey: Hotkey;
  /** Rao of alpha; of TAO on the root subnet. */
  readonly stakeRao: bigint;
  /** Whether the hotkey is registered on the subnet. */
  readonly isRegistered: boolean;
}

/** Which position. */
export interface StakeQuery extends ReadOptions {
  readonly netuid: number;
  readonly hotkey: string;
  readonly coldkey: string;
}

/**
 * A coldkey's stake on a hotkey in a subnet, in rao of alpha.
 *
 * The runtime's own function where it has one; otherwise `TotalHotkeyAlpha · share / shares`, rounded down.
 * @throws bad-address, bad-value, and as `Chain.request`
 */
export async function readStake(chain: Chain, { netuid, hotkey, coldkey, at }: StakeQuery): Promise<bigint> {
  const [id, hot, cold] = [parseNetuid(netuid), parseHotkey(hotkey), parseHotkey(coldkey)];
  const state = await openState(chain, at);
  if (hasRuntimeApi(state, 'StakeInfoRuntimeApi', 'get_stake_info_for_hotkey_coldkey_netuid')) {
    const info = await callRuntime(state, { api: 'StakeInfoRuntimeApi', method: 'get_stake_info_for_hotkey_coldkey_netuid', args: [hot, cold, id] });
    const some = unwrap(info);
    return some === undefined ? 0n : toBigInt(fieldOf(some, 'stake'));
  }
  const [total, shares, own] = await readStorage(state, [subtensor('TotalHotkeyAlpha', hot, id), subtensor('TotalHotkeyShares', hot, id), subtensor('Alpha', hot, cold, id)]);
  const allShares = fixedBits(shares as Codec);
  return allShares === 0n ? 0n : (toBigInt(total) * fixedBits(own as Codec)) / allShares;
}

/** All that a coldkey has staked, by subnet and hotkey. @throws bad-address, and as `Chain.request` */
export async function readStakes(chain: Chain, { coldkey, at }: { readonly coldkey: string } & ReadOptions): Promise<readonly StakePosition[]> {
  const cold = parseHotkey(coldkey);
  const state = await openState(chain, at);
  const positions = hasRuntimeApi(state, 'StakeInfoRuntimeApi', 'get_stake_info_for_coldkey')
    ? toArray(await callRuntime(state, { api: 'StakeInfoRuntimeApi', method: 'get_stake_info_for_coldkey', args: [cold] })).map(decodePosition)
    : await readShares(state, cold);
  return positions.filter(({ stakeRao }) => stakeRao > 0n).sort((a, b) => a.netuid - b.netuid || (a.hotkey < b.hotkey ? -1 : 1));
}

function decodePosition(info: Codec): StakePosition {
  return {
    netuid: toNumber(fieldOf(info, 'netuid')),
    hotkey: hotkeyFromBytes(toBytes(fieldOf(info, 'hotkey'))),
    coldkey: hotkeyFromBytes(toBytes(fieldOf(info, 'coldkey'))),
    stakeRao: toBigInt(fieldOf(info, 'stake')),
    isRegistered: toBoolean(fieldOf(info, 'is_registered')),
  };
}

/** By the shares of each hotkey that the coldkey has ever staked on. */
async function readShares(state: BlockState, coldkey: Hotkey): Promise<StakePosition[]> {
  const [hotkeys, count] = await readStorage(state, [subtensor('StakingHotkeys', coldkey), subtensor('TotalNetworks')]);
  // Numbers of dissolved subnets are given out again, so few lie above the count.
  const netuids = Array.from({ length: toNumber(count) + 1 }, (_, netuid) => netuid);
  const pairs = toArray(hotkeys).flatMap((key) => netuids.map((netuid) => ({ hotkey: hotkeyFromBytes(toBytes(key)), netuid })));
  const values = await readStorage(
    state,
    pairs.flatMap(({ hotkey, netuid }) => [subtensor('TotalHotkeyAlpha', hotkey, netuid), subtensor('TotalHotkeyShares', hotkey, netuid), subtensor('Alpha', hotkey, coldkey, netuid), subtensor('Uids', netuid, hotkey)]),
  );
  return pairs.map(({ hotkey, netuid }, index) => {
    const [total, shares, own, uid] = values.slice(4 * index, 4 * index + 4);
    const allShares = fixedBits(shares as Codec);
    return { netuid, hotkey, coldkey, stakeRao: allShares === 0n ? 0n : (toBigInt(total) * fixedBits(own as Codec)) / allShares, isRegistered: uid !== undefined };
  });
}

/** The value of an `Option`. */
export function unwrap(option: Codec): Codec | undefined {
  const value = option as unknown as { readonly isSome?: boolean; unwrap(): Codec };
  return value.isSome === true ? value.unwrap() : undefined;
}

