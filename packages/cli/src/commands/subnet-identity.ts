/**
 * `connito subnet identity`: what a subnet says of itself, shown and set.
 *
 * @module
 */
import type { Command } from 'commander';
import type { SubnetIdentity } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import { CliError } from '../cli-error.ts';
import { printable, type CliContext } from '../context.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { printFacts } from '../print-table.ts';

interface ShowFlags extends NetworkFlags {
  readonly netuid?: number;
  readonly json?: true;
}

type SetFlags = CallFlags & { readonly netuid?: number } & Partial<SubnetIdentity>;

/** Fields by their option, with what they are. */
const FIELDS: readonly (readonly [field: keyof SubnetIdentity, option: string, what: string])[] = [
  ['name', '--name <text>', 'name of the subnet'],
  ['githubRepo', '--github-repo <url>', 'its source'],
  ['url', '--url <url>', 'its page'],
  ['contact', '--contact <text>', 'whom to write to'],
  ['discord', '--discord <text>', 'where it is talked about'],
  ['description', '--description <text>', 'what it does'],
  ['logoUrl', '--logo-url <url>', 'its logo'],
  ['additional', '--additional <text>', 'anything else'],
];

/** Adds `connito subnet identity`, and `set` under it. */
export function registerIdentity(group: Command, context: CliContext): void {
  const command = netuidOption(addNetworkOption(group.command('identity').description('Show what a subnet says of itself, or say it.'))).action((flags: ShowFlags) => runShow(flags, context));
  describeUse(command, ['connito subnet identity --netuid 1', 'connito subnet identity --netuid 1 --json']);
  const set = FIELDS.reduce(
    (self, [, option, what]) => self.option(option, what),
    netuidOption(addCallOptions(command.command('set').description('Change fields; those that are not given stay. An empty text empties one. Signed by the coldkey that owns the subnet.'))),
  ).action((_flags: unknown, self: Command) => runSet(self.optsWithGlobals<SetFlags>(), context)); // what the parent has too is parsed there
  describeUse(set, ['connito subnet identity set --netuid 1 --url https://example.org --wallet-name owner', 'connito subnet identity set --netuid 1 --description "Experts for law" --dry-run']);
}

/** Not mandatory for commander, which would ask the parent for it too. */
function netuidOption(command: Command): Command {
  return command.option('-n, --netuid <number>', 'subnet', wholeNumber({ max: 65_535 }));
}

function netuidOf({ netuid }: ShowFlags): number {
  if (netuid === undefined) throw new CliError('usage', 'Which subnet? Name it by --netuid');
  return netuid;
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { readSubnetIdentity } = await import('@connito/chain');
  const netuid = netuidOf(flags);
  const chain = await connectSubnet({ ...flags, netuid }, context);
  try {
    const identity = await readSubnetIdentity(chain, { netuid });
    if (flags.json) return context.printJson(identity ?? null);
    if (identity === undefined) return context.print(`subnet ${netuid} says nothing of itself`);
    printFacts(FIELDS.map(([field]) => [field, printable(identity[field], 1024) || '–']), context);
  } finally {
    await chain.close();
  }
}

async function runSet(flags: SetFlags, context: CliContext): Promise<void> {
  const { planSubnetIdentity, readSubnetIdentity, setSubnetIdentity } = await import('@connito/chain');
  const netuid = netuidOf(flags);
  const given = FIELDS.flatMap(([field]) => (flags[field] === undefined ? [] : [[field, flags[field]] as const]));
  if (given.length === 0) throw new CliError('usage', `Nothing to change: give one of ${FIELDS.map(([, option]) => option.split(' ')[0]).join(', ')}`);
  let identity: Partial<SubnetIdentity> = {};
  await runCall(
    {
      role: 'coldkey',
      question: `Change the identity of subnet ${netuid}`,
      asks: true,
      plan: async (chain, account) => {
        // The chain keeps nothing of the old one.
        identity = { ...(await readSubnetIdentity(chain, { netuid })), ...Object.fromEntries(given) };
        return planSubnetIdentity(chain, { netuid, identity, account });
      },
      facts: () => FIELDS.map(([field]) => [field, printable(identity[field] ?? '') || '–']),
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash } = await setSubnetIdentity(chain, { netuid, identity, signer });
        return { identity, blockNumber, blockHash, extrinsicHash };
      },
      done: ({ blockNumber }) => `set in block ${String(blockNumber)}`,
    },
    flags,
    context,
  );
}
