/**
 * StakeInfoRuntimeApi: what coldkeys have staked. Nothing can be locked here, so all of it is available, and nobody has conviction.
 * @module
 * @see pallets/subtensor/src/rpc_info/stake_info.rs (opentensor/subtensor 14bc6f9f9)
 */
import { stakeOf } from '../runtime/share-pool.ts';
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext, ApiHandlers } from './context.ts';
import { swapFee } from './swap.ts';

/** The API's methods. */
export const stakeInfoApi: ApiHandlers<'StakeInfoRuntimeApi'> = {
  get_stake_info_for_coldkey: (context, { coldkey_account }) => stakesOf(context, coldkey_account),
  get_stake_info_for_coldkeys: (context, { coldkey_accounts }) => coldkey_accounts.map((coldkey) => [coldkey, stakesOf(context, coldkey)] as const),
  get_stake_info_for_hotkey_coldkey_netuid: (context, { hotkey_account, coldkey_account, netuid }) =>
    stakeInfo(context, { hotkey: hotkey_account, coldkey: coldkey_account, netuid }),
  get_stake_availability_for_coldkeys: (context, { coldkey_accounts, netuids }) => {
    const wanted = netuidsWanted(context, netuids);
    return [...new Set(coldkey_accounts)].sort().map((coldkey) => [coldkey, wanted.flatMap((netuid) => availability(context, coldkey, netuid))] as const);
  },
  get_stake_fee: (context, { origin, destination, amount }) => {
    const isSame = origin?.[0] === destination?.[0] && origin?.[1] === destination?.[1];
    return isSame ? 0n : swapFee(context, (destination ?? origin)?.[1] ?? 0, amount);
  },
  get_coldkey_lock: () => undefined,
  get_hotkey_conviction: () => ({ bits: 0n }),
  get_most_convicted_hotkey_on_subnet: () => undefined,
};

interface StakeKey {
  readonly hotkey: string;
  readonly coldkey: string;
  readonly netuid: number;
}

/** All stakes of a coldkey that are not zero: by subnet, then by hotkey as it came to have stake. */
function stakesOf(context: ApiContext, coldkey: string): TypeOf<'StakeInfo'>[] {
  const hotkeys = context.subtensor.StakingHotkeys.get(coldkey);
  return context.netuids().flatMap((netuid) => hotkeys.map((hotkey) => stakeInfo(context, { hotkey, coldkey, netuid })).filter(({ stake }) => stake > 0n));
}

function stakeInfo({ execution, subtensor }: ApiContext, { hotkey, coldkey, netuid }: StakeKey): TypeOf<'StakeInfo'> {
  return {
    hotkey,
    coldkey,
    netuid,
    stake: stakeOf(execution, hotkey, coldkey, netuid),
    locked: 0n,
    emission: subtensor.AlphaDividendsPerSubnet.get(netuid, hotkey),
    tao_emission: 0n,
    drain: 0n,
    is_registered: subtensor.IsNetworkMember.get(hotkey, netuid),
  };
}

/** All subnets, or those asked for that exist; none if the request is empty or names more than there are. */
function netuidsWanted(context: ApiContext, requested: readonly number[] | undefined): number[] {
  const existing = context.netuids();
  if (requested === undefined) return existing.sort((a, b) => a - b);
  const distinct = [...new Set(requested)].sort((a, b) => a - b);
  return distinct.length > existing.length ? [] : distinct.filter((netuid) => context.exists(netuid));
}

function availability(context: ApiContext, coldkey: string, netuid: number): (readonly [number, TypeOf<'StakeAvailability'>])[] {
  const hotkeys = context.subtensor.StakingHotkeys.get(coldkey);
  const total = hotkeys.reduce((sum, hotkey) => sum + stakeOf(context.execution, hotkey, coldkey, netuid), 0n);
  return total === 0n ? [] : [[netuid, { total, locked: 0n, available: total }]];
}
