import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ChainError, createMnemonic, hotkeyFromBytes, hotkeyToBytes, isChainError, openKeypair, openKeypairFromSeed, parseBlockNumber, parseHotkey, parseNetuid } from '../src/index.ts';
import { codeOfRun } from './code-of.ts';

// Well-known development keys: `subkey inspect //Alice` and `subkey inspect //Bob`.
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty';
const ALICE_KEY = 'd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d';
const ALICE_SEED = 'e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a';

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('keypairs', () => {
  it('open from URIs, mnemonics and seeds', () => {
    expect(openKeypair('//Alice').hotkey).toBe(ALICE);
    expect(openKeypair('//Bob').hotkey).toBe(BOB);
    expect(openKeypair(`0x${ALICE_SEED}`).hotkey).toBe(ALICE);
    expect(openKeypairFromSeed(Uint8Array.from(Buffer.from(ALICE_SEED, 'hex'))).hotkey).toBe(ALICE);
    const mnemonic = createMnemonic();
    expect(mnemonic.split(' ')).toHaveLength(12);
    expect(openKeypair(mnemonic).hotkey).toBe(openKeypair(mnemonic).hotkey);
    expect(openKeypair(`${mnemonic}//hard`).hotkey).not.toBe(openKeypair(mnemonic).hotkey);
  });

  it('sign what their address verifies', () => {
    const { pair, publicKey, sign } = openKeypair('//Alice');
    const message = Uint8Array.of(1, 2, 3);
    expect(pair.verify(message, sign(message), publicKey)).toBe(true);
    expect(Buffer.from(publicKey).toString('hex')).toBe(ALICE_KEY);
  });

  it('show no secret when printed, nor do errors', () => {
    const shown = inspect(openKeypair(`0x${ALICE_SEED}`), { depth: 9 }) + JSON.stringify(openKeypair('//Alice'));
    expect(shown).not.toContain(ALICE_SEED);
    expect(shown).not.toContain('pair');
    for (const uri of ['', '//', 'word word', 'Alice', '0x12', `0x${'z'.repeat(64)}`]) expect(codeOfRun(() => openKeypair(uri))).toBe('bad-key');
    const secret = 'bottom drive obey lake curtain smoke basket hold race lonely fit wrong';
    const failure = thrown(() => openKeypair(secret));
    expect(isChainError(failure, 'bad-key')).toBe(true);
    expect(inspect(failure, { depth: 9 })).not.toContain('curtain');
    expect(codeOfRun(() => openKeypairFromSeed(new Uint8Array(31)))).toBe('bad-key');
  });
});

describe('identifiers', () => {
  it('normalise addresses of other prefixes', () => {
    // Alice under Polkadot's prefix 0.
    expect(parseHotkey('15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5')).toBe(ALICE);
    expect(hotkeyFromBytes(hotkeyToBytes(ALICE))).toBe(ALICE);
    expect(Buffer.from(hotkeyToBytes(ALICE)).toString('hex')).toBe(ALICE_KEY);
  });

  it('refuse what is none, without repeating it', () => {
    for (const address of ['', 'x', ALICE.slice(1), `${ALICE}0`, `0x${ALICE_KEY}`, ALICE.replace('G', 'H')]) expect(codeOfRun(() => parseHotkey(address))).toBe('bad-address');
    expect(codeOfRun(() => hotkeyFromBytes(new Uint8Array(31)))).toBe('bad-address');
    expect(() => parseHotkey(`0x${ALICE_SEED}`)).toThrow(/66 characters/);
    // What was pasted into the wrong place is not quoted, by the library below neither.
    expect(() => parseHotkey('segment annual inform favorite')).toThrow(expect.toSatisfy((error) => !inspect(error, { depth: 9 }).includes('annual')) as Error);
    expect([parseNetuid(0), parseNetuid(65535), parseBlockNumber(2 ** 32 - 1)]).toEqual([0, 65535, 2 ** 32 - 1]);
    for (const value of [-1, 65536, 0.5, Number.NaN]) expect(codeOfRun(() => parseNetuid(value))).toBe('bad-value');
    expect(codeOfRun(() => parseBlockNumber(2 ** 32))).toBe('bad-value');
  });
});

describe('errors', () => {
  it('are known by their brand, have frozen context and keep their cause', () => {
    const cause = new Error('below');
    const error = new ChainError('timeout', 'text', { endpoint: 'ws://x' }, cause);
    expect([isChainError(error), isChainError(error, 'timeout'), isChainError(error, 'closed'), isChainError(null)]).toEqual([true, true, false, false]);
    expect(Object.isFrozen(error.context)).toBe(true);
    expect(error.cause).toBe(cause);
  });
});
