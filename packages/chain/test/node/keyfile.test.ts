import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Keyring } from '@polkadot/keyring';
import * as fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ChainError, isChainError } from '../../src/errors.ts';
import { hotkeyFromBytes } from '../../src/identifier.ts';
import { createMnemonic, openKeypair } from '../../src/keypair.ts';
import { createWallet, encodePasswordVariable, keypairFromSecret, listWallets, openWallet, passwordFromEnvironment, passwordVariable, readPasswordFile, secretFromJson, secretFromSeed, secretFromUri, writeKey, writePublicKey } from '../../src/node/index.ts';
import { decryptKeyfile, encryptKeyfile, encryptionOf } from '../../src/node/keyfile-encryption.ts';
import { formatKeyfile, MAX_KEYFILE_BYTES, parseKeyfile } from '../../src/node/keyfile.ts';
import { privateKeyOf, secretFromPrivateKey } from '../../src/node/key-secret.ts';

// A throw-away key, published here.
const PHRASE = 'segment annual inform favorite picnic sea history rate wrist wet cinnamon select';
const SEED = '84eeeb48afe09f9b9426d93d48f7b4f219f5b429b0f557f1d60083fa9fc924fc';
const OTHER = openKeypair('//Bob');
const fields = JSON.parse(formatKeyfile(secretFromUri(PHRASE))) as Record<string, unknown>;
const ADDRESS = fields['ss58Address'] as string;
const encode = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseKeyfile(encode(text), 'file');
const file = (changes: Record<string, unknown>) => JSON.stringify({ ...fields, ...changes });
const without = (...names: string[]) => JSON.stringify(Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name))));

let root = '';
const made: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'connito-keyfile-'));
  made.push(root);
});
afterAll(() => made.forEach((path) => rmSync(path, { recursive: true })));

/** That an error, in every form in which it could reach a log, has none of the secrets. */
function expectNoSecret(value: unknown): void {
  const shown = [inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value), value instanceof Error ? `${value.stack}${String(value.cause)}` : ''].join('\n');
  for (const secret of ['picnic', SEED.slice(4, 40), String(fields['privateKey']).slice(6, 60)]) expect(shown).not.toContain(secret);
}

function caught(run: () => unknown): ChainError {
  try {
    run();
  } catch (error) {
    if (isChainError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** That it was opened, or why not; anything but a ChainError is thrown. */
function outcomeOf(text: string): 'opened' | ChainError {
  try {
    parse(text);
    return 'opened';
  } catch (error) {
    if (isChainError(error)) return error;
    throw error;
  }
}

function kind(text: string): string {
  return encryptionOf(encode(text));
}

describe('parseKeyfile', () => {
  it.each([
    ['key with a space', JSON.stringify({ accountId: fields['accountId'], publicKey: fields['publicKey'], secretPhrase: PHRASE, secretSeed: null, ' ss58Address': ADDRESS }), true],
    ['a bare mnemonic', `${PHRASE}\n`, true],
    ['a bare seed with 0x', `0x${SEED}`, true],
    ['a bare seed', SEED, true],
    ['nulls for what is missing', file({ secretPhrase: null, privateKey: null }), true],
    ['the phrase alone', JSON.stringify({ secretPhrase: PHRASE }), true],
    ['the private key alone', without('secretPhrase', 'secretSeed'), true],
    ['members that are unknown', file({ accountType: 'coldkey', signingScheme: 'x', __proto__: 1 }), true],
    ['an address alone', JSON.stringify({ ss58Address: ADDRESS }), false],
    ['a public key alone', JSON.stringify({ publicKey: fields['publicKey'] }), false],
  ])('opens %s', (_name, text, hasSecret) => {
    const content = parse(text);
    expect(content.address).toBe(ADDRESS);
    expect(content.secret !== undefined).toBe(hasSecret);
    expect(content.secret === undefined ? ADDRESS : keypairFromSecret(content.secret).hotkey).toBe(ADDRESS);
  });

  it('takes the phrase before the seed, the seed before the private key', () => {
    const foreign = `0x${Buffer.from(privateKeyOf(secretFromUri('//Bob'))).toString('hex')}`;
    expect(parse(file({ privateKey: foreign })).address).toBe(ADDRESS);
    expect(parse(JSON.stringify({ secretSeed: `0x${SEED}`, privateKey: foreign })).address).toBe(ADDRESS);
  });

  it.each([
    ['nothing', ''],
    ['an empty object', '{}'],
    ['a list', '[]'],
    ['not JSON', '{"secretPhrase": "segment annual'],
    ['another text', 'hello'],
    ['a URI', '//Alice'],
    ['a phrase with a path', `${PHRASE}//hard`],
    ['a phrase whose checksum fails', file({ secretPhrase: PHRASE.replace('select', 'sea') })],
    ['a phrase that is a number', file({ secretPhrase: 12 })],
    ['a phrase with a path inside', file({ secretPhrase: `${PHRASE}//hard` })],
    ['an address that is none', file({ ss58Address: `${ADDRESS.slice(0, -1)}1` })],
    ['an address that is a list', file({ ss58Address: [ADDRESS] })],
    ['another address', file({ ss58Address: OTHER.hotkey, publicKey: null, accountId: null })],
    ['another public key', file({ publicKey: `0x${Buffer.from(OTHER.publicKey).toString('hex')}` })],
    ['another account', file({ accountId: `0x${'22'.repeat(32)}` })],
    ['a public key that is short', file({ publicKey: '0x1234' })],
    ['a seed that is short and nothing else', JSON.stringify({ secretSeed: '0x1234', ss58Address: ADDRESS })],
    ['a private key that is short', JSON.stringify({ privateKey: '0x1234', ss58Address: ADDRESS })],
    ['a private key of zero', JSON.stringify({ privateKey: `0x${'00'.repeat(64)}` })],
    ['a private key above the order', JSON.stringify({ privateKey: `0x${'ff'.repeat(64)}` })],
  ])('refuses %s', (_name, text) => {
    const error = caught(() => parse(text));
    expect(error.code).toBe('bad-keyfile');
    expect(error.message).toMatch(/^file /);
    expectNoSecret(error);
  });

  it.each([2, 3, -1, '1', 1.5, true, {}])('refuses cryptoType %j', (cryptoType) => {
    expect(caught(() => parse(file({ cryptoType }))).code).toBe('unsupported-keyfile');
  });

  it('refuses bytes that are no text, and too many', () => {
    expect(caught(() => parseKeyfile(Uint8Array.of(0xff, 0xfe), 'file')).code).toBe('bad-keyfile');
    expect(caught(() => parseKeyfile(new Uint8Array(MAX_KEYFILE_BYTES + 1), 'file')).code).toBe('bad-keyfile');
  });

  it('fuzz: cut, changed or made up, it is opened as that key or refused with a code, and never shows the secret', () => {
    const whole = JSON.stringify(fields);
    const cut = fc.nat(whole.length - 1).map((length) => whole.slice(0, length));
    const flipped = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 32, max: 126 })).map(([at, code]) => whole.slice(0, at) + String.fromCodePoint(code) + whole.slice(at + 1));
    const swapped = fc.dictionary(fc.constantFrom(...Object.keys(fields)), fc.jsonValue()).map((changes) => file(changes as Record<string, unknown>));
    const any = fc.oneof(fc.json(), fc.string());
    fc.assert(
      fc.property(fc.oneof(cut, flipped, swapped, any), (text) => {
        const outcome = outcomeOf(text);
        expect(['opened', 'bad-keyfile', 'unsupported-keyfile']).toContain(outcome instanceof ChainError ? outcome.code : outcome);
        expectNoSecret(outcome);
      }),
      { numRuns: process.env['CONNITO_SLOW'] === undefined ? 150 : 5_000 },
    );
  });
});

describe('private keys', () => {
  it('survive both directions, whatever the seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constantFrom('sr25519' as const, 'ed25519' as const), (seed, scheme) => {
        const secret = secretFromSeed(seed, scheme);
        const again = secretFromPrivateKey(privateKeyOf(secret), scheme);
        expect([again.publicKey, again.secretKey]).toEqual([secret.publicKey, secret.secretKey]);
      }),
      { numRuns: 20 },
    );
  });

  it('are as polkadot-js exports them', () => {
    for (const type of ['sr25519', 'ed25519'] as const) {
      const json = JSON.stringify(new Keyring({ type }).addFromUri(`${PHRASE}//hard`).toJson('pass word'));
      expect(hotkeyFromBytes(secretFromJson(json, 'pass word').publicKey)).toBe(hotkeyFromBytes(secretFromUri(`${PHRASE}//hard`, type).publicKey));
      expect(caught(() => secretFromJson(json, 'another')).code).toBe('wrong-password');
    }
    for (const text of ['', '{}', 'null', '[]', '{"encoded":"","encoding":{"content":["pkcs8","ethereum"],"type":["scrypt","xsalsa20-poly1305"],"version":"3"}}']) expect(caught(() => secretFromJson(text, 'a')).code).toBe('bad-keyfile');
  });

  it('of a wrong mnemonic or seed are refused without showing it', () => {
    for (const uri of ['', 'hello', PHRASE.replace('select', 'sea'), `0x${SEED}00`, `${PHRASE} annual`]) {
      const error = caught(() => secretFromUri(uri));
      expect(error.code).toBe('bad-key');
      expectNoSecret(error);
    }
    expect(caught(() => secretFromSeed(new Uint8Array(31))).code).toBe('bad-key');
    // Nor does the secret itself show what it is.
    for (const secret of [secretFromUri(PHRASE), secretFromUri(`0x${SEED}`), secretFromPrivateKey(privateKeyOf(secretFromUri(PHRASE)), 'sr25519')]) expectNoSecret({ role: 'coldkey', secret });
    expect([secretFromUri(PHRASE).phrase, Buffer.from(secretFromUri(`0x${SEED}`).seed ?? []).toString('hex')]).toEqual([PHRASE, SEED]);
    expect(secretFromUri(`  ${PHRASE.replaceAll(' ', '  ')}\n`).publicKey).toEqual(openKeypair(PHRASE).publicKey);
    expect(createMnemonic(24).split(' ')).toHaveLength(24);
  });
});

describe('encryption', () => {
  it('tells kinds apart by their first bytes', () => {
    expect([kind('$NACLxx'), kind('$ANSIBLE_VAULT;1.1'), kind('gAAAAABabc'), kind('{}'), kind('')]).toEqual(['nacl', 'ansible-vault', 'fernet', 'none', 'none']);
  });

  it('refuses what is old or cut off before it derives a key', async () => {
    for (const [text, code] of [['$NACLshort', 'bad-keyfile'], ['gAAAAABabc', 'unsupported-keyfile'], ['$ANSIBLE_VAULT;1.1;AES256', 'unsupported-keyfile']] as const) {
      await expect(decryptKeyfile(encode(text), { path: 'file', password: 'a' })).rejects.toMatchObject({ code });
    }
    await expect(encryptKeyfile(encode('a'), '')).rejects.toMatchObject({ code: 'bad-value' });
  });

  // Twice argon2i, some 5 s each.
  it.runIf(process.env['CONNITO_SLOW'])('a wrong password and a flipped byte are refused', async () => {
    const bytes = await encryptKeyfile(encode(JSON.stringify(fields)), 'right');
    await expect(decryptKeyfile(bytes, { path: 'file', password: 'wrong' })).rejects.toMatchObject({ code: 'wrong-password' });
    bytes[40]! ^= 1;
    await expect(decryptKeyfile(bytes, { path: 'file', password: 'right' })).rejects.toMatchObject({ code: 'wrong-password' });
  });
});

describe('wallets on disk', () => {
  it('are made, found, opened, and hold no secret themselves', async () => {
    const { wallet, coldkey, hotkey, mnemonics, ...rest } = await createWallet({ name: 'w', hotkey: 'h', path: root });
    expect(rest).toEqual({});
    expect(await wallet.address('coldkey')).toBe(coldkey);
    expect((await wallet.unlock('hotkey')).hotkey).toBe(hotkey);
    expect(openKeypair(mnemonics.coldkey).hotkey).toBe(coldkey);
    expect(await listWallets(root)).toEqual([{ name: 'w', hotkeys: ['h'] }]);
    const created = await createWallet({ name: 'x', path: root });
    for (const value of [created, wallet, await wallet.inspect('coldkey'), await wallet.unlock('coldkey')]) {
      for (const words of [mnemonics.coldkey, created.mnemonics.coldkey]) expect(inspect(value, { depth: 9 }) + JSON.stringify(value)).not.toContain(words);
    }
    expect(await listWallets(join(root, 'nowhere'))).toEqual([]);
  });

  it('leave no coldkey whose mnemonic nobody has seen, should the hotkey fail', async () => {
    await expect(createWallet({ name: 'y', path: root, hotkeyPassword: Symbol('no text') as never })).rejects.toThrow(TypeError);
    expect((await openWallet({ name: 'y', path: root })).paths.coldkey.secret).toSatisfy((path: string) => !existsSync(path));
  });

  it('a failed or second write leaves what was there, and nothing beside it', async () => {
    const wallet = await openWallet({ path: root });
    await writeKey(wallet, { role: 'hotkey', secret: secretFromUri(PHRASE) });
    const before = readFileSync(wallet.paths.hotkey.secret);
    await expect(writeKey(wallet, { role: 'hotkey', secret: secretFromUri('//Bob') })).rejects.toMatchObject({ code: 'keyfile-exists' });
    expect(readFileSync(wallet.paths.hotkey.secret)).toEqual(before);
    await writeKey(wallet, { role: 'hotkey', secret: secretFromUri('//Bob'), overwrite: true });
    expect((await wallet.unlock('hotkey')).hotkey).toBe(OTHER.hotkey);
    expect(readdirSync(join(root, 'default', 'hotkeys')).toSorted()).toEqual(['default', 'defaultpub.txt']);
    const results = await Promise.allSettled(['//A', '//B', '//C'].map((uri) => writeKey(wallet, { role: 'coldkey', secret: secretFromUri(uri) })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('a public file of the same key may stand already, one of another may not', async () => {
    const wallet = await openWallet({ path: root });
    await writePublicKey(wallet, { role: 'coldkey', address: ADDRESS });
    await expect(writePublicKey(wallet, { role: 'coldkey', address: ADDRESS })).rejects.toMatchObject({ code: 'keyfile-exists' });
    await expect(writePublicKey(wallet, { role: 'coldkey', address: 'nobody', overwrite: true })).rejects.toMatchObject({ code: 'bad-address' });
    await expect(wallet.unlock('coldkey')).rejects.toMatchObject({ code: 'no-keyfile' });
    await expect(writeKey(wallet, { role: 'coldkey', secret: secretFromUri('//Bob') })).rejects.toMatchObject({ code: 'keyfile-exists' });
    await writeKey(wallet, { role: 'coldkey', secret: secretFromUri(PHRASE) });
    writeFileSync(wallet.paths.coldkey.public, JSON.stringify({ ss58Address: OTHER.hotkey }));
    await expect(wallet.unlock('coldkey')).rejects.toMatchObject({ code: 'bad-keyfile' });
    expect((await wallet.inspect('coldkey')).warnings).toHaveLength(2);
  });

  it('refuse files that others can read, pipes, directories, giants, and an address in place of a secret', async () => {
    const wallet = await openWallet({ path: root });
    await writeKey(wallet, { role: 'hotkey', secret: secretFromUri(PHRASE) });
    const { secret } = wallet.paths.hotkey;
    for (const mode of [0o640, 0o604, 0o620, 0o777]) {
      chmodSync(secret, mode);
      await expect(wallet.unlock('hotkey')).rejects.toMatchObject({ code: 'unsafe-keyfile' });
      expect((await wallet.inspect('hotkey')).warnings).toHaveLength(1);
    }
    chmodSync(secret, 0o400);
    expect((await wallet.unlock('hotkey')).hotkey).toBe(ADDRESS);
    chmodSync(secret, 0o600);
    writeFileSync(secret, JSON.stringify({ ss58Address: ADDRESS }));
    await expect(wallet.unlock('hotkey')).rejects.toMatchObject({ code: 'no-secret' });
    truncateSync(secret, 100_000_000);
    await expect(wallet.unlock('hotkey')).rejects.toMatchObject({ code: 'bad-keyfile' });
    rmSync(secret);
    execFileSync('mkfifo', [secret]);
    await expect(wallet.unlock('hotkey')).rejects.toMatchObject({ code: 'unsafe-keyfile' });
    rmSync(secret);
    mkdirSync(secret);
    await expect(wallet.unlock('hotkey')).rejects.toMatchObject({ code: 'unsafe-keyfile' });
  });

  it('refuse directories in which everybody may put other files, unless the sticky bit keeps them from it', async () => {
    const wallet = await openWallet({ path: root });
    await writeKey(wallet, { role: 'hotkey', secret: secretFromUri(PHRASE) });
    const hotkeys = join(root, 'default', 'hotkeys');
    for (const directory of [hotkeys, join(root, 'default')]) {
      chmodSync(directory, 0o777);
      await expect(wallet.unlock('hotkey')).rejects.toMatchObject({ code: 'unsafe-keyfile', context: { path: directory } });
      expect((await wallet.inspect('hotkey')).warnings).toEqual([expect.stringContaining(`chmod go-w ${directory}`)]);
      chmodSync(directory, 0o775);
      expect((await wallet.unlock('hotkey')).hotkey).toBe(ADDRESS);
    }
    chmodSync(hotkeys, 0o1777);
    expect((await wallet.unlock('hotkey')).hotkey).toBe(ADDRESS);
  });

  it('links: what they lead to is judged, and a write replaces them', async () => {
    const wallet = await openWallet({ path: root });
    const elsewhere = join(root, 'elsewhere');
    writeFileSync(elsewhere, JSON.stringify(fields), { mode: 0o644 });
    mkdirSync(join(root, 'default', 'hotkeys'), { recursive: true });
    symlinkSync(elsewhere, wallet.paths.hotkey.secret);
    await expect(wallet.unlock('hotkey')).rejects.toMatchObject({ code: 'unsafe-keyfile' });
    await expect(writeKey(wallet, { role: 'hotkey', secret: secretFromUri('//Bob') })).rejects.toMatchObject({ code: 'keyfile-exists' });
    await writeKey(wallet, { role: 'hotkey', secret: secretFromUri('//Bob'), overwrite: true });
    expect(JSON.parse(readFileSync(elsewhere, 'utf8'))).toEqual(fields);
    expect(statSync(wallet.paths.hotkey.secret).mode & 0o777).toBe(0o600);
    linkSync(wallet.paths.hotkey.secret, join(root, 'second name'));
    await writeKey(wallet, { role: 'hotkey', secret: secretFromUri(PHRASE), overwrite: true });
    expect(parseKeyfile(readFileSync(join(root, 'second name')), 'file').address).toBe(OTHER.hotkey);
  });

  it('names cannot lead elsewhere', async () => {
    for (const name of ['', '.', '..', '../x', 'a/b', String.raw`a\b`, '.hidden', ' a', 'a\n', 'a\u0000', 'x'.repeat(201)]) {
      await expect(openWallet({ name, path: root })).rejects.toMatchObject({ code: 'bad-value' });
      await expect(openWallet({ hotkey: name, path: root })).rejects.toMatchObject({ code: 'bad-value' });
    }
    await fc.assert(
      fc.asyncProperty(fc.string(), async (name) => {
        const directory = await openWallet({ name, path: root }).then((opened) => opened.directory, () => `${root}/${name}`);
        expect(directory).toBe(`${root}/${name}`);
      }),
    );
  });
});

describe('passwords', () => {
  it('an encrypted key without one says how to give it', async () => {
    const wallet = await openWallet({ path: root });
    mkdirSync(join(root, 'default'));
    writeFileSync(wallet.paths.coldkey.secret, `$NACL${'x'.repeat(100)}`, { mode: 0o600 });
    await expect(wallet.unlock('coldkey')).rejects.toMatchObject({ code: 'password-needed' });
    await expect(wallet.unlock('coldkey', { password: () => undefined })).rejects.toThrow(passwordVariable(wallet.paths.coldkey.secret));
    await expect(wallet.address('coldkey')).rejects.toMatchObject({ code: 'password-needed' });
  });

  it('in variables: both directions, and what cannot be decoded is not quoted', () => {
    const path = '/srv/a.b/coldkey';
    // What bittensor-wallet 4.1.0's save_password_to_env returned.
    expect(encodePasswordVariable('/tmp/wprobe/a.b/coldkey', 'pässword 1')).toEqual({ name: 'BT_PW__TMP_WPROBE_A_B_COLDKEY', value: 'Mpf7IyQoMCYpcG4=' });
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), (password) => {
        const { name, value } = encodePasswordVariable(path, password);
        expect(passwordFromEnvironment(path, { [name]: value })).toBe(password);
      }),
    );
    expect(passwordFromEnvironment(path, {})).toBeUndefined();
    const error = caught(() => passwordFromEnvironment(path, { [passwordVariable(path)]: 'plain secret!' }));
    expect(error.code).toBe('bad-value');
    expect(error.message).not.toContain('plain secret');
  });

  it('in files: the first line, of a file that only we can read', async () => {
    const path = join(root, 'password');
    writeFileSync(path, 'two words\r\nmore', { mode: 0o600 });
    expect(await readPasswordFile(path)).toBe('two words');
    chmodSync(path, 0o644);
    await expect(readPasswordFile(path)).rejects.toMatchObject({ code: 'unsafe-keyfile' });
    chmodSync(path, 0o600);
    writeFileSync(path, '\n');
    await expect(readPasswordFile(path)).rejects.toMatchObject({ code: 'bad-value' });
    await expect(readPasswordFile(join(root, 'none'))).rejects.toMatchObject({ code: 'no-keyfile' });
  });
});
