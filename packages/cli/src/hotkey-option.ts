/**
 * Which subnet, and which hotkey that is not the signer: options that many commands have.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { CliError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { wholeNumber } from './options.ts';
import { addressOf, namesWallet, openWalletOf, type SignerFlags, type WalletFlags } from './wallet-options.ts';

/** Adds `--netuid`, which has to be given. */
export function addNetuidOption(command: Command): Command {
  return command.addOption(new Option('-n, --netuid <number>', 'subnet').argParser(wholeNumber({ max: 65_535 })).makeOptionMandatory());
}

const NO_HOTKEY = 'Which hotkey? Name it by --hotkey, or a wallet by --wallet-name';

/** The hotkey of `--hotkey`, or of the key that would sign. @throws CliError usage where neither is there */
export async function hotkeyOfSigner(flags: SignerFlags & { readonly hotkey?: string }, context: CliContext): Promise<string> {
  const hotkey = flags.hotkey === undefined ? await addressOf(flags, context, 'hotkey') : (await import('@connito/chain')).parseHotkey(flags.hotkey);
  if (hotkey === undefined) throw new CliError('usage', NO_HOTKEY);
  return hotkey;
}

/** The hotkey of `--hotkey`, or of the wallet that options or variables name. @throws CliError usage where neither is there */
export async function hotkeyOf(flags: WalletFlags & { readonly hotkey?: string }, context: CliContext): Promise<string> {
  if (flags.hotkey !== undefined) return (await import('@connito/chain')).parseHotkey(flags.hotkey);
  if (!namesWallet(flags, context)) throw new CliError('usage', NO_HOTKEY);
  return (await openWalletOf(flags, context)).address('hotkey');
}
