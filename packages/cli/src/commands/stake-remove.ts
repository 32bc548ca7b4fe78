/**
 * `connito stake remove`: some of it or all, from one subnet or from every one.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { UnstakeAllFigures, UnstakeAllOptions } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags, type Fact } from '../chain-call.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { hotkeyOf } from '../hotkey-option.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { addPriceOptions, priceLimit, type PriceFlags } from '../price-options.ts';
import { slippageText, stakeFacts } from '../stake-facts.ts';
import { formatAmount, taoAmount } from '../tao.ts';

interface RemoveFlags extends CallFlags, PriceFlags {
  readonly netuid?: number;
  readonly hotkey?: string;
  readonly amount?: bigint;
  readonly all?: true;
  readonly toRoot?: true;
}

/** Adds `connito stake remove`. */
export function registerRemove(group: Command, context: CliContext): void {
  const command = addPriceOptions(
    addCallOptions(group.command('remove').description('Take stake back from a hotkey, as TAO: an amount or all of it on one subnet, or, without --netuid, all of it on every subnet. Signed by the coldkey.'))
      .addOption(new Option('-n, --netuid <number>', 'subnet; with --all alone: every one').argParser(wholeNumber({ max: 65_535 })))
      .addOption(new Option('--amount <amount>', 'alpha to take back').argParser(taoAmount()).conflicts('all'))
      .option('--all', 'all there is; without --netuid at any price, which has to be said by --any-price')
      .addOption(new Option('--to-root', 'with --all alone: stake what the other subnets give on the root subnet, on the same hotkey').conflicts(['netuid', 'amount']))
      .option('--hotkey <ss58>', "hotkey that it is staked on (default: the wallet's)"),
  ).action((flags: RemoveFlags) => runRemove(flags, context));
  describeUse(command, [
    'connito stake remove --netuid 1 --amount 25.5 --wallet-name validator',
    'connito stake remove --netuid 1 --all --tolerance 0.02 --wallet-name validator',
    'connito stake remove --all --any-price --wallet-name validator --dry-run',
    'connito stake remove --all --to-root --any-price --wallet-name validator',
  ]);
}

async function runRemove(flags: RemoveFlags, context: CliContext): Promise<void> {
  const { netuid, amount, all } = flags;
  if (amount === undefined && all === undefined) throw new CliError('usage', 'How much? Say --amount, or --all');
  if (netuid !== undefined) return removeFrom({ ...flags, netuid }, context);
  if (all === undefined) throw new CliError('usage', 'Of which subnet? Say --netuid, or --all without --amount for every one');
  if (flags.anyPrice === undefined) throw new CliError('usage', 'The call that takes back the stake of every subnet has no limit of price: repeat with --any-price (and --dry-run to see what the pools would give), or remove it subnet by subnet with --netuid');
  if (flags.partial !== undefined) throw new CliError('usage', '--partial is for one subnet: the call that takes back the stake of every one has no limit of price');
  return removeEverywhere(flags, context);
}

async function removeFrom(flags: RemoveFlags & { readonly netuid: number }, context: CliContext): Promise<void> {
  const { planRemoveStake, removeStake } = await import('@connito/chain');
  const { netuid, amount } = flags;
  const options = { netuid, hotkey: await hotkeyOf(flags, context), amountRao: amount ?? ('all' as const), ...priceLimit(flags) };
  await runCall(
    {
      role: 'coldkey',
      question: `Unstake ${amount === undefined ? 'all' : formatAmount(amount)} alpha on ${options.hotkey}, subnet ${netuid}`,
      asks: true,
      plan: (chain, account) => planRemoveStake(chain, { ...options, account }),
      facts: (figures) => stakeFacts(figures, 'remove'),
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash, stakeRao, taoRao, alphaRao } = await removeStake(chain, { ...options, signer });
        return { blockNumber, blockHash, extrinsicHash, stakeRao, taoRao, alphaRao };
      },
      done: ({ taoRao, alphaRao, stakeRao, blockNumber }) => `took back ${formatAmount(taoRao as bigint)} TAO for ${formatAmount(alphaRao as bigint)} alpha in block ${String(blockNumber)}; stake is now ${formatAmount(stakeRao as bigint)}`,
    },
    flags,
    context,
  );
}

async function removeEverywhere(flags: RemoveFlags, context: CliContext): Promise<void> {
  const { planUnstakeAll, unstakeAll } = await import('@connito/chain');
  const into = flags.toRoot ? 'root' : 'balance';
  const options = { hotkey: await hotkeyOf(flags, context), into } satisfies UnstakeAllOptions;
  await runCall(
    {
      role: 'coldkey',
      question: `Unstake everything on ${options.hotkey}, on every subnet${flags.toRoot ? ', and stake it on the root subnet' : ''}`,
      asks: true,
      plan: (chain, account) => planUnstakeAll(chain, { ...options, account }),
      facts: (figures) => unstakeFacts(figures, into),
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash, removed } = await unstakeAll(chain, { ...options, signer });
        return { blockNumber, blockHash, extrinsicHash, taoRao: removed.reduce((sum, { taoRao }) => sum + taoRao, 0n), removed };
      },
      done: ({ taoRao, removed, blockNumber }) => `took back ${formatAmount(taoRao as bigint)} TAO from ${(removed as readonly unknown[]).length} subnet(s) in block ${String(blockNumber)}${flags.toRoot ? ' and staked it on the root subnet' : ''}`,
    },
    flags,
    context,
  );
}

function unstakeFacts({ positions, receivedRao, balanceRao }: UnstakeAllFigures, into: 'root' | 'balance'): Fact[] {
  const lines = positions.map(({ netuid, stakeRao, quote, skipped }): Fact => {
    const amount = `${formatAmount(stakeRao)} ${netuid === 0 ? 'TAO' : 'alpha'}`;
    return [`subnet ${netuid}`, skipped === undefined ? `${amount} for about ${formatAmount(quote.outputRao)} TAO, slippage ${slippageText(quote.slippage)}` : `${amount}, left where it is by the chain (${skipped})`];
  });
  return [...lines, ['limit', 'none: any price'], ['you get', `about ${formatAmount(receivedRao)} TAO${into === 'root' ? ', staked on the root subnet' : ''}`], ['balance', `${formatAmount(balanceRao)} TAO${into === 'root' ? '' : `, then about ${formatAmount(balanceRao + receivedRao)} less the fee`}`]];
}
