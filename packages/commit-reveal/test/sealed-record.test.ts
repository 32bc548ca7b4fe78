import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertSpace,
  chargedBytes,
  createCommitment,
  decodeRecord,
  decodeRecordFields,
  decodeSheet,
  decodeUpdateSecret,
  decryptTimelock,
  DEFAULT_SPACE_BYTES,
  deriveBeaconKey,
  encodeRecord,
  encodeRecordFields,
  encodeSheet,
  encodeUpdateSecret,
  encryptTimelock,
  fromHex,
  MAX_FIELD_BYTES,
  MAX_FIELDS,
  MAX_TIMELOCKED_FIELD_BYTES,
  signRound,
  verifyCommitment,
  type CommitmentFieldInput,
  type SealedRecord,
} from '../src/index.ts';
import { codeOf } from './code-of.ts';

type Json = Record<string, unknown>;
interface JsonSeal {
  readonly kind: 'timelocked';
  readonly ciphertext: string;
  readonly round: number;
}
const VECTORS = JSON.parse(readFileSync(new URL('./vectors/vectors.json', import.meta.url), 'utf8')) as {
  readonly sealedRecords: readonly { readonly record: Json; readonly fields: readonly (string | JsonSeal)[]; readonly charged: number }[];
};
const HASHES = ['commitment', 'sealedSha256', 'taskHash', 'chunkRoot'];
const parseSeal = (seal: JsonSeal) => ({ ...seal, ciphertext: fromHex(seal.ciphertext) });
const parse = (json: Json) =>
  Object.fromEntries(Object.entries(json).map(([name, value]) => [name, name === 'seal' ? parseSeal(value as JsonSeal) : HASHES.includes(name) ? fromHex(value as string) : value])) as unknown as SealedRecord;
const parseField = (field: string | JsonSeal) => (typeof field === 'string' ? fromHex(field) : parseSeal(field));

const hash = (byte: number) => new Uint8Array(32).fill(byte);
const lock = (size: number, round = 5) => ({ kind: 'timelocked' as const, ciphertext: new Uint8Array(size), round });
const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const seal = (size: number) => fc.record({ kind: fc.constant('timelocked' as const), ciphertext: bytes(size), round: fc.maxSafeNat() });
const cycle = fc.nat(2 ** 32 - 1);
const update = fc.record({ kind: fc.constant('sealed-update' as const), cycle, commitment: bytes(32), locator: fc.string({ unit: fc.constantFrom('a', '/', 'é', '語'), maxLength: 30 }), sealedSha256: bytes(32), sizeBytes: fc.maxSafeNat(), seal: seal(340) });
const sheet = fc.record({ kind: fc.constant('sealed-sheet' as const), cycle, seal: seal(810) });
const record: fc.Arbitrary<SealedRecord> = fc.oneof(update, sheet, fc.tuple(update, bytes(32)).map(([value, chunkRoot]) => ({ ...value, chunkRoot })), fc.tuple(sheet, bytes(32)).map(([value, taskHash]) => ({ ...value, taskHash })));

describe('sealed records', () => {
  it.each(VECTORS.sealedRecords)('encode and decode as in Python: $record.kind, $charged bytes', ({ record: json, fields, charged }) => {
    const encoded = encodeRecordFields(parse(json));
    expect(encoded).toEqual(fields.map(parseField));
    expect(decodeRecordFields(encoded)).toEqual(parse(json));
    expect(chargedBytes(encoded)).toBe(charged);
  });

  it('round-trip within the limits of the pallet, bytes alone or as fields', () => {
    fc.assert(
      fc.property(record, (value) => {
        const fields = encodeRecordFields(value);
        expect(fields.length).toBeLessThanOrEqual(MAX_FIELDS);
        const excess = fields.map((field) => (field instanceof Uint8Array ? field.length - MAX_FIELD_BYTES : field.ciphertext.length - MAX_TIMELOCKED_FIELD_BYTES));
        expect(Math.max(...excess)).toBeLessThanOrEqual(0);
        expect(decodeRecordFields(fields)).toEqual(value);
        expect(decodeRecordFields(fields.map((field) => (field instanceof Uint8Array ? { kind: 'raw' as const, bytes: field } : field)))).toEqual(value);
      }),
    );
  });

  it('leave open records as they are', () => {
    const root = { kind: 'root', cycle: 3, mergedRoot: new Uint8Array(32), gateAccepted: true, taskHash: new Uint8Array(32), recordHash: new Uint8Array(32) } as const;
    expect(encodeRecordFields(root)).toEqual(encodeRecord(root));
    expect(decodeRecordFields(encodeRecord(root))).toEqual(decodeRecord(encodeRecord(root)));
  });

  it('answer altered fields with a code, or with what encodes to the same', () => {
    const mutation = fc.record({ field: fc.nat(2), at: fc.nat(), byte: fc.nat(255), cut: fc.nat(5) });
    fc.assert(
      fc.property(record, mutation, (value, { field, at, byte, cut }) => {
        const fields = encodeRecordFields(value).map((each, index) => {
          const source = each instanceof Uint8Array ? each : each.ciphertext;
          const out = cut === 0 && index === field ? source.slice(1) : source.slice();
          if (index === field) out[at % out.length] = byte;
          return each instanceof Uint8Array ? out : { ...each, ciphertext: out };
        });
        let again: unknown = fields;
        codeOf(() => (again = encodeRecordFields(decodeRecordFields(fields))));
        expect(again).toEqual(fields);
      }),
      { numRuns: 500 },
    );
  });

  it('reject every malformed input with its own code', () => {
    const first = Uint8Array.from([1, 2, ...new Uint8Array(36)]);
    const second = new Uint8Array(40);
    const head = Uint8Array.of(3, 2, 0, 0, 0, 0);
    const cases: readonly (readonly [string, readonly CommitmentFieldInput[]])[] = [
      ['record-fields', []],
      ['record-fields', [first, second, second, lock(340)]],
      ['record-fields', [first, lock(340)]],
      ['record-fields', [head, head, lock(810)]],
      ['record-length', [lock(340)]],
      ['record-length', [first.subarray(1, 2), second, lock(340)]],
      ['record-length', [first.subarray(0, 37), second, lock(340)]],
      ['record-length', [first, new Uint8Array(41), lock(340)]],
      ['record-length', [first, new Uint8Array(129), lock(340)]],
      ['record-length', [first, second, lock(339)]],
      ['record-length', [first, second, lock(1024)]],
      ['record-length', [Uint8Array.of(3, 2, 0, 0, 0), lock(810)]],
      ['record-length', [head, lock(340)]],
      ['record-kind', [Uint8Array.of(9, 2, 0, 0, 0, 0), lock(810)]],
      ['record-version', [Uint8Array.of(3, 1, 0, 0, 0, 0), lock(810)]],
      ['record-version', [Uint8Array.of(3, 3, 0, 0, 0, 0), lock(810)]],
      ['record-revealed', [first, second]],
      ['record-revealed', [head]],
      ['record-field-kind', [Uint8Array.from([4, 2, ...new Uint8Array(101)]), lock(340)]],
      ['record-field-kind', [Uint8Array.from([2, 2, ...new Uint8Array(40)]), lock(340)]],
      ['record-field-kind', [lock(340), second, first]],
      ['record-field-kind', [head, { kind: 'big-raw' }]],
      ['record-field-kind', [{ kind: 'none' }, lock(810)]],
      ['bad-text', [Uint8Array.from([...first, 255]), second, lock(340)]],
      ['bad-locator', [Uint8Array.from([...first, 27]), second, lock(340)]],
      ['out-of-range', [first, new Uint8Array(40).fill(255), lock(340)]],
      ['out-of-range', [head, lock(810, 2 ** 60)]],
    ];
    for (const [code, fields] of cases) expect([code, codeOf(() => decodeRecordFields(fields))]).toEqual([code, code]);
  });

  it('refuse to write what nobody would read', () => {
    expect(codeOf(() => encodeRecordFields({ kind: 'sealed-sheet', cycle: 0, seal: lock(811) }))).toBe('record-length');
    expect(codeOf(() => encodeRecordFields({ kind: 'sealed-sheet', cycle: -1, seal: lock(810) }))).toBe('out-of-range');
    expect(codeOf(() => encodeRecordFields({ kind: 'sealed-sheet', cycle: 0, taskHash: new Uint8Array(31), seal: lock(810) }))).toBe('bad-length');
    expect(codeOf(() => encodeUpdateSecret({ dataKey: new Uint8Array(31), salt: new Uint8Array(32), updateRoot: new Uint8Array(32) }))).toBe('bad-length');
    expect(codeOf(() => decodeUpdateSecret(new Uint8Array(95)))).toBe('bad-length');
  });
});

describe('a sealed cycle on chain', () => {
  const beacon = deriveBeaconKey(new TextEncoder().encode('seed'));

  it('carries a commitment that opens at its round, and only as its author made it', () => {
    const secret = { dataKey: hash(1), salt: hash(2), updateRoot: hash(3) };
    const preimage = { genesis: hash(4), netuid: 102, cycle: 7, hotkey: hash(5), salt: secret.salt, updateRoot: secret.updateRoot };
    const ciphertext = encryptTimelock({ publicKey: beacon.publicKey, round: 40, plaintext: encodeUpdateSecret(secret) });
    const fields = encodeRecordFields({ kind: 'sealed-update', cycle: 7, commitment: createCommitment(preimage), locator: '', sealedSha256: hash(6), sizeBytes: 9, seal: { kind: 'timelocked', ciphertext, round: 40 } });
    const read = decodeRecordFields(fields) as Extract<SealedRecord, { kind: 'sealed-update' }>;
    const opened = decodeUpdateSecret(decryptTimelock(read.seal.ciphertext, signRound(beacon.secretKey, 40)));
    expect(opened).toEqual(secret);
    expect(verifyCommitment(read.commitment, { ...preimage, ...opened })).toBe(true);
    expect(verifyCommitment(read.commitment, { ...preimage, ...opened, hotkey: hash(9) })).toBe(false);
  });

  it('carries a sheet, and everything of a cycle fits the space of an epoch', () => {
    const value = { hotkey: hash(1), netuid: 102, cycle: 7, minersHash: hash(2), baseRoot: hash(3), entries: [{ score: 0.25 }] };
    const ciphertext = encryptTimelock({ publicKey: beacon.publicKey, round: 41, plaintext: encodeSheet(value) });
    const fields = encodeRecordFields({ kind: 'sealed-sheet', cycle: 7, taskHash: hash(4), seal: { kind: 'timelocked', ciphertext, round: 41 } });
    expect(ciphertext).toHaveLength(810);
    expect(decodeSheet(decryptTimelock(ciphertext, signRound(beacon.secretKey, 41))).entries[0]).toEqual({ score: 0.25 });
    const root = chargedBytes(encodeRecord({ kind: 'root', cycle: 7, mergedRoot: hash(1), gateAccepted: true, taskHash: hash(2), recordHash: hash(3) }));
    expect([chargedBytes(fields), root, chargedBytes([new Uint8Array(3)])]).toEqual([848, 103, 100]);
    expect(codeOf(() => assertSpace([chargedBytes(fields), root, chargedBytes(fields), root, chargedBytes(fields), root]))).toBe('none');
    expect(codeOf(() => assertSpace(Array.from({ length: 4 }, () => 848)))).toBe('record-space');
    expect(codeOf(() => assertSpace([DEFAULT_SPACE_BYTES], 3099))).toBe('record-space');
  });
});
