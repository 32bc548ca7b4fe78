/**
 * Commitments: one overwritable record per hotkey and subnet, of up to three fields, and what the chain has revealed of timelocked ones (pallet Commitments).
 * @see pallets/commitments/src of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { chargedBytes, MAX_TIMELOCKED_FIELD_BYTES, MIN_CHARGED_BYTES, toHex } from '@connito/commit-reveal';
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { epochIndexAt, epochStateOf, EPOCH_ITEMS, nextEpochBlock } from './epoch-schedule.ts';
import { ChainError } from './errors.ts';
import { type Inclusion, type SendOptions } from './extrinsic.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid } from './identifier.ts';
import { openState, type BlockState } from './internal/block-state.ts';
import { ownCall } from './internal/own-call.ts';
import { persist } from './internal/persist.ts';
import { fieldOf, readEntries, readPresent, readStorage, subtensor, toArray, toBigInt, toBytes, toNumber, type Codec, type StorageQuery } from './internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from './plan.ts';

/** Longest `Raw` field. */
export const MAX_RAW_BYTES = 128;
/** Longest `BigRaw` field. */
export const MAX_BIG_RAW_BYTES = 512;
/** Longest ciphertext of a `TimelockEncrypted` field. */
export const MAX_TIMELOCKED_BYTES: number = MAX_TIMELOCKED_FIELD_BYTES;
/** Most fields (`Commitments.MaxFields`). */
export const MAX_COMMITMENT_FIELDS = 3;
/** What a commitment uses up at least, however short it is. */
export const MIN_COMMITMENT_BYTES: number = MIN_CHARGED_BYTES;

/** Hashes that a field can be. All have 32 bytes. */
export type HashAlgorithm = 'BlakeTwo256' | 'Sha256' | 'Keccak256' | 'ShaThree256';

/** One field. */
export type CommitmentField =
  | { readonly kind: 'none' }
  /** Up to {@link MAX_RAW_BYTES}. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  /** Up to {@link MAX_BIG_RAW_BYTES}. */
  | { readonly kind: 'big-raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'hash'; readonly algorithm: HashAlgorithm; readonly hash: Uint8Array }
  /**
   * Up to {@link MAX_TIMELOCKED_BYTES}; the chain opens it with the beacon's signature of the round, and drops it where it cannot. The chain takes any u64 for a round: one
   * that no number holds, which no beacon lives to see, is read as 2^53 - 1.
   */
  | { readonly kind: 'timelocked'; readonly ciphertext: Uint8Array; readonly round: number }
  /** Resets the bonds that others have in this miner, where the subnet lets it. */
  | { readonly kind: 'reset-bonds' }
  /** Of a kind that the runtime has and this version does not know, by its name in the metadata. Only read, never written. */
  | { readonly kind: 'unknown'; readonly type: string };

type WritableField = Exclude<CommitmentField, { readonly kind: 'unknown' }>;

/** What a hotkey has committed. */
export interface Commitment {
  /** The block that it was written in. */
  readonly blockNumber: number;
  /** The bytes of each field if all are `Raw`; none otherwise. */
  readonly fields: readonly Uint8Array[];
  /** Every field, whatever it is. */
  readonly contents: readonly CommitmentField[];
}

/** Something that was timelocked and that the chain has opened. */
export interface RevealedCommitment {
  readonly bytes: Uint8Array;
  /** The block that it was opened in. */
  readonly blockNumber: number;
}

/** What to commit. */
export interface CommitmentOptions {
  readonly netuid: number;
  /** One to three. Bytes alone are a `Raw` field. */
  readonly fields: readonly (Uint8Array | CommitmentField)[];
}

/** Options of {@link setCommitment}. */
export interface SetCommitmentOptions extends CommitmentOptions, SendOptions {}

/** What a commitment is judged by: bytes that a hotkey can write per epoch of the subnet. */
export interface CommitmentFigures {
  /** What this one uses up. */
  readonly requiredBytes: number;
  /** What the hotkey has used up in the epoch of the next block. */
  readonly usedBytes: number;
  readonly maxSpaceBytes: number;
  /** When it all is free again; undefined where the subnet has no epochs. */
  readonly nextEpochBlock: number | undefined;
}

/** A commitment with the space that it takes and what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planCommitment(chain: Chain, options: CommitmentOptions & { readonly account: string }): Promise<Plan<CommitmentFigures>> {
  const netuid = parseNetuid(options.netuid);
  const account = parseHotkey(options.account);
  const fields = options.fields.map(parseField);
  assertFields(fields);
  const { hash, number } = await chain.finalisedHead();
  const state = await openState(chain, hash);
  const queries: StorageQuery[] = [
    subtensor('Uids', netuid, account),
    { pallet: 'Commitments', item: 'MaxSpace' },
    { pallet: 'Commitments', item: 'UsedSpaceOf', args: [netuid, account] },
    ...EPOCH_ITEMS.map((item) => subtensor(item, netuid)),
  ];
  const [uid, maxSpace, usage, ...epoch] = await readPresent(state, queries);
  const epochs = epochStateOf(state, { netuid, blockNumber: number, values: epoch });
  const isThisEpoch = usage !== undefined && toNumber(fieldOf(usage, 'last_epoch')) === epochIndexAt(epochs, number + 1);
  const figures: CommitmentFigures = {
    requiredBytes: commitmentBytes(fields),
    usedBytes: isThisEpoch ? toNumber(fieldOf(usage, 'used_space')) : 0,
    maxSpaceBytes: toNumber(maxSpace),
    nextEpochBlock: nextEpochBlock(epochs),
  };
  const { requiredBytes, usedBytes, maxSpaceBytes } = figures;
  const checks: Check[] = [
    [uid === undefined, 'AccountNotAllowedCommit', `the hotkey is not registered on subnet ${netuid}`],
    [
      usedBytes + requiredBytes > maxSpaceBytes,
      'SpaceLimitExceeded',
      `${requiredBytes} bytes are needed, ${usedBytes} of ${maxSpaceBytes} are used up in this epoch; the next one begins in block ${String(figures.nextEpochBlock)}`,
    ],
  ];
  const call = ownCall(chain, 'Commitments', 'set_commitment', [netuid, { fields: fields.map(encodeField) }]);
  return createPlan(chain, { call, account, figures, checks, isFree: true });
}

/**
 * Replaces the commitment of the hotkey `signer`, and reads it back.
 * @throws bad-value, refused (`AccountNotAllowedCommit`, `SpaceLimitExceeded`), read-back, and as `sendCall`
 * @example await setCommitment(chain, { netuid: 1, fields: [new TextEncoder().encode('hello')], signer: hotkey });
 */
export async function setCommitment(chain: Chain, options: SetCommitmentOptions): Promise<Inclusion> {
  const { signer } = options;
  const netuid = parseNetuid(options.netuid);
  const inclusion = await sendPlan(chain, await planCommitment(chain, { ...options, account: signer.hotkey }), options);
  const [stored] = await persist(async () => readStorage(await openState(chain, inclusion.blockHash), [commitmentQuery(netuid, signer.hotkey)]));
  const back = stored === undefined ? undefined : decodeCommitment(stored);
  if (back !== undefined && back.contents.map(fieldText).join() === options.fields.map(parseField).map(fieldText).join()) return inclusion;
  // Overwritten in the same block by another process that has the same key is the only way here.
  throw new ChainError('read-back', `block ${inclusion.blockNumber} holds another commitment of ${signer.hotkey} than was sent; does a second process use this key?`, {
    subject: 'Commitments.CommitmentOf',
    blockNumber: inclusion.blockNumber,
    extrinsicHash: inclusion.extrinsicHash,
  });
}

/** What a commitment uses up of `MaxSpace`: its fields' bytes (rounds are free), at least {@link MIN_COMMITMENT_BYTES}. */
export function commitmentBytes(fields: readonly CommitmentField[]): number {
  return chargedBytes(fields.flatMap((field) => bytesOf(field) ?? []));
}

/** The commitment of one hotkey; undefined where it has none. @throws bad-address, bad-value, and as `Chain.request` */
export async function readCommitment(chain: Chain, { netuid, hotkey, at }: { readonly netuid: number; readonly hotkey: string } & ReadOptions): Promise<Commitment | undefined> {
  const [stored] = await readStorage(await openState(chain, at), [commitmentQuery(parseNetuid(netuid), parseHotkey(hotkey))]);
  return stored === undefined ? undefined : decodeCommitment(stored);
}

/**
 * All commitments of a subnet by hotkey. Also those of hotkeys that are no longer registered.
 * @throws bad-value, and as `Chain.request`
 */
export async function readCommitments(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<ReadonlyMap<string, Commitment>> {
  const entries = await readEntries(await openState(chain, at), { pallet: 'Commitments', item: 'CommitmentOf', args: [parseNetuid(netuid)] });
  return new Map(entries.map(({ key, value }) => [hotkeyOfKey(key), decodeCommitment(value)]));
}

/** The commitments of these hotkeys, without those that have none: one request. @throws bad-address, bad-value, and as `Chain.request` */
export async function readCommitmentsOf(chain: Chain, { netuid, hotkeys, at }: { readonly netuid: number; readonly hotkeys: readonly string[] } & ReadOptions): Promise<ReadonlyMap<string, Commitment>> {
  return commitmentsIn(await openState(chain, at), { netuid, hotkeys });
}

/** As {@link readCommitmentsOf}, where the state is there already. */
export async function commitmentsIn(state: BlockState, { netuid, hotkeys }: { readonly netuid: number; readonly hotkeys: readonly string[] }): Promise<ReadonlyMap<string, Commitment>> {
  const stored = await readStorage(state, hotkeys.map((hotkey) => commitmentQuery(parseNetuid(netuid), parseHotkey(hotkey))));
  return new Map(hotkeys.flatMap((hotkey, index) => (stored[index] === undefined ? [] : [[hotkey, decodeCommitment(stored[index])]])));
}

/**
 * What the chain has opened of timelocked commitments, by hotkey, oldest first. It keeps the last ten of each hotkey.
 * @throws bad-value, and as `Chain.request`
 */
export async function readRevealedCommitments(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<ReadonlyMap<string, readonly RevealedCommitment[]>> {
  const entries = await readEntries(await openState(chain, at), { pallet: 'Commitments', item: 'RevealedCommitments', args: [parseNetuid(netuid)] });
  return new Map(entries.map(({ key, value }) => [hotkeyOfKey(key), toArray(value).map(decodeRevealed)]));
}

/** How many bytes a hotkey may commit per epoch, and how long an epoch is. */
export interface CommitmentSpace {
  /** `Commitments.MaxSpace`. */
  readonly maxSpaceBytes: number;
  /** `Tempo`. */
  readonly tempoBlocks: number;
}

/** What {@link assertSchedule} needs to know of a subnet. @throws bad-value, and as `Chain.request` */
export async function readCommitmentSpace(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<CommitmentSpace> {
  const [maxSpace, tempo] = await readStorage(await openState(chain, at), [{ pallet: 'Commitments', item: 'MaxSpace' }, subtensor('Tempo', parseNetuid(netuid))]);
  return { maxSpaceBytes: toNumber(maxSpace), tempoBlocks: toNumber(tempo) };
}

const HASHES: readonly HashAlgorithm[] = ['BlakeTwo256', 'Sha256', 'Keccak256', 'ShaThree256'];

function commitmentQuery(netuid: number, hotkey: string): StorageQuery {
  return { pallet: 'Commitments', item: 'CommitmentOf', args: [netuid, hotkey] };
}

/** Twox64Concat: eight bytes of hash, then the account itself. */
function hotkeyOfKey(key: Uint8Array): string {
  return hotkeyFromBytes(key.subarray(8));
}

function decodeCommitment(registration: Codec): Commitment {
  const contents = toArray(fieldOf(fieldOf(registration, 'info'), 'fields')).map(decodeField);
  const raw = contents.flatMap((field) => (field.kind === 'raw' ? [field.bytes] : []));
  return { blockNumber: toNumber(fieldOf(registration, 'block')), fields: raw.length === contents.length ? raw : [], contents };
}

function decodeField(codec: Codec): CommitmentField {
  const { type, value } = codec as unknown as { readonly type: string; readonly value: Codec };
  if (/^Raw\d+$/.test(type)) return { kind: 'raw', bytes: toBytes(value) };
  if (type === 'BigRaw') return { kind: 'big-raw', bytes: toBytes(value) };
  if (type === 'None') return { kind: 'none' };
  if (type === 'ResetBondsFlag') return { kind: 'reset-bonds' };
  if (type === 'TimelockEncrypted') return { kind: 'timelocked', ciphertext: toBytes(fieldOf(value, 'encrypted')), round: toRound(fieldOf(value, 'reveal_round')) };
  const algorithm = HASHES.find((name) => name.toLowerCase() === type.toLowerCase());
  if (algorithm !== undefined) return { kind: 'hash', algorithm, hash: toBytes(value) };
  // One hotkey that uses a new kind must not keep a subnet's other commitments from being read.
  return { kind: 'unknown', type };
}

/** Whatever a hotkey has written there, reading must go on. */
function toRound(codec: Codec): number {
  const round = toBigInt(codec);
  return round > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(round);
}

function decodeRevealed(pair: Codec): RevealedCommitment {
  const [bytes, block] = toArray(pair) as [Codec, Codec];
  return { bytes: toBytes(bytes), blockNumber: toNumber(block) };
}

function encodeField(field: WritableField): Record<string, unknown> {
  switch (field.kind) {
    case 'none':
      return { None: null };
    case 'raw':
      return { [`Raw${field.bytes.length}`]: `0x${toHex(field.bytes)}` };
    case 'big-raw':
      return { BigRaw: `0x${toHex(field.bytes)}` };
    case 'hash':
      return { [field.algorithm]: `0x${toHex(field.hash)}` };
    case 'timelocked':
      return { TimelockEncrypted: { encrypted: `0x${toHex(field.ciphertext)}`, revealRound: field.round } };
    case 'reset-bonds':
      return { ResetBondsFlag: null };
  }
}

function parseField(field: Uint8Array | CommitmentField): CommitmentField {
  return field instanceof Uint8Array ? { kind: 'raw', bytes: field } : field;
}

function bytesOf(field: CommitmentField): Uint8Array | undefined {
  if (field.kind === 'raw' || field.kind === 'big-raw') return field.bytes;
  if (field.kind === 'hash') return field.hash;
  return field.kind === 'timelocked' ? field.ciphertext : undefined;
}

/** For comparison. */
function fieldText(field: CommitmentField): string {
  const detail = field.kind === 'timelocked' ? field.round : field.kind === 'hash' ? field.algorithm : field.kind === 'unknown' ? field.type : '';
  return `${field.kind}:${detail}:${toHex(bytesOf(field) ?? new Uint8Array())}`;
}

const LIMITS: Readonly<Record<WritableField['kind'], readonly [least: number, most: number]>> = {
  none: [0, 0],
  raw: [0, MAX_RAW_BYTES],
  'big-raw': [0, MAX_BIG_RAW_BYTES],
  hash: [32, 32],
  timelocked: [1, MAX_TIMELOCKED_BYTES],
  'reset-bonds': [0, 0],
};

function assertFields(fields: readonly CommitmentField[]): asserts fields is readonly WritableField[] {
  if (fields.length === 0 || fields.length > MAX_COMMITMENT_FIELDS) {
    throw new ChainError('bad-value', `a commitment has 1 to ${MAX_COMMITMENT_FIELDS} fields, got ${fields.length}`, { subject: 'fields', actual: fields.length });
  }
  for (const [index, field] of fields.entries()) assertField(index, field);
}

function assertField(index: number, field: CommitmentField): asserts field is WritableField {
  const subject = `fields[${index}]`;
  if (field.kind === 'unknown' || !Object.hasOwn(LIMITS, field.kind)) throw new ChainError('bad-value', `${subject} has kind ${JSON.stringify(field.kind)}; known are ${Object.keys(LIMITS).join(', ')}`, { subject });
  const [least, most] = LIMITS[field.kind];
  const bytes = bytesOf(field);
  if (field.kind !== 'none' && field.kind !== 'reset-bonds' && !(bytes instanceof Uint8Array)) throw new ChainError('bad-value', `${subject} (${field.kind}) has no bytes (a Uint8Array)`, { subject });
  const length = bytes?.length ?? 0;
  if (length < least || length > most) {
    const wanted = least === most ? `has ${most}` : `may have ${least === 0 ? '' : `${least} to `}${most}`;
    throw new ChainError('bad-value', `${subject} (${field.kind}) ${wanted} bytes, got ${length}`, { subject, expected: most, actual: length });
  }
  if (field.kind === 'timelocked' && (!Number.isSafeInteger(field.round) || field.round < 1)) {
    throw new ChainError('bad-value', `${subject} is locked to a round from 1 on, got ${field.round}`, { subject, actual: String(field.round) });
  }
  if (field.kind === 'hash' && !HASHES.includes(field.algorithm)) throw new ChainError('bad-value', `${subject} has algorithm ${field.algorithm}; known are ${HASHES.join(', ')}`, { subject });
}
