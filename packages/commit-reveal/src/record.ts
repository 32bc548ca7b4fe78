/**
 * What a hotkey writes on chain: records of at most three `Raw` fields of at most 128 bytes each
 * (pallet Commitments, `MaxFields` = 3, `Data::Raw0..Raw128`).
 *
 * | kind | field | layout |
 * |---|---|---|
 * | 1 update | 0 | `kind:u8 ‖ version:u8 ‖ cycle:u32 ‖ commitment:32 ‖ locator:utf8≤90` |
 * |          | 1 | `artifactSha256:32 ‖ sizeBytes:u64` |
 * | 2 task   | 0 | `kind:u8 ‖ version:u8 ‖ taskHash:32 ‖ sizeBytes:u64 ‖ locator:utf8≤86` |
 * | 3 sheet  | 0 | `kind:u8 ‖ version:u8 ‖ cycle:u32 ‖ sheetSha256:32 [‖ taskHash:32]` |
 * | 4 root   | 0 | `kind:u8 ‖ version:u8 ‖ cycle:u32 ‖ mergedRoot:32 ‖ gate:u8 ‖ taskHash:32 ‖ recordHash:32` |
 *
 * Integers are little-endian. The version is 1. A sheet's `taskHash` is there when its author is the subnet's owner too
 * (a hotkey has one overwritable record, so an owner that validates carries the manifest's hash in every one).
 * @module
 */
import { CommitRevealError } from './errors.ts';
import { assertBytes, assertLength, concatBytes, decodeText, encodeText, readU32, readU64, u32, u64 } from './internal/bytes.ts';

/** Longest `Raw` field of pallet Commitments. */
export const MAX_FIELD_BYTES = 128;
/** Most fields in one commitment (`Commitments.MaxFields`). */
export const MAX_FIELDS = 3;
/** Longest locator of an update, in bytes of UTF-8. */
export const MAX_UPDATE_LOCATOR_BYTES = 90;
/** Longest locator of a task, in bytes of UTF-8. */
export const MAX_TASK_LOCATOR_BYTES = 86;

/** The version byte of open records. */
export const RECORD_VERSION = 1;
/** The kind byte of every record. */
export const RECORD_KINDS: Readonly<Record<ChainRecord['kind'], number>> = { update: 1, task: 2, sheet: 3, root: 4 };

/** A miner's commitment to an update, and where its artifact will lie. */
export interface UpdateRecord {
  readonly kind: 'update';
  readonly cycle: number;
  /** See `createCommitment`. */
  readonly commitment: Uint8Array;
  /** Where to fetch the artifact; empty where the store finds it by its hash alone. */
  readonly locator: string;
  readonly artifactSha256: Uint8Array;
  readonly sizeBytes: number;
}

/** The owner's pointer to the task manifest. */
export interface TaskRecord {
  readonly kind: 'task';
  /** SHA-256 of the manifest's bytes. */
  readonly taskHash: Uint8Array;
  readonly sizeBytes: number;
  readonly locator: string;
}

/** A validator's commitment to its verdict sheet (open mode: the hash; the sheet follows before R2). */
export interface SheetRecord {
  readonly kind: 'sheet';
  readonly cycle: number;
  readonly sheetSha256: Uint8Array;
  /** Set by an owner that also validates. */
  readonly taskHash?: Uint8Array;
}

/** A validator's vote on the merged version. */
export interface RootRecord {
  readonly kind: 'root';
  readonly cycle: number;
  readonly mergedRoot: Uint8Array;
  /** Whether the validator's gate accepted the version: a vote, never re-derived. */
  readonly gateAccepted: boolean;
  readonly taskHash: Uint8Array;
  readonly recordHash: Uint8Array;
}

/** Any record. */
export type ChainRecord = UpdateRecord | TaskRecord | SheetRecord | RootRecord;

/**
 * The `Raw` fields of a record, each at most {@link MAX_FIELD_BYTES}.
 * @throws bad-length, out-of-range, bad-text, bad-locator, record-kind
 */
export function encodeRecord(record: ChainRecord): Uint8Array[] {
  if (!Object.hasOwn(RECORD_KINDS, record.kind)) throw new CommitRevealError('record-kind', `expected a record of kind ${Object.keys(RECORD_KINDS).join(', ')}, got ${String(record.kind)}`, { field: 'kind', actual: String(record.kind) });
  const head = Uint8Array.of(RECORD_KINDS[record.kind], RECORD_VERSION);
  switch (record.kind) {
    case 'update':
      return [
        concatBytes(head, u32('cycle', record.cycle), hash('commitment', record.commitment), encodeLocator(record.locator, MAX_UPDATE_LOCATOR_BYTES)),
        concatBytes(hash('artifactSha256', record.artifactSha256), u64('sizeBytes', record.sizeBytes)),
      ];
    case 'task':
      return [
        concatBytes(head, hash('taskHash', record.taskHash), u64('sizeBytes', record.sizeBytes), encodeLocator(record.locator, MAX_TASK_LOCATOR_BYTES)),
      ];
    case 'sheet':
      return [
        concatBytes(
          head,
          u32('cycle', record.cycle),
          hash('sheetSha256', record.sheetSha256),
          record.taskHash === undefined ? new Uint8Array(0) : hash('taskHash', record.taskHash),
        ),
      ];
    case 'root':
      return [encodeRoot(head, record)];
  }
}

/**
 * Reads the fields of a commitment. Every byte is accounted for: nothing trailing, nothing missing.
 * @throws record-fields, record-length, record-kind, record-version, record-gate, bad-locator, bad-text, out-of-range, bad-length (a field that is no bytes)
 */
export function decodeRecord(fields: readonly Uint8Array[]): ChainRecord {
  const first = fields[0];
  if (first === undefined || fields.length > MAX_FIELDS) throw wrongFields('a record', '1 to 3', fields.length);
  for (const [index, field] of fields.entries()) assertFieldSize(index, field);
  return DECODERS[readHead(first, RECORD_VERSION)](fields, first);
}

/** The kind of a record whose first field is `first`. @throws record-length, record-kind, record-version */
export function readHead(first: Uint8Array, expected: number): ChainRecord['kind'] {
  if (first.length < 2) throw wrongLength('a record', 'at least 2 bytes', first.length);
  const kind = kindOf(first);
  const version = first[1] ?? 0;
  if (version === expected) return kind;
  throw new CommitRevealError('record-version', `expected version ${expected} of a ${kind} record, got ${version}; it is of another mode, or a newer connito may read it`, {
    field: 'version',
    expected,
    actual: version,
  });
}

const DECODERS: Readonly<Record<ChainRecord['kind'], (fields: readonly Uint8Array[], first: Uint8Array) => ChainRecord>> = {
  update: decodeUpdate,
  task: decodeTask,
  sheet: decodeSheetRecord,
  root: decodeRoot,
};

function decodeUpdate(fields: readonly Uint8Array[], first: Uint8Array): UpdateRecord {
  const second = fields[1];
  if (fields.length !== 2 || second === undefined) throw wrongFields('an update record', '2', fields.length);
  if (first.length < 38) throw wrongLength('field 0 of an update record', '38 to 128 bytes', first.length);
  if (second.length !== 40) throw wrongLength('field 1 of an update record', '40 bytes', second.length);
  return {
    kind: 'update',
    cycle: readU32(first, 2),
    commitment: first.slice(6, 38),
    locator: decodeLocator(first.subarray(38), MAX_UPDATE_LOCATOR_BYTES),
    artifactSha256: second.slice(0, 32),
    sizeBytes: readU64('sizeBytes', second, 32),
  };
}

function decodeTask(fields: readonly Uint8Array[], first: Uint8Array): TaskRecord {
  if (fields.length !== 1) throw wrongFields('a task record', '1', fields.length);
  if (first.length < 42) throw wrongLength('a task record', '42 to 128 bytes', first.length);
  return {
    kind: 'task',
    taskHash: first.slice(2, 34),
    sizeBytes: readU64('sizeBytes', first, 34),
    locator: decodeLocator(first.subarray(42), MAX_TASK_LOCATOR_BYTES),
  };
}

function decodeSheetRecord(fields: readonly Uint8Array[], first: Uint8Array): SheetRecord {
  if (fields.length !== 1) throw wrongFields('a sheet record', '1', fields.length);
  if (first.length !== 38 && first.length !== 70) throw wrongLength('a sheet record', '38 or 70 bytes', first.length);
  const record = { kind: 'sheet', cycle: readU32(first, 2), sheetSha256: first.slice(6, 38) } as const;
  return first.length === 38 ? record : { ...record, taskHash: first.slice(38, 70) };
}

function encodeRoot(head: Uint8Array, record: RootRecord): Uint8Array {
  return concatBytes(
    head,
    u32('cycle', record.cycle),
    hash('mergedRoot', record.mergedRoot),
    Uint8Array.of(record.gateAccepted ? 1 : 0),
    hash('taskHash', record.taskHash),
    hash('recordHash', record.recordHash),
  );
}

function decodeRoot(fields: readonly Uint8Array[], first: Uint8Array): RootRecord {
  if (fields.length !== 1) throw wrongFields('a root record', '1', fields.length);
  if (first.length !== 103) throw wrongLength('a root record', '103 bytes', first.length);
  const gate = first[38] ?? 0;
  if (gate > 1) throw new CommitRevealError('record-gate', `expected a gate of 0 or 1, got ${gate}`, { field: 'gate', expected: '0 or 1', actual: gate });
  return {
    kind: 'root',
    cycle: readU32(first, 2),
    mergedRoot: first.slice(6, 38),
    gateAccepted: gate === 1,
    taskHash: first.slice(39, 71),
    recordHash: first.slice(71, 103),
  };
}

function kindOf(first: Uint8Array): ChainRecord['kind'] {
  const byte = first[0] ?? 0;
  for (const [kind, value] of Object.entries(RECORD_KINDS)) if (value === byte) return kind as ChainRecord['kind'];
  throw new CommitRevealError('record-kind', `expected a record of kind 1 to 4, got ${byte}; this is no Connito record`, {
    field: 'kind',
    expected: '1..4',
    actual: byte,
  });
}

/** A locator's bytes. @throws bad-text, bad-locator */
export function encodeLocator(locator: string, limit: number): Uint8Array {
  const bytes = encodeText('locator', locator);
  assertLocator(locator, bytes.length, limit);
  return bytes;
}

/** @throws bad-text, bad-locator */
export function decodeLocator(bytes: Uint8Array, limit: number): string {
  const locator = decodeText('locator', bytes);
  assertLocator(locator, bytes.length, limit);
  return locator;
}

function assertLocator(locator: string, sizeBytes: number, limit: number): void {
  if (sizeBytes > limit) {
    throw new CommitRevealError('bad-locator', `a locator may have ${limit} bytes, got ${sizeBytes}; use a shorter URL`, {
      field: 'locator',
      expected: limit,
      actual: sizeBytes,
    });
  }
  // Locators end in logs and terminals: control characters (C0, DEL, C1) are for an attacker only.
  if (/\p{Cc}/u.test(locator)) {
    throw new CommitRevealError('bad-locator', 'a locator may hold no control characters', { field: 'locator' });
  }
}

/** That a `Raw` field is one. @throws bad-length (no bytes), record-length */
export function assertFieldSize(index: number, field: Uint8Array): void {
  if (assertBytes(`field ${index}`, field).length > MAX_FIELD_BYTES) throw wrongLength(`field ${index}`, `at most ${MAX_FIELD_BYTES} bytes`, field.length);
}

function hash(field: string, bytes: Uint8Array): Uint8Array {
  return assertLength(field, bytes, 32);
}

/** A record with the wrong number of fields. */
export function wrongFields(what: string, expected: string, actual: number): CommitRevealError {
  return new CommitRevealError('record-fields', `${what} has ${expected} fields, got ${actual}`, { expected, actual });
}

/** A field or record of the wrong length. */
export function wrongLength(what: string, expected: string, actual: number): CommitRevealError {
  return new CommitRevealError('record-length', `${what} has ${expected}, got ${actual}`, { field: what, expected, actual });
}
