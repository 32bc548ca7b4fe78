/**
 * What is to be kept of a weight commit until it has come to its end: plain JSON, so that a process that was stopped can go on.
 * @module
 */
import { fromHex, toHex } from '@connito/commit-reveal';
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import { parseHotkey } from '../identifier.ts';
import type { WeightRow } from '../weight-vector.ts';
import type { WeightSettings } from './settings.ts';

/** What both kinds have. */
interface CommonHandle {
  readonly version: 1;
  /** Hash of the chain's block 0, hex: a handle is good for one chain. */
  readonly genesis: string;
  readonly netuid: number;
  readonly mechanism: number;
  readonly hotkey: string;
  readonly uid: number;
  readonly uids: readonly number[];
  /** As sent, before the chain scales them up. */
  readonly values: readonly number[];
  /** Decimal. */
  readonly versionKey: string;
  /** The finalised head when it was made: it is in one of the 128 blocks after it, or never. */
  readonly afterBlock: number;
}

/** A commit that the chain opens by itself. */
export interface TimelockedHandle extends CommonHandle {
  readonly way: 'timelocked';
  /** The ciphertext, hex: it is found on chain by it. */
  readonly ciphertext: string;
  readonly round: number;
}

/** A commit that its maker has to reveal. Whoever has it can reveal as nobody else, but sees the weights: keep it as secret as they are. */
export interface HashedHandle extends CommonHandle {
  readonly way: 'hashed';
  /** `blake2_256` of the commit, hex. */
  readonly hash: string;
  /** u16 each. */
  readonly salt: readonly number[];
}

/** Either. */
export type WeightsHandle = TimelockedHandle | HashedHandle;

/** What every handle is made from. */
export function commonHandle(chain: Chain, settings: WeightSettings, { sent, versionKey }: { readonly sent: WeightRow; readonly versionKey: bigint }): CommonHandle {
  const { netuid, mechanism, hotkey, uid, block } = settings;
  return {
    version: 1,
    genesis: toHex(chain.genesisHash),
    netuid,
    mechanism,
    hotkey,
    uid: uid ?? 0,
    uids: sent.uids,
    values: sent.values,
    versionKey: String(versionKey),
    afterBlock: block.number,
  };
}

/**
 * Checks a handle that was read from somewhere.
 * @throws bad-value
 */
export function parseWeightsHandle(value: unknown): WeightsHandle {
  const handle = value as WeightsHandle;
  const isObject = typeof value === 'object' && value !== null;
  const isWhole = isObject && COMMON.every(([name, test]) => test(handle[name])) && (isTimelocked(handle) || isHashed(handle));
  if (!isWhole || handle.uids.length !== handle.values.length) throw new ChainError('bad-value', 'expected the handle of a weight commit as this package makes it', { subject: 'handle' });
  return { ...handle, hotkey: parseHotkey(handle.hotkey) };
}

/** Refuses a handle of another chain or another key. @throws wrong-chain, bad-value */
export function assertHandle(chain: Chain, handle: WeightsHandle, hotkey?: string): void {
  const genesis = toHex(chain.genesisHash);
  if (handle.genesis !== genesis) {
    throw new ChainError('wrong-chain', `the commit was made for the chain with genesis 0x${handle.genesis}, ${chain.endpoint} serves 0x${genesis}`, { endpoint: chain.endpoint, expected: handle.genesis, actual: genesis });
  }
  if (hotkey !== undefined && handle.hotkey !== hotkey) throw new ChainError('bad-value', `the commit is of ${handle.hotkey}, but ${hotkey} signs`, { subject: 'signer', expected: handle.hotkey, actual: hotkey });
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isU16s = (value: unknown): boolean => Array.isArray(value) && value.every((item) => Number.isInteger(item) && item >= 0 && item <= 65_535);
const isHex = (value: unknown): boolean => typeof value === 'string' && value.length % 2 === 0 && /^[0-9a-f]+$/.test(value);

const COMMON: readonly (readonly [keyof CommonHandle, (value: unknown) => boolean])[] = [
  ['version', (value) => value === 1],
  ['genesis', (value) => isHex(value) && fromHex(value as string).length === 32],
  ['netuid', isCount],
  ['mechanism', isCount],
  ['hotkey', (value) => typeof value === 'string'],
  ['uid', isCount],
  ['uids', isU16s],
  ['values', isU16s],
  ['versionKey', (value) => typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n],
  ['afterBlock', isCount],
];

function isTimelocked(handle: WeightsHandle): boolean {
  return handle.way === 'timelocked' && isHex(handle.ciphertext) && isCount(handle.round);
}

function isHashed(handle: WeightsHandle): boolean {
  return handle.way === 'hashed' && isHex(handle.hash) && handle.hash.length === 64 && isU16s(handle.salt);
}
