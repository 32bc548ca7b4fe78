/**
 * A btcli wallet on disk: `<path>/<name>/coldkey`, `coldkeypub.txt`, `hotkeys/<hotkey>`, `hotkeys/<hotkey>pub.txt`.
 *
 * Opening one reads nothing; addresses come from the public files, and a secret file is read and decrypted when its key is asked for.
 * @module
 */
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ChainError } from '../errors.ts';
import type { Hotkey } from '../identifier.ts';
import type { Keypair } from '../keypair.ts';
import { keypairFromSecret } from './key-secret.ts';
import { MAX_KEYFILE_BYTES, parseKeyfile, type KeyfileContent } from './keyfile.ts';
import { assertOpenable, decryptKeyfile, encryptionOf, type KeyfileEncryption } from './keyfile-encryption.ts';
import { passwordFromEnvironment, passwordVariable, type PasswordSource } from './password.ts';
import { directoryOfEverybody, isOpenToOthers, readSecretFile, type SecretFile } from './secret-file.ts';

/** Which wallet; what is left out is `default`, under `~/.bittensor/wallets`. */
export interface WalletOptions {
  readonly name?: string;
  readonly hotkey?: string;
  /** Directory of wallets; `~` is the home directory. */
  readonly path?: string;
}

/** The coldkey holds the money, a hotkey does the daily work. */
export type KeyRole = 'coldkey' | 'hotkey';

/** Where a key's two files are. */
export interface KeyPaths {
  readonly secret: string;
  readonly public: string;
}

/** What can be known of a key without its password. */
export interface KeyState {
  readonly role: KeyRole;
  readonly paths: KeyPaths;
  /** From the public file, else from an unencrypted secret file; `undefined` where neither is there. */
  readonly address: Hotkey | undefined;
  /** `undefined` where there is no secret file. */
  readonly encryption: KeyfileEncryption | undefined;
  /** Permission bits of the secret file. */
  readonly mode: number | undefined;
  /** What is wrong, in words; empty where all is well. */
  readonly warnings: readonly string[];
}

/** How a key is unlocked. */
export interface UnlockOptions {
  /** Asked only where the file is encrypted; by default bittensor-wallet's variable `BT_PW_…`. */
  readonly password?: PasswordSource;
}

/** An opened wallet. It holds no secret. */
export interface Wallet {
  readonly name: string;
  readonly hotkey: string;
  /** The wallet's own directory. */
  readonly directory: string;
  readonly paths: Readonly<Record<KeyRole, KeyPaths>>;
  /** Looks at a key without its password. @throws bad-keyfile */
  inspect(role: KeyRole): Promise<KeyState>;
  /** A key's address. @throws no-keyfile, bad-keyfile, password-needed where only an encrypted file could tell */
  address(role: KeyRole): Promise<Hotkey>;
  /**
   * The key, ready to sign; each time anew from the disk.
   * @throws no-keyfile, no-secret, unsafe-keyfile, password-needed, wrong-password, unsupported-keyfile, bad-keyfile
   */
  unlock(role: KeyRole, options?: UnlockOptions): Promise<Keypair>;
}

/** Where btcli keeps its wallets. */
export const DEFAULT_WALLET_PATH = '~/.bittensor/wallets';

/**
 * Opens a btcli wallet. Reads nothing yet.
 * @throws bad-value a name that is none
 * @example const keypair = await (await openWallet({ name: 'miner' })).unlock('hotkey');
 */
export async function openWallet(options: WalletOptions = {}): Promise<Wallet> {
  const { name = 'default', hotkey = 'default' } = options;
  const directory = join(walletsDirectory(options.path), assertName('wallet', name));
  const paths = { coldkey: keyPaths(directory), hotkey: keyPaths(directory, assertName('hotkey', hotkey)) };
  return Object.freeze({
    name,
    hotkey,
    directory,
    paths,
    inspect: (role: KeyRole) => inspectKey(role, paths[role]),
    address: (role: KeyRole) => readAddress(role, paths[role]),
    unlock: (role: KeyRole, unlockOptions: UnlockOptions = {}) => unlockKey(role, { paths: paths[role], ...unlockOptions }),
  });
}

/** The directory that wallets are in, with `~` resolved. */
export function walletsDirectory(path: string = DEFAULT_WALLET_PATH): string {
  return resolve(path.replace(/^~(?=$|[/\\])/, homedir()));
}

/**
 * Checks the name of a wallet or hotkey, which becomes a file's name: no path, nothing hidden, no control characters.
 * @throws bad-value
 */
export function assertName(kind: 'wallet' | 'hotkey', name: string): string {
  if (isName(name)) return name;
  throw new ChainError('bad-value', `${JSON.stringify(String(name).slice(0, 64))} cannot be the name of a ${kind}: expected 1 to 200 bytes without slashes or control characters, no leading dot, no space around it`, { subject: kind });
}

/** Whether {@link assertName} would let it pass. */
export function isName(name: string): boolean {
  return typeof name === 'string' && name !== '' && !name.startsWith('.') && !/[/\\\p{Cc}]/u.test(name) && name.trim() === name && Buffer.byteLength(name) <= 200;
}

/** The files of the coldkey, or of a hotkey by its name. */
export function keyPaths(directory: string, hotkey?: string): KeyPaths {
  if (hotkey === undefined) return { secret: join(directory, 'coldkey'), public: join(directory, 'coldkeypub.txt') };
  return { secret: join(directory, 'hotkeys', hotkey), public: join(directory, 'hotkeys', `${hotkey}pub.txt`) };
}

async function inspectKey(role: KeyRole, paths: KeyPaths): Promise<KeyState> {
  const [secret, publicFile] = await Promise.all([readSecretFile(paths.secret, MAX_KEYFILE_BYTES), readSecretFile(paths.public, MAX_KEYFILE_BYTES)]);
  const encryption = secret === undefined ? undefined : encryptionOf(secret.bytes);
  const stated = publicFile === undefined ? undefined : parseKeyfile(publicFile.bytes, paths.public);
  const plain = secret === undefined || encryption !== 'none' ? undefined : parseKeyfile(secret.bytes, paths.secret);
  const open = secret === undefined ? undefined : await directoryOfEverybody(directoriesOf(paths));
  const warnings = [
    ...(secret !== undefined && isOpenToOthers(secret.mode) ? [openToOthers(paths.secret, secret.mode)] : []),
    ...(open === undefined ? [] : [openDirectory(open)]),
    ...(stated?.secret === undefined ? [] : [`${paths.public} should be public and holds a secret`]),
    ...(stated !== undefined && plain !== undefined && stated.address !== plain.address ? [mismatch(paths, stated.address, plain.address)] : []),
    ...(role === 'coldkey' && plain?.secret !== undefined ? [`${paths.secret} is not encrypted: whoever can read it has the money`] : []),
  ];
  return { role, paths, address: (stated ?? plain)?.address, encryption, mode: secret?.mode, warnings };
}

async function readAddress(role: KeyRole, paths: KeyPaths): Promise<Hotkey> {
  const { address, encryption } = await inspectKey(role, paths);
  if (address !== undefined) return address;
  if (encryption === undefined) throw missing(role, paths.secret);
  throw new ChainError('password-needed', `${paths.secret} is encrypted and ${paths.public} is missing: unlock the key, or write the public file with regen-coldkeypub`, { path: paths.secret });
}

async function unlockKey(role: KeyRole, { paths, password }: UnlockOptions & { readonly paths: KeyPaths }): Promise<Keypair> {
  const file = await readSecretFile(paths.secret, MAX_KEYFILE_BYTES);
  if (file === undefined) throw missing(role, paths.secret);
  const open = await directoryOfEverybody(directoriesOf(paths));
  if (open !== undefined) throw new ChainError('unsafe-keyfile', openDirectory(open), { path: open });
  const content = await openFile(file, { path: paths.secret, password });
  if (content.secret === undefined) throw new ChainError('no-secret', `${paths.secret} has an address and no secret (${content.address}): it can be watched and cannot sign`, { path: paths.secret });
  await assertPublicFile(paths, content.address);
  return keypairFromSecret(content.secret);
}

async function openFile(file: SecretFile, { path, password }: { readonly path: string; readonly password: PasswordSource | undefined }): Promise<KeyfileContent> {
  if (isOpenToOthers(file.mode)) throw new ChainError('unsafe-keyfile', openToOthers(path, file.mode), { path, expected: 0o600, actual: file.mode });
  assertOpenable(file.bytes, path);
  if (encryptionOf(file.bytes) === 'none') return parseKeyfile(file.bytes, path);
  const plaintext = await decryptKeyfile(file.bytes, { path, password: await resolvePassword(path, password) });
  return parseKeyfile(plaintext, path);
}

async function resolvePassword(path: string, source: PasswordSource | undefined): Promise<string> {
  const password = typeof source === 'function' ? await source({ path, purpose: 'open' }) : (source ?? passwordFromEnvironment(path));
  if (password !== undefined && password !== '') return password;
  throw new ChainError('password-needed', `${path} is encrypted and no password was given: type it in a terminal, or hand it over through a file descriptor, a file or the variable ${passwordVariable(path)}`, { path });
}

async function assertPublicFile(paths: KeyPaths, address: Hotkey): Promise<void> {
  const file = await readSecretFile(paths.public, MAX_KEYFILE_BYTES);
  if (file === undefined) return;
  const stated = parseKeyfile(file.bytes, paths.public).address;
  if (stated !== address) throw new ChainError('bad-keyfile', mismatch(paths, stated, address), { path: paths.public, expected: address, actual: stated });
}

function mismatch(paths: KeyPaths, stated: Hotkey, actual: Hotkey): string {
  return `${paths.public} names ${stated}, and ${paths.secret} is the key of ${actual}: one of the two files belongs to another key`;
}

function openToOthers(path: string, mode: number): string {
  return `${path} can be read by others (mode 0${mode.toString(8)}): run \`chmod 600 ${path}\``;
}

/** The wallet's, and for a hotkey the one that holds them. */
function directoriesOf({ secret }: KeyPaths): string[] {
  return [dirname(secret), dirname(dirname(secret))];
}

function openDirectory(path: string): string {
  return `in ${path} everybody on this machine can put other keys in place of yours: run \`chmod go-w ${path}\``;
}

function missing(role: KeyRole, path: string): ChainError {
  return new ChainError('no-keyfile', `there is no ${role} at ${path}: check the wallet's name, hotkey and path, or create it`, { path });
}
