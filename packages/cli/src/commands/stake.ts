/**
 * `connito stake`: add and show; removing and moving it have files of their own.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import type { CliContext } from '../context.ts';
import { addNetuidOption, hotkeyOf } from '../hotkey-option.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { addPriceOptions, priceLimit, type PriceFlags } from '../price-options.ts';
import { printFacts, printTable } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { stakeFacts } from '../stake-facts.ts';
import { formatAmount, taoAmount } from '../tao.ts';
import { addKeyFileOption, addressOf, addWalletOptions, KEY_VARIABLE, openWalletOf, type SignerFlags } from '../wallet-options.ts';
import { registerMoves } from './stake-move.ts';
import { registerRemove } from './stake-remove.ts';

interface AddFlags extends CallFlags, PriceFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly amount: bigint;
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
  registerAdd(group, context);
  registerRemove(group, context);
  registerMoves(group, context);
  registerShow(group, context);
}

function registerAdd(group: Command, context: CliContext): void {
  const add = addPriceOptions(
    addNetuidOption(addCallOptions(group.command('add').description('Stake TAO on a hotkey; its subnet’s pool turns it into alpha. Signed by the coldkey.')))
      .addOption(new Option('--amount <amount>', 'TAO to stake').argParser(taoAmount()).makeOptionMandatory())
      .option('--hotkey <ss58>', "hotkey to stake on (default: the wallet's)"),
  ).action((flags: AddFlags) => runAdd(flags, context));
  describeUse(add, ['connito stake add --netuid 1 --amount 100 --wallet-name validator', 'connito stake add --netuid 1 --amount 100 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --dry-run']);
}

async function runAdd(flags: AddFlags, context: CliContext): Promise<void> {
  const { addStake, planAddStake } = await import('@connito/chain');
  const options = { netuid: flags.netuid, hotkey: await hotkeyOf(flags, context), amountRao: flags.amount, ...priceLimit(flags) };
  await runCall(
    {
      role: 'coldkey',
      question: `Stake ${formatAmount(flags.amount)} TAO on ${options.hotkey}, subnet ${flags.netuid}`,
      asks: true,
      plan: (chain, account) => planAddStake(chain, { ...options, account }),
      facts: (figures) => stakeFacts(figures, 'add'),
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash, stakeRao, taoRao, alphaRao } = await addStake(chain, { ...options, signer });
        return { blockNumber, blockHash, extrinsicHash, stakeRao, taoRao, alphaRao };
      },
      done: ({ taoRao, alphaRao, stakeRao, blockNumber }) => `staked ${formatAmount(taoRao as bigint)} TAO for ${formatAmount(alphaRao as bigint)} alpha in block ${String(blockNumber)}; stake is now ${formatAmount(stakeRao as bigint)}`,
    },
    flags,
    context,
  );
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
  const chain = await connectSubnet(flags, context);
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
