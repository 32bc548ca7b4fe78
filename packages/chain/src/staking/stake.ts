/**
 * Adding, removing and moving stake, with limits on how much worse than now the price may be.
 *
 * On the root subnet TAO stays TAO; elsewhere a pool swaps it into alpha and back. A call without a limit takes whatever the pool gives at inclusion:
 * somebody who sees it coming can make that worse, so the default tolerance is half a per cent and a call without one has to be asked for.
 * @see pallets/subtensor/src/staking of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import { type Inclusion, type SendOptions } from '../extrinsic.ts';
import { parseHotkey, parseNetuid, type Hotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { hasSubtensorCall, subtensorCall } from '../internal/own-call.ts';
import { persist } from '../internal/persist.ts';
import { isNobody, readStorage, subtensor, toBoolean } from '../internal/storage.ts';
import { createPlan, formatTao, sendPlan, type Check, type Plan } from '../plan.ts';
import { accountQuery, assertAmount, freeBalance } from '../transfer.ts';
import { readStake } from './position.ts';
import { limitPrice, MIN_STAKE_RAO, readSwapQuote, type SwapQuote } from './quote.ts';
import { assertTolerance, DEFAULT_TOLERANCE, type SlippageTolerance } from './tolerance.ts';

/** What both directions take. */
export interface StakeOptions {
  readonly netuid: number;
  readonly hotkey: string;
  /** Rao of TAO to add, or rao of alpha to remove. */
  readonly amountRao: bigint;
  /** Default {@link DEFAULT_TOLERANCE}. */
  readonly tolerance?: SlippageTolerance;
  /** Takes what can be had within the tolerance, rather than all or nothing (default false). */
  readonly allowPartial?: boolean;
}

/** What adding or removing is judged by. */
export interface StakeFigures {
  readonly quote: SwapQuote;
  /** Rao of TAO for 1e9 rao of alpha; undefined without a tolerance. The chain keeps it where it has the calls with a limit; elsewhere it is looked at before sending only. */
  readonly limitPriceRao: bigint | undefined;
  readonly balanceRao: bigint;
  /** After the fee for inclusion, and by the quote. */
  readonly balanceAfterRao: bigint;
  /** Of this coldkey on this hotkey in this subnet, rao of alpha. */
  readonly stakeRao: bigint;
  readonly stakeAfterRao: bigint;
}

/** Stake that was moved. */
export interface Staked extends Inclusion {
  /** Of this coldkey on this hotkey, rao of alpha, after the block. */
  readonly stakeRao: bigint;
  /** What the call itself moved: TAO in rao. */
  readonly taoRao: bigint;
  /** What the call itself moved: alpha in rao. */
  readonly alphaRao: bigint;
}

/** Adding stake with its price and what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planAddStake(chain: Chain, options: StakeOptions & { readonly account: string }): Promise<Plan<StakeFigures>> {
  const parts = await readParts(chain, options, 'stake');
  const { netuid, hotkey, account, quote, limitPriceRao, balanceRao, stakeRao } = parts;
  const { amountRao } = options;
  const call =
    limitPriceRao === undefined || !hasSubtensorCall(chain, 'add_stake_limit')
      ? subtensorCall(chain, 'add_stake', [hotkey, netuid, amountRao])
      : subtensorCall(chain, 'add_stake_limit', [hotkey, netuid, amountRao, limitPriceRao, options.allowPartial ?? false]);
  const figures = { quote, limitPriceRao, balanceRao, balanceAfterRao: balanceRao - amountRao, stakeRao, stakeAfterRao: stakeRao + quote.outputRao };
  const plan = await createPlan(chain, {
    call,
    account,
    figures,
    checks: (feeRao): Check[] => [
      ...parts.checks,
      [amountRao < MIN_STAKE_RAO + quote.feeRao, 'AmountTooLow', `at least ${formatTao(MIN_STAKE_RAO + quote.feeRao)} have to be staked at once`],
      [isTooDear(options, parts, 'stake'), 'SlippageTooHigh', slippageText(options, quote)],
      [balanceRao < amountRao + feeRao, 'NotEnoughBalanceToStake', `${formatTao(amountRao + feeRao)} are needed with the fee, the coldkey has ${formatTao(balanceRao)}`],
      [!parts.hasAccount, 'HotKeyAccountNotExists', 'no such hotkey was ever registered anywhere'],
      [quote.outputRao === 0n, 'InsufficientLiquidity', `the pool of subnet ${netuid} gives nothing for it`],
    ],
  });
  return { ...plan, figures: { ...plan.figures, balanceAfterRao: plan.figures.balanceAfterRao - plan.feeRao } };
}

/**
 * Stakes TAO of the coldkey `signer` on a hotkey; on subnets other than 0 the pool swaps it into alpha.
 * @throws bad-address, bad-value, refused (`SubnetNotExists`, `SubtokenDisabled`, `AmountTooLow`, `SlippageTooHigh`, `NotEnoughBalanceToStake`,
 * `HotKeyAccountNotExists`, `InsufficientLiquidity`), and as `sendCall`
 * @example await addStake(chain, { netuid: 1, hotkey, amountRao: 100n * 1_000_000_000n, signer: coldkey });
 */
export async function addStake(chain: Chain, options: StakeOptions & SendOptions): Promise<Staked> {
  const plan = await planAddStake(chain, { ...options, account: options.signer.hotkey });
  return readStaked(chain, await sendPlan(chain, plan, options), { ...options, event: 'StakeAdded' });
}

/** Removing stake with what it brings and what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planRemoveStake(chain: Chain, options: StakeOptions & { readonly account: string }): Promise<Plan<StakeFigures>> {
  const parts = await readParts(chain, options, 'unstake');
  const { netuid, hotkey, account, quote, limitPriceRao, balanceRao, stakeRao } = parts;
  const { amountRao } = options;
  const call =
    limitPriceRao === undefined || !hasSubtensorCall(chain, 'remove_stake_limit')
      ? subtensorCall(chain, 'remove_stake', [hotkey, netuid, amountRao])
      : subtensorCall(chain, 'remove_stake_limit', [hotkey, netuid, amountRao, limitPriceRao, options.allowPartial ?? false]);
  const figures = { quote, limitPriceRao, balanceRao, balanceAfterRao: balanceRao + quote.outputRao, stakeRao, stakeAfterRao: stakeRao - amountRao };
  const plan = await createPlan(chain, {
    call,
    account,
    figures,
    checks: (feeRao): Check[] => [
      // Removal is allowed where staking is not enabled yet or any more.
      ...parts.checks.filter(([, reason]) => reason !== 'SubtokenDisabled'),
      [amountRao > stakeRao, 'NotEnoughStakeToWithdraw', `the coldkey has ${stakeRao} rao staked on this hotkey in subnet ${netuid}, ${amountRao} were to be removed`],
      [amountRao < stakeRao && quote.outputRao < MIN_STAKE_RAO, 'AmountTooLow', `at least ${formatTao(MIN_STAKE_RAO)} have to come out, unless all is removed`],
      [isTooDear(options, parts, 'unstake'), 'SlippageTooHigh', slippageText(options, quote)],
      [!parts.hasAccount, 'HotKeyAccountNotExists', 'no such hotkey was ever registered anywhere'],
      [balanceRao < feeRao, 'Payment', `the fee is ${formatTao(feeRao)}, the coldkey has ${formatTao(balanceRao)}`],
    ],
  });
  return { ...plan, figures: { ...plan.figures, balanceAfterRao: plan.figures.balanceAfterRao - plan.feeRao } };
}

/**
 * Takes stake back from a hotkey: `amountRao` of alpha, swapped into TAO by the pool.
 * @throws bad-address, bad-value, refused (`SubnetNotExists`, `NotEnoughStakeToWithdraw`, `AmountTooLow`, `SlippageTooHigh`, `HotKeyAccountNotExists`), and as `sendCall`
 */
export async function removeStake(chain: Chain, options: StakeOptions & SendOptions): Promise<Staked> {
  const plan = await planRemoveStake(chain, { ...options, account: options.signer.hotkey });
  return readStaked(chain, await sendPlan(chain, plan, options), { ...options, event: 'StakeRemoved' });
}

/** Taking back all stake of a coldkey on a hotkey, on all subnets. Has no limit of price. @throws bad-address, unsupported, and as `Chain.request` */
export async function planUnstakeAll(chain: Chain, options: { readonly hotkey: string; readonly account: string }): Promise<Plan> {
  const hotkey = parseHotkey(options.hotkey);
  const account = parseHotkey(options.account);
  const [owner] = await readStorage(await openState(chain), [subtensor('Owner', hotkey)]);
  const checks: Check[] = [[isNobody(owner), 'HotKeyAccountNotExists', 'no such hotkey was ever registered anywhere']];
  return createPlan(chain, { call: subtensorCall(chain, 'unstake_all', [hotkey]), account, figures: {}, checks });
}

/** Takes back all stake of the coldkey `signer` on a hotkey, on all subnets, at whatever price. @throws bad-address, refused (`HotKeyAccountNotExists`), and as `sendCall` */
export async function unstakeAll(chain: Chain, options: { readonly hotkey: string } & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planUnstakeAll(chain, { hotkey: options.hotkey, account: options.signer.hotkey }), options);
}

interface Parts {
  readonly netuid: number;
  readonly hotkey: Hotkey;
  readonly account: Hotkey;
  readonly quote: SwapQuote;
  readonly limitPriceRao: bigint | undefined;
  readonly balanceRao: bigint;
  readonly stakeRao: bigint;
  readonly hasAccount: boolean;
  readonly checks: readonly Check[];
}

async function readParts(chain: Chain, options: StakeOptions & { readonly account: string }, direction: 'stake' | 'unstake'): Promise<Parts> {
  const { amountRao, tolerance = DEFAULT_TOLERANCE } = options;
  assertAmount(amountRao);
  assertTolerance(tolerance);
  const netuid = parseNetuid(options.netuid);
  const [hotkey, account] = [parseHotkey(options.hotkey), parseHotkey(options.account)];
  const at = (await chain.finalisedHead()).hash;
  const queries = [subtensor('NetworksAdded', netuid), subtensor('SubtokenEnabled', netuid), subtensor('Owner', hotkey), accountQuery(account)];
  const [values, quote, stakeRao] = await Promise.all([
    readStorage(await openState(chain, at), queries),
    readSwapQuote(chain, { netuid, direction, amountRao, at }),
    readStake(chain, { netuid, hotkey, coldkey: account, at }),
  ]);
  const [exists, enabled, owner, info] = values;
  const limitPriceRao = tolerance === 'none' ? undefined : limitPrice({ priceRao: quote.priceRao, direction, tolerance });
  const checks: Check[] = [
    [!toBoolean(exists), 'SubnetNotExists', `there is no subnet ${netuid}`],
    [!toBoolean(enabled), 'SubtokenDisabled', `subnet ${netuid} has not been started yet: its owner has to call start_call`],
  ];
  return { netuid, hotkey, account, quote, limitPriceRao, balanceRao: freeBalance(info), stakeRao, hasAccount: !isNobody(owner), checks };
}

/** The chain takes no more than brings the price to the limit; all or nothing is then nothing. */
function isTooDear(options: StakeOptions, { quote, limitPriceRao }: { readonly quote: SwapQuote; readonly limitPriceRao: bigint | undefined }, direction: 'stake' | 'unstake'): boolean {
  if (limitPriceRao === undefined || options.allowPartial === true) return false;
  return direction === 'stake' ? quote.priceAfterRao > limitPriceRao : quote.priceAfterRao < limitPriceRao;
}

function slippageText({ tolerance = DEFAULT_TOLERANCE }: StakeOptions, { priceRao, priceAfterRao, slippage }: SwapQuote): string {
  const change = priceRao === 0n ? 0 : 100 * (Number(priceAfterRao) / Number(priceRao) - 1);
  return `it would move the price by ${change.toFixed(3)} % (${(100 * slippage).toFixed(3)} % lost on average), the tolerance is ${100 * Number(tolerance)} %; move less at once, or allow more`;
}

interface Outcome extends StakeOptions, SendOptions {
  readonly event: 'StakeAdded' | 'StakeRemoved';
}

async function readStaked(chain: Chain, inclusion: Inclusion, { netuid, hotkey, signer, event }: Outcome): Promise<Staked> {
  const stakeRao = await persist(() => readStake(chain, { netuid, hotkey, coldkey: signer.hotkey, at: inclusion.blockHash }));
  // Coldkey, hotkey, TAO, alpha, netuid, fee.
  const found = inclusion.events.find((candidate) => candidate.pallet === 'SubtensorModule' && candidate.name === event);
  if (found === undefined) throw new ChainError('missing-event', `the call succeeded in block ${inclusion.blockNumber}, but caused no event ${event}; this runtime differs`, { subject: event, blockNumber: inclusion.blockNumber, extrinsicHash: inclusion.extrinsicHash });
  return { ...inclusion, stakeRao, taoRao: BigInt(String(found.data[2])), alphaRao: BigInt(String(found.data[3])) };
}
