/**
 * `connito wallet regen-coldkey`, `regen-hotkey`, `regen-coldkeypub`: keys made again from what is left of them.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import type { KeyRole } from '@connito/chain/node';
import type { CliContext } from '../context.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { promptSecret } from '../prompt.ts';
import { addWalletOptions, openWalletOf, type WalletFlags } from '../wallet-options.ts';
import { addKeepOptions, newPassword, type KeepFlags } from './wallet-create.ts';

interface RegenFlags extends KeepFlags {
  readonly secretFd?: number;
  readonly secretFile?: string;
  readonly jsonFile?: string;
  readonly jsonPasswordFile?: string;
  readonly cryptoType: 'sr25519' | 'ed25519';
}

interface PublicFlags extends WalletFlags {
  readonly address: string;
  readonly overwrite?: true;
  readonly json?: true;
}

/** Adds the commands that make keys again. */
export function registerWalletRegen(group: Command, context: CliContext): void {
  for (const role of ['coldkey', 'hotkey'] as const) {
    const command = addKeepOptions(group.command(`regen-${role}`).description(`Make a ${role} again from its mnemonic, seed (0x…), URI or a JSON export of polkadot-js. Typed without echo, or read from a file; never an argument.`), role === 'coldkey')
      .addOption(new Option('--secret-fd <fd>', 'read mnemonic, seed or URI from this open file descriptor').argParser(wholeNumber({ max: 65_535 })))
      .addOption(new Option('--secret-file <file>', 'read mnemonic, seed or URI from the first line of this file, which nobody else may be able to read').conflicts(['secretFd', 'jsonFile']))
      .addOption(new Option('--json-file <file>', 'encrypted JSON export of polkadot-js or its extension').conflicts(['secretFd']))
      .option('--json-password-file <file>', "the export's password; asked for if not given")
      .addOption(new Option('--crypto-type <scheme>', 'how the key signs; on chain, hotkeys are sr25519').choices(['sr25519', 'ed25519']).default('sr25519'))
      .action((flags: RegenFlags) => runRegen(role, flags, context));
    describeUse(command, [`connito wallet regen-${role} --wallet-name owner`, `connito wallet regen-${role} --wallet-name owner --secret-fd 3 3<mnemonic.txt`]);
  }
  const command = addWalletOptions(group.command('regen-coldkeypub').description('Write coldkeypub.txt for an address: a wallet that can be watched and cannot sign.'))
    .requiredOption('--address <ss58>', 'the address of the coldkey')
    .option('--overwrite', 'replace a file that stands there')
    .action((flags: PublicFlags) => runRegenPublic(flags, context));
  describeUse(command, ['connito wallet regen-coldkeypub --wallet-name owner --address 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY']);
}

async function runRegen(role: KeyRole, flags: RegenFlags, context: CliContext): Promise<void> {
  const { secretFromJson, secretFromUri, writeKey } = await import('@connito/chain/node');
  const wallet = await openWalletOf(flags, context);
  const { jsonFile, overwrite = false } = flags;
  const secret = jsonFile === undefined ? secretFromUri(await readSecret(flags, context), flags.cryptoType) : secretFromJson(await readFile(jsonFile, 'utf8'), await readJsonPassword(flags, context));
  const password = await newPassword(wallet, { role, flags, context });
  const address = await writeKey(wallet, { role, secret, overwrite, ...(password === undefined ? {} : { password }) });
  report({ role, address, path: wallet.paths[role].secret, encrypted: password !== undefined }, flags, context);
}

async function runRegenPublic(flags: PublicFlags, context: CliContext): Promise<void> {
  const { writePublicKey } = await import('@connito/chain/node');
  const wallet = await openWalletOf(flags, context);
  const written = await writePublicKey(wallet, { role: 'coldkey', address: flags.address, overwrite: flags.overwrite === true });
  report({ role: 'coldkey', address: written, path: wallet.paths.coldkey.public, encrypted: false }, flags, context);
}

async function readSecret({ secretFd, secretFile }: RegenFlags, context: CliContext): Promise<string> {
  const { readPasswordFd, readPasswordFile } = await import('@connito/chain/node');
  if (secretFd !== undefined) return readPasswordFd(secretFd);
  if (secretFile !== undefined) return readPasswordFile(secretFile);
  return promptSecret({ question: 'Mnemonic, seed or URI', instead: 'use --secret-fd, --secret-file or --json-file' }, context);
}

async function readJsonPassword({ jsonPasswordFile }: RegenFlags, context: CliContext): Promise<string> {
  const { readPasswordFile } = await import('@connito/chain/node');
  if (jsonPasswordFile !== undefined) return readPasswordFile(jsonPasswordFile);
  return promptSecret({ question: 'Password of the JSON export', instead: 'use --json-password-file' }, context);
}

function report(made: { readonly role: KeyRole; readonly address: string; readonly path: string; readonly encrypted: boolean }, { json }: { readonly json?: true }, context: CliContext): void {
  if (json) context.printJson(made);
  else context.print(`${made.role}  ${made.address}  ${made.path}${made.encrypted ? ', encrypted' : ''}`);
}
