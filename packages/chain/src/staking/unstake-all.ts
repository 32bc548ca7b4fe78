/**
 * Taking back all stake of a coldkey on a hotkey, on every subnet in one call: into the balance, or onto the root subnet.
 *
 * The call has no limit of price: it takes whatever the pools give. It leaves out what cannot be taken, without a word, rather than fail.
 * @see `do_unstake_all` and `do_unstake_all_alpha` in pallets/subtensor/src/staking/remove_stake.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { Chain } from '../connection.ts';
import type { Inclusion, SendOptions } from '../extrinsic.ts';
import { parseHotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { isNobody, readStorage, subtensor, toBoolean } from '../internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from '../plan.ts';
import { accountQuery, existentialDeposit, freeBalance } from '../transfer.ts';
import { paymentCheck, removalsOf, type Removal } from './fee-payment.ts';
import { readStakes } from './position.ts';
import { readSwapQuote, type SwapQuote } from './quote.ts';

/** Options of {@link planUnstakeAll}. */
export interface UnstakeAllOptions {
  readonly hotkey: string;
  /** `balance` (the default): TAO. `root`: what the other subnets give is staked on the root subnet, on the same hotkey, and what is there stays. */
  readonly into?: 'balance' | 'root';
}

/** Stake on one subnet, and what becomes of it. */
export interface UnstakedPosition {
  readonly netuid: number;
  /** Rao of alpha; of TAO on the root subnet. */
  readonly stakeRao: bigint;
  readonly quote: SwapQuote;
  /** Name of the chain's error for which it leaves the position out; undefined where it takes it. */
  readonly skipped: string | undefined;
}

/** What taking all back is judged by. */
export interface UnstakeAllFigures {
  readonly positions: readonly UnstakedPosition[];
  /** About what comes back in all, rao of TAO. */
  readonly receivedRao: bigint;
  readonly balanceRao: bigint;
}

/**
 * Taking back all stake of a coldkey on a hotkey with what it brings and what speaks against it. Stake that is locked by conviction (spec 425 on) is left out by the chain too, which is not seen here.
 * @throws bad-address, unsupported, and as `Chain.request`
 */
export async function planUnstakeAll(chain: Chain, options: UnstakeAllOptions & { readonly account: string }): Promise<Plan<UnstakeAllFigures>> {
  const [hotkey, account] = [parseHotkey(options.hotkey), parseHotkey(options.account)];
  const isIntoRoot = options.into === 'root';
  const { hash: at } = await chain.finalisedHead();
  const [values, stakes] = await Promise.all([readStorage(await openState(chain, at), [subtensor('Owner', hotkey), accountQuery(account)]), readStakes(chain, { coldkey: account, at })]);
  const judged = await judgePositions(chain, stakes.filter((stake) => stake.hotkey === hotkey), at);
  const positions = judged.filter(({ netuid }) => !isIntoRoot || netuid !== 0);
  const receivedRao = positions.reduce((sum, { skipped, quote }) => sum + (skipped === undefined ? quote.outputRao : 0n), 0n);
  const [owner, info] = values;
  // With stake on several subnets, the root subnet among them, none of it can pay.
  const started = judged.filter(({ skipped }) => skipped !== 'SubtokenDisabled');
  const position = started.length === 1 ? started.map(({ stakeRao, quote }) => ({ stakeRao, priceRao: quote.priceRao }))[0] : undefined;
  const balanceRao = freeBalance(info);
  const checks = (feeRao: bigint): Check[] => [
    paymentCheck({ feeRao, balanceRao, existentialDepositRao: existentialDeposit(chain), position }),
    [isNobody(owner), 'HotKeyAccountNotExists', 'no such hotkey was ever registered anywhere'],
    [receivedRao === 0n, 'AmountTooLow', 'there is nothing that could be taken back'],
  ];
  return createPlan(chain, { call: subtensorCall(chain, isIntoRoot ? 'unstake_all_alpha' : 'unstake_all', [hotkey]), account, figures: { positions, receivedRao, balanceRao }, checks });
}

/**
 * Takes back all stake of the coldkey `signer` on a hotkey, on all subnets, at whatever price.
 * @throws bad-address, refused (`Payment`, `HotKeyAccountNotExists`, `AmountTooLow`), and as `sendCall`
 * @example const { removed } = await unstakeAll(chain, { hotkey, signer: coldkey });
 */
export async function unstakeAll(chain: Chain, options: UnstakeAllOptions & SendOptions): Promise<Inclusion & { readonly removed: readonly Removal[] }> {
  const inclusion = await sendPlan(chain, await planUnstakeAll(chain, { ...options, account: options.signer.hotkey }), options);
  return { ...inclusion, removed: removalsOf(inclusion) };
}

async function judgePositions(chain: Chain, stakes: readonly { readonly netuid: number; readonly stakeRao: bigint }[], at: string): Promise<UnstakedPosition[]> {
  const [enabled, quotes] = await Promise.all([
    readStorage(await openState(chain, at), stakes.map(({ netuid }) => subtensor('SubtokenEnabled', netuid))),
    Promise.all(stakes.map(({ netuid, stakeRao }) => readSwapQuote(chain, { netuid, direction: 'unstake', amountRao: stakeRao, at }))),
  ]);
  return stakes.map(({ netuid, stakeRao }, index) => {
    const quote = quotes[index] as SwapQuote;
    const skipped = !toBoolean(enabled[index]) ? 'SubtokenDisabled' : quote.outputRao === 0n ? 'InsufficientLiquidity' : undefined;
    return { netuid, stakeRao, quote, skipped };
  });
}
