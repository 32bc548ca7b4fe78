/**
 * Commitments: one overwritable record per hotkey and subnet, up to three fields of up to 128 bytes (pallet Commitments).
 * @module
 */
import { toHex } from '@connito/commit-reveal';
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { createCall, sendCall, type Inclusion, type SendOptions } from './extrinsic.ts';
import { hotkeyFromBytes, parseNetuid } from './identifier.ts';
import { persist } from './internal/persist.ts';
import { fieldOf, readEntries, readStorage, toArray, toBytes, toNumber, type Codec } from './internal/storage.ts';

/** Longest `Raw` field. */
export const MAX_RAW_BYTES = 128;
/** Most fields (`Commitments.MaxFields`). */
export const MAX_COMMITMENT_FIELDS = 3;

/** What a hotkey has committed. */
export interface Commitment {
  /** The block that it was written in. */
  readonly blockNumber: number;
  /** The bytes of each field if all are `Raw`; none otherwise: nothing of this package's users writes other kinds yet. */
  readonly fields: readonly Uint8Array[];
  /** Variant of each field, for example `Raw38` or `TimelockEncrypted`. */
  readonly kinds: readonly string[];
}

/** Options of {@link setCommitment}. */
export interface SetCommitmentOptions extends SendOptions {
  readonly netuid: number;
  /** One to three, each at most {@link MAX_RAW_BYTES} bytes. */
  readonly fields: readonly Uint8Array[];
}

/**
 * Replaces the commitment of the hotkey `signer`, and reads it back.
 * @throws bad-value, read-back, and as `sendCall`: dispatch-failed `AccountNotAllowedCommit` (not registered), `SpaceLimitExceeded`
 */
export async function setCommitment(chain: Chain, options: SetCommitmentOptions): Promise<Inclusion> {
  const { fields, signer } = options;
  const netuid = parseNetuid(options.netuid);
  assertFields(fields);
  const info = { fields: fields.map((field) => ({ [`Raw${field.length}`]: `0x${toHex(field)}` })) };
  const inclusion = await sendCall(chain, createCall(chain, 'Commitments', 'set_commitment', [netuid, info]), options);
  const [stored] = await persist(() => readStorage(chain, inclusion.blockHash, [{ pallet: 'Commitments', item: 'CommitmentOf', args: [netuid, signer.hotkey] }]));
  const back = stored === undefined ? undefined : decodeCommitment(stored);
  if (back !== undefined && back.fields.map(toHex).join() === fields.map(toHex).join()) return inclusion;
  // Overwritten in the same block by another process that has the same key is the only way here.
  throw new ChainError('read-back', `block ${inclusion.blockNumber} holds another commitment of ${signer.hotkey} than was sent; does a second process use this key?`, {
    subject: 'Commitments.CommitmentOf',
    blockNumber: inclusion.blockNumber,
    extrinsicHash: inclusion.extrinsicHash,
  });
}

/**
 * All commitments of a subnet by hotkey, at a block hash or now. Also those of hotkeys that are no longer registered.
 * @throws bad-value, and as `Chain.request`
 */
export async function readCommitments(chain: Chain, { netuid, at }: { readonly netuid: number; readonly at?: string }): Promise<ReadonlyMap<string, Commitment>> {
  const entries = await readEntries(chain, at, { pallet: 'Commitments', item: 'CommitmentOf', args: [parseNetuid(netuid)] });
  // Twox64Concat: eight bytes of hash, then the account itself.
  return new Map(entries.map(({ key, value }) => [hotkeyFromBytes(key.subarray(8)), decodeCommitment(value)]));
}

/** How many bytes a hotkey may commit per epoch, and how long an epoch is. */
export interface CommitmentSpace {
  /** `Commitments.MaxSpace`. */
  readonly maxSpaceBytes: number;
  /** `Tempo`. */
  readonly tempoBlocks: number;
}

/** What {@link assertSchedule} needs to know of a subnet. @throws bad-value, and as `Chain.request` */
export async function readCommitmentSpace(chain: Chain, { netuid, at }: { readonly netuid: number; readonly at?: string }): Promise<CommitmentSpace> {
  const [maxSpace, tempo] = await readStorage(chain, at, [
    { pallet: 'Commitments', item: 'MaxSpace' },
    { pallet: 'SubtensorModule', item: 'Tempo', args: [parseNetuid(netuid)] },
  ]);
  return { maxSpaceBytes: toNumber(maxSpace), tempoBlocks: toNumber(tempo) };
}

function decodeCommitment(registration: Codec): Commitment {
  const fields = toArray(fieldOf(fieldOf(registration, 'info'), 'fields')).map((field) => field as unknown as { readonly type: string; readonly value: Codec });
  const kinds = fields.map(({ type }) => type);
  const isRaw = kinds.every((kind) => /^Raw\d+$/.test(kind));
  return { blockNumber: toNumber(fieldOf(registration, 'block')), fields: isRaw ? fields.map(({ value }) => toBytes(value)) : [], kinds };
}

function assertFields(fields: readonly Uint8Array[]): void {
  if (fields.length === 0 || fields.length > MAX_COMMITMENT_FIELDS) {
    throw new ChainError('bad-value', `a commitment has 1 to ${MAX_COMMITMENT_FIELDS} fields, got ${fields.length}`, { subject: 'fields', actual: fields.length });
  }
  for (const [index, field] of fields.entries()) {
    if (field.length > MAX_RAW_BYTES) {
      throw new ChainError('bad-value', `field ${index} may have ${MAX_RAW_BYTES} bytes, got ${field.length}`, { subject: `fields[${index}]`, expected: MAX_RAW_BYTES, actual: field.length });
    }
  }
}
