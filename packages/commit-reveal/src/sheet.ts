/**
 * The verdict sheet: one validator's outcome for every uid, in 566 bytes.
 *
 * `hotkey:32 ‖ netuid:u16le ‖ cycle:u32le ‖ minersHash:8 ‖ baseRoot:8 ‖ 256 × u16le`. An entry with a clear sign bit is a score in
 * binary16 (rounded to nearest, ties to even); with the sign bit set, its low 15 bits are a number of the table of sheet codes.
 * The author is inside, so that copying a sealed sheet is worthless.
 * @module
 */
import { decodeBinary16, encodeBinary16 } from './binary16.ts';
import { CommitRevealError } from './errors.ts';
import { assertBytes, assertLength, concatBytes, joinBytes, readU16, readU32, u16, u32 } from './internal/bytes.ts';
import { SHEET_CODES, sheetCodeName, type SheetCodeName } from './sheet-code.ts';
import { sha256 } from './sha256.ts';

/** Length of an encoded sheet. */
export const SHEET_BYTES = 566;
/** Entries of a sheet: uids 0 to 255 (a subnet has at most 256). */
export const SHEET_ENTRIES = 256;

const CODE_BIT = 0x8000;
const HEADER_BYTES = 54;
const MINERS_DOMAIN = new TextEncoder().encode('connito/miners/v1');

/** A score, or the reason why there is none. */
export type SheetEntry = { readonly score: number } | { readonly code: Exclude<SheetCodeName, 'scored'> };

/** A verdict sheet. */
export interface Sheet {
  /** The author's public key, 32 bytes. */
  readonly hotkey: Uint8Array;
  readonly netuid: number;
  readonly cycle: number;
  /** See {@link computeMinersHash}; 8 bytes. */
  readonly minersHash: Uint8Array;
  /** The first 8 bytes of the root of the version that was the base. */
  readonly baseRoot: Uint8Array;
  /** By uid; exactly 256 when decoded. */
  readonly entries: readonly SheetEntry[];
}

/**
 * The 566 bytes of a sheet. `minersHash` and `baseRoot` may be given as 32-byte hashes: their first 8 bytes are written.
 * Missing entries (fewer than 256) are written as `empty`.
 * @throws bad-length, out-of-range, sheet-score, sheet-code, sheet-uid (more than 256 entries)
 */
export function encodeSheet(sheet: Sheet): Uint8Array {
  if (sheet.entries.length > SHEET_ENTRIES) {
    throw new CommitRevealError('sheet-uid', `a sheet has ${SHEET_ENTRIES} entries, got ${sheet.entries.length}`, { expected: SHEET_ENTRIES, actual: sheet.entries.length });
  }
  const words = new Uint8Array(2 * SHEET_ENTRIES);
  for (let uid = 0; uid < SHEET_ENTRIES; uid++) {
    const word = encodeEntry(uid, sheet.entries[uid] ?? { code: 'empty' });
    words[2 * uid] = word & 0xff;
    words[2 * uid + 1] = word >>> 8;
  }
  return concatBytes(
    assertLength('hotkey', sheet.hotkey, 32),
    u16('netuid', sheet.netuid),
    u32('cycle', sheet.cycle),
    prefixOf('minersHash', sheet.minersHash),
    prefixOf('baseRoot', sheet.baseRoot),
    words,
  );
}

/**
 * Reads a sheet. Encoding it again gives the same bytes.
 * @throws bad-length (no bytes), sheet-length, sheet-score (an infinite or NaN entry), sheet-code (a code that is not in the table)
 */
export function decodeSheet(bytes: Uint8Array): Sheet {
  if (assertBytes('the sheet', bytes).length !== SHEET_BYTES) {
    throw new CommitRevealError('sheet-length', `a sheet has ${SHEET_BYTES} bytes, got ${bytes.length}`, { expected: SHEET_BYTES, actual: bytes.length });
  }
  return {
    hotkey: bytes.slice(0, 32),
    netuid: readU16(bytes, 32),
    cycle: readU32(bytes, 34),
    minersHash: bytes.slice(38, 46),
    baseRoot: bytes.slice(46, HEADER_BYTES),
    entries: Array.from({ length: SHEET_ENTRIES }, (_, uid) => decodeEntry(uid, readU16(bytes, HEADER_BYTES + 2 * uid))),
  };
}

/** What a decoder gives back for a score: the nearest binary16. @throws sheet-score */
export function roundScore(score: number): number {
  return decodeBinary16(encodeBinary16(score));
}

/**
 * Which hotkeys a sheet speaks of: the first 8 bytes of
 * `SHA-256("connito/miners/v1" ‖ (uid:u16le ‖ hotkey:32) by ascending uid)`.
 * @throws bad-length, out-of-range, sheet-uid when a uid occurs twice
 */
export function computeMinersHash(miners: Iterable<{ readonly uid: number; readonly hotkey: Uint8Array }>): Uint8Array {
  const sorted = [...miners].sort((a, b) => a.uid - b.uid);
  const parts = sorted.map(({ uid, hotkey }, index) => {
    if (sorted[index - 1]?.uid === uid) throw new CommitRevealError('sheet-uid', `uid ${uid} occurs twice`, { actual: uid });
    return concatBytes(u16('uid', uid), assertLength('hotkey', hotkey, 32));
  });
  return sha256(MINERS_DOMAIN, joinBytes(parts)).slice(0, 8);
}

function encodeEntry(uid: number, entry: SheetEntry): number {
  if ('score' in entry) return encodeBinary16(entry.score);
  const row = Object.hasOwn(SHEET_CODES, entry.code) ? SHEET_CODES[entry.code] : undefined;
  if (row !== undefined && row.number !== 0) return CODE_BIT | row.number;
  throw new CommitRevealError('sheet-code', `uid ${uid}: no code ${JSON.stringify(entry.code)} in the table`, { field: `entries[${uid}]`, actual: String(entry.code) });
}

function decodeEntry(uid: number, word: number): SheetEntry {
  if ((word & CODE_BIT) === 0) return { score: decodeBinary16(word) };
  const name = sheetCodeName(word & ~CODE_BIT);
  if (name !== undefined && name !== 'scored') return { code: name };
  throw new CommitRevealError('sheet-code', `uid ${uid}: expected a code of the table, got ${word & ~CODE_BIT}; a newer connito may read it`, {
    field: `entries[${uid}]`,
    actual: word & ~CODE_BIT,
  });
}

function prefixOf(field: string, hash: Uint8Array): Uint8Array {
  return hash.length === 32 ? hash.subarray(0, 8) : assertLength(field, hash, 8);
}
