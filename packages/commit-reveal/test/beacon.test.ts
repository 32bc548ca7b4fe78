import { bls12_381 } from '@noble/curves/bls12-381.js';
import { existsSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deriveBeaconKey,
  DRAND_DST,
  firstRoundAt,
  fromHex,
  isPulseSignature,
  lastRoundAt,
  pulseRandomness,
  QUICKNET,
  roundMessage,
  roundTimeMs,
  signRound,
  toHex,
  verifyPulse,
} from '../src/index.ts';
import { codeOf } from './code-of.ts';

const PULSE = JSON.parse(readFileSync(new URL('./vectors/quicknet.json', import.meta.url), 'utf8')) as { round: number; signature: string; randomness: string };
const SHARED = new URL('../../../../shared/data/timelock/quicknet-round-1000.json', import.meta.url);
if (!existsSync(SHARED)) console.warn('SKIPPED: ../shared/data/timelock is absent; the stored copy of quicknet round 1000 is still checked');

describe('quicknet', () => {
  const signature = fromHex(PULSE.signature);

  it('verifies the real signature of round 1000 and gives its randomness', () => {
    expect(verifyPulse(QUICKNET, { round: 1000, signature })).toBe(true);
    expect(verifyPulse(QUICKNET, { round: 1000, signature, randomness: fromHex(PULSE.randomness) })).toBe(true);
    expect(toHex(pulseRandomness(signature))).toBe(PULSE.randomness);
  });

  it('refuses another round, other randomness, and bytes that are no signature', () => {
    expect(verifyPulse(QUICKNET, { round: 1001, signature })).toBe(false);
    expect(verifyPulse(QUICKNET, { round: 1000, signature, randomness: new Uint8Array(32) })).toBe(false);
    const flipped = Uint8Array.from(signature);
    flipped[47] = (flipped[47] ?? 0) ^ 1;
    const infinity = Uint8Array.from({ length: 48 }, (_, i) => (i === 0 ? 0xc0 : 0));
    for (const bad of [flipped, infinity, new Uint8Array(48), signature.subarray(1), new Uint8Array(0)]) {
      expect(verifyPulse(QUICKNET, { round: 1000, signature: bad })).toBe(false);
      expect(isPulseSignature(bad)).toBe(false);
    }
    expect(isPulseSignature(signature)).toBe(true);
  });

  it.skipIf(!existsSync(SHARED))('has the key and the signature of the shared vector', () => {
    const shared = JSON.parse(readFileSync(SHARED, 'utf8')) as Record<'chainHash' | 'publicKey' | 'signature', string>;
    expect(toHex(QUICKNET.publicKey)).toBe(shared.publicKey);
    expect(QUICKNET.chainHash).toBe(shared.chainHash);
    expect(PULSE.signature).toBe(shared.signature);
  });
});

const SCHEME = bls12_381.shortSignatures;

describe('a beacon of our own', () => {
  const key = deriveBeaconKey(new TextEncoder().encode('seed'));

  it('signs what it verifies, and only that', () => {
    const signature = signRound(key.secretKey, 7);
    expect(verifyPulse(key, { round: 7, signature })).toBe(true);
    expect(verifyPulse(key, { round: 8, signature })).toBe(false);
    expect(verifyPulse(QUICKNET, { round: 7, signature })).toBe(false);
    expect(signRound(key.secretKey, 7)).toEqual(signature);
    // Half of all points have the larger y.
    for (let round = 1; round <= 16; round++) {
      expect(signRound(key.secretKey, round)).toEqual(SCHEME.sign(SCHEME.hash(roundMessage(round), DRAND_DST), key.secretKey).toBytes());
    }
  });

  it('derives one key from one seed', () => {
    expect(deriveBeaconKey(new TextEncoder().encode('seed'))).toEqual(key);
    expect(deriveBeaconKey(new TextEncoder().encode('other')).publicKey).not.toEqual(key.publicKey);
    expect(key.secretKey).toHaveLength(32);
    expect(key.publicKey).toHaveLength(96);
  });

  it('refuses keys and rounds that are none', () => {
    expect(codeOf(() => signRound(new Uint8Array(31), 1))).toBe('bad-length');
    for (const round of [0, -1, 1.5, 2 ** 53]) expect(codeOf(() => roundMessage(round))).toBe('out-of-range');
    expect(codeOf(() => pulseRandomness(new Uint8Array(47)))).toBe('bad-length');
    const signature = signRound(key.secretKey, 7);
    expect(codeOf(() => verifyPulse({ publicKey: new Uint8Array(95) }, { round: 7, signature }))).toBe('bad-length');
    expect(codeOf(() => verifyPulse({ publicKey: new Uint8Array(96) }, { round: 7, signature }))).toBe('bad-beacon');
    const infinity = Uint8Array.from({ length: 96 }, (_, i) => (i === 0 ? 0xc0 : 0));
    expect(codeOf(() => verifyPulse({ publicKey: infinity }, { round: 7, signature }))).toBe('bad-beacon');
  });
});

describe('rounds and times', () => {
  const beacon = fc.record({ publicKey: fc.constant(new Uint8Array(96)), genesisTimeMs: fc.nat(2e12), periodMs: fc.integer({ min: 1, max: 60_000 }) });

  it('are inverse to one another', () => {
    fc.assert(
      fc.property(beacon, fc.integer({ min: 1, max: 1e9 }), (b, round) => {
        const time = roundTimeMs(b, round);
        expect(firstRoundAt(b, time)).toBe(round);
        expect(lastRoundAt(b, time)).toBe(round);
        expect(firstRoundAt(b, time + 1)).toBe(round + 1);
        expect(lastRoundAt(b, time - 1)).toBe(round - 1);
      }),
    );
  });

  it('first is at or after, last is at or before, at most one period away', () => {
    fc.assert(
      fc.property(beacon, fc.nat(1e13), (b, offset) => {
        const time = b.genesisTimeMs + (offset % 1e12);
        const first = roundTimeMs(b, firstRoundAt(b, time));
        const last = roundTimeMs(b, lastRoundAt(b, time));
        expect(first - time).toBeGreaterThanOrEqual(0);
        expect(first - time).toBeLessThan(b.periodMs);
        expect(time - last).toBeGreaterThanOrEqual(0);
        expect(time - last).toBeLessThan(b.periodMs);
      }),
    );
  });

  it('know the genesis of quicknet', () => {
    expect(roundTimeMs(QUICKNET, 1)).toBe(Date.UTC(2023, 7, 23, 15, 9, 27));
    expect(firstRoundAt(QUICKNET, 0)).toBe(1);
    expect(lastRoundAt(QUICKNET, 0)).toBe(0);
  });

  it('refuse periods and times that are none', () => {
    expect(codeOf(() => firstRoundAt({ ...QUICKNET, periodMs: 0 }, 0))).toBe('bad-beacon');
    expect(codeOf(() => roundTimeMs({ ...QUICKNET, genesisTimeMs: 0.5 }, 1))).toBe('bad-beacon');
    expect(codeOf(() => firstRoundAt(QUICKNET, Number.NaN))).toBe('out-of-range');
    expect(codeOf(() => lastRoundAt(QUICKNET, Infinity))).toBe('out-of-range');
  });
});
