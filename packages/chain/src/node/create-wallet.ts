/**
 * New keys on disk, and keys made again from what is left of them, in files that btcli opens.
 * @module
 */
import { ChainError } from '../errors.ts';
import { hotkeyFromBytes, hotkeyToBytes, parseHotkey, type Hotkey } from '../identifier.ts';
import { createMnemonic } from '../keypair.ts';
import { secretFromUri, type KeySecret } from './key-secret.ts';
import { formatKeyfile, formatPublicKeyfile, MAX_KEYFILE_BYTES, parseKeyfile } from './keyfile.ts';
import { encryptKeyfile } from './keyfile-encryption.ts';
import { keyfileExists, readSecretFile, writeSecretFile } from './secret-file.ts';
import { openWallet, type KeyRole, type Wallet, type WalletOptions } from './wallet.ts';

/** How a key is kept. */
export interface KeepOptions {
  /** Encrypts the file as btcli does; without one it is plain text for its owner's eyes (mode 0600). */
  readonly password?: string;
  /** Replaces what stands there; the key that it held is lost unless it is kept elsewhere. */
  readonly overwrite?: boolean;
}

/** A key to be written. */
export interface WriteKeyOptions extends KeepOptions {
  readonly role: KeyRole;
  /** From {@link secretFromUri}, {@link secretFromSeed} or {@link secretFromJson}. */
  readonly secret: KeySecret;
}

/** A wallet to be made. */
export interface CreateWalletOptions extends WalletOptions {
  /** Of the coldkey. */
  readonly password?: string;
  readonly hotkeyPassword?: string;
  readonly words?: 12 | 24;
  readonly overwrite?: boolean;
}

/** A new wallet and the only copies of its mnemonics beside the files: show them once, keep them nowhere. */
export interface CreatedWallet {
  readonly wallet: Wallet;
  readonly coldkey: Hotkey;
  readonly hotkey: Hotkey;
  /** Not enumerable. */
  readonly mnemonics: Readonly<Record<KeyRole, string>>;
}

/**
 * Makes a wallet: a new coldkey and a new hotkey. Both places are looked at before anything is written.
 * @throws keyfile-exists, bad-value
 */
export async function createWallet(options: CreateWalletOptions = {}): Promise<CreatedWallet> {
  const { password, hotkeyPassword, words, overwrite = false } = options;
  const wallet = await openWallet(options);
  const mnemonics = { coldkey: createMnemonic(words), hotkey: createMnemonic(words) };
  for (const role of ['coldkey', 'hotkey'] as const) await assertFree(wallet, { role, overwrite });
  // The coldkey last: should writing fail half way, no coldkey is left whose mnemonic nobody has seen.
  const hotkey = await writeKey(wallet, { role: 'hotkey', secret: secretFromUri(mnemonics.hotkey), overwrite, ...(hotkeyPassword === undefined ? {} : { password: hotkeyPassword }) });
  const coldkey = await writeKey(wallet, { role: 'coldkey', secret: secretFromUri(mnemonics.coldkey), overwrite, ...(password === undefined ? {} : { password }) });
  const created = { wallet, coldkey, hotkey };
  return Object.freeze(Object.defineProperty(created, 'mnemonics', { value: Object.freeze(mnemonics) })) as CreatedWallet;
}

/**
 * Writes a key's secret file, then its public one, which may stand already if it names the same key.
 * @returns the key's address
 * @throws keyfile-exists, bad-value, bad-keyfile the public file that stands there is none
 */
export async function writeKey(wallet: Wallet, { role, secret, password, overwrite = false }: WriteKeyOptions): Promise<Hotkey> {
  const paths = wallet.paths[role];
  const address = hotkeyFromBytes(secret.publicKey);
  await assertFree(wallet, { role, overwrite, address });
  const plain = formatKeyfile(secret);
  const bytes = password === undefined ? plain : await encryptKeyfile(new TextEncoder().encode(plain), password);
  await writeSecretFile(paths.secret, bytes, { overwrite });
  // Whatever stood there named this key already, or may be replaced.
  await writeSecretFile(paths.public, formatPublicKeyfile(secret), { overwrite: true });
  return address;
}

/**
 * Writes a key's public file alone, so that its balance can be watched on a machine that has no secret.
 * @throws keyfile-exists, bad-address
 */
export async function writePublicKey(wallet: Wallet, { role, address, overwrite = false }: { readonly role: KeyRole; readonly address: string; readonly overwrite?: boolean }): Promise<Hotkey> {
  const hotkey = parseHotkey(address);
  await writeSecretFile(wallet.paths[role].public, formatPublicKeyfile({ publicKey: hotkeyToBytes(hotkey), scheme: 'sr25519' }), { overwrite });
  return hotkey;
}

/**
 * That a key may be written, to say so before somebody has typed a password.
 * @param options `address`: of the key to come; a public file that names it is no obstacle
 * @throws keyfile-exists
 */
export async function assertFree(wallet: Wallet, { role, overwrite = false, address }: { readonly role: KeyRole; readonly overwrite?: boolean; readonly address?: Hotkey }): Promise<void> {
  if (overwrite) return;
  const { secret, public: publicPath } = wallet.paths[role];
  if ((await readSecretFile(secret, MAX_KEYFILE_BYTES)) !== undefined) throw keyfileExists(secret);
  const file = await readSecretFile(publicPath, MAX_KEYFILE_BYTES);
  if (file === undefined) return;
  const stated = parseKeyfile(file.bytes, publicPath).address;
  if (address === undefined || stated === address) {
    if (address === undefined) throw keyfileExists(publicPath);
    return;
  }
  throw new ChainError('keyfile-exists', `${publicPath} names another key, ${stated}, than ${address}: choose another name, or overwrite it on purpose`, { path: publicPath, expected: stated, actual: address });
}
