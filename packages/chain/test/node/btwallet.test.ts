/** What we write, opened by the real bittensor-wallet. Runs where a Python that has it is named by CONNITO_BITTENSOR_PYTHON or PYTHON. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { verifySignature } from '../../src/keypair.ts';
import { encodePasswordVariable, openWallet, secretFromSeed, secretFromUri, writeKey, writePublicKey } from '../../src/node/index.ts';

const python = process.env['CONNITO_BITTENSOR_PYTHON'] ?? process.env['PYTHON'];
const hasWallet = python !== undefined && spawnSync(python, ['-c', 'import bittensor_wallet']).status === 0;
if (!hasWallet) console.warn('SKIPPED: CONNITO_BITTENSOR_PYTHON names no Python with bittensor-wallet; that it opens our wallets was not tried');

const PHRASE = 'segment annual inform favorite picnic sea history rate wrist wet cinnamon select';
const MESSAGE = 'from the other side';

/** Opens the hotkey or coldkey, verifies our signature and signs. */
const PEER = `
import json, sys
from bittensor_wallet import Wallet, Keypair
job = json.load(sys.stdin)
wallet = Wallet(name="default", hotkey=job["hotkey"], path=job["path"])
pair = wallet.get_coldkey() if job["role"] == "coldkey" else wallet.hotkey
pub = wallet.coldkeypub if job["role"] == "coldkey" else Keypair(ss58_address=pair.ss58_address)
print(json.dumps({"address": pair.ss58_address, "public": pub.ss58_address, "verified": pair.verify(job["message"].encode(), bytes.fromhex(job["signature"])), "signature": bytes(pair.sign(job["message"].encode())).hex()}), file=sys.stderr)
`;

describe.runIf(hasWallet)('bittensor-wallet opens our wallets', () => {
  const root = mkdtempSync(join(tmpdir(), 'connito-btwallet-'));
  afterAll(() => rmSync(root, { recursive: true }));

  async function exchange(role: 'coldkey' | 'hotkey', hotkey: string, { password, env = {} }: { readonly password?: string; readonly env?: Record<string, string> } = {}): Promise<void> {
    const wallet = await openWallet({ hotkey, path: root });
    const keypair = await wallet.unlock(role, password === undefined ? {} : { password });
    const signature = Buffer.from(keypair.sign(new TextEncoder().encode(MESSAGE))).toString('hex');
    const { stderr, status } = spawnSync(python as string, ['-c', PEER], { input: JSON.stringify({ role, hotkey, path: root, message: MESSAGE, signature }), encoding: 'utf8', env: { ...process.env, ...env } });
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    const answer = JSON.parse(stderr.trim().split('\n').at(-1) as string) as { address: string; public: string; verified: boolean; signature: string };
    expect(answer).toMatchObject({ address: keypair.hotkey, public: keypair.hotkey, verified: true });
    expect(verifySignature({ message: new TextEncoder().encode(MESSAGE), signature: Buffer.from(answer.signature, 'hex'), address: answer.address })).toBe(true);
  }

  it('plain: from a mnemonic, a seed, and a derivation, of which only the private key is kept', async () => {
    for (const [hotkey, secret] of [['phrase', secretFromUri(PHRASE)], ['seed', secretFromSeed(new Uint8Array(32).fill(7))], ['derived', secretFromUri(`${PHRASE}//hard/soft///pw`)], ['dev', secretFromUri('//Alice')]] as const) {
      await writeKey(await openWallet({ hotkey, path: root }), { role: 'hotkey', secret });
      await exchange('hotkey', hotkey);
    }
  });

  it('ed25519, where it knows of it', async ({ skip }) => {
    const text = execFileSync(python as string, ['-c', 'from bittensor_wallet import Keypair; print(Keypair.create_from_uri.__text_signature__)'], { encoding: 'utf8' });
    skip(!text.includes('crypto_type'), 'this bittensor-wallet knows sr25519 only');
    for (const [hotkey, secret] of [['ed', secretFromUri(PHRASE, 'ed25519')], ['ed-derived', secretFromUri(`${PHRASE}//hard`, 'ed25519')]] as const) {
      await writeKey(await openWallet({ hotkey, path: root }), { role: 'hotkey', secret });
      await exchange('hotkey', hotkey);
    }
  });

  // Three times argon2i, some 5 s each.
  it.runIf(process.env['CONNITO_SLOW'])('encrypted, with the password in its variable', async () => {
    const password = 'pässword of mine';
    const wallet = await openWallet({ path: root });
    await writePublicKey(wallet, { role: 'coldkey', address: '5Hb34xNukACBhmbF4t2DwjqtuGr6KLAD7o7Q238ykrpozrSj' });
    await writeKey(wallet, { role: 'coldkey', secret: secretFromUri(PHRASE), password });
    const { name, value } = encodePasswordVariable(wallet.paths.coldkey.secret, password);
    await exchange('coldkey', 'default', { password, env: { [name]: value } });
  });
});
