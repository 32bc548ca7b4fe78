/**
 * Which key signs: the options that every command with a signer has, and the key that they lead to.
 *
 * A key comes from a btcli wallet, or from a file or variable with its mnemonic. Passwords come from a file descriptor, a file, bittensor-wallet's variables or
 * the terminal; never from the command line, which every process of the machine can read.
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import type { Keypair } from '@connito/chain';
import type { KeyRole, PasswordSource, Wallet } from '@connito/chain/node';
import { CliError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { wholeNumber } from './options.ts';
import { promptSecret } from './prompt.ts';

/** Which wallet. */
export interface WalletFlags {
  readonly walletName?: string;
  readonly walletHotkey?: string;
  readonly walletPath?: string;
}

/** Where a password comes from. */
export interface PasswordFlags {
  readonly passwordFd?: number;
  readonly passwordFile?: string;
}

/** Options of a command that signs. */
export interface SignerFlags extends WalletFlags, PasswordFlags {
  readonly keyFile?: string;
}

/** Where a key is looked for when no option names one. */
export const KEY_VARIABLE = 'CONNITO_KEY';

/** Said where a password is wanted and nobody can type one. */
function passwordWays(variable: string): string {
  return `use --password-fd or --password-file, or set bittensor-wallet's variable ${variable}`;
}

/** Adds `--wallet-name`, `--wallet-hotkey`, `--wallet-path`, spelled as btcli does. */
export function addWalletOptions(command: Command): Command {
  return command
    .option('--wallet-name <name>', 'wallet, as btcli made it (default: BT_WALLET_NAME, BT_WALLET or default)')
    .option('-H, --wallet-hotkey <name>', "the wallet's hotkey (default: BT_WALLET_HOTKEY or default)")
    .option('--wallet-path <directory>', 'directory of wallets (default: BT_WALLET_PATH or ~/.bittensor/wallets)');
}

/** Adds `--password-fd` and `--password-file`. */
export function addPasswordOptions(command: Command): Command {
  return command
    .addOption(new Option('--password-fd <fd>', 'read the password of an encrypted key from this open file descriptor').argParser(wholeNumber({ max: 65_535 })))
    .addOption(new Option('--password-file <file>', 'read the password from the first line of this file, which nobody else may be able to read').conflicts('passwordFd'));
}

/** Adds every option by which a command can be given its key. */
export function addSignerOptions(command: Command): Command {
  return addKeyFileOption(addPasswordOptions(addWalletOptions(command)));
}

/** Adds `--key-file`. */
export function addKeyFileOption(command: Command): Command {
  return command.option('--key-file <file>', `file with a mnemonic or a development URI such as //Alice, in place of a wallet; without either: the variable ${KEY_VARIABLE}`);
}

/** Opens the wallet that the options and variables name; btcli's `default` where none does. */
export async function openWalletOf(flags: WalletFlags, { env }: CliContext): Promise<Wallet> {
  const { openWallet } = await import('@connito/chain/node');
  const name = flags.walletName ?? walletVariable(env);
  const hotkey = flags.walletHotkey ?? set(env['BT_WALLET_HOTKEY']);
  const path = walletPathOf(flags, env);
  return openWallet({ ...(name === undefined ? {} : { name }), ...(hotkey === undefined ? {} : { hotkey }), ...(path === undefined ? {} : { path }) });
}

/** Whether an option or a variable names a wallet. */
export function namesWallet(flags: WalletFlags, { env }: Pick<CliContext, 'env'>): boolean {
  return hasWalletFlag(flags) || walletVariable(env) !== undefined;
}

function hasWalletFlag({ walletName, walletHotkey, walletPath }: WalletFlags): boolean {
  return walletName !== undefined || walletHotkey !== undefined || walletPath !== undefined;
}

/**
 * The address of the key that {@link openSigner} would open; a wallet's is read without its password. Undefined where no key is named.
 * @throws CliError usage where two are
 */
export async function addressOf(flags: SignerFlags, context: CliContext, role: KeyRole): Promise<string | undefined> {
  const isOpen = flags.keyFile !== undefined || (!hasWalletFlag(flags) && set(context.env[KEY_VARIABLE]) !== undefined);
  if (isOpen) return (await openSigner(flags, context, role)).hotkey;
  return namesWallet(flags, context) ? (await openWalletOf(flags, context)).address(role) : undefined;
}

/** The directory of wallets that was asked for; `undefined` for btcli's own. */
export function walletPathOf({ walletPath }: WalletFlags, env: CliContext['env']): string | undefined {
  return walletPath ?? set(env['BT_WALLET_PATH']);
}

/**
 * Opens the key that signs. In this order: `--key-file`; a wallet by any `--wallet-…` option; the variable `CONNITO_KEY`; a wallet by `BT_WALLET_NAME` or
 * `BT_WALLET`. Nothing is taken by default: a key that nobody named should not sign.
 * @throws CliError usage where none of them is there, or two
 */
export async function openSigner(flags: SignerFlags, context: CliContext, role: KeyRole): Promise<Keypair> {
  const { keyFile } = flags;
  const asksWallet = hasWalletFlag(flags);
  if (keyFile !== undefined && asksWallet) throw new CliError('usage', 'Both --key-file and a wallet were given: one key signs, leave one of them out');
  const variable = set(context.env[KEY_VARIABLE]);
  if (keyFile === undefined && (asksWallet || (variable === undefined && walletVariable(context.env) !== undefined))) return unlockKey(flags, context, role);
  const { openKeypair } = await import('@connito/chain');
  if (keyFile !== undefined) return openKeypair(await readKeyFile(keyFile, role, context));
  if (variable !== undefined) return openKeypair(variable);
  throw new CliError('usage', `No key to sign with: name a wallet by --wallet-name (its ${role} is used), or give the ${role}'s mnemonic or a development URI such as //Alice by --key-file or the variable ${KEY_VARIABLE}`);
}

/** Unlocks a key of the wallet that the flags name. */
export async function unlockKey(flags: WalletFlags & PasswordFlags, context: CliContext, role: KeyRole): Promise<Keypair> {
  const wallet = await openWalletOf(flags, context);
  return wallet.unlock(role, { password: passwordSource(flags, context) });
}

/** Where passwords come from: what the options name, else bittensor-wallet's variables (which `unlock` looks at itself), else the terminal. */
export function passwordSource({ passwordFd, passwordFile }: PasswordFlags, context: CliContext): PasswordSource {
  return async ({ path, purpose }) => {
    const { passwordFromEnvironment, passwordVariable, readPasswordFd, readPasswordFile } = await import('@connito/chain/node');
    if (passwordFd !== undefined) return readPasswordFd(passwordFd);
    if (passwordFile !== undefined) return readPasswordFile(passwordFile);
    const question = purpose === 'open' ? `Password of ${path}` : `New password of ${path}`;
    return passwordFromEnvironment(path, context.env) ?? promptSecret({ question, instead: passwordWays(passwordVariable(path)), confirm: purpose === 'create' }, context);
  };
}

async function readKeyFile(path: string, role: KeyRole, { log }: CliContext): Promise<string> {
  const key = (await readFile(path, 'utf8')).trim();
  // Windows has no such bits; a development URI is no secret.
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0 && !key.startsWith('//')) log.warn(`Others on this machine can read the key in ${path}: chmod 600 ${path}`);
  if (key !== '') return key;
  throw new CliError('usage', `${path} is empty: the ${role}'s mnemonic or a development URI such as //Alice is needed`);
}

function walletVariable(env: CliContext['env']): string | undefined {
  return set(env['BT_WALLET_NAME']) ?? set(env['BT_WALLET']);
}

/** A variable's value; an empty one is none. */
function set(value: string | undefined): string | undefined {
  const text = value?.trim();
  return text === '' ? undefined : text;
}
