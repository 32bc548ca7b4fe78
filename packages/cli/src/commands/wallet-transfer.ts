/**
 * `connito wallet transfer`: TAO from a coldkey to any address.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { TransferFigures } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags, type Fact } from '../chain-call.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { describeUse } from '../options.ts';
import { formatAmount, taoAmount } from '../tao.ts';

interface TransferFlags extends CallFlags {
  readonly to: string;
  readonly amount?: bigint;
  readonly all?: true;
  readonly allowDeath?: true;
}

const EXAMPLE_KEY = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty';

/** Adds `connito wallet transfer`. */
export function registerWalletTransfer(group: Command, context: CliContext): void {
  const command = addCallOptions(group.command('transfer').description('Send TAO to an address, for good. The account keeps the existential deposit unless --allow-death is given. Signed by the coldkey.'))
    .requiredOption('--to <ss58>', 'address to send it to')
    .addOption(new Option('--amount <amount>', 'TAO to send').argParser(taoAmount()).conflicts('all'))
    .option('--all', 'all there is, less the fee and the existential deposit')
    .option('--allow-death', 'let the account fall below the existential deposit and cease to exist; what is left of it is lost')
    .action((flags: TransferFlags) => runTransfer(flags, context));
  describeUse(command, [`connito wallet transfer --to ${EXAMPLE_KEY} --amount 12.5 --wallet-name owner`, `connito wallet transfer --to ${EXAMPLE_KEY} --all --wallet-name owner --dry-run`]);
}

async function runTransfer(flags: TransferFlags, context: CliContext): Promise<void> {
  const { parseHotkey, planTransfer, transfer } = await import('@connito/chain');
  if (flags.amount === undefined && flags.all === undefined) throw new CliError('usage', 'How much? Say --amount, or --all');
  const options = { destination: parseHotkey(flags.to), amountRao: flags.amount ?? ('all' as const), allowDeath: flags.allowDeath ?? false };
  await runCall(
    {
      role: 'coldkey',
      question: `Send ${flags.amount === undefined ? 'all TAO' : `${formatAmount(flags.amount)} TAO`} to ${options.destination}`,
      asks: true,
      plan: (chain, account) => planTransfer(chain, { ...options, account }),
      facts: (figures) => [['to', options.destination], ...transferFacts(figures, options.allowDeath)],
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash, amountRao } = await transfer(chain, { ...options, signer });
        return { blockNumber, blockHash, extrinsicHash, destination: options.destination, amountRao };
      },
      done: ({ amountRao, destination, blockNumber }) => `sent ${formatAmount(amountRao as bigint)} TAO to ${String(destination)} in block ${String(blockNumber)}`,
    },
    flags,
    context,
  );
}

function transferFacts({ amountRao, balanceRao, balanceAfterRao, existentialDepositRao }: TransferFigures, allowDeath: boolean): Fact[] {
  const dies = allowDeath && balanceAfterRao < existentialDepositRao;
  return [
    ['arrives', `${formatAmount(amountRao)} TAO`],
    ['balance', `${formatAmount(balanceRao)} TAO, then ${dies ? 'none: the account ceases to exist' : formatAmount(balanceAfterRao)}`],
    ['keeps', allowDeath ? 'nothing (--allow-death)' : `at least the existential deposit of ${formatAmount(existentialDepositRao)} TAO`],
  ];
}
