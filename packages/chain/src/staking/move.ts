/**
 * Moving stake: to another hotkey, to another coldkey, or to another subnet.
 * @see pallets/subtensor/src/staking/move_stake.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { Chain } from '../connection.ts';
import type { ChainCall, Inclusion, SendOptions } from '../extrinsic.ts';
import { parseHotkey, parseNetuid, type Hotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { isNobody, readStorage, subtensor, toBoolean } from '../internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from '../plan.ts';
import { accountQuery, assertAmount, existentialDeposit, freeBalance } from '../transfer.ts';
import { paymentCheck } from './fee-payment.ts';
import { readStake } from './position.ts';
import { limitPrice, MIN_STAKE_RAO, RAO, readAlphaPrice, readSwapQuote, type SwapQuote } from './quote.ts';
import { assertTolerance, DEFAULT_TOLERANCE, type SlippageTolerance } from './tolerance.ts';

/** What every move takes. */
interface MoveOptions {
  readonly netuid: number;
  /** The subnet to move to (default: the same). */
  readonly toNetuid?: number;
  readonly hotkey: string;
  /** Rao of alpha of the first subnet. */
  readonly amountRao: bigint;
}

/** Options of {@link moveStake}: to another hotkey. */
export interface MoveStakeOptions extends MoveOptions {
  readonly toHotkey: string;
}

/** Options of {@link transferStake}: to another coldkey, on the same hotkey. */
export interface TransferStakeOptions extends MoveOptions {
  readonly toColdkey: string;
}

/** Options of {@link swapStake}: to another subnet, on the same hotkey. */
export interface SwapStakeOptions extends MoveOptions {
  readonly toNetuid: number;
  /** How much worse than now the price of one alpha in the other may be: 0.005 is half a per cent. `none` (default 0.005): whatever the pools give. */
  readonly tolerance?: SlippageTolerance;
  readonly allowPartial?: boolean;
}

/** What a move is judged by. */
export interface MoveFigures {
  /** Of the coldkey, on the hotkey that is moved from, rao of alpha. */
  readonly stakeRao: bigint;
  readonly stakeAfterRao: bigint;
  /** About what arrives, rao of the other subnet's alpha. */
  readonly receivedRao: bigint;
  /** Both swaps, into TAO and out of it; undefined within one subnet, where nothing is swapped. */
  readonly quotes: readonly [out: SwapQuote, back: SwapQuote] | undefined;
  /** Rao of the other subnet's alpha for 1e9 of this one's, at least: kept by the chain; undefined where there is no limit. */
  readonly limitPriceRao: bigint | undefined;
  /** Of the coldkey, which pays the fee. */
  readonly balanceRao: bigint;
}

/** Moving stake to another hotkey of the same coldkey's choice. @throws bad-address, bad-value, and as `Chain.request` */
export async function planMoveStake(chain: Chain, options: MoveStakeOptions & { readonly account: string }): Promise<Plan<MoveFigures>> {
  const toHotkey = parseHotkey(options.toHotkey);
  const move = parseMove(options);
  const call = subtensorCall(chain, 'move_stake', [move.hotkey, toHotkey, move.netuid, move.toNetuid, options.amountRao]);
  return planMove(chain, { ...move, call, toHotkey, toColdkey: move.account, isTransfer: false });
}

/** Moves stake of the coldkey `signer` to another hotkey. @throws bad-address, bad-value, refused (see {@link planMove}), and as `sendCall` */
export async function moveStake(chain: Chain, options: MoveStakeOptions & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planMoveStake(chain, { ...options, account: options.signer.hotkey }), options);
}

/** Giving stake to another coldkey. @throws bad-address, bad-value, and as `Chain.request` */
export async function planTransferStake(chain: Chain, options: TransferStakeOptions & { readonly account: string }): Promise<Plan<MoveFigures>> {
  const toColdkey = parseHotkey(options.toColdkey);
  const move = parseMove(options);
  const call = subtensorCall(chain, 'transfer_stake', [toColdkey, move.hotkey, move.netuid, move.toNetuid, options.amountRao]);
  return planMove(chain, { ...move, call, toHotkey: move.hotkey, toColdkey, isTransfer: true });
}

/** Gives stake of the coldkey `signer` to another coldkey. @throws bad-address, bad-value, refused (`TransferDisallowed` and those of a move), and as `sendCall` */
export async function transferStake(chain: Chain, options: TransferStakeOptions & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planTransferStake(chain, { ...options, account: options.signer.hotkey }), options);
}

/** Moving stake to another subnet, through both pools. @throws bad-address, bad-value, and as `Chain.request` */
export async function planSwapStake(chain: Chain, options: SwapStakeOptions & { readonly account: string }): Promise<Plan<MoveFigures>> {
  const move = parseMove(options);
  const { tolerance = DEFAULT_TOLERANCE, allowPartial = false, amountRao } = options;
  assertTolerance(tolerance);
  const args = [move.hotkey, move.netuid, move.toNetuid, amountRao];
  const limitPriceRao = tolerance === 'none' ? undefined : await relativeLimit(chain, move, tolerance);
  const call = limitPriceRao === undefined ? subtensorCall(chain, 'swap_stake', args) : subtensorCall(chain, 'swap_stake_limit', [...args, limitPriceRao, allowPartial]);
  return planMove(chain, { ...move, call, toHotkey: move.hotkey, toColdkey: move.account, isTransfer: false, limitPriceRao, allowPartial });
}

/** Moves stake of the coldkey `signer` to another subnet. @throws bad-address, bad-value, refused (those of a move, and `SlippageTooHigh`), and as `sendCall` */
export async function swapStake(chain: Chain, options: SwapStakeOptions & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planSwapStake(chain, { ...options, account: options.signer.hotkey }), options);
}

interface Parsed {
  readonly netuid: number;
  readonly toNetuid: number;
  readonly hotkey: Hotkey;
  readonly account: Hotkey;
  readonly amountRao: bigint;
}

function parseMove({ netuid, toNetuid, hotkey, amountRao, account }: MoveOptions & { readonly account: string }): Parsed {
  assertAmount(amountRao);
  return { netuid: parseNetuid(netuid), toNetuid: parseNetuid(toNetuid ?? netuid), hotkey: parseHotkey(hotkey), account: parseHotkey(account), amountRao };
}

interface Move extends Parsed {
  readonly call: ChainCall;
  readonly toHotkey: Hotkey;
  readonly toColdkey: Hotkey;
  readonly isTransfer: boolean;
  readonly limitPriceRao?: bigint | undefined;
  readonly allowPartial?: boolean;
}

/** In the order of `validate_stake_transition`. */
async function planMove(chain: Chain, move: Move): Promise<Plan<MoveFigures>> {
  const { call, account, hotkey, toHotkey, toColdkey, netuid, toNetuid, amountRao, isTransfer, limitPriceRao, allowPartial } = move;
  const state = await openState(chain);
  const netuids = [netuid, toNetuid];
  const queries = [...netuids.flatMap((id) => [subtensor('NetworksAdded', id), subtensor('SubtokenEnabled', id), subtensor('TransferToggle', id)]), subtensor('Owner', hotkey), subtensor('Owner', toHotkey), accountQuery(account)];
  const [values, stakeRao, quotes] = await Promise.all([readStorage(state, queries), readStake(chain, { netuid, hotkey, coldkey: account, at: state.hash }), readQuotes(chain, move, state.hash)]);
  const [exists, enabled, toggled] = [0, 1, 2].map((item) => netuids.map((_, index) => toBoolean(values[3 * index + item]))) as [boolean[], boolean[], boolean[]];
  const missing = (list: readonly boolean[]): number => netuids[list.indexOf(false)] ?? netuid;
  const balanceRao = freeBalance(values[8]);
  const taoRao = quotes?.[0].outputRao ?? 0n;
  const priceRao = await readAlphaPrice(chain, { netuid, at: state.hash });
  const checks = (feeRao: bigint): Check[] => [
    paymentCheck({ feeRao, balanceRao, existentialDepositRao: existentialDeposit(chain), position: { stakeRao, priceRao } }),
    [account === toColdkey && hotkey === toHotkey && netuid === toNetuid, 'SameNetuid', 'nothing would move'],
    [exists.includes(false), 'SubnetNotExists', `there is no subnet ${missing(exists)}`],
    [enabled.includes(false), 'SubtokenDisabled', `subnet ${missing(enabled)} has not been started yet`],
    [values.slice(6, 8).some(isNobody), 'HotKeyAccountNotExists', 'one of the hotkeys was never registered anywhere'],
    [amountRao > stakeRao, 'NotEnoughStakeToWithdraw', `the coldkey has ${stakeRao} rao staked there, ${amountRao} were to be moved`],
    [quotes !== undefined && taoRao <= MIN_STAKE_RAO, 'AmountTooLow', `it is worth ${taoRao} rao of TAO; more than ${MIN_STAKE_RAO} are needed`],
    [isTransfer && toggled.includes(false), 'TransferDisallowed', `subnet ${missing(toggled)} does not let stake be given away`],
    [quotes !== undefined && limitPriceRao !== undefined && allowPartial !== true && relativePrice(quotes[0].priceAfterRao, quotes[1].priceAfterRao) < limitPriceRao, 'SlippageTooHigh', 'it would move the prices by more than the tolerance; move less at once, or allow more'],
  ];
  const figures = { stakeRao, stakeAfterRao: stakeRao - amountRao, receivedRao: quotes === undefined ? amountRao : quotes[1].outputRao, quotes, limitPriceRao, balanceRao };
  return createPlan(chain, { call, account, figures, checks });
}

async function readQuotes(chain: Chain, { netuid, toNetuid, amountRao }: Move, at: string): Promise<MoveFigures['quotes']> {
  if (netuid === toNetuid) return undefined;
  const out = await readSwapQuote(chain, { netuid, direction: 'unstake', amountRao, at });
  return [out, await readSwapQuote(chain, { netuid: toNetuid, direction: 'stake', amountRao: out.outputRao, at })];
}

/** The price of one alpha in the other, rao for 1e9, less the tolerance. */
async function relativeLimit(chain: Chain, { netuid, toNetuid }: Parsed, tolerance: number): Promise<bigint> {
  const at = await chain.request<string>('chain_getFinalizedHead');
  const [from, to] = await Promise.all([readAlphaPrice(chain, { netuid, at }), readAlphaPrice(chain, { netuid: toNetuid, at })]);
  return limitPrice({ priceRao: relativePrice(from, to), direction: 'unstake', tolerance });
}

function relativePrice(from: bigint, to: bigint): bigint {
  return to === 0n ? 0n : (from * RAO) / to;
}
