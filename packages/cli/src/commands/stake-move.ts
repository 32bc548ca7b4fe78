/**
 * `connito stake move`, `transfer` and `swap`: stake to another hotkey, another coldkey, another subnet.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { Chain, Inclusion, Keypair, MoveFigures, Plan } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags, type Fact } from '../chain-call.ts';
import type { CliContext } from '../context.ts';
import { addNetuidOption, hotkeyOf } from '../hotkey-option.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { addPriceOptions, priceLimit, type PriceFlags } from '../price-options.ts';
import { slippageText } from '../stake-facts.ts';
import { formatAmount, taoAmount } from '../tao.ts';

interface MoveFlags extends CallFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly amount: bigint;
  readonly toNetuid?: number;
}

interface ToHotkeyFlags extends MoveFlags {
  readonly toHotkey: string;
}

interface ToColdkeyFlags extends MoveFlags {
  readonly toColdkey: string;
}

interface SwapFlags extends MoveFlags, PriceFlags {
  readonly toNetuid: number;
}

const EXAMPLE_KEY = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty';

/** Adds `connito stake move`, `transfer` and `swap`. */
export function registerMoves(group: Command, context: CliContext): void {
  const move = moveOptions(group.command('move').description('Move stake to another hotkey; with --to-netuid also to another subnet, at any price. Signed by the coldkey.'))
    .requiredOption('--to-hotkey <ss58>', 'hotkey to move it to')
    .addOption(toNetuid())
    .action((flags: ToHotkeyFlags) => runMove(flags, context));
  describeUse(move, [`connito stake move --netuid 1 --amount 10 --to-hotkey ${EXAMPLE_KEY} --wallet-name validator`, `connito stake move --netuid 1 --amount 10 --to-hotkey ${EXAMPLE_KEY} --wallet-name validator --dry-run`]);
  const transfer = moveOptions(group.command('transfer').description('Give stake to another coldkey, for good; with --to-netuid on another subnet, at any price. Signed by the coldkey.'))
    .requiredOption('--to-coldkey <ss58>', 'coldkey to give it to')
    .addOption(toNetuid())
    .action((flags: ToColdkeyFlags) => runTransfer(flags, context));
  describeUse(transfer, [`connito stake transfer --netuid 1 --amount 10 --to-coldkey ${EXAMPLE_KEY} --wallet-name validator`, `connito stake transfer --netuid 1 --amount 10 --to-coldkey ${EXAMPLE_KEY} --wallet-name validator --dry-run --json`]);
  const swap = addPriceOptions(moveOptions(group.command('swap').description('Move stake to another subnet, through the pools of both. Signed by the coldkey.')).addOption(toNetuid().makeOptionMandatory())).action((flags: SwapFlags) => runSwap(flags, context));
  describeUse(swap, ['connito stake swap --netuid 1 --to-netuid 2 --amount 10 --wallet-name validator', 'connito stake swap --netuid 1 --to-netuid 2 --amount 10 --wallet-name validator --tolerance 0.02 --dry-run']);
}

function moveOptions(command: Command): Command {
  return addNetuidOption(addCallOptions(command))
    .addOption(new Option('--amount <amount>', 'alpha to move').argParser(taoAmount()).makeOptionMandatory())
    .option('--hotkey <ss58>', "hotkey that it is staked on (default: the wallet's)");
}

function toNetuid(): Option {
  return new Option('--to-netuid <number>', 'subnet to move it to').argParser(wholeNumber({ max: 65_535 }));
}

async function runMove(flags: ToHotkeyFlags, context: CliContext): Promise<void> {
  const { moveStake, parseHotkey, planMoveStake } = await import('@connito/chain');
  const toHotkey = parseHotkey(flags.toHotkey);
  const options = { ...(await partsOf(flags, context)), toHotkey };
  await run({ to: `hotkey ${toHotkey}`, options, plan: (chain, account) => planMoveStake(chain, { ...options, account }), send: (chain, signer) => moveStake(chain, { ...options, signer }) }, flags, context);
}

async function runTransfer(flags: ToColdkeyFlags, context: CliContext): Promise<void> {
  const { parseHotkey, planTransferStake, transferStake } = await import('@connito/chain');
  const toColdkey = parseHotkey(flags.toColdkey);
  const options = { ...(await partsOf(flags, context)), toColdkey };
  await run({ to: `coldkey ${toColdkey}`, options, plan: (chain, account) => planTransferStake(chain, { ...options, account }), send: (chain, signer) => transferStake(chain, { ...options, signer }) }, flags, context);
}

async function runSwap(flags: SwapFlags, context: CliContext): Promise<void> {
  const { planSwapStake, swapStake } = await import('@connito/chain');
  const options = { ...(await partsOf(flags, context)), toNetuid: flags.toNetuid, ...priceLimit(flags) };
  await run({ to: 'the same hotkey', options, plan: (chain, account) => planSwapStake(chain, { ...options, account }), send: (chain, signer) => swapStake(chain, { ...options, signer }) }, flags, context);
}

interface Parts {
  readonly netuid: number;
  readonly hotkey: string;
  readonly amountRao: bigint;
  readonly toNetuid?: number;
}

async function partsOf(flags: MoveFlags, context: CliContext): Promise<Parts> {
  return { netuid: flags.netuid, hotkey: await hotkeyOf(flags, context), amountRao: flags.amount, ...(flags.toNetuid === undefined ? {} : { toNetuid: flags.toNetuid }) };
}

interface StakeMove {
  readonly to: string;
  readonly options: Parts;
  plan(chain: Chain, account: string): Promise<Plan<MoveFigures>>;
  send(chain: Chain, signer: Keypair): Promise<Inclusion>;
}

async function run(move: StakeMove, flags: MoveFlags, context: CliContext): Promise<void> {
  const { readStake } = await import('@connito/chain');
  const { netuid, hotkey, amountRao, toNetuid: destination = netuid } = move.options;
  const place = destination === netuid ? '' : ` on subnet ${destination}`;
  await runCall(
    {
      role: 'coldkey',
      question: `Move ${formatAmount(amountRao)} alpha of subnet ${netuid} from ${hotkey} to ${move.to}${place}`,
      asks: true,
      plan: move.plan,
      facts: (figures) => moveFacts(figures, { to: `${move.to}${place}`, amountRao }),
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash } = await move.send(chain, signer);
        const stakeRao = await readStake(chain, { netuid, hotkey, coldkey: signer.hotkey, at: blockHash });
        return { blockNumber, blockHash, extrinsicHash, stakeRao };
      },
      done: ({ blockNumber, stakeRao }) => `moved in block ${String(blockNumber)}; ${formatAmount(stakeRao as bigint)} alpha are left where it was`,
    },
    flags,
    context,
  );
}

function moveFacts({ quotes, limitPriceRao, receivedRao, stakeRao, stakeAfterRao }: MoveFigures, { to, amountRao }: { readonly to: string; readonly amountRao: bigint }): Fact[] {
  const swapped: Fact[] =
    quotes === undefined
      ? []
      : [
          ['on the way', `about ${formatAmount(quotes[0].outputRao)} TAO`],
          ["pools' fees", `${formatAmount(quotes[0].feeRao)} alpha, ${formatAmount(quotes[1].feeRao)} TAO`],
          ['slippage', slippageText(1 - (1 - quotes[0].slippage) * (1 - quotes[1].slippage))],
          ['limit', limitPriceRao === undefined ? 'none: any price' : `${formatAmount(limitPriceRao)} alpha for 1`],
        ];
  return [['to', to], ['you give', `${formatAmount(amountRao)} alpha`], ['arrives', `${quotes === undefined ? '' : 'about '}${formatAmount(receivedRao)} alpha`], ...swapped, ['stake', `${formatAmount(stakeRao)} alpha, then ${formatAmount(stakeAfterRao)}`]];
}
