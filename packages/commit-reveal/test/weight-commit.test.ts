import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeWeightsPayload, encodeWeightsPayload, fromHex, hashWeightsCommit, toHex } from '../src/index.ts';
import { codeOf } from './code-of.ts';

const VECTORS = JSON.parse(readFileSync(new URL('./vectors/weight-hash.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly { readonly hotkey: string; readonly netuidIndex: number; readonly uids: number[]; readonly values: number[]; readonly salt: number[]; readonly versionKey: string; readonly hash: string }[];
};
const u16s = fc.array(fc.nat(65535), { maxLength: 100 });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const hotkey = fc.uint8Array({ minLength: 32, maxLength: 32 });
const bytes = (...parts: readonly (number | Uint8Array)[]) => Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));
const commit = { hotkey: new Uint8Array(32), netuidIndex: 1, uids: [1], values: [2], salt: [3], versionKey: 4n };

describe('the hash of commit-reveal v2', () => {
  it.each(VECTORS.cases)("equals that of Bittensor's SDK: $hash", ({ hotkey: key, versionKey, hash, ...rest }) => {
    expect(toHex(hashWeightsCommit({ ...rest, hotkey: fromHex(key), versionKey: BigInt(versionKey) }))).toBe(hash);
  });

  it('refuses what no u16 or u64 holds', () => {
    expect(codeOf(() => hashWeightsCommit({ ...commit, hotkey: new Uint8Array(33) }))).toBe('bad-length');
    expect(codeOf(() => hashWeightsCommit({ ...commit, netuidIndex: 65536 }))).toBe('out-of-range');
    expect(codeOf(() => hashWeightsCommit({ ...commit, uids: [1.5] }))).toBe('out-of-range');
    expect(codeOf(() => hashWeightsCommit({ ...commit, salt: [-1] }))).toBe('out-of-range');
    for (const versionKey of [-1n, 2n ** 64n, 3 as unknown as bigint]) expect(codeOf(() => hashWeightsCommit({ ...commit, versionKey }))).toBe('out-of-range');
  });
});

describe('the payload of timelocked weights', () => {
  it('round-trips', () => {
    fc.assert(
      fc.property(hotkey, u16s, u64, (key, uids, versionKey) => {
        const payload = { hotkey: key, uids, values: uids.map((uid) => 65535 - uid), versionKey };
        expect(decodeWeightsPayload(encodeWeightsPayload(payload))).toEqual(payload);
      }),
    );
  });

  it('reads the older form without a hotkey', () => {
    expect(decodeWeightsPayload(bytes(8, 1, 0, 2, 1, 8, 3, 0, 255, 255, 9, 0, 0, 0, 0, 0, 0, 128))).toEqual({ uids: [1, 258], values: [3, 65535], versionKey: 9n + 2n ** 63n });
    expect(decodeWeightsPayload(new Uint8Array(10))).toEqual({ uids: [], values: [], versionKey: 0n });
  });

  it('refuses bytes that are cut, trail, lie about lengths, or are not canonical', () => {
    const good = encodeWeightsPayload({ hotkey: new Uint8Array(32).fill(9), uids: [1, 2], values: [3, 4], versionKey: 5n });
    for (let length = 0; length < good.length; length++) expect(codeOf(() => decodeWeightsPayload(good.subarray(0, length)))).toBe('weights-payload');
    expect(codeOf(() => decodeWeightsPayload(bytes(good, 0)))).toBe('weights-payload');
    const key = new Uint8Array(8);
    // Four bytes for 0, two bytes for 1, a length of 2^30 - 1, a big-integer length, unequal vectors.
    for (const bad of [bytes(2, 0, 0, 0, 0, key), bytes(5, 0, 1, 0, 0, key), bytes(254, 255, 255, 255, key), bytes(3, 0, 0, 0, 1, key), bytes(4, 1, 0, 0, key)]) {
      expect(codeOf(() => decodeWeightsPayload(bad))).toBe('weights-payload');
    }
  });

  it('answers any bytes with a code, or with what encodes to them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), hotkey, (noise, key) => {
        const input = noise.length % 2 === 0 ? noise : bytes(128, key, noise);
        let again: Uint8Array = input;
        const code = codeOf(() => {
          const payload = decodeWeightsPayload(input);
          if (payload.hotkey) again = encodeWeightsPayload({ ...payload, hotkey: payload.hotkey });
        });
        expect(again).toEqual(input);
        expect(['none', 'weights-payload']).toContain(code);
      }),
    );
  });

  it('refuses to write what nobody could read', () => {
    const payload = { hotkey: new Uint8Array(32), uids: [1, 2], values: [1], versionKey: 0n };
    expect(codeOf(() => encodeWeightsPayload(payload))).toBe('weights-payload');
    expect(codeOf(() => encodeWeightsPayload({ ...payload, values: [1, 65536] }))).toBe('out-of-range');
    expect(codeOf(() => encodeWeightsPayload({ ...payload, hotkey: new Uint8Array(31), values: [1, 1] }))).toBe('bad-length');
    expect(codeOf(() => encodeWeightsPayload({ ...payload, values: [1, 1], versionKey: 2n ** 64n }))).toBe('out-of-range');
  });

  it('hashes no lists of different lengths, which nobody could reveal', () => {
    expect(codeOf(() => hashWeightsCommit({ ...commit, values: [2, 3] }))).toBe('weights-payload');
  });
});
