/**
 * DelegateInfoRuntimeApi: hotkeys that take nominations, and who nominates them.
 * @module
 * @see pallets/subtensor/src/rpc_info/delegate_info.rs (opentensor/subtensor 14bc6f9f9)
 */
import { stakeOf, type Position } from '../runtime/share-pool.ts';
import { ROOT_NETUID } from '../runtime/stake-weight.ts';
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext, ApiHandlers } from './context.ts';

type DelegateInfo = TypeOf<'DelegateInfo'>;

const BLOCKS_PER_DAY = 7200n;
/** The stake that `return_per_1000` speaks of, in rao. */
const THOUSAND_TAO_RAO = 1_000_000_000_000n;
const FRACTION_BITS = 64n;

/** The API's methods. */
export const delegateInfoApi: ApiHandlers<'DelegateInfoRuntimeApi'> = {
  get_delegates: (context) => delegates(context).map((hotkey) => delegate(context, hotkey)),
  get_delegate: (context, { delegate_account }) => (context.subtensor.Delegates.has(delegate_account) ? delegate(context, delegate_account) : undefined),
  get_delegated: (context, { delegatee_account: coldkey }) =>
    delegates(context).flatMap((hotkey) => {
      const held = nominations(context, hotkey).filter((nomination) => nomination.coldkey === coldkey);
      return held.map(({ netuid, stake }) => [{ ...delegate(context, hotkey), nominators: [] }, [netuid, stake]] as const);
    }),
};

function delegates(context: ApiContext): string[] {
  return context.keysOf('SubtensorModule', 'Delegates').map(([hotkey]) => hotkey as string);
}

interface Nomination {
  readonly coldkey: string;
  readonly netuid: number;
  readonly stake: bigint;
}

/** Who has shares of the hotkey, by account and netuid; what they are worth may be nothing. */
function nominations(context: ApiContext, hotkey: string): Nomination[] {
  return context
    .keysOf('SubtensorModule', 'Alpha')
    .map(([owner, coldkey, netuid]) => ({ owner, coldkey: coldkey as string, netuid: netuid as number }))
    .filter(({ owner, coldkey, netuid }) => owner === hotkey && context.subtensor.Alpha.get(hotkey, coldkey, netuid).bits > 0n)
    .map(({ coldkey, netuid }) => ({ coldkey, netuid, stake: stakeOf(context.execution, hotkey, coldkey, netuid) }))
    .sort((a, b) => (a.coldkey === b.coldkey ? a.netuid - b.netuid : a.coldkey < b.coldkey ? -1 : 1));
}

function valueOfShares({ subtensor }: ApiContext, { hotkey, coldkey, netuid, pool }: Position & { readonly pool: number }): bigint {
  const shares = subtensor.TotalHotkeyShares.get(hotkey, pool).bits;
  return shares === 0n ? 0n : (subtensor.TotalHotkeyAlpha.get(hotkey, pool) * subtensor.Alpha.get(hotkey, coldkey, netuid).bits) / shares;
}

function delegate(context: ApiContext, hotkey: string): DelegateInfo {
  const { subtensor } = context;
  const take = subtensor.Delegates.get(hotkey);
  const registrations = context.netuids().filter((netuid) => subtensor.IsNetworkMember.get(hotkey, netuid));
  const dailyBits = registrations.reduce((sum, netuid) => sum + dailyEmissionBits(context, hotkey, netuid), 0n);
  return {
    delegate_ss58: hotkey,
    take,
    nominators: nominators(context, hotkey),
    owner_ss58: subtensor.Owner.get(hotkey),
    registrations,
    validator_permits: registrations.filter((netuid) => subtensor.ValidatorPermit.get(netuid)[subtensor.Uids.get(netuid, hotkey) ?? -1] === true),
    return_per_1000: returnPerThousand(take, subtensor.TotalHotkeyAlpha.get(hotkey, ROOT_NETUID), dailyBits),
    total_daily_return: dailyBits >> FRACTION_BITS,
  };
}

/** The chain takes the pool of the n-th subnet for netuid n, which is another one, or none, behind a subnet that was dissolved. */
function nominators(context: ApiContext, hotkey: string): DelegateInfo['nominators'] {
  const pools = context.netuids();
  const byColdkey = new Map<string, (readonly [number, bigint])[]>();
  for (const { coldkey, netuid } of nominations(context, hotkey)) {
    const pool = pools[netuid];
    if (pool !== undefined) byColdkey.set(coldkey, [...(byColdkey.get(coldkey) ?? []), [netuid, valueOfShares(context, { hotkey, coldkey, netuid, pool })]]);
  }
  return [...byColdkey];
}

/** Emission of a day with 64 fractional bits: that of the last epoch by the epochs of a day. */
function dailyEmissionBits({ subtensor }: ApiContext, hotkey: string, netuid: number): bigint {
  const tempo = BigInt(subtensor.Tempo.get(netuid));
  const uid = subtensor.Uids.get(netuid, hotkey);
  if (uid === undefined || tempo === 0n) return 0n;
  return (subtensor.Emission.get(netuid)[uid] ?? 0n) * ((BLOCKS_PER_DAY << FRACTION_BITS) / tempo);
}

function returnPerThousand(take: number, rootStakeRao: bigint, dailyBits: bigint): bigint {
  if (rootStakeRao === 0n) return 0n;
  const withoutTake = (1n << FRACTION_BITS) - (BigInt(take) << FRACTION_BITS) / 65_535n;
  const thousands = (rootStakeRao << FRACTION_BITS) / THOUSAND_TAO_RAO;
  return thousands === 0n ? 0n : (dailyBits * withoutTake) / thousands >> FRACTION_BITS;
}
