import * as fc from 'fast-check';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { describe, expect, it } from 'vitest';
import { decodePortableTimelock, decryptTimelock, deriveBeaconKey, encodePortableTimelock, encryptTimelock, QUICKNET, signRound, TIMELOCK_OVERHEAD_BYTES } from '../src/index.ts';
import { codeOf } from './code-of.ts';

const KEY = deriveBeaconKey(new TextEncoder().encode('localnet'));
const SIGNATURE = signRound(KEY.secretKey, 7);
const seal = (plaintext: Uint8Array, round = 7) => encryptTimelock({ publicKey: KEY.publicKey, round, plaintext });
const sealed = seal(Uint8Array.of(1, 2, 3));
const INFINITY = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i === 0 ? 0xc0 : 0));

function withBytes(bytes: Uint8Array, at: number, patch: Uint8Array): Uint8Array {
  const out = Uint8Array.from(bytes);
  out.set(patch, at);
  return out;
}

/** A compressed point on the curve with a small x: in the subgroup of prime order only by a chance of less than 2^-100. */
function outsideSubgroup(size: 48 | 96): Uint8Array {
  const { Fp, Fp2 } = bls12_381.fields;
  for (let x = 1n; x < 256n; x++) {
    const cube = x ** 3n;
    try {
      if (size === 48) Fp.sqrt(cube + 4n);
      else Fp2.sqrt(Fp2.create({ c0: cube + 4n, c1: 4n }));
      return Uint8Array.from({ length: size }, (_, i) => (i === 0 ? 0x80 : i === size - 1 ? Number(x) : 0));
    } catch {
      // No square root: no point with this x.
    }
  }
  throw new Error('no such point among the first 255');
}

describe('timelock', () => {
  it('opens what it sealed for any beacon, and is as long as the format says', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.integer({ min: 1, max: 2 ** 53 - 1 }), (plaintext, round) => {
        const ciphertext = seal(plaintext, round);
        expect(ciphertext).toHaveLength(plaintext.length + TIMELOCK_OVERHEAD_BYTES);
        expect(decryptTimelock(ciphertext, signRound(KEY.secretKey, round))).toEqual(plaintext);
      }),
      { numRuns: 8 },
    );
  });

  it('is another ciphertext every time', () => {
    expect(seal(new Uint8Array(3))).not.toEqual(seal(new Uint8Array(3)));
  });

  it('stays closed to another round and another beacon', () => {
    expect(codeOf(() => decryptTimelock(sealed, signRound(KEY.secretKey, 8)))).toBe('timelock-mismatch');
    const other = deriveBeaconKey(new TextEncoder().encode('other'));
    expect(codeOf(() => decryptTimelock(sealed, signRound(other.secretKey, 7)))).toBe('timelock-mismatch');
  });

  it('refuses every single flipped bit of one byte, wherever it is', () => {
    // One random bit per byte: all bytes of the format are covered in every run.
    const codes = new Map<string, number>();
    for (let at = 0; at < sealed.length; at++) {
      const bit = 1 << Math.floor(Math.random() * 8);
      const code = codeOf(() => decryptTimelock(withBytes(sealed, at, Uint8Array.of((sealed[at] ?? 0) ^ bit)), SIGNATURE));
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    expect(codes.get('timelock-layout')).toBe(6 * 8 + 8);
    expect(codes.get('timelock-altered')).toBe(3 + 16 + 12);
    expect((codes.get('timelock-point') ?? 0) + (codes.get('timelock-mismatch') ?? 0)).toBe(96 + 64);
    expect([...codes.values()].reduce((a, b) => a + b)).toBe(sealed.length);
  });

  it('refuses bytes that are cut, that trail, and lengths that lie, before any curve arithmetic', () => {
    for (const length of [0, 1, 243, 244, sealed.length - 1]) expect(codeOf(() => decryptTimelock(sealed.subarray(0, length), SIGNATURE))).toBe('timelock-layout');
    expect(codeOf(() => decryptTimelock(withBytes(new Uint8Array(sealed.length + 1), 0, sealed), SIGNATURE))).toBe('timelock-layout');
    const huge = new Uint8Array(8).fill(255);
    for (const at of [96, 136, 176, 184, sealed.length - 36, sealed.length - 16]) expect(codeOf(() => decryptTimelock(withBytes(sealed, at, huge), SIGNATURE))).toBe('timelock-layout');
    expect(codeOf(() => decryptTimelock(withBytes(sealed, sealed.length - 8, new TextEncoder().encode('AES_CTR_')), SIGNATURE))).toBe('timelock-layout');
  });

  it('refuses points that are none: infinity, off the curve, outside the subgroup, not compressed', () => {
    const g2 = outsideSubgroup(96);
    const offCurve = withBytes(INFINITY(96), 0, Uint8Array.of(0x80));
    const aboveModulus = new Uint8Array(96).fill(255, 1).fill(0x9f, 0, 1);
    for (const u of [INFINITY(96), offCurve, g2, aboveModulus, new Uint8Array(96)]) {
      expect(codeOf(() => decryptTimelock(withBytes(sealed, 0, u), SIGNATURE))).toBe('timelock-point');
    }
    const g1 = outsideSubgroup(48);
    for (const signature of [INFINITY(48), g1, new Uint8Array(48)]) expect(codeOf(() => decryptTimelock(sealed, signature))).toBe('bad-signature');
    expect(codeOf(() => decryptTimelock(sealed, SIGNATURE.subarray(1)))).toBe('bad-length');
  });

  it('answers any bytes with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(codeOf(() => decryptTimelock(bytes, SIGNATURE))).toMatch(/^timelock-/);
      }),
    );
  });

  it('refuses keys, rounds and randomness that are none', () => {
    const options = { publicKey: QUICKNET.publicKey, round: 1, plaintext: new Uint8Array(0) };
    expect(codeOf(() => encryptTimelock({ ...options, publicKey: new Uint8Array(95) }))).toBe('bad-length');
    expect(codeOf(() => encryptTimelock({ ...options, publicKey: INFINITY(96) }))).toBe('bad-beacon');
    expect(codeOf(() => encryptTimelock({ ...options, round: 0 }))).toBe('out-of-range');
    expect(codeOf(() => encryptTimelock({ ...options, randomBytes: () => new Uint8Array(8) }))).toBe('bad-length');
  });
});

describe('the portable form', () => {
  it('carries the round, and no ciphertext alone is taken for it', () => {
    expect(decodePortableTimelock(encodePortableTimelock({ ciphertext: sealed, round: 7 }))).toEqual({ ciphertext: sealed, round: 7 });
    expect(decodePortableTimelock(sealed)).toBeUndefined();
    for (const bytes of [new Uint8Array(0), new Uint8Array(1), new Uint8Array(300), new Uint8Array(300).fill(2)]) expect(decodePortableTimelock(bytes)).toBeUndefined();
    expect(codeOf(() => decodePortableTimelock(new Uint8Array(9).fill(255).fill(0, 0, 1)))).toBe('out-of-range');
  });

  it('survives any ciphertext and round', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), fc.maxSafeNat(), (ciphertext, round) => {
        expect(decodePortableTimelock(encodePortableTimelock({ ciphertext, round }))).toEqual({ ciphertext, round });
      }),
    );
  });
});
