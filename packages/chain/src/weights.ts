/**
 * Setting weights in the plain way, and reading rows.
 * @module
 */
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { createCall, sendCall, type Inclusion, type SendOptions } from './extrinsic.ts';
import { hotkeyFromBytes, parseNetuid } from './identifier.ts';
import { persist } from './internal/persist.ts';
import { readEntries, readStorage, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber, type Codec } from './internal/storage.ts';
import { maxUpscale, normaliseWeights, type Weight, type WeightRow } from './weight-vector.ts';

/** Options of {@link setWeights}. */
export interface SetWeightsOptions extends SendOptions {
  readonly netuid: number;
  /** Of any scale; zeros need not be there. */
  readonly weights: readonly Weight[];
  /** At least the subnet's `WeightsVersionKey` (default 0). */
  readonly versionKey?: number | bigint;
}

/** Weights that the chain holds. */
export interface WeightsSet extends Inclusion {
  readonly uid: number;
  /** The row as stored. */
  readonly row: WeightRow;
}

/**
 * Sets the weights of the hotkey `signer`, waits for a finalised block with them, and reads the row back.
 *
 * What the chain would refuse is not sent: see `context.reason` of `refused`, the name of the chain's error.
 * @throws bad-value, refused (`NoWeights`, `HotKeyNotRegisteredInSubNet`, `CommitRevealEnabled`, `UidVecContainInvalidOne`, `WeightVecLengthIsLow`,
 * `IncorrectWeightVersionKey`, `NeuronNoValidatorPermit`, `SettingWeightsTooFast`), read-back, and as `sendCall`
 */
export async function setWeights(chain: Chain, options: SetWeightsOptions): Promise<WeightsSet> {
  const netuid = parseNetuid(options.netuid);
  const versionKey = BigInt(options.versionKey ?? 0);
  const row = normaliseWeights(options.weights);
  const settings = await readSettings(chain, netuid, options.signer.hotkey);
  assertSettable(settings, row, versionKey, netuid);
  const call = createCall(chain, 'SubtensorModule', 'set_weights', [netuid, row.uids, row.values, versionKey]);
  const inclusion = await sendCall(chain, call, options);
  const stored = await persist(() => readWeightRow(chain, { netuid, uid: settings.uid, at: inclusion.blockHash }));
  assertStored(stored, { uids: row.uids, values: maxUpscale(row.values) }, inclusion);
  return { ...inclusion, uid: settings.uid, row: stored };
}

/** Whether {@link setWeights} would be refused now, and why; undefined when nothing speaks against it. @throws bad-value, and as `Chain.request` */
export async function explainWeights(chain: Chain, options: Omit<SetWeightsOptions, 'timeoutMs'>): Promise<string | undefined> {
  const netuid = parseNetuid(options.netuid);
  const row = normaliseWeights(options.weights);
  return refusalOf(await readSettings(chain, netuid, options.signer.hotkey), row, BigInt(options.versionKey ?? 0))?.reason;
}

/** One validator's row, at a block hash or now; empty where it has set none. @throws bad-value, and as `Chain.request` */
export async function readWeightRow(chain: Chain, { netuid, uid, at }: { readonly netuid: number; readonly uid: number; readonly at?: string }): Promise<WeightRow> {
  const [row] = await readStorage(chain, at, [{ pallet: 'SubtensorModule', item: 'Weights', args: [parseNetuid(netuid), uid] }]);
  return decodeRow(row);
}

/** All rows of a subnet by the uid that set them, at a block hash or now. @throws bad-value, and as `Chain.request` */
export async function readWeights(chain: Chain, { netuid, at }: { readonly netuid: number; readonly at?: string }): Promise<ReadonlyMap<number, WeightRow>> {
  const entries = await readEntries(chain, at, { pallet: 'SubtensorModule', item: 'Weights', args: [parseNetuid(netuid)] });
  // Identity hasher: the rest of the key is the uid, u16 little-endian.
  const rows = entries.map(({ key, value }): [number, WeightRow] => [(key[0] ?? 0) + 256 * (key[1] ?? 0), decodeRow(value)]);
  return new Map(rows.sort(([a], [b]) => a - b));
}

interface Settings {
  readonly uid: number;
  readonly isRegistered: boolean;
  readonly isOwner: boolean;
  readonly count: number;
  readonly isCommitReveal: boolean;
  readonly versionKey: bigint;
  readonly minAllowedWeights: number;
  readonly rateLimitBlocks: number;
  readonly lastUpdateBlock: number;
  readonly blockNumber: number;
  readonly hasPermit: boolean;
}

async function readSettings(chain: Chain, netuid: number, hotkey: string): Promise<Settings> {
  const { hash, number } = await chain.finalisedHead();
  const names = ['SubnetworkN', 'CommitRevealWeightsEnabled', 'WeightsVersionKey', 'MinAllowedWeights', 'WeightsSetRateLimit', 'LastUpdate', 'ValidatorPermit', 'SubnetOwnerHotkey'] as const;
  const values = await readStorage(chain, hash, [...names.map((name) => subtensor(name, netuid)), subtensor('Uids', netuid, hotkey)]);
  const [count, commitReveal, versionKey, minAllowed, rateLimit, lastUpdate, permits, owner, uid] = values;
  const index = toNumber(uid);
  return {
    uid: index,
    isRegistered: uid !== undefined,
    isOwner: owner !== undefined && hotkeyFromBytes(toBytes(owner)) === hotkey,
    count: toNumber(count),
    isCommitReveal: toBoolean(commitReveal),
    versionKey: toBigInt(versionKey),
    minAllowedWeights: toNumber(minAllowed),
    rateLimitBlocks: toNumber(rateLimit),
    lastUpdateBlock: toNumber(toArray(lastUpdate)[index]),
    blockNumber: number,
    hasPermit: toBoolean(toArray(permits)[index]),
  };
}

interface Refusal {
  readonly reason: string;
  readonly text: string;
}

/** The chain's checks in the chain's order (pallets/subtensor/src/subnets/weights.rs, spec 425). */
function refusalOf(settings: Settings, row: WeightRow, versionKey: bigint): Refusal | undefined {
  const isSelfWeight = row.uids.length === 1 && row.uids[0] === settings.uid;
  const sinceUpdate = settings.blockNumber + 1 - settings.lastUpdateBlock;
  const checks: readonly [boolean, string, string][] = [
    [!settings.isRegistered, 'HotKeyNotRegisteredInSubNet', 'the hotkey is not registered on this subnet'],
    [row.uids.length === 0, 'NoWeights', 'every weight is zero, and the chain takes no empty row'],
    [settings.isCommitReveal, 'CommitRevealEnabled', 'the subnet takes weights by commit and reveal only'],
    [settings.versionKey !== 0n && versionKey < settings.versionKey, 'IncorrectWeightVersionKey', `the version key must be at least ${settings.versionKey}, got ${versionKey}`],
    [
      settings.lastUpdateBlock !== 0 && sinceUpdate < settings.rateLimitBlocks,
      'SettingWeightsTooFast',
      `${sinceUpdate} blocks since the last update, the subnet asks for ${settings.rateLimitBlocks}`,
    ],
    [!settings.hasPermit && !settings.isOwner && !isSelfWeight, 'NeuronNoValidatorPermit', 'the hotkey has no validator permit; permits are given at the end of an epoch, by stake'],
    [row.uids.some((uid) => uid >= settings.count), 'UidVecContainInvalidOne', `the subnet has uids 0 to ${settings.count - 1}`],
    [!isSelfWeight && row.uids.length < Math.min(settings.minAllowedWeights, settings.count), 'WeightVecLengthIsLow', `at least ${settings.minAllowedWeights} weights are needed, got ${row.uids.length}`],
  ];
  const hit = checks.find(([isRefused]) => isRefused);
  return hit === undefined ? undefined : { reason: hit[1], text: hit[2] };
}

function assertSettable(settings: Settings, row: WeightRow, versionKey: bigint, netuid: number): void {
  const refusal = refusalOf(settings, row, versionKey);
  if (refusal === undefined) return;
  throw new ChainError('refused', `weights on subnet ${netuid} were not sent: ${refusal.text} (${refusal.reason})`, { subject: 'SubtensorModule.set_weights', reason: refusal.reason });
}

function assertStored(stored: WeightRow, sent: WeightRow, { blockNumber, extrinsicHash }: Inclusion): void {
  if (stored.uids.join() === sent.uids.join() && stored.values.join() === sent.values.join()) return;
  throw new ChainError('read-back', `block ${blockNumber} holds other weights than were sent; does a second process use this key?`, {
    subject: 'SubtensorModule.Weights',
    blockNumber,
    extrinsicHash,
  });
}

function decodeRow(row: Codec | undefined): WeightRow {
  const pairs = toArray(row).map((pair) => toArray(pair).map(toNumber));
  return { uids: pairs.map(([uid]) => uid as number), values: pairs.map(([, value]) => value as number) };
}
