import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodePortableTimelock, decodeWeightsPayload, decryptTimelock, encodePortableTimelock, encodeWeightsPayload, encryptTimelock, fromHex, QUICKNET, TIMELOCK_OVERHEAD_BYTES, toHex } from '../src/index.ts';

interface Case {
  readonly plaintext: string;
  readonly ciphertext: string;
}
interface WeightsCase {
  readonly maker: string;
  readonly hotkey: string;
  readonly uids: readonly number[];
  readonly values: readonly number[];
  readonly versionKey: string;
  readonly ciphertext: string;
}
const read = <T>(name: string) => JSON.parse(readFileSync(new URL(`./vectors/${name}`, import.meta.url), 'utf8')) as T;
const MADE = read<{ signature: string; made: readonly { maker: string; plaintext: string; portable: string }[]; weights: readonly WeightsCase[]; openedOfOurs: number }>('timelock.json');
const OURS = read<{ cases: readonly Case[] }>('timelock-ours.json');
const WASM = read<{ publicKey: string; signature: string; cases: readonly Case[] }>('timelock-wasm.json');
const SHARED = new URL('../../../../shared/data/timelock/quicknet-round-1000.json', import.meta.url);
if (!existsSync(SHARED)) console.warn('SKIPPED: ../shared/data/timelock is absent; the stored copy of its ciphertexts is still opened');
const signature = fromHex(MADE.signature);

describe('timelock ciphertexts of other implementations', () => {
  it.each(MADE.made)('opens one of $maker', ({ plaintext, portable }) => {
    const parsed = decodePortableTimelock(fromHex(portable));
    expect(parsed?.round).toBe(1000);
    const { ciphertext } = parsed as NonNullable<typeof parsed>;
    expect(toHex(decryptTimelock(ciphertext, signature))).toBe(plaintext);
    expect(ciphertext).toHaveLength(plaintext.length / 2 + TIMELOCK_OVERHEAD_BYTES);
    expect(toHex(encodePortableTimelock({ ciphertext, round: 1000 }))).toBe(portable);
  });

  it.each(WASM.cases)('opens $plaintext of the Rust crate in WebAssembly', ({ plaintext, ciphertext }) => {
    expect(toHex(decryptTimelock(fromHex(ciphertext), fromHex(WASM.signature)))).toBe(plaintext);
  });

  it.skipIf(!existsSync(SHARED))('has the ciphertexts of the shared vector', () => {
    expect(WASM).toEqual(JSON.parse(readFileSync(SHARED, 'utf8')));
  });

  it.each(MADE.weights)('opens and reads a weight commit of $maker', ({ hotkey, uids, values, versionKey, ciphertext }) => {
    const plaintext = decryptTimelock(fromHex(ciphertext), signature);
    const payload = { hotkey: fromHex(hotkey), uids, values, versionKey: BigInt(versionKey) };
    expect(decodeWeightsPayload(plaintext)).toEqual(payload);
    expect(encodeWeightsPayload(payload)).toEqual(plaintext);
  });
});

describe('timelock ciphertexts that those implementations opened', () => {
  it('are what this package makes from the same randomness', () => {
    let counter = 0;
    const randomBytes = (size: number) => new Uint8Array(createHash('sha256').update(`timelock ${counter++}`).digest().subarray(0, size));
    const again = OURS.cases.map(({ plaintext }) => toHex(encryptTimelock({ publicKey: QUICKNET.publicKey, round: 1000, plaintext: fromHex(plaintext), randomBytes })));
    expect(again).toEqual(OURS.cases.map(({ ciphertext }) => ciphertext));
    expect(MADE.openedOfOurs).toBe(OURS.cases.length);
  });
});
