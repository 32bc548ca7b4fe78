/**
 * `connito take`: show, set.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import type { CliContext } from '../context.ts';
import { hotkeyOf } from '../hotkey-option.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { printFacts } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { addWalletOptions, type WalletFlags } from '../wallet-options.ts';

interface ShowFlags extends WalletFlags, NetworkFlags {
  readonly netuid?: number;
  readonly hotkey?: string;
  readonly json?: true;
}

interface SetFlags extends CallFlags {
  readonly netuid?: number;
  readonly hotkey?: string;
  readonly take: number;
}

/** Adds `connito take`. */
export function registerTake(program: Command, context: CliContext): void {
  const group = addGroup(program, 'take', 'Show and set what a validator, or a child key, keeps of the dividends that others earn through it.');
  const show = takeOptions(addNetworkOption(addWalletOptions(group.command('show').description('Show what a hotkey keeps, and what the chain lets it keep. Needs no password.')))).action((flags: ShowFlags) => runShow(flags, context));
  describeUse(show, ['connito take show --wallet-name validator', 'connito take show --netuid 1 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --json']);
  const set = takeOptions(addCallOptions(group.command('set').description("Raise or lower it: lowering is free at any time, raising once in a while. Signed by the hotkey's coldkey.")))
    .addOption(new Option('--take <fraction>', 'such as 0.09').argParser(decimalNumber({ min: 0, max: 1 })).makeOptionMandatory())
    .action((flags: SetFlags) => runSet(flags, context));
  describeUse(set, ['connito take set --take 0.09 --wallet-name validator', 'connito take set --take 0.05 --netuid 1 --wallet-name validator --dry-run']);
}

function takeOptions(command: Command): Command {
  return command
    .addOption(new Option('-n, --netuid <number>', "the take of a child key on this subnet, from its parents (default: a validator's, from its stakers)").argParser(wholeNumber({ max: 65_535 })))
    .option('--hotkey <ss58>', "hotkey (default: the wallet's)");
}

function percent(take: number): string {
  return `${((100 * take) / 65_535).toFixed(3)} %`;
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { readTake } = await import('@connito/chain');
  const hotkey = await hotkeyOf(flags, context);
  const chain = await connectSubnet(flags, context);
  try {
    const take = await readTake(chain, { hotkey, netuid: flags.netuid });
    if (flags.json) return context.printJson({ hotkey, netuid: flags.netuid ?? null, ...take });
    printFacts(
      [
        ['hotkey', hotkey],
        ['take', percent(take.take)],
        ['possible', `${percent(take.minTake)} to ${percent(take.maxTake)}`],
      ],
      context,
    );
  } finally {
    await chain.close();
  }
}

async function runSet(flags: SetFlags, context: CliContext): Promise<void> {
  const { planChildkeyTake, planTake, setChildkeyTake, setTake } = await import('@connito/chain');
  const { netuid } = flags;
  // Rounded down, as the Python SDK does: the largest take that the chain allows can be written as it is spoken of.
  const options = { hotkey: await hotkeyOf(flags, context), take: Math.floor(flags.take * 65_535 + 1e-6) };
  await runCall(
    {
      role: 'coldkey',
      question: `Set the take of ${options.hotkey}${netuid === undefined ? '' : ` as a child key on subnet ${netuid}`} to ${percent(options.take)}`,
      asks: true,
      plan: (chain, account) => (netuid === undefined ? planTake(chain, { ...options, account }) : planChildkeyTake(chain, { ...options, netuid, account })),
      facts: ({ take }) => [
        ['now', percent(take)],
        ['then', percent(options.take)],
      ],
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash } = await (netuid === undefined ? setTake(chain, { ...options, signer }) : setChildkeyTake(chain, { ...options, netuid, signer }));
        return { take: options.take, blockNumber, blockHash, extrinsicHash };
      },
      done: ({ blockNumber }) => `set in block ${String(blockNumber)}`,
    },
    flags,
    context,
  );
}
