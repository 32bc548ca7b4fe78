/**
 * `connito wallet sign` and `verify`: that somebody has a key, shown without the chain.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { describeUse } from '../options.ts';
import { addSignerOptions, openSigner, type SignerFlags } from '../wallet-options.ts';

interface MessageFlags {
  readonly message?: string;
  readonly in?: string;
  readonly json?: true;
}

interface SignFlags extends SignerFlags, MessageFlags {
  readonly useHotkey?: true;
}

interface VerifyFlags extends MessageFlags {
  readonly address: string;
  readonly signature: string;
}

/** Adds `sign` and `verify`. */
export function registerWalletSign(group: Command, context: CliContext): void {
  const sign = addMessageOptions(addSignerOptions(group.command('sign').description('Sign a message with the coldkey, or with the hotkey by --use-hotkey. btcli verifies it too.')))
    .option('--use-hotkey', 'sign with the hotkey')
    .action((flags: SignFlags) => runSign(flags, context));
  describeUse(sign, ["connito wallet sign --wallet-name owner --use-hotkey --message 'it is me'", 'connito wallet sign --wallet-name owner --in statement.txt --json']);
  const verify = addMessageOptions(group.command('verify').description('Check the signature of a message. Exits with 1 where it is not by that address.'))
    .requiredOption('--address <ss58>', 'who should have signed')
    .requiredOption('--signature <hex>', 'the signature, 64 bytes')
    .action((flags: VerifyFlags) => runVerify(flags, context));
  describeUse(verify, ["connito wallet verify --message 'it is me' --address 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --signature 0x…"]);
}

function addMessageOptions(command: Command): Command {
  return command.option('--message <text>', 'the message').addOption(new Option('--in <file>', "a file's bytes as the message").conflicts('message'));
}

async function runSign(flags: SignFlags, context: CliContext): Promise<void> {
  const message = await readMessage(flags);
  const keypair = await openSigner(flags, context, flags.useHotkey ? 'hotkey' : 'coldkey');
  const signature = `0x${Buffer.from(keypair.sign(message)).toString('hex')}`;
  if (flags.json) context.printJson({ address: keypair.hotkey, signature });
  else context.print(signature);
}

async function runVerify(flags: VerifyFlags, context: CliContext): Promise<void> {
  const { parseHotkey, verifySignature } = await import('@connito/chain');
  if (!/^(0x)?[0-9a-fA-F]{128}$/.test(flags.signature)) throw new CliError('usage', '--signature must be 64 bytes in hex');
  const signature = Uint8Array.from(Buffer.from(flags.signature.replace(/^0x/, ''), 'hex'));
  const address = parseHotkey(flags.address);
  const isValid = verifySignature({ message: await readMessage(flags), signature, address });
  if (flags.json) context.printJson({ address, isValid });
  if (!isValid) throw new CliError('failed', `This is not a signature of the message by ${address}`);
  if (!flags.json) context.print(`valid: signed by ${address}`);
}

async function readMessage({ message, in: path }: MessageFlags): Promise<Uint8Array> {
  if (message !== undefined) return new TextEncoder().encode(message);
  if (path !== undefined) return readFile(path);
  throw new CliError('usage', 'Nothing to sign or verify: give --message or --in');
}
