/**
 * `connito wallet create`, `new-coldkey`, `new-hotkey`.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { KeyRole, Wallet } from '@connito/chain/node';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { describeUse } from '../options.ts';
import { addPasswordOptions, addWalletOptions, openWalletOf, passwordSource, type PasswordFlags, type WalletFlags } from '../wallet-options.ts';

/** How a key is written. */
export interface KeepFlags extends WalletFlags, PasswordFlags {
  readonly usePassword: boolean;
  readonly overwrite?: true;
  readonly json?: true;
}

interface NewFlags extends KeepFlags {
  readonly nWords: '12' | '24';
  readonly printMnemonic?: true;
}

/** A key that was written. */
interface Made {
  readonly role: KeyRole;
  readonly address: string;
  readonly path: string;
  readonly encrypted: boolean;
  readonly mnemonic: string;
}

/** Adds the commands that make new keys. */
export function registerWalletCreate(group: Command, context: CliContext): void {
  const make = (name: string, roles: readonly KeyRole[], description: string): Command =>
    addKeepOptions(group.command(name).description(description), roles.includes('coldkey'))
      .addOption(new Option('--n-words <count>', 'words of the mnemonic').choices(['12', '24']).default('12'))
      .option('--print-mnemonic', 'print the mnemonic to stdout, also where that is no terminal')
      .action((flags: NewFlags) => runNew(roles, flags, context));
  const shown = 'The mnemonic is shown once, on the terminal only.';
  describeUse(make('create', ['coldkey', 'hotkey'], `Make a wallet: a coldkey, encrypted unless --no-use-password, and a hotkey in plain text for unattended use. ${shown}`), ['connito wallet create --wallet-name owner', 'connito wallet create --wallet-name owner --wallet-hotkey validator --password-fd 3 3<password.txt']);
  describeUse(make('new-coldkey', ['coldkey'], `Make a coldkey, encrypted unless --no-use-password. ${shown}`), ['connito wallet new-coldkey --wallet-name owner --n-words 24']);
  describeUse(make('new-hotkey', ['hotkey'], `Make a hotkey, in plain text unless --use-password, so that a miner or validator starts without anybody there. ${shown}`), ['connito wallet new-hotkey --wallet-name owner --wallet-hotkey miner-1']);
}

/** Adds which wallet, whether it is encrypted, and whether it may replace what stands there. */
export function addKeepOptions(command: Command, encrypts: boolean): Command {
  const encryption = encrypts ? new Option('--no-use-password', 'do not encrypt the coldkey: for development only') : new Option('--use-password', 'encrypt it; whoever uses it then needs the password').default(false);
  return addPasswordOptions(addWalletOptions(command)).addOption(encryption).option('--overwrite', 'replace a key that stands there, which is lost unless it is kept elsewhere');
}

/** The password to encrypt `role`'s file with; `undefined` for none. */
export async function newPassword(wallet: Wallet, { role, flags, context }: { readonly role: KeyRole; readonly flags: KeepFlags; readonly context: CliContext }): Promise<string | undefined> {
  if (!flags.usePassword) return undefined;
  const source = passwordSource(flags, context);
  const password = typeof source === 'string' ? source : await source({ path: wallet.paths[role].secret, purpose: 'create' });
  if (password === undefined || password === '') throw new CliError('usage', 'No password: give one, or --no-use-password for a key without encryption');
  return password;
}

async function runNew(roles: readonly KeyRole[], flags: NewFlags, context: CliContext): Promise<void> {
  const { createMnemonic } = await import('@connito/chain');
  const { assertFree, secretFromUri, writeKey } = await import('@connito/chain/node');
  const wallet = await openWalletOf(flags, context);
  const { overwrite = false } = flags;
  for (const role of roles) await assertFree(wallet, { role, overwrite });
  const made: Made[] = [];
  try {
    for (const role of roles) {
      const mnemonic = createMnemonic(flags.nWords === '24' ? 24 : 12);
      // A hotkey that comes with a coldkey is for unattended use.
      const password = role === 'hotkey' && roles.length > 1 ? undefined : await newPassword(wallet, { role, flags, context });
      const address = await writeKey(wallet, { role, secret: secretFromUri(mnemonic), overwrite, ...(password === undefined ? {} : { password }) });
      made.push({ role, address, path: wallet.paths[role].secret, encrypted: password !== undefined, mnemonic });
    }
  } finally {
    // A coldkey whose hotkey could not be written stands on disk all the same, and its words are not shown again.
    if (made.length > 0) report(made, flags, context);
  }
}

function report(made: readonly Made[], { json, printMnemonic }: NewFlags, context: CliContext): void {
  if (json) context.printJson(made.map(({ mnemonic, ...rest }) => ({ ...rest, ...(printMnemonic ? { mnemonic } : {}) })));
  else for (const { role, address, path, encrypted, mnemonic } of made) context.print([`${role}  ${address}  ${path}${encrypted ? ', encrypted' : ''}`, ...(printMnemonic ? [`  ${mnemonic}`] : [])].join('\n'));
  if (printMnemonic) return;
  if (context.stderr.isTTY !== true) return context.log.warn('the mnemonic was not shown, there being no terminal: keep a copy of the files, or make the key again with --print-mnemonic');
  for (const { role, mnemonic } of made) context.stderr.write(`\n${role}, write this down where nobody finds it; it is not shown again:\n\n  ${mnemonic}\n`);
}
