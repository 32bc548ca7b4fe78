/**
 * Who has staked what: the alpha of a coldkey on a hotkey in a subnet.
 * @module
 */
import type { Chain } from '../connection.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid, type Hotkey } from '../identifier.ts';
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
export interface StakeQuery {
  readonly netuid: number;
  readonly hotkey: string;
  readonly coldkey: string;
  readonly at?: string | undefined;
}

/**
 * A coldkey's stake on a hotkey in a subnet, in rao of alpha, at a block hash or now.
 *
 * The runtime's own function where it has one; otherwise `TotalHotkeyAlpha · share / shares`, rounded down.
 * @throws bad-address, bad-value, and as `Chain.request`
 */
export async function readStake(chain: Chain, { netuid, hotkey, coldkey, at }: StakeQuery): Promise<bigint> {
  const [id, hot, cold] = [parseNetuid(netuid), parseHotkey(hotkey), parseHotkey(coldkey)];
  if (hasRuntimeApi(chain, 'StakeInfoRuntimeApi', 'get_stake_info_for_hotkey_coldkey_netuid')) {
    const info = await callRuntime(chain, { api: 'StakeInfoRuntimeApi', method: 'get_stake_info_for_hotkey_coldkey_netuid', args: [hot, cold, id], at });
    const some = unwrap(info);
    return some === undefined ? 0n : toBigInt(fieldOf(some, 'stake'));
  }
  const [total, shares, own] = await readStorage(chain, at, [subtensor('TotalHotkeyAlpha', hot, id), subtensor('TotalHotkeyShares', hot, id), subtensor('Alpha', hot, cold, id)]);
  const allShares = fixedBits(shares as Codec);
  return allShares === 0n ? 0n : (toBigInt(total) * fixedBits(own as Codec)) / allShares;
}

/** All that a coldkey has staked, by subnet and hotkey, at a block hash or now. @throws bad-address, and as `Chain.request` */
export async function readStakes(chain: Chain, { coldkey, at }: { readonly coldkey: string; readonly at?: string | undefined }): Promise<readonly StakePosition[]> {
  const cold = parseHotkey(coldkey);
  const blockHash = at ?? (await chain.request<string>('chain_getFinalizedHead'));
  const positions = hasRuntimeApi(chain, 'StakeInfoRuntimeApi', 'get_stake_info_for_coldkey')
    ? toArray(await callRuntime(chain, { api: 'StakeInfoRuntimeApi', method: 'get_stake_info_for_coldkey', args: [cold], at: blockHash })).map(decodePosition)
    : await readShares(chain, cold, blockHash);
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
async function readShares(chain: Chain, coldkey: Hotkey, at: string): Promise<StakePosition[]> {
  const [hotkeys, count] = await readStorage(chain, at, [subtensor('StakingHotkeys', coldkey), subtensor('TotalNetworks')]);
  // Numbers of dissolved subnets are given out again, so few lie above the count.
  const netuids = Array.from({ length: toNumber(count) + 1 }, (_, netuid) => netuid);
  const pairs = toArray(hotkeys).flatMap((key) => netuids.map((netuid) => ({ hotkey: hotkeyFromBytes(toBytes(key)), netuid })));
  const values = await readStorage(
    chain,
    at,
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

