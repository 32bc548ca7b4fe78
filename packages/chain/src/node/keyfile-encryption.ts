/**
 * The encryption of btcli's keyfiles: `$NACL`, nonce of 24 bytes, then NaCl's secretbox (XSalsa20-Poly1305, tag first) under a key that argon2i makes of the
 * password. Two older kinds, an Ansible vault and Fernet, are recognised and refused with what to do.
 *
 * @see facts: bittensor-wallet 4.1.0 and libsodium's `crypto_pwhash` with OPSLIMIT_SENSITIVE and MEMLIMIT of argon2i; the salt is the same for everybody
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { ChainError } from '../errors.ts';

/** How a keyfile's bytes are kept. */
export type KeyfileEncryption = 'none' | 'nacl' | 'ansible-vault' | 'fernet';

/** What the worker is asked. */
export interface Argon2Job {
  readonly password: Uint8Array;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly memoryKibibytes: number;
  readonly keyBytes: number;
}

const NACL_HEADER = utf8('$NACL');
const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** btwallet's constant salt, libsodium's argon2i "sensitive" limits: 8 passes over 512 MiB. */
const ARGON2: Omit<Argon2Job, 'password'> = {
  salt: Uint8Array.of(0x13, 0x71, 0x83, 0xdf, 0xf1, 0x5a, 0x09, 0xbc, 0x9c, 0x90, 0xb5, 0x51, 0x87, 0x39, 0xe9, 0xb1),
  iterations: 8,
  memoryKibibytes: 512 * 1024,
  keyBytes: 32,
};

/** What a keyfile's first bytes say about its encryption. */
export function encryptionOf(bytes: Uint8Array): KeyfileEncryption {
  const head = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  if (head.startsWith('$NACL')) return 'nacl';
  if (head.startsWith('$ANSIBLE_VAULT')) return 'ansible-vault';
  return head.startsWith('gAAAAA') ? 'fernet' : 'none';
}

/**
 * Opens an encrypted keyfile; takes some 5 s and 512 MiB, in a thread of its own.
 * @throws wrong-password, also where the file was damaged, which looks the same
 * @throws bad-keyfile too short to hold anything
 * @throws unsupported-keyfile an older encryption
 */
export async function decryptKeyfile(bytes: Uint8Array, { password, path }: { readonly password: string; readonly path: string }): Promise<Uint8Array> {
  assertOpenable(bytes, path);
  const nonce = bytes.subarray(NACL_HEADER.length, NACL_HEADER.length + NONCE_BYTES);
  const box = bytes.subarray(NACL_HEADER.length + NONCE_BYTES);
  if (box.length < TAG_BYTES) throw new ChainError('bad-keyfile', `${path} is cut off: expected at least ${NACL_HEADER.length + NONCE_BYTES + TAG_BYTES} bytes, got ${bytes.length}; restore it from a copy or from its mnemonic`, { path });
  const key = await deriveKey(password);
  try {
    return xsalsa20poly1305(key, nonce).decrypt(box);
  } catch {
    throw new ChainError('wrong-password', `the password does not open ${path} (a damaged file looks the same): try again, with the password that the file was made with`, { path });
  } finally {
    key.fill(0);
  }
}

/** A keyfile as btcli encrypts it; as slow as {@link decryptKeyfile}. @throws bad-value an empty password */
export async function encryptKeyfile(plaintext: Uint8Array, password: string): Promise<Uint8Array> {
  if (password === '') throw new ChainError('bad-value', 'an empty password protects nothing: give one, or ask for a file without encryption', { subject: 'password' });
  const key = await deriveKey(password);
  const nonce = randomFillSync(new Uint8Array(NONCE_BYTES));
  const box = xsalsa20poly1305(key, nonce).encrypt(plaintext);
  key.fill(0);
  return Buffer.concat([NACL_HEADER, nonce, box]);
}

/** Refuses what btcli itself re-encrypts when it opens it. @throws unsupported-keyfile */
export function assertOpenable(bytes: Uint8Array, path: string): void {
  const encryption = encryptionOf(bytes);
  if (encryption === 'nacl' || encryption === 'none') return;
  const name = encryption === 'fernet' ? 'Fernet' : 'Ansible vault';
  throw new ChainError('unsupported-keyfile', `${path} has an old encryption (${name}): open it once with btcli (\`btcli wallet inspect\`), which encrypts it anew as $NACL, or make it again from its mnemonic with regen-coldkey`, { path, expected: '$NACL', actual: encryption });
}

function deriveKey(password: string): Promise<Uint8Array> {
  const job: Argon2Job = { ...ARGON2, password: utf8(password) };
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerEntry(), { workerData: job });
    worker.once('message', resolve).once('error', reject);
    worker.once('exit', () => reject(new ChainError('bad-value', 'the thread that derives the key ended early: 512 MiB of free memory are needed')));
  });
}

/** Node runs no TypeScript below 22: tests, which import sources, take the built thread. */
function workerEntry(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? '../../dist/node/argon2-worker.js' : './argon2-worker.js', import.meta.url);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
