/**
 * `connito commitment`: show, set.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Commitment, CommitmentField } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import { CliError } from '../cli-error.ts';
import { printable, type CliContext } from '../context.ts';
import { addNetuidOption } from '../hotkey-option.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { printTable } from '../print-table.ts';
import { addGroup } from '../program.ts';

interface ShowFlags extends NetworkFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly json?: true;
}

interface SetFlags extends CallFlags {
  readonly netuid: number;
  readonly text: readonly string[];
  readonly hex: readonly string[];
  readonly file?: string;
  readonly timelocked?: string;
  readonly round?: number;
}

/** Adds `connito commitment`. */
export function registerCommitment(program: Command, context: CliContext): void {
  const group = addGroup(program, 'commitment', 'Show and set what hotkeys have committed on chain.');
  const show = addNetuidOption(addNetworkOption(group.command('show').description('Show commitments of a subnet, and what the chain has opened of timelocked ones.')))
    .option('--hotkey <ss58>', 'only of this hotkey')
    .action((flags: ShowFlags) => runShow(flags, context));
  describeUse(show, ['connito commitment show --netuid 1', 'connito commitment show --netuid 1 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --json']);
  const set = addNetuidOption(addCallOptions(group.command('set').description("Replace a hotkey's commitment: up to three fields. Signed by the hotkey. Costs nothing.")))
    .addOption(new Option('--text <text>', 'a field of text, at most 128 bytes; can be given again').argParser(collect).default([], 'none'))
    .addOption(new Option('--hex <hex>', 'a field of bytes, at most 128; can be given again').argParser(collectHex).default([], 'none'))
    .option('--file <path>', 'a field with the bytes of a file, at most 512')
    .option('--timelocked <path>', 'a field with the bytes of a file that the chain opens by itself once the round is there, at most 780')
    .addOption(new Option('--round <number>', "with --timelocked: the beacon's round").argParser(wholeNumber({ min: 1 })))
    .action((flags: SetFlags) => runSet(flags, context));
  describeUse(set, ['connito commitment set --netuid 1 --text https://example.org/model --wallet-name miner', 'connito commitment set --netuid 1 --timelocked answer.bin --round 40000000 --wallet-name miner', 'connito commitment set --netuid 1 --hex 00ff --dry-run']);
}

function collect(text: string, all: readonly string[]): string[] {
  return [...all, text];
}

function collectHex(text: string, all: readonly string[]): string[] {
  if (!/^(0x)?([0-9a-f]{2})+$/i.test(text)) throw new InvalidArgumentError('Expected bytes in hex, such as 00ff.');
  return [...all, text.replace(/^0x/i, '')];
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { parseHotkey, readCommitments, readRevealedCommitments } = await import('@connito/chain');
  const only = flags.hotkey === undefined ? undefined : parseHotkey(flags.hotkey);
  const chain = await connectSubnet(flags, context);
  try {
    const at = (await chain.finalisedHead()).hash;
    const [commitments, revealed] = await Promise.all([readCommitments(chain, { netuid: flags.netuid, at }), readRevealedCommitments(chain, { netuid: flags.netuid, at })]);
    const hotkeys = [...new Set([...commitments.keys(), ...revealed.keys()])].filter((hotkey) => only === undefined || hotkey === only).sort();
    if (flags.json) return context.printJson(hotkeys.map((hotkey) => ({ hotkey, commitment: commitments.get(hotkey) ?? null, revealed: revealed.get(hotkey) ?? [] })));
    if (hotkeys.length === 0) return context.print('no commitments');
    const rows = hotkeys.flatMap((hotkey) => [...describeCommitment(commitments.get(hotkey)), ...(revealed.get(hotkey) ?? []).map(({ bytes, blockNumber }) => [String(blockNumber), 'opened', describeBytes(bytes)])].map((row) => [hotkey, ...row]));
    printTable([{ title: 'HOTKEY' }, { title: 'BLOCK', align: 'right' }, { title: 'KIND' }, { title: 'CONTENT' }], rows.map((row) => row.map((text) => ({ text }))), context);
  } finally {
    await chain.close();
  }
}

function describeCommitment(commitment: Commitment | undefined): string[][] {
  return (commitment?.contents ?? []).map((field) => [String(commitment?.blockNumber), field.kind === 'hash' ? field.algorithm : field.kind, describeField(field)]);
}

function describeField(field: CommitmentField): string {
  if (field.kind === 'raw' || field.kind === 'big-raw') return describeBytes(field.bytes);
  if (field.kind === 'hash') return Buffer.from(field.hash).toString('hex');
  return field.kind === 'timelocked' ? `${field.ciphertext.length} bytes until round ${field.round}` : '';
}

/** Text where it is plain, hex otherwise: it is somebody else's, and goes to a terminal. */
function describeBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? printable(text) : `0x${Buffer.from(bytes).toString('hex')}`;
}

async function runSet(flags: SetFlags, context: CliContext): Promise<void> {
  const { planCommitment, setCommitment } = await import('@connito/chain');
  if ((flags.timelocked === undefined) !== (flags.round === undefined)) throw new CliError('usage', '--timelocked and --round go together: when is it to be opened?');
  const plain: CommitmentField[] = [...flags.text.map((text) => Buffer.from(text, 'utf8')), ...flags.hex.map((hex) => Buffer.from(hex, 'hex'))].map((bytes) => ({ kind: 'raw', bytes: Uint8Array.from(bytes) }));
  if (flags.file !== undefined) plain.push({ kind: 'big-raw', bytes: Uint8Array.from(await readFile(flags.file)) });
  if (plain.length === 0 && flags.timelocked === undefined) throw new CliError('usage', 'Nothing to commit: give --text, --hex, --file or --timelocked');
  const secret = flags.timelocked === undefined ? undefined : Uint8Array.from(await readFile(flags.timelocked));
  let fields: readonly CommitmentField[] = plain;
  await runCall(
    {
      role: 'hotkey',
      question: `Commit on subnet ${flags.netuid}`,
      asks: false,
      plan: async (chain, account) => {
        if (secret !== undefined && flags.round !== undefined) {
          const [{ readBeacon }, { encryptTimelock }] = await Promise.all([import('@connito/chain'), import('@connito/commit-reveal')]);
          const { publicKey } = await readBeacon(chain);
          fields = [...plain, { kind: 'timelocked', ciphertext: encryptTimelock({ publicKey, round: flags.round, plaintext: secret }), round: flags.round }];
        }
        return planCommitment(chain, { netuid: flags.netuid, fields, account });
      },
      facts: ({ requiredBytes, usedBytes, maxSpaceBytes, nextEpochBlock }) => [
        ['space', `${requiredBytes} bytes; ${usedBytes} of ${maxSpaceBytes} used up in this epoch`],
        ['free again', nextEpochBlock === undefined ? 'never: the subnet has no epochs' : `in block ${nextEpochBlock}`],
      ],
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash } = await setCommitment(chain, { netuid: flags.netuid, fields, signer });
        return { blockNumber, blockHash, extrinsicHash };
      },
      done: ({ blockNumber }) => `committed in block ${String(blockNumber)}`,
    },
    flags,
    context,
  );
}
