/**
 * Stake weight: what permits, consensus and dividends are measured by.
 *
 * `weight = alpha + TaoWeight / (2^64 - 1) · rootTao`, each after what is given to child keys and got from parents, in rao.
 * @see `get_stake_weights_for_network` in pallets/subtensor/src/staking/stake_utils.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { hotkeyFromBytes, parseNetuid, type Hotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { readStorage, subtensor, toArray, toBigInt, toBytes, type Codec } from '../internal/storage.ts';

/** Of one hotkey in one subnet, in rao. */
export interface StakeWeight {
  readonly alphaRao: bigint;
  readonly rootTaoRao: bigint;
  readonly weightRao: bigint;
}

const U64_MAX = (1n << 64n) - 1n;
const FRACTION_BITS = 32n;

/** Stake weights of any hotkeys in a subnet: two requests. @throws bad-value, and as `Chain.request` */
export async function readStakeWeights(chain: Chain, { netuid, hotkeys, at }: { readonly netuid: number; readonly hotkeys: readonly string[] } & ReadOptions): Promise<readonly StakeWeight[]> {
  const id = parseNetuid(netuid);
  const state = await openState(chain, at);
  const kin = await readStorage(state, [...hotkeys.flatMap((hotkey) => [subtensor('ChildKeys', hotkey, id), subtensor('ParentKeys', hotkey, id)]), subtensor('TaoWeight')]);
  const families = hotkeys.map((_, index) => ({ children: decodeKin(kin[2 * index]), parents: decodeKin(kin[2 * index + 1]) }));
  const all = [...new Set([...hotkeys, ...families.flatMap(({ parents }) => parents.map(({ hotkey }) => hotkey))])];
  const stakes = await readStorage(state, all.flatMap((hotkey) => [subtensor('TotalHotkeyAlpha', hotkey, id), subtensor('TotalHotkeyAlpha', hotkey, 0)]));
  const own = new Map(all.map((hotkey, index) => [hotkey, { alphaRao: toBigInt(stakes[2 * index]), rootTaoRao: toBigInt(stakes[2 * index + 1]) }]));
  const taoWeight = toBigInt(kin.at(-1));
  return families.map((family, index) => weigh(hotkeys[index] as string, { family, own, taoWeight }));
}

interface Kin {
  readonly proportion: bigint;
  readonly hotkey: Hotkey;
}

interface Family {
  readonly children: readonly Kin[];
  readonly parents: readonly Kin[];
}

interface Stakes {
  readonly family: Family;
  readonly own: ReadonlyMap<string, { readonly alphaRao: bigint; readonly rootTaoRao: bigint }>;
  readonly taoWeight: bigint;
}

function weigh(hotkey: string, { family, own, taoWeight }: Stakes): StakeWeight {
  // Proportions and the weight of TAO are U96F32 on chain: cut to 32 fractional bits before they multiply.
  const inherit = (kind: 'alphaRao' | 'rootTaoRao'): bigint => {
    const of = (key: string): bigint => own.get(key)?.[kind] ?? 0n;
    const given = family.children.reduce((sum, { proportion }) => sum + of(hotkey) * toFixed(proportion), 0n);
    const got = family.parents.reduce((sum, parent) => sum + of(parent.hotkey) * toFixed(parent.proportion), 0n);
    const left = (of(hotkey) << FRACTION_BITS) - given;
    return ((left < 0n ? 0n : left) + got) >> FRACTION_BITS;
  };
  const alphaRao = inherit('alphaRao');
  const rootTaoRao = inherit('rootTaoRao');
  return { alphaRao, rootTaoRao, weightRao: alphaRao + ((rootTaoRao * toFixed(taoWeight)) >> FRACTION_BITS) };
}

/** A fraction of 2^64 - 1 in 32 bits. */
function toFixed(fraction: bigint): bigint {
  return (fraction << FRACTION_BITS) / U64_MAX;
}

function decodeKin(codec: Codec | undefined): Kin[] {
  return toArray(codec).map((pair) => {
    const [proportion, hotkey] = toArray(pair) as [Codec, Codec];
    return { proportion: toBigInt(proportion), hotkey: hotkeyFromBytes(toBytes(hotkey)) };
  });
}

