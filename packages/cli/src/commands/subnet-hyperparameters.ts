/**
 * `connito subnet hyperparameters`: show them all, set one.
 *
 * @module
 */
import type { Command } from 'commander';
import type { HyperparameterName } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { printTable } from '../print-table.ts';

interface ShowFlags extends NetworkFlags {
  readonly netuid: number;
  readonly json?: true;
}

interface SetFlags extends CallFlags {
  readonly netuid: number;
  readonly sudo?: true;
}

/** Adds `connito subnet hyperparameters`, and `set` under it. */
export function registerHyperparameters(group: Command, context: CliContext): void {
  const command = anyNetuidOption(addNetworkOption(group.command('hyperparameters').description('Show the hyperparameters of a subnet and who may set each, or set one.'))).action((flags: Partial<ShowFlags>) => runShow(withNetuid(flags), context));
  describeUse(command, ['connito subnet hyperparameters --netuid 1', 'connito subnet hyperparameters --netuid 1 --json']);
  const set = anyNetuidOption(addCallOptions(command.command('set').description('Set one hyperparameter. Signed by the coldkey that owns the subnet.').argument('<name>', 'as `hyperparameters` shows it').argument('<value>', 'true, 12, 1.26, 45875,58982, recycle, even: as the parameter takes it')))
    .option('--sudo', 'as the sudo key of a development chain')
    // What the parent has too is parsed there.
    .action((name: string, value: string, _flags: unknown, self: Command) => runSet({ name, value, flags: withNetuid(self.optsWithGlobals<Partial<SetFlags>>()) }, context));
  describeUse(set, ['connito subnet hyperparameters set immunityPeriod 7200 --netuid 1 --wallet-name owner', 'connito subnet hyperparameters set commitRevealWeightsEnabled false --netuid 1 --dry-run']);
}

/** Not mandatory for commander, which would ask the parent for it too. */
function anyNetuidOption(command: Command): Command {
  return command.option('-n, --netuid <number>', 'subnet', wholeNumber({ max: 65_535 }));
}

function withNetuid<F extends { readonly netuid?: number }>(flags: F): F & { readonly netuid: number } {
  if (flags.netuid === undefined) throw new CliError('usage', 'Which subnet? Name it by --netuid');
  return { ...flags, netuid: flags.netuid };
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { HYPERPARAMETERS, HYPERPARAMETER_NAMES, readHyperparameters } = await import('@connito/chain');
  const chain = await connectSubnet(flags, context);
  try {
    const values = await readHyperparameters(chain, { netuid: flags.netuid, names: HYPERPARAMETER_NAMES });
    const rows = HYPERPARAMETER_NAMES.filter((name) => values[name] !== undefined).map((name) => ({ name, value: values[name], access: HYPERPARAMETERS[name].access, scope: HYPERPARAMETERS[name].scope }));
    if (flags.json) return context.printJson(rows);
    printTable([{ title: 'NAME' }, { title: 'VALUE', align: 'right' }, { title: 'SET BY' }, { title: 'OF' }], rows.map(({ name, value, access, scope }) => [{ text: name }, { text: String(value) }, { text: access === 'owner' ? 'owner' : 'sudo key' }, { text: scope === 'subnet' ? 'subnet' : 'chain' }]), context);
  } finally {
    await chain.close();
  }
}

async function runSet({ name, value, flags }: { readonly name: string; readonly value: string; readonly flags: SetFlags }, context: CliContext): Promise<void> {
  const { parseHyperparameter, planHyperparameter, setHyperparameter } = await import('@connito/chain');
  const parameter = name as HyperparameterName;
  const change = { netuid: flags.netuid, name: parameter, value: parseHyperparameter(parameter, value), sudo: flags.sudo ?? false };
  await runCall(
    {
      role: 'coldkey',
      question: `Set ${name} of subnet ${flags.netuid} to ${value}`,
      asks: true,
      plan: (chain, account) => planHyperparameter(chain, { ...change, account }),
      facts: ({ current, allowedFromBlock }) => [
        ['now', String(current)],
        ['then', value],
        ['possible', allowedFromBlock === undefined ? 'at any time' : `from block ${allowedFromBlock} on`],
      ],
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash } = await setHyperparameter(chain, { ...change, signer });
        return { blockNumber, blockHash, extrinsicHash };
      },
      done: ({ blockNumber }) => `set in block ${String(blockNumber)}`,
    },
    flags,
    context,
  );
}
