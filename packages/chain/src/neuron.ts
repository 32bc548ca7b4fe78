/**
 * The metagraph: all neurons of a subnet at one block.
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { hotkeyFromBytes, parseNetuid, type Hotkey } from './identifier.ts';
import { openState, type BlockState } from './internal/block-state.ts';
import { hasStorage, readStorage, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber, type Codec } from './internal/storage.ts';

/** One neuron. Fractions are u16: 65535 is one. */
export interface Neuron {
  readonly uid: number;
  readonly hotkey: Hotkey;
  readonly coldkey: Hotkey;
  /** Alpha staked on the hotkey in this subnet, in rao (`TotalHotkeyAlpha`). */
  readonly stakeRao: bigint;
  /** Share of the subnet's stake weight at the last epoch, a fraction. */
  readonly stakeWeight: number;
  readonly isActive: boolean;
  readonly validatorPermit: boolean;
  readonly incentive: number;
  readonly dividends: number;
  readonly consensus: number;
  readonly validatorTrust: number;
  /** Rao of alpha in the last epoch. */
  readonly emissionRao: bigint;
  /** Block of the last weights, or of the registration. */
  readonly lastUpdateBlock: number;
  readonly registeredBlock: number;
}

/** Vectors by uid. */
const VECTORS = ['Active', 'ValidatorPermit', 'StakeWeight', 'Incentive', 'Dividends', 'Consensus', 'ValidatorTrust', 'Emission', 'LastUpdate'] as const;
type VectorName = (typeof VECTORS)[number];

/**
 * All neurons of a subnet in order of uid: three requests, all of one block.
 * None when the subnet does not exist.
 * @throws bad-value, and as `Chain.request`
 */
export async function readNeurons(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<readonly Neuron[]> {
  return neuronsIn(await openState(chain, at), netuid);
}

/** As {@link readNeurons}, where the state is there already. */
export async function neuronsIn(state: BlockState, netuid: number): Promise<readonly Neuron[]> {
  const id = parseNetuid(netuid);
  const { count, vectors } = await readVectors(state, id);
  const uids = Array.from({ length: count }, (_, uid) => uid);
  const perUid = await readStorage(state, uids.flatMap((uid) => [subtensor('Keys', id, uid), subtensor('BlockAtRegistration', id, uid)]));
  const hotkeys = uids.map((uid) => hotkeyFromBytes(toBytes(perUid[2 * uid] as Codec)));
  const perHotkey = await readStorage(state, hotkeys.flatMap((hotkey) => [subtensor('Owner', hotkey), subtensor('TotalHotkeyAlpha', hotkey, id)]));
  const vector = (name: VectorName, uid: number): Codec | undefined => vectors.get(name)?.[uid];
  return uids.map((uid) => ({
    uid,
    hotkey: hotkeys[uid] as Hotkey,
    coldkey: hotkeyFromBytes(toBytes(perHotkey[2 * uid] as Codec)),
    stakeRao: toBigInt(perHotkey[2 * uid + 1]),
    stakeWeight: toNumber(vector('StakeWeight', uid)),
    isActive: toBoolean(vector('Active', uid)),
    validatorPermit: toBoolean(vector('ValidatorPermit', uid)),
    incentive: toNumber(vector('Incentive', uid)),
    dividends: toNumber(vector('Dividends', uid)),
    consensus: toNumber(vector('Consensus', uid)),
    validatorTrust: toNumber(vector('ValidatorTrust', uid)),
    emissionRao: toBigInt(vector('Emission', uid)),
    lastUpdateBlock: toNumber(vector('LastUpdate', uid)),
    registeredBlock: toNumber(perUid[2 * uid + 1]),
  }));
}

/** The uid of a hotkey on a subnet, or undefined where it is not registered. @throws bad-address, bad-value, and as `Chain.request` */
export async function readUid(chain: Chain, { netuid, hotkey, at }: { readonly netuid: number; readonly hotkey: string } & ReadOptions): Promise<number | undefined> {
  const [uid] = await readStorage(await openState(chain, at), [subtensor('Uids', parseNetuid(netuid), hotkey)]);
  return uid === undefined ? undefined : toNumber(uid);
}

async function readVectors(state: BlockState, netuid: number): Promise<{ count: number; vectors: ReadonlyMap<VectorName, readonly Codec[]> }> {
  // Runtimes drop vectors that they no longer compute; one that does not count its neurons is no Subtensor, or not the one that wrote this state.
  const present = VECTORS.filter((name) => hasStorage(state.runtime, subtensor(name)));
  const [count, ...values] = await readStorage(state, [subtensor('SubnetworkN', netuid), ...present.map((name) => subtensor(name, netuid))]);
  return { count: toNumber(count), vectors: new Map(present.map((name, index) => [name, toArray(values[index])])) };
}
