/** Against keyfiles that the real bittensor-wallet has written. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signatureVerify } from '@polkadot/util-crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { formatKeyfile, formatPublicKeyfile, parseKeyfile } from '../../src/node/keyfile.ts';
import { keypairFromSecret, secretFromUri } from '../../src/node/key-secret.ts';
import { openWallet, passwordVariable } from '../../src/node/index.ts';

interface Vectors {
  readonly 'bittensor-wallet': string;
  readonly message: string;
  readonly password: string;
  readonly plain: readonly { name: string; file: string; address: string; signature: string; cryptoType: number; uri?: string }[];
  readonly publicFiles: Readonly<Record<string, string>>;
  readonly encrypted: { readonly address: string; readonly base64: string };
  readonly legacy: { readonly ansible: string };
  readonly variables: Readonly<Record<string, string>>;
}

const directory = new URL('../vectors/wallets/', import.meta.url);
const vectors = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as Vectors);
const encode = (text: string) => new TextEncoder().encode(text);
const root = mkdtempSync(join(tmpdir(), 'connito-wallets-'));
afterAll(() => rmSync(root, { recursive: true }));

describe.each(vectors.map((vector) => ({ version: vector['bittensor-wallet'], ...vector })))('bittensor-wallet $version', ({ version, message, password, plain, publicFiles, encrypted, legacy, variables }) => {
  it.each(plain)('opens: $name', ({ file, address, signature, cryptoType }) => {
    const content = parseKeyfile(encode(file), 'vector');
    expect(content.address).toBe(address);
    expect(content.scheme).toBe(cryptoType === 1 ? 'sr25519' : 'ed25519');
    expect(signatureVerify(message, `0x${signature}`, content.address).isValid).toBe(true);
    const keypair = keypairFromSecret(content.secret as NonNullable<typeof content.secret>);
    expect(keypair.hotkey).toBe(address);
    expect(signatureVerify(message, keypair.sign(encode(message)), address)).toMatchObject({ isValid: true, crypto: content.scheme });
  });

  it.each(plain.filter(({ uri }) => uri !== undefined))('writes the same: $name', ({ file, uri = '', cryptoType }) => {
    const ours = JSON.parse(formatKeyfile(secretFromUri(uri, cryptoType === 1 ? 'sr25519' : 'ed25519'))) as Record<string, unknown>;
    const theirs = JSON.parse(file) as Record<string, unknown>;
    // Its seeds given as text are no hex in its own files; ours are.
    if (!/^0x[0-9a-f]{64}$/.test(String(theirs['secretSeed'] ?? ours['secretSeed']))) theirs['secretSeed'] = ours['secretSeed'];
    // The nonce of a soft derivation is random, in both implementations.
    if (uri.includes('/soft')) for (const fields of [ours, theirs]) fields['privateKey'] = String(fields['privateKey']).slice(0, 66);
    expect({ cryptoType: 1, ...ours }).toEqual({ cryptoType: 1, ...theirs });
  });

  it('writes the same public files', () => {
    expect(Object.keys(publicFiles).length).toBeGreaterThan(0);
    for (const file of Object.values(publicFiles)) {
      const { publicKey, scheme } = { ...secretFromUri(plain[0]?.uri ?? '') };
      expect({ cryptoType: 1, ...(JSON.parse(formatPublicKeyfile({ publicKey, scheme })) as object) }).toEqual({ cryptoType: 1, ...(JSON.parse(file) as object) });
      expect(parseKeyfile(encode(file), 'vector')).toEqual({ address: plain[0]?.address, scheme: 'sr25519' });
    }
  });

  // Some 5 s each: one version in every run, the others in the slow one.
  it.runIf(version === '4.1.0' || process.env['CONNITO_SLOW'])('decrypts $NACL without stopping the event loop, and refuses an old vault', async () => {
    const path = join(root, version);
    mkdirSync(join(path, 'default', 'hotkeys'), { recursive: true });
    writeFileSync(join(path, 'default', 'coldkey'), Buffer.from(encrypted.base64, 'base64'), { mode: 0o600 });
    writeFileSync(join(path, 'default', 'hotkeys', 'default'), legacy.ansible, { mode: 0o600 });
    const wallet = await openWallet({ path });
    let turns = 0;
    const timer = setInterval(() => turns++, 20);
    const keypair = await wallet.unlock('coldkey', { password });
    clearInterval(timer);
    expect(keypair.hotkey).toBe(encrypted.address);
    expect(turns).toBeGreaterThan(5);
    await expect(wallet.unlock('hotkey', { password })).rejects.toMatchObject({ code: 'unsupported-keyfile' });
    chmodSync(join(path, 'default', 'coldkey'), 0o640);
    await expect(wallet.unlock('coldkey', { password })).rejects.toMatchObject({ code: 'unsafe-keyfile' });
  });

  it('knows the variables', () => {
    for (const [path, variable] of Object.entries(variables)) expect(passwordVariable(join(path, path === '/tmp/x y' ? 'n-1' : 'a.b', 'coldkey'))).toBe(variable);
  });
});
