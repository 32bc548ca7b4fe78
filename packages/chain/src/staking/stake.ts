/**
 * Adding and removing stake, with limits on how much worse than now the price may be.
 *
 * On the root subnet TAO stays TAO; elsewhere a pool swaps it into alpha and back. A call without a limit takes whatever the pool gives at inclusion:
 * somebody who sees it coming can make that worse, so the default tolerance is half a per cent and a call without one has to be asked for.
 * @see pallets/subtensor/src/staking of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { Chain } from '../connection.ts';
import type { ChainCall, Inclusion, SendOptions } from '../extrinsic.ts';
import { parseHotkey, parseNetuid, type Hotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { hasSubtensorCall, subtensorCall, subtensorEvent } from '../internal/own-call.ts';
import { persist } from '../internal/persist.ts';
import { isNobody, readStorage, subtensor, toBoolean } from '../internal/storage.ts';
import { createPlan, formatTao, sendPlan, type Check, type Plan } from '../plan.ts';
import { accountQuery, assertAmount, existentialDeposit, freeBalance } from '../transfer.ts';
import { alphaFee, paymentCheck, removalsOf, type FeeSource, type Removal } from './fee-payment.ts';
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

/** Options of {@link planRemoveStake}. */
export interface RemoveStakeOptions extends Omit<StakeOptions, 'amountRao'> {
  /** Rao of alpha; `all`: what is there at inclusion. */
  readonly amountRao: bigint | 'all';
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
  /** Rao of alpha that are sold for the fee: where there is too little TAO for it, and stake is taken away. */
  readonly feeAlphaRao: bigint;
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
  const figures = { quote, limitPriceRao, balanceRao, balanceAfterRao: balanceRao - amountRao, stakeRao, stakeAfterRao: stakeRao + quote.outputRao, feeAlphaRao: 0n };
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
  const inclusion = await sendPlan(chain, plan, options);
  // Coldkey, hotkey, TAO, alpha, netuid, fee.
  const [, , tao, alpha] = subtensorEvent(inclusion, 'StakeAdded');
  return { ...inclusion, stakeRao: await stakeAfter(chain, inclusion, options), taoRao: BigInt(String(tao)), alphaRao: BigInt(String(alpha)) };
}

/** Removing stake with what it brings and what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planRemoveStake(chain: Chain, options: RemoveStakeOptions & { readonly account: string }): Promise<Plan<StakeFigures>> {
  const parts = await readParts(chain, options, 'unstake');
  const { account, amountRao, quote, limitPriceRao, balanceRao, stakeRao } = parts;
  const call = removalCall(chain, options, parts);
  const sourceOf = (feeRao: bigint): FeeSource => ({ feeRao, balanceRao, existentialDepositRao: existentialDeposit(chain), position: { stakeRao, priceRao: quote.priceRao } });
  const plan = await createPlan(chain, { call, account, figures: {}, checks: (feeRao): Check[] => removalChecks(options, parts, { source: sourceOf(feeRao), call }) });
  const feeAlphaRao = alphaFee(sourceOf(plan.feeRao));
  const balanceAfterRao = balanceRao + quote.outputRao - (feeAlphaRao > 0n ? 0n : plan.feeRao);
  return { ...plan, figures: { quote, limitPriceRao, balanceRao, balanceAfterRao, stakeRao, stakeAfterRao: stakeRao - amountRao, feeAlphaRao } };
}

/** All of it is taken by the call that looks at inclusion how much that is, where the runtime has it; that one takes no part. */
function removalCall(chain: Chain, { amountRao: asked, allowPartial = false }: RemoveStakeOptions, { netuid, hotkey, amountRao, limitPriceRao }: Parts): ChainCall {
  if (asked === 'all' && !allowPartial && hasSubtensorCall(chain, 'remove_stake_full_limit')) return subtensorCall(chain, 'remove_stake_full_limit', [hotkey, netuid, limitPriceRao]);
  return limitPriceRao === undefined || !hasSubtensorCall(chain, 'remove_stake_limit')
    ? subtensorCall(chain, 'remove_stake', [hotkey, netuid, amountRao])
    : subtensorCall(chain, 'remove_stake_limit', [hotkey, netuid, amountRao, limitPriceRao, allowPartial]);
}

function removalChecks(options: RemoveStakeOptions, parts: Parts, { source, call }: { readonly source: FeeSource; readonly call: ChainCall }): Check[] {
  const { netuid, amountRao, quote, stakeRao, limitPriceRao } = parts;
  // The calls with a limit are taken where staking is not enabled yet or any more. They do not make do with less either, where some of it was sold for the fee.
  const isLimited = limitPriceRao !== undefined && call.method.method !== 'removeStake';
  const left = isLimited && call.method.method !== 'removeStakeFullLimit' ? stakeRao - alphaFee(source) : stakeRao;
  return [
    paymentCheck(source),
    ...parts.checks.filter(([, reason]) => reason !== 'SubtokenDisabled' || !isLimited),
    [amountRao === 0n, 'AmountTooLow', `the coldkey has nothing staked on this hotkey in subnet ${netuid}`],
    [amountRao > left, 'NotEnoughStakeToWithdraw', `the coldkey has ${left} rao staked on this hotkey in subnet ${netuid}${left < stakeRao ? ' after what is sold for the fee' : ''}, ${amountRao} were to be removed`],
    [amountRao < stakeRao && quote.outputRao < MIN_STAKE_RAO, 'AmountTooLow', `at least ${formatTao(MIN_STAKE_RAO)} have to come out, unless all is removed`],
    [isTooDear(options, parts, 'unstake'), 'SlippageTooHigh', slippageText(options, quote)],
    [!parts.hasAccount, 'HotKeyAccountNotExists', 'no such hotkey was ever registered anywhere'],
  ];
}

/**
 * Takes stake back from a hotkey: `amountRao` of alpha, swapped into TAO by the pool.
 * @throws bad-address, bad-value, refused (`Payment`, `SubnetNotExists`, `SubtokenDisabled`, `NotEnoughStakeToWithdraw`, `AmountTooLow`, `SlippageTooHigh`, `HotKeyAccountNotExists`), and as `sendCall`
 * @example await removeStake(chain, { netuid: 1, hotkey, amountRao: 'all', signer: coldkey });
 */
export async function removeStake(chain: Chain, options: RemoveStakeOptions & SendOptions): Promise<Staked> {
  const inclusion = await sendPlan(chain, await planRemoveStake(chain, { ...options, account: options.signer.hotkey }), options);
  subtensorEvent(inclusion, 'StakeRemoved');
  const [removal] = removalsOf(inclusion) as [Removal];
  return { ...inclusion, stakeRao: await stakeAfter(chain, inclusion, options), taoRao: removal.taoRao, alphaRao: removal.alphaRao };
}

interface Parts {
  readonly netuid: number;
  readonly hotkey: Hotkey;
  readonly account: Hotkey;
  /** Rao of TAO to add, or of alpha to remove. */
  readonly amountRao: bigint;
  readonly quote: SwapQuote;
  readonly limitPriceRao: bigint | undefined;
  readonly balanceRao: bigint;
  readonly stakeRao: bigint;
  readonly hasAccount: boolean;
  readonly checks: readonly Check[];
}

async function readParts(chain: Chain, options: RemoveStakeOptions & { readonly account: string }, direction: 'stake' | 'unstake'): Promise<Parts> {
  const { tolerance = DEFAULT_TOLERANCE } = options;
  if (options.amountRao !== 'all') assertAmount(options.amountRao);
  assertTolerance(tolerance);
  const netuid = parseNetuid(options.netuid);
  const [hotkey, account] = [parseHotkey(options.hotkey), parseHotkey(options.account)];
  const at = (await chain.finalisedHead()).hash;
  const queries = [subtensor('NetworksAdded', netuid), subtensor('SubtokenEnabled', netuid), subtensor('Owner', hotkey), accountQuery(account)];
  const [values, stakeRao] = await Promise.all([readStorage(await openState(chain, at), queries), readStake(chain, { netuid, hotkey, coldkey: account, at })]);
  const amountRao = options.amountRao === 'all' ? stakeRao : options.amountRao;
  const quote = await readSwapQuote(chain, { netuid, direction, amountRao, at });
  const [exists, enabled, owner, info] = values;
  const limitPriceRao = tolerance === 'none' ? undefined : limitPrice({ priceRao: quote.priceRao, direction, tolerance });
  const checks: Check[] = [
    [!toBoolean(exists), 'SubnetNotExists', `there is no subnet ${netuid}`],
    [!toBoolean(enabled), 'SubtokenDisabled', `subnet ${netuid} has not been started yet: its owner has to call start_call`],
  ];
  return { netuid, hotkey, account, amountRao, quote, limitPriceRao, balanceRao: freeBalance(info), stakeRao, hasAccount: !isNobody(owner), checks };
}

/** The chain takes no more than brings the price to the limit; all or nothing is then nothing. */
function isTooDear(options: RemoveStakeOptions, { quote, limitPriceRao }: { readonly quote: SwapQuote; readonly limitPriceRao: bigint | undefined }, direction: 'stake' | 'unstake'): boolean {
  if (limitPriceRao === undefined || options.allowPartial === true) return false;
  return direction === 'stake' ? quote.priceAfterRao > limitPriceRao : quote.priceAfterRao < limitPriceRao;
}

function slippageText({ tolerance = DEFAULT_TOLERANCE }: RemoveStakeOptions, { priceRao, priceAfterRao, slippage }: SwapQuote): string {
  const change = priceRao === 0n ? 0 : 100 * (Number(priceAfterRao) / Number(priceRao) - 1);
  return `it would move the price by ${change.toFixed(3)} % (${(100 * slippage).toFixed(3)} % lost on average), the tolerance is ${100 * Number(tolerance)} %; move less at once, or allow more`;
}

async function stakeAfter(chain: Chain, { blockHash }: Inclusion, { netuid, hotkey, signer }: Pick<StakeOptions, 'netuid' | 'hotkey'> & SendOptions): Promise<bigint> {
  return persist(() => readStake(chain, { netuid, hotkey, coldkey: signer.hotkey, at: blockHash }));
}
