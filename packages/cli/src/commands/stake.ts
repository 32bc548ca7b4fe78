/**
 * `connito stake`: add, remove, show; moving it has a file of its own.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { StakeFigures, StakeOptions } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags, type Fact } from '../chain-call.ts';
import type { CliContext } from '../context.ts';
import { addNetuidOption, hotkeyOf } from '../hotkey-option.ts';
import { addNetworkOption, connectNetwork, type NetworkFlags } from '../network-options.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { printFacts, printTable } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { formatAmount, taoAmount } from '../tao.ts';
import { addKeyFileOption, addressOf, addWalletOptions, KEY_VARIABLE, openWalletOf, type SignerFlags } from '../wallet-options.ts';
import { registerMoves } from './stake-move.ts';

interface StakeFlags extends CallFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly amount: bigint;
  readonly tolerance: number;
  readonly anyPrice?: true;
  readonly partial?: true;
}

interface ShowFlags extends SignerFlags, NetworkFlags {
  readonly address?: string;
  readonly netuid?: number;
  readonly hotkey?: string;
  readonly json?: true;
}

/** Adds `connito stake`. */
export function registerStake(program: Command, context: CliContext): void {
  const group = addGroup(program, 'stake', 'Add, remove, move and show stake.');
  describeUse(
    stakeOptions(group.command('add'), 'TAO to stake').description('Stake TAO on a hotkey; its subnet’s pool turns it into alpha. Signed by the coldkey.').action((flags: StakeFlags) => runStake(flags, context, 'add')),
    ['connito stake add --netuid 1 --amount 100 --wallet-name validator', 'connito stake add --netuid 1 --amount 100 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --dry-run'],
  );
  describeUse(
    stakeOptions(group.command('remove'), 'alpha to take back').description('Take alpha back from a hotkey, as TAO. Signed by the coldkey.').action((flags: StakeFlags) => runStake(flags, context, 'remove')),
    ['connito stake remove --netuid 1 --amount 25.5 --wallet-name validator', 'connito stake remove --netuid 1 --amount 25.5 --wallet-name validator --tolerance 0.02 --yes'],
  );
  registerMoves(group, context);
  registerShow(group, context);
}

function stakeOptions(command: Command, amount: string): Command {
  return addNetuidOption(addCallOptions(command))
    .addOption(new Option('--amount <amount>', amount).argParser(taoAmount()).makeOptionMandatory())
    .option('--hotkey <ss58>', "hotkey to stake on (default: the wallet's)")
    .addOption(new Option('--tolerance <fraction>', 'how much worse than now the price may get').argParser(decimalNumber({ min: 0, max: 0.99 })).default(0.005, '0.005, half a per cent'))
    .option('--any-price', 'take whatever the pool gives')
    .option('--partial', 'take what can be had within the tolerance, rather than all or nothing');
}

async function runStake(flags: StakeFlags, context: CliContext, direction: 'add' | 'remove'): Promise<void> {
  const chainModule = await import('@connito/chain');
  const options = { netuid: flags.netuid, hotkey: await hotkeyOf(flags, context), amountRao: flags.amount, tolerance: flags.anyPrice ? ('none' as const) : flags.tolerance, allowPartial: flags.partial ?? false } satisfies StakeOptions;
  const isAdd = direction === 'add';
  await runCall(
    {
      role: 'coldkey',
      question: `${isAdd ? 'Stake' : 'Unstake'} ${formatAmount(flags.amount)} ${isAdd ? 'TAO' : 'alpha'} on ${options.hotkey}, subnet ${flags.netuid}`,
      asks: true,
      plan: (chain, account) => (isAdd ? chainModule.planAddStake(chain, { ...options, account }) : chainModule.planRemoveStake(chain, { ...options, account })),
      facts: (figures) => stakeFacts(figures, isAdd),
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash, stakeRao, taoRao, alphaRao } = await (isAdd ? chainModule.addStake(chain, { ...options, signer }) : chainModule.removeStake(chain, { ...options, signer }));
        return { blockNumber, blockHash, extrinsicHash, stakeRao, taoRao, alphaRao };
      },
      done: ({ taoRao, alphaRao, stakeRao, blockNumber }) => `${isAdd ? 'staked' : 'took back'} ${formatAmount(taoRao as bigint)} TAO for ${formatAmount(alphaRao as bigint)} alpha in block ${String(blockNumber)}; stake is now ${formatAmount(stakeRao as bigint)}`,
    },
    flags,
    context,
  );
}

function stakeFacts({ quote, limitPriceRao, balanceRao, balanceAfterRao, stakeRao, stakeAfterRao }: StakeFigures, isAdd: boolean): Fact[] {
  const [into, out] = isAdd ? ['TAO', 'alpha'] : ['alpha', 'TAO'];
  return [
    ['price', `${formatAmount(quote.priceRao)} TAO for 1 alpha${quote.isSimulated ? '' : ' (computed from the pool)'}`],
    ['you give', `${formatAmount(quote.inputRao)} ${into}, ${formatAmount(quote.feeRao)} of it the pool's fee`],
    ['you get', `about ${formatAmount(quote.outputRao)} ${out}`],
    ['slippage', `${(100 * quote.slippage).toFixed(4)} %`],
    ['limit', limitPriceRao === undefined ? 'none: any price' : `${formatAmount(limitPriceRao)} TAO for 1 alpha`],
    ['balance', `${formatAmount(balanceRao)} TAO, then about ${formatAmount(balanceAfterRao)}`],
    ['stake', `${formatAmount(stakeRao)} alpha, then about ${formatAmount(stakeAfterRao)}`],
  ];
}

function registerShow(group: Command, context: CliContext): void {
  const command = addNetworkOption(addKeyFileOption(addWalletOptions(group.command('show').description('Show what a coldkey has staked; with --netuid also what its hotkey is missing for a permit. Needs no password.'))))
    .addOption(new Option('--address <ss58>', 'a coldkey instead of a wallet or key').conflicts(['walletName', 'walletHotkey', 'keyFile']))
    .addOption(new Option('-n, --netuid <number>', 'only this subnet').argParser(wholeNumber({ max: 65_535 })))
    .option('--hotkey <ss58>', "with --netuid: hotkey to look at (default: the wallet's)")
    .action((flags: ShowFlags) => runShow(flags, context));
  describeUse(command, ['connito stake show --wallet-name validator', 'connito stake show --wallet-name validator --netuid 1 --json']);
}

/** As for a signer, and btcli's default wallet where nothing is named. */
async function coldkeyOf(flags: ShowFlags, context: CliContext): Promise<string> {
  return (await addressOf(flags, context, 'coldkey')) ?? (await openWalletOf(flags, context)).address('coldkey');
}

function isOfWallet({ keyFile, walletName, walletHotkey, walletPath }: ShowFlags, { env }: CliContext): boolean {
  const hasFlag = walletName !== undefined || walletHotkey !== undefined || walletPath !== undefined;
  return keyFile === undefined && (hasFlag || (env[KEY_VARIABLE] ?? '') === '');
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { isChainError, parseHotkey, readBalance, readPermitNeed, readStakes } = await import('@connito/chain');
  const coldkey = flags.address === undefined ? await coldkeyOf(flags, context) : parseHotkey(flags.address);
  const chain = await connectNetwork(flags, context);
  try {
    const [freeRao, all] = await Promise.all([readBalance(chain, { account: coldkey }), readStakes(chain, { coldkey })]);
    const positions = all.filter(({ netuid }) => flags.netuid === undefined || netuid === flags.netuid);
    const { netuid } = flags;
    // Of a wallet both keys are known, of an address or a key only that one.
    const asks = netuid !== undefined && netuid !== 0 && (flags.hotkey !== undefined || (flags.address === undefined && isOfWallet(flags, context)));
    const hotkey = asks ? await hotkeyOf({ walletName: 'default', ...flags }, context) : undefined;
    const permit = hotkey === undefined || netuid === undefined ? undefined : await readPermitNeed(chain, { netuid, hotkey }).catch((error: unknown) => (isChainError(error, 'refused') ? undefined : Promise.reject(error as Error)));
    if (flags.json) return context.printJson({ coldkey, freeRao, positions, permit: permit ?? null });
    context.print(`${coldkey}  ${formatAmount(freeRao)} TAO free`);
    if (positions.length === 0) context.print('nothing staked');
    else printTable([{ title: 'NETUID' }, { title: 'HOTKEY' }, { title: 'STAKE', align: 'right' }, { title: 'REGISTERED', priority: 1 }], positions.map((position) => [{ text: String(position.netuid) }, { text: position.hotkey }, { text: formatAmount(position.stakeRao) }, { text: position.isRegistered ? 'yes' : 'no' }]), context);
    if (permit === undefined) return;
    printFacts(
      [
        ['permit', permit.hasPermit ? 'yes' : 'no'],
        ['stake weight', `${formatAmount(permit.weightRao)}, ${formatAmount(permit.neededWeightRao)} are needed`],
        ['missing', permit.isQualified ? 'nothing' : `${formatAmount(permit.missingAlphaRao)} alpha, for about ${permit.missingTaoRao === undefined ? 'more TAO than the pool takes' : `${formatAmount(permit.missingTaoRao)} TAO`}`],
        ['next epoch', permit.nextEpochBlock === undefined ? 'none' : `block ${permit.nextEpochBlock}`],
      ],
      context,
    );
  } finally {
    await chain.close();
  }
}
