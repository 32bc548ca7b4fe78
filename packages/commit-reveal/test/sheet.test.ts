import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  computeMinersHash,
  decodeBinary16,
  decodeSheet,
  encodeBinary16,
  encodeSheet,
  fromHex,
  roundScore,
  SHEET_BYTES,
  SHEET_CODES,
  sheetCodeName,
  toHex,
  type Sheet,
  type SheetEntry,
} from '../src/index.ts';
import { codeOf } from './code-of.ts';

const VECTORS = JSON.parse(readFileSync(new URL('./vectors/vectors.json', import.meta.url), 'utf8')) as {
  readonly halves: readonly (readonly [string, number])[];
  readonly sheet: {
    readonly hotkey: string;
    readonly netuid: number;
    readonly cycle: number;
    readonly minersHash: string;
    readonly baseRoot: string;
    readonly scores: readonly (number | string | null)[];
    readonly bytes: string;
  };
  readonly minersHash: { readonly miners: readonly { readonly uid: number; readonly hotkey: string }[]; readonly hash: string };
};

/** Python's float.hex(). */
function fromFloatHex(text: string): number {
  const match = /^0x([01])\.([0-9a-f]+)p([+-]\d+)$/.exec(text);
  if (match === null) throw new Error(`not a hexadecimal float: ${text}`);
  const digits = match[2] as string;
  return Number(BigInt(`0x${match[1]}${digits}`)) * 2 ** (Number(match[3]) + 1000 - 4 * digits.length) * 2 ** -1000;
}

const SHEET = VECTORS.sheet;
const expected: Sheet = {
  hotkey: fromHex(SHEET.hotkey),
  netuid: SHEET.netuid,
  cycle: SHEET.cycle,
  minersHash: fromHex(SHEET.minersHash),
  baseRoot: fromHex(SHEET.baseRoot),
  entries: SHEET.scores.map((score): SheetEntry => (score === null ? { code: 'empty' } : typeof score === 'string' ? { code: 'resubmission' } : { score })),
};

describe('binary16', () => {
  it(`rounds as Python's struct does, ${VECTORS.halves.length} values`, () => {
    for (const [text, bits] of VECTORS.halves) expect([text, encodeBinary16(fromFloatHex(text))]).toEqual([text, bits]);
  });

  it('keeps every finite non-negative binary16', () => {
    for (let bits = 0; bits < 0x7c00; bits++) expect(encodeBinary16(decodeBinary16(bits))).toBe(bits);
  });

  it('refuses what has no place', () => {
    for (const value of [-1e-9, 65520, Infinity, Number.NaN]) expect(codeOf(() => encodeBinary16(value))).toBe('sheet-score');
    for (const bits of [0x7c00, 0x7e00, 0x8000, 0xffff]) expect(codeOf(() => decodeBinary16(bits))).toBe('sheet-score');
    expect(encodeBinary16(-0)).toBe(0);
  });
});

describe('verdict sheet', () => {
  it('equals the Python vector', () => {
    expect(toHex(encodeSheet(expected))).toBe(SHEET.bytes);
    const decoded = decodeSheet(fromHex(SHEET.bytes));
    expect(decoded).toEqual({ ...expected, entries: expected.entries.map((entry) => ('score' in entry ? { score: roundScore(entry.score) } : entry)) });
  });

  it('decodes garbage to a coded error, or to something that encodes to the same bytes', () => {
    const words = fc.array(fc.oneof({ weight: 500, arbitrary: fc.nat(0x7bff) }, { weight: 500, arbitrary: fc.integer({ min: 0x8001, max: 0x8014 }) }, fc.nat(0xffff)), { minLength: 256, maxLength: 256 });
    fc.assert(
      fc.property(words, fc.uint8Array({ minLength: 54, maxLength: 54 }), (entries, head) => {
        const bytes = Uint8Array.from([...head, ...entries.flatMap((word) => [word & 255, word >> 8])]);
        const accepted = codeOf(() => decodeSheet(bytes)) === 'none';
        expect(accepted ? encodeSheet(decodeSheet(bytes)) : bytes).toEqual(bytes);
      }),
    );
  });

  it('pads with empty entries and takes 32-byte hashes', () => {
    const bytes = encodeSheet({ ...expected, entries: [{ score: 0 }], baseRoot: Uint8Array.from([...expected.baseRoot, ...new Uint8Array(24)]) });
    expect(bytes).toHaveLength(SHEET_BYTES);
    const decoded = decodeSheet(bytes);
    expect(decoded.baseRoot).toEqual(expected.baseRoot);
    expect(decoded.entries.slice(0, 2)).toEqual([{ score: 0 }, { code: 'empty' }]);
  });

  it('rejects every malformed input with its own code', () => {
    const good = fromHex(SHEET.bytes);
    const withWord = (word: number) => Uint8Array.from([...good.subarray(0, 54), word & 255, word >> 8, ...good.subarray(56)]);
    expect(codeOf(() => decodeSheet(good.subarray(1)))).toBe('sheet-length');
    expect(codeOf(() => decodeSheet(withWord(0x7c00)))).toBe('sheet-score');
    expect(codeOf(() => decodeSheet(withWord(0x8000)))).toBe('sheet-code');
    expect(codeOf(() => decodeSheet(withWord(0xffff)))).toBe('sheet-code');
    expect(codeOf(() => encodeSheet({ ...expected, entries: Array.from({ length: 257 }, () => ({ score: 0 })) }))).toBe('sheet-uid');
    expect(codeOf(() => encodeSheet({ ...expected, entries: [{ score: -1 }] }))).toBe('sheet-score');
    for (const code of ['scored', 'toString', 'nonsense']) expect(codeOf(() => encodeSheet({ ...expected, entries: [{ code } as unknown as SheetEntry] }))).toBe('sheet-code');
    expect(codeOf(() => encodeSheet({ ...expected, hotkey: new Uint8Array(31) }))).toBe('bad-length');
    expect(codeOf(() => encodeSheet({ ...expected, minersHash: new Uint8Array(9) }))).toBe('bad-length');
    expect(codeOf(() => encodeSheet({ ...expected, cycle: -1 }))).toBe('out-of-range');
  });

  it('has a table without holes or doubles', () => {
    const numbers = Object.values(SHEET_CODES).map((row) => row.number);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    for (const [name, row] of Object.entries(SHEET_CODES)) expect(sheetCodeName(row.number)).toBe(name);
    expect(sheetCodeName(32767)).toBeUndefined();
  });
});

describe('miners hash', () => {
  const miners = VECTORS.minersHash.miners.map((miner) => ({ ...miner, hotkey: fromHex(miner.hotkey) }));

  it('equals the Python vector, in any order', () => {
    expect(toHex(computeMinersHash(miners))).toBe(VECTORS.minersHash.hash);
    expect(toHex(computeMinersHash(miners.toReversed()))).toBe(VECTORS.minersHash.hash);
  });

  it('refuses a uid that occurs twice', () => {
    expect(codeOf(() => computeMinersHash([...miners, { uid: 2, hotkey: new Uint8Array(32) }]))).toBe('sheet-uid');
    expect(codeOf(() => computeMinersHash([{ uid: 2, hotkey: new Uint8Array(3) }]))).toBe('bad-length');
  });
});
