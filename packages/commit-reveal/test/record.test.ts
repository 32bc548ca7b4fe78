import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCommitment, decodeRecord, encodeRecord, fromHex, isCommitRevealError, MAX_FIELD_BYTES, MAX_FIELDS, toHex, verifyCommitment, type ChainRecord } from '../src/index.ts';
import { codeOf } from './code-of.ts';

const HASH_FIELDS = ['commitment', 'artifactSha256', 'taskHash', 'sheetSha256', 'mergedRoot', 'recordHash'];
const VECTORS = JSON.parse(readFileSync(new URL('./vectors/vectors.json', import.meta.url), 'utf8')) as {
  readonly records: readonly { readonly record: Record<string, unknown>; readonly fields: readonly string[] }[];
  readonly commitments: readonly (Record<'genesis' | 'hotkey' | 'salt' | 'updateRoot' | 'commitment', string> & { readonly netuid: number; readonly cycle: number })[];
};
const parse = (json: Record<string, unknown>): ChainRecord =>
  Object.fromEntries(Object.entries(json).map(([key, value]) => [key, HASH_FIELDS.includes(key) ? fromHex(value as string) : value])) as unknown as ChainRecord;

/** The result, or undefined for a coded refusal. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (isCommitRevealError(error)) return undefined;
    throw error;
  }
}

const bytes = (...parts: readonly (number | Uint8Array)[]) => Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const cycle = fc.nat(2 ** 32 - 1);
const sizeBytes = fc.maxSafeNat();
const locator = fc.string({ unit: fc.constantFrom('a', '/', 'é', '語', '😀'), maxLength: 20 });
const record: fc.Arbitrary<ChainRecord> = fc.oneof(
  fc.record({ kind: fc.constant('update' as const), cycle, commitment: hash, locator, artifactSha256: hash, sizeBytes }),
  fc.record({ kind: fc.constant('task' as const), taskHash: hash, sizeBytes, locator }),
  fc.record({ kind: fc.constant('sheet' as const), cycle, sheetSha256: hash }),
  fc.record({ kind: fc.constant('sheet' as const), cycle, sheetSha256: hash, taskHash: hash }),
  fc.record({ kind: fc.constant('root' as const), cycle, mergedRoot: hash, gateAccepted: fc.boolean(), taskHash: hash, recordHash: hash }),
);

describe('records', () => {
  it.each(VECTORS.records)('encodes and decodes the Python vector $record.kind', ({ record: json, fields }) => {
    expect(encodeRecord(parse(json)).map(toHex)).toEqual(fields);
    expect(decodeRecord(fields.map(fromHex))).toEqual(parse(json));
  });

  it('round-trips, within the budget of the pallet', () => {
    fc.assert(
      fc.property(record, (value) => {
        const fields = encodeRecord(value);
        expect(fields.length).toBeLessThanOrEqual(MAX_FIELDS);
        for (const field of fields) expect(field.length).toBeLessThanOrEqual(MAX_FIELD_BYTES);
        expect(decodeRecord(fields)).toEqual(value);
      }),
    );
  });

  it('decodes garbage to a coded error, or to something that encodes to the same bytes', () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(record, fc.array(mutation, { maxLength: 2 }), fc.nat(9), (value, mutations, cut) => {
        const fields = encodeRecord(value).map((field) => field.slice(0, cut === 0 ? -1 : field.length));
        for (const [at, byte] of mutations) (fields[0] as Uint8Array)[at % (fields[0] as Uint8Array).length] = byte;
        const back = attempt(() => encodeRecord(decodeRecord(fields)));
        expect(back ?? fields).toEqual(fields);
      }),
      { numRuns: 1000 },
    );
  });

  it('rejects every malformed input with its own code', () => {
    const h = new Uint8Array(32);
    const update = bytes(1, 1, 0, 0, 0, 0, h);
    const second = new Uint8Array(40);
    expect(codeOf(() => decodeRecord([]))).toBe('record-fields');
    expect(codeOf(() => decodeRecord([update, second, h, h]))).toBe('record-fields');
    expect(codeOf(() => decodeRecord([update]))).toBe('record-fields');
    expect(codeOf(() => decodeRecord([update, second, h]))).toBe('record-fields');
    expect(codeOf(() => decodeRecord([bytes(2, 1, h, new Uint8Array(8)), h]))).toBe('record-fields');
    expect(codeOf(() => decodeRecord([bytes(3, 1, 0, 0, 0, 0, h), h]))).toBe('record-fields');
    expect(codeOf(() => decodeRecord([bytes(4, 1, new Uint8Array(101)), h]))).toBe('record-fields');
    expect(codeOf(() => decodeRecord([bytes(1)]))).toBe('record-length');
    expect(codeOf(() => decodeRecord([new Uint8Array(129)]))).toBe('record-length');
    expect(codeOf(() => decodeRecord([update.subarray(0, 37), second]))).toBe('record-length');
    expect(codeOf(() => decodeRecord([update, second.subarray(1)]))).toBe('record-length');
    expect(codeOf(() => decodeRecord([bytes(2, 1, h, new Uint8Array(7))]))).toBe('record-length');
    expect(codeOf(() => decodeRecord([bytes(3, 1, 0, 0, 0, 0, h, 0)]))).toBe('record-length');
    expect(codeOf(() => decodeRecord([bytes(4, 1, new Uint8Array(102))]))).toBe('record-length');
    expect(codeOf(() => decodeRecord([bytes(0, 1, h)]))).toBe('record-kind');
    expect(codeOf(() => decodeRecord([bytes(5, 1, h)]))).toBe('record-kind');
    expect(codeOf(() => decodeRecord([bytes(1, 2, 0, 0, 0, 0, h), second]))).toBe('record-version');
    expect(codeOf(() => decodeRecord([bytes(4, 1, 0, 0, 0, 0, h, 2, h, h)]))).toBe('record-gate');
    expect(codeOf(() => decodeRecord([bytes(update, 10), second]))).toBe('bad-locator');
    expect(codeOf(() => decodeRecord([bytes(update, 0xff), second]))).toBe('bad-text');
    expect(codeOf(() => decodeRecord([update, new Uint8Array(40).fill(255)]))).toBe('out-of-range');
  });

  it('refuses to write what it would not read', () => {
    const h = new Uint8Array(32);
    const update = { kind: 'update', cycle: 0, commitment: h, locator: '', artifactSha256: h, sizeBytes: 0 } as const;
    expect(codeOf(() => encodeRecord({ ...update, locator: 'é'.repeat(46) }))).toBe('bad-locator');
    expect(codeOf(() => encodeRecord({ ...update, locator: 'a\u001b[2J' }))).toBe('bad-locator');
    expect(codeOf(() => encodeRecord({ ...update, locator: '\ud800' }))).toBe('bad-text');
    expect(codeOf(() => encodeRecord({ ...update, cycle: 2 ** 32 }))).toBe('out-of-range');
    expect(codeOf(() => encodeRecord({ ...update, sizeBytes: -1 }))).toBe('out-of-range');
    expect(codeOf(() => encodeRecord({ ...update, commitment: h.subarray(1) }))).toBe('bad-length');
    expect(encodeRecord({ ...update, locator: 'a'.repeat(90) })[0]).toHaveLength(128);
    expect(encodeRecord({ kind: 'task', taskHash: h, sizeBytes: 0, locator: 'a'.repeat(86) })[0]).toHaveLength(128);
  });
});

describe('bound commitment', () => {
  const preimages = VECTORS.commitments.map((v) => ({
    preimage: { genesis: fromHex(v.genesis), netuid: v.netuid, cycle: v.cycle, hotkey: fromHex(v.hotkey), salt: fromHex(v.salt), updateRoot: fromHex(v.updateRoot) },
    commitment: v.commitment,
  }));

  it.each(preimages)('equals the Python vector $commitment', ({ preimage, commitment }) => {
    expect(toHex(createCommitment(preimage))).toBe(commitment);
    expect(verifyCommitment(fromHex(commitment), preimage)).toBe(true);
    expect(verifyCommitment(fromHex(commitment), { ...preimage, hotkey: new Uint8Array(32) })).toBe(false);
    expect(verifyCommitment(fromHex(commitment), { ...preimage, cycle: (preimage.cycle + 1) % 2 ** 32 })).toBe(false);
  });

  it('refuses parts of the wrong size', () => {
    const { preimage } = preimages[0] as (typeof preimages)[number];
    expect(codeOf(() => createCommitment({ ...preimage, salt: new Uint8Array(31) }))).toBe('bad-length');
    expect(codeOf(() => createCommitment({ ...preimage, netuid: 65536 }))).toBe('out-of-range');
  });
});
