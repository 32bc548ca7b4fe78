/** Oracle: `@polkadot/util-crypto` (its JavaScript forms of noble and scure, and its own bindings of the WebAssembly). */
import { blake2AsU8a, cryptoWaitReady, encodeAddress as polkadotEncode, ed25519PairFromSeed, ed25519Sign, ed25519Verify, mnemonicGenerate, randomAsU8a, secp256k1PairFromSeed, secp256k1Sign, sr25519PairFromSeed, sr25519Sign, sr25519Verify, xxhashAsU8a } from '@polkadot/util-crypto';
import { Keyring } from '@polkadot/keyring';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { accountOfAddress, accountOfUri, DEVELOPMENT_ACCOUNTS } from '../src/accounts.ts';
import { toHex } from '../src/hex.ts';
import { decodeAddress, encodeAddress } from '../src/ss58.ts';
import { blake2b, recoverSecp256k1, signSr25519, sr25519Pair, sr25519PublicKey, verifyEd25519, verifySr25519, xxHash } from '../src/substrate-crypto.ts';

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const anyBytes = fc.uint8Array({ maxLength: 700 });

beforeAll(() => cryptoWaitReady());

describe('hashes', () => {
  it('are those of the JavaScript forms', () => {
    fc.assert(
      fc.property(anyBytes, (data) => {
        for (const size of [8, 16, 32, 64]) expect(blake2b(data, size)).toEqual(blake2AsU8a(data, (8 * size) as 64, null, true));
        for (const hashes of [1, 2]) expect(xxHash(data, hashes)).toEqual(xxhashAsU8a(data, (64 * hashes) as 64, true));
      }),
    );
  });
});

describe('signatures', () => {
  it('of sr25519 count with message and key as signed, and not otherwise', () => {
    fc.assert(
      fc.property(bytes(32), anyBytes, fc.nat(63), fc.integer({ min: 1, max: 255 }), (seed, message, at, flip) => {
        const pair = sr25519PairFromSeed(seed);
        const signature = sr25519Sign(message, pair);
        expect(verifySr25519({ message, signature, publicKey: pair.publicKey })).toBe(true);
        const forged = signature.slice();
        forged[at] = (forged[at] as number) ^ flip;
        expect(verifySr25519({ message, signature: forged, publicKey: pair.publicKey })).toBe(false);
        expect(verifySr25519({ message: Uint8Array.of(...message, 0), signature, publicKey: pair.publicKey })).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it('of ed25519 are checked', () => {
    fc.assert(
      fc.property(bytes(32), anyBytes, bytes(64), (seed, message, noise) => {
        const pair = ed25519PairFromSeed(seed, true);
        const signature = ed25519Sign(message, pair, true);
        expect(verifyEd25519({ message, signature, publicKey: pair.publicKey })).toBe(true);
        expect(verifyEd25519({ message, signature: noise, publicKey: pair.publicKey })).toBe(ed25519Verify(message, noise, pair.publicKey, true));
      }),
      { numRuns: 20 },
    );
  });

  it('of sr25519 are made, the same each time, whatever was signed before', () => {
    fc.assert(
      fc.property(bytes(32), anyBytes, (seed, message) => {
        const pair = sr25519Pair(seed);
        const signature = signSr25519(pair, message);
        expect(sr25519Verify(message, signature, sr25519PublicKey(pair))).toBe(true);
        expect(sr25519PublicKey(pair)).toEqual(sr25519PairFromSeed(seed).publicKey);
        expect(signSr25519(pair, Uint8Array.of(...message, 0))).not.toEqual(signature);
        expect(signSr25519(pair, message)).toEqual(signature);
      }),
      { numRuns: 20 },
    );
  });

  it('of ECDSA tell their key; what is none throws, and does no harm to what comes after', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (seed, message) => {
        const pair = secp256k1PairFromSeed(seed, true);
        const hash = blake2b(message, 32);
        const signature = secp256k1Sign(message, pair, 'blake2', true);
        expect(recoverSecp256k1(hash, signature.subarray(0, 64), signature[64] as number)).toEqual(pair.publicKey);
        expect(() => recoverSecp256k1(hash, new Uint8Array(64).fill(255), 1)).toThrow('unreachable');
        expect(() => recoverSecp256k1(hash, signature.subarray(0, 64), 9)).toThrow('unreachable');
        expect(blake2b(message, 32)).toEqual(hash);
      }),
      { numRuns: 20 },
    );
  });
});

describe('addresses', () => {
  it('are written with prefix 42 and read with any', () => {
    fc.assert(
      fc.property(bytes(32), fc.constantFrom(0, 42, 63, 64, 255, 16_383), (account, prefix) => {
        expect(encodeAddress(account)).toBe(polkadotEncode(account, 42));
        expect(decodeAddress(polkadotEncode(account, prefix))).toEqual(account);
        expect(decodeAddress(`0x${toHex(account)}`)).toEqual(account);
      }),
    );
  });

  it('that anything is wrong with are none', () => {
    const address = polkadotEncode(new Uint8Array(32).fill(7), 42);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat(47).map((at) => `${address.slice(0, at)}${address[at] === '2' ? '3' : '2'}${address.slice(at + 1)}`)), (text) => {
        expect(decodeAddress(text)).toBeUndefined();
      }),
    );
    for (const none of [undefined, 7, '', '0x', '0x00', `${address}1`, polkadotEncode(new Uint8Array(33).fill(7)), polkadotEncode(new Uint8Array(8)), `0x${'00'.repeat(33)}`]) expect(accountOfAddress(none)).toBeUndefined();
  });
});

describe('secret URIs', () => {
  const keyring = new Keyring({ type: 'sr25519' });
  const phrase = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
  const expectedOf = (uri: string): string => toHex(keyring.createFromUri(uri.startsWith('/') ? `${phrase}${uri}` : uri).publicKey);

  it('give the accounts that a keyring gives', () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9 _.é-]{1,40}$/);
    const junctions = fc.array(fc.tuple(fc.constantFrom('/', '//'), fc.oneof(name, fc.bigInt(0n, 2n ** 64n - 1n).map(String))), { minLength: 1, maxLength: 4 }).map((parts) => parts.flat().join(''));
    const seed = bytes(32).map((value) => `0x${toHex(value)}`);
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom('', mnemonicGenerate(12), mnemonicGenerate(24)), seed), junctions, (secret, path) => {
        expect(accountOfUri(`${secret}${path}`)).toBe(expectedOf(`${secret}${path}`));
      }),
      { numRuns: 40 },
    );
  });

  it('derive from the words of the development phrase', () => {
    for (const uri of DEVELOPMENT_ACCOUNTS) expect(accountOfUri(uri)).toBe(expectedOf(uri));
    expect(accountOfUri(phrase)).toBe(expectedOf(phrase));
    expect(accountOfUri('//Alice')).toBe('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d');
  });

  it('take a password', () => {
    for (const uri of [`${mnemonicGenerate()}//a///secret`, '//Alice///secret', '/soft///sec/ret']) expect(accountOfUri(uri)).toBe(expectedOf(uri));
  });

  it('are nothing else', () => {
    for (const none of ['', '/', '//', 'Alice', 'bottom drive', `0x${toHex(randomAsU8a(31))}`, `0x${toHex(randomAsU8a(32))}0`, '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY']) expect(accountOfUri(none)).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => void accountOfUri(text)));
  });
});
