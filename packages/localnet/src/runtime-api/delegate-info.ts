/**
 * DelegateInfoRuntimeApi: hotkeys that take nominations, and who nominates them.
 * @module
 * @see pallets/subtensor/src/rpc_info/delegate_info.rs (opentensor/subtensor 14bc6f9f9)
 */
import { stakeOf } from '../runtime/share-pool.ts';
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

/** Who has stake on the hotkey, in the order of storage. */
function nominations(context: ApiContext, hotkey: string): Nomination[] {
  return context
    .keysOf('SubtensorModule', 'Alpha')
    .filter(([owner]) => owner === hotkey)
    .map(([, coldkey, netuid]) => ({ coldkey: coldkey as string, netuid: netuid as number, stake: stakeOf(context.execution, hotkey, coldkey as string, netuid as number) }))
    .filter(({ stake }) => stake > 0n);
}

function delegate(context: ApiContext, hotkey: string): DelegateInfo {
  const { subtensor } = context;
  const take = subtensor.Delegates.get(hotkey);
  const registrations = context.netuids().filter((netuid) => subtensor.IsNetworkMember.get(hotkey, netuid));
  const dailyBits = registrations.reduce((sum, netuid) => sum + dailyEmissionBits(context, hotkey, netuid), 0n);
  return {
    delegate_ss58: hotkey,
    take,
    nominators: nominators(nominations(context, hotkey)),
    owner_ss58: subtensor.Owner.get(hotkey),
    registrations,
    validator_permits: registrations.filter((netuid) => subtensor.ValidatorPermit.get(netuid)[subtensor.Uids.get(netuid, hotkey) ?? -1] === true),
    return_per_1000: returnPerThousand(take, subtensor.TotalHotkeyAlpha.get(hotkey, ROOT_NETUID), dailyBits),
    total_daily_return: dailyBits >> FRACTION_BITS,
  };
}

/** By account, ascending. */
function nominators(all: readonly Nomination[]): DelegateInfo['nominators'] {
  const byColdkey = new Map<string, (readonly [number, bigint])[]>();
  for (const { coldkey, netuid, stake } of all) byColdkey.set(coldkey, [...(byColdkey.get(coldkey) ?? []), [netuid, stake]]);
  return [...byColdkey].sort(([a], [b]) => (a < b ? -1 : 1));
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
