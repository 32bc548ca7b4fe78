/**
 * Records of sealed mode: what stands on chain beside a ciphertext that opens at a beacon's round (R1 for updates, R2 for sheets).
 *
 * | kind | field | layout |
 * |---|---|---|
 * | 1 update | 0 `Raw` | `kind:u8 ‖ version:u8 ‖ cycle:u32 ‖ commitment:32 ‖ locator:utf8≤90` |
 * |          | 1 `Raw` | `sealedSha256:32 ‖ sizeBytes:u64 [‖ chunkRoot:32]` |
 * |          | 2 `TimelockEncrypted` | `dataKey:32 ‖ salt:32 ‖ updateRoot:32`, 340 bytes of ciphertext |
 * | 3 sheet  | 0 `Raw` | `kind:u8 ‖ version:u8 ‖ cycle:u32 [‖ taskHash:32]` |
 * |          | 1 `TimelockEncrypted` | the sheet's 566 bytes, 810 of ciphertext |
 *
 * Task and root records have nothing to seal and stay as they are (`record.ts`). The kinds are those of open mode, the version is 2: once the chain has opened a
 * timelocked field, it takes it out of the commitment, and what is left must not pass for an open record. So read them at the phase's snapshot, before the round. Whether the round is the right one is for the reader of a cycle to check: it is in the field, not in these bytes.
 * @module
 */
import { CommitRevealError } from './errors.ts';
import { assertBytes, assertLength, assertUnsigned, concatBytes, readU32, readU64, u32, u64 } from './internal/bytes.ts';
import { assertFieldSize, decodeLocator, decodeRecord, encodeLocator, encodeRecord, MAX_FIELDS, MAX_UPDATE_LOCATOR_BYTES, readHead, RECORD_KINDS, wrongFields, wrongLength, type ChainRecord } from './record.ts';
import { SHEET_BYTES } from './sheet.ts';
import { TIMELOCK_OVERHEAD_BYTES } from './timelock.ts';

const SEALED_VERSION = 2;

/** Longest ciphertext of a `TimelockEncrypted` field of pallet Commitments. */
export const MAX_TIMELOCKED_FIELD_BYTES = 1_024;
/** What a hotkey may write per subnet and epoch unless root has changed it (`Commitments.MaxSpace`). */
export const DEFAULT_SPACE_BYTES = 3_100;
/** What the pallet charges for a commitment at least. */
export const MIN_CHARGED_BYTES = 100;
/** Length of {@link UpdateSecret} in bytes. */
export const UPDATE_SECRET_BYTES = 96;

/** Bytes in a `Raw` field. */
export interface RawField {
  readonly kind: 'raw';
  readonly bytes: Uint8Array;
}

/** A field that the chain opens, and everybody else can, with the signature of `round`. */
export interface TimelockedField {
  readonly kind: 'timelocked';
  readonly ciphertext: Uint8Array;
  readonly round: number;
}

/** A field of a commitment as `@connito/chain` writes and reads them; kinds that no record uses are refused. Bytes alone are a `Raw` field. */
export type CommitmentFieldInput = Uint8Array | RawField | TimelockedField | { readonly kind: 'none' | 'big-raw' | 'hash' | 'reset-bonds' | 'unknown' };

/** A miner's commitment to an update whose artifact is sealed. */
export interface SealedUpdateRecord {
  readonly kind: 'sealed-update';
  readonly cycle: number;
  /** See `createCommitment`. */
  readonly commitment: Uint8Array;
  /** Where the sealed artifact lies; empty where the store finds it by its hash alone. */
  readonly locator: string;
  /** Of the sealed artifact, so that its absence is known before its content. */
  readonly sealedSha256: Uint8Array;
  readonly sizeBytes: number;
  /** Root of the sealed artifact's chunks (`computeChunkRoot`), for who wants to stop a download at the first wrong one. */
  readonly chunkRoot?: Uint8Array;
  /** {@link UpdateSecret}, to R1. */
  readonly seal: TimelockedField;
}

/** A validator's sealed verdict sheet. */
export interface SealedSheetRecord {
  readonly kind: 'sealed-sheet';
  readonly cycle: number;
  /** Set by an owner that also validates. */
  readonly taskHash?: Uint8Array;
  /** The sheet's bytes, to R2. */
  readonly seal: TimelockedField;
}

/** A record of sealed mode. */
export type SealedRecord = SealedUpdateRecord | SealedSheetRecord;

/** What a miner's timelock holds. */
export interface UpdateSecret {
  /** Opens the artifact (`openSealStream`). */
  readonly dataKey: Uint8Array;
  /** Opens the commitment, with `updateRoot`. */
  readonly salt: Uint8Array;
  readonly updateRoot: Uint8Array;
}

/** `dataKey:32 ‖ salt:32 ‖ updateRoot:32`. @throws bad-length */
export function encodeUpdateSecret({ dataKey, salt, updateRoot }: UpdateSecret): Uint8Array {
  return concatBytes(assertLength('dataKey', dataKey, 32), assertLength('salt', salt, 32), assertLength('updateRoot', updateRoot, 32));
}

/** @throws bad-length */
export function decodeUpdateSecret(bytes: Uint8Array): UpdateSecret {
  assertLength('the secret of an update', bytes, UPDATE_SECRET_BYTES);
  return { dataKey: bytes.slice(0, 32), salt: bytes.slice(32, 64), updateRoot: bytes.slice(64) };
}

/**
 * The fields of any record, for `setCommitment` of `@connito/chain`.
 * @throws bad-length, out-of-range, bad-text, bad-locator, record-kind, record-length (a ciphertext of the wrong length)
 */
export function encodeRecordFields(record: ChainRecord | SealedRecord): (Uint8Array | TimelockedField)[] {
  if (record.kind === 'sealed-update') {
    const { cycle, commitment, locator, sealedSha256, sizeBytes, chunkRoot, seal } = record;
    return [
      concatBytes(head('update', cycle), assertLength('commitment', commitment, 32), encodeLocator(locator, MAX_UPDATE_LOCATOR_BYTES)),
      concatBytes(assertLength('sealedSha256', sealedSha256, 32), u64('sizeBytes', sizeBytes), optional('chunkRoot', chunkRoot)),
      checkSeal(seal, { what: 'the seal of an update', textBytes: UPDATE_SECRET_BYTES }),
    ];
  }
  if (record.kind !== 'sealed-sheet') return encodeRecord(record);
  const { cycle, taskHash, seal } = record;
  return [concatBytes(head('sheet', cycle), optional('taskHash', taskHash)), checkSeal(seal, { what: 'the seal of a sheet', textBytes: SHEET_BYTES })];
}

/**
 * Reads the fields of a commitment, sealed or open. Every byte is accounted for.
 * @throws record-revealed when the chain has opened the timelock already, and dropped it: the commitment at the phase's snapshot has it
 * @throws record-fields, record-field-kind, record-length, record-kind, record-version, record-gate, bad-locator, bad-text, out-of-range, bad-length (a field whose bytes are none)
 */
export function decodeRecordFields(fields: readonly CommitmentFieldInput[]): ChainRecord | SealedRecord {
  if (fields.length === 0 || fields.length > MAX_FIELDS) throw wrongFields('a record', '1 to 3', fields.length);
  const last = fields.at(-1) as CommitmentFieldInput;
  const open = fields.slice(0, isTimelocked(last) ? -1 : undefined).map(rawBytes);
  if (!isTimelocked(last)) {
    assertNotRevealed(open[0]);
    return decodeRecord(open);
  }
  for (const [index, field] of open.entries()) assertFieldSize(index, field);
  const first = open[0] ?? new Uint8Array(0);
  const kind = readHead(first, SEALED_VERSION);
  if (kind === 'update') return decodeSealedUpdate(open, last);
  if (kind === 'sheet') return decodeSealedSheet(open, last);
  throw new CommitRevealError('record-field-kind', `a ${kind} record has no timelocked field, got one`, { field: `field ${fields.length - 1}`, expected: 'Raw', actual: 'TimelockEncrypted' });
}

/**
 * What pallet Commitments charges against `Commitments.MaxSpace` for these fields.
 * @example chargedBytes(encodeRecordFields(record)) // 504 of 3,100 for a sealed update with a locator of 86 bytes
 */
export function chargedBytes(fields: readonly (Uint8Array | RawField | TimelockedField)[]): number {
  const sizes = fields.map((field) => (isTimelocked(field) ? field.ciphertext.length : rawBytes(field).length));
  return Math.max(MIN_CHARGED_BYTES, sizes.reduce((sum, size) => sum + size, 0));
}

/**
 * Checks that all that a hotkey writes in one epoch fits.
 * @param charges - `chargedBytes` of each commitment of the epoch
 * @throws record-space
 */
export function assertSpace(charges: readonly number[], spaceBytes: number = DEFAULT_SPACE_BYTES): void {
  const needed = charges.reduce((sum, charge) => sum + charge, 0);
  if (needed <= spaceBytes) return;
  throw new CommitRevealError('record-space', `${charges.length} commitments take ${needed} bytes, the subnet allows ${spaceBytes} per hotkey and epoch; write fewer, or make cycles longer than an epoch`, { expected: spaceBytes, actual: needed });
}

function assertNotRevealed(first: Uint8Array | undefined): void {
  const [kind, version] = first ?? [];
  if (version !== SEALED_VERSION || (kind !== RECORD_KINDS.update && kind !== RECORD_KINDS.sheet)) return;
  throw new CommitRevealError('record-revealed', "this is what is left of a sealed record after the chain has opened its timelock; read the commitment at the phase's snapshot, before its round", { field: 'version', actual: version });
}

function decodeSealedUpdate(open: readonly Uint8Array[], seal: TimelockedField): SealedUpdateRecord {
  const [first, second] = open;
  if (open.length !== 2 || first === undefined || second === undefined) throw wrongFields('a sealed update record', '3', open.length + 1);
  if (first.length < 38) throw wrongLength('field 0 of an update record', '38 to 128 bytes', first.length);
  if (second.length !== 40 && second.length !== 72) throw wrongLength('field 1 of a sealed update record', '40 or 72 bytes', second.length);
  return {
    kind: 'sealed-update',
    cycle: readU32(first, 2),
    commitment: first.slice(6, 38),
    locator: decodeLocator(first.subarray(38), MAX_UPDATE_LOCATOR_BYTES),
    sealedSha256: second.slice(0, 32),
    sizeBytes: readU64('sizeBytes', second, 32),
    ...(second.length === 72 ? { chunkRoot: second.slice(40) } : {}),
    seal: checkSeal(seal, { what: 'the seal of an update', textBytes: UPDATE_SECRET_BYTES }),
  };
}

function decodeSealedSheet(open: readonly Uint8Array[], seal: TimelockedField): SealedSheetRecord {
  const [first] = open;
  if (open.length !== 1 || first === undefined) throw wrongFields('a sealed sheet record', '2', open.length + 1);
  if (first.length !== 6 && first.length !== 38) throw wrongLength('field 0 of a sealed sheet record', '6 or 38 bytes', first.length);
  return {
    kind: 'sealed-sheet',
    cycle: readU32(first, 2),
    ...(first.length === 38 ? { taskHash: first.slice(6) } : {}),
    seal: checkSeal(seal, { what: 'the seal of a sheet', textBytes: SHEET_BYTES }),
  };
}

function checkSeal({ ciphertext, round }: TimelockedField, { what, textBytes }: { readonly what: string; readonly textBytes: number }): TimelockedField {
  const expected = textBytes + TIMELOCK_OVERHEAD_BYTES;
  if (assertBytes(what, ciphertext).length !== expected) throw wrongLength(what, `${expected} bytes`, ciphertext.length);
  assertUnsigned('round', round, 64);
  return { kind: 'timelocked', ciphertext, round };
}

function head(kind: 'update' | 'sheet', cycle: number): Uint8Array {
  return concatBytes(Uint8Array.of(RECORD_KINDS[kind], SEALED_VERSION), u32('cycle', cycle));
}

function optional(field: string, hash: Uint8Array | undefined): Uint8Array {
  return hash === undefined ? new Uint8Array(0) : assertLength(field, hash, 32);
}

function isTimelocked(field: CommitmentFieldInput): field is TimelockedField {
  return !(field instanceof Uint8Array) && field?.kind === 'timelocked';
}

function rawBytes(field: CommitmentFieldInput, index?: number): Uint8Array {
  if (field instanceof Uint8Array) return field;
  if (field?.kind === 'raw') return assertBytes(`field ${index ?? ''}`, field.bytes);
  throw new CommitRevealError('record-field-kind', `field ${index ?? ''} of a record is Raw (the last may be TimelockEncrypted), got ${field?.kind}`, { field: `field ${index ?? ''}`, expected: 'raw', actual: String(field?.kind) });
}
