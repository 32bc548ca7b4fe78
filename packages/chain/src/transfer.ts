/**
 * Balances, and moving TAO between accounts.
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { findEvent, type ChainCall, type Inclusion, type SendOptions } from './extrinsic.ts';
import { parseHotkey } from './identifier.ts';
import { openState } from './internal/block-state.ts';
import { ownCall } from './internal/own-call.ts';
import { fieldOf, readStorage, toBigInt, type Codec, type StorageQuery } from './internal/storage.ts';
import { createPlan, formatTao, sendPlan, type Check, type Plan } from './plan.ts';

/** Options of {@link planTransfer}. */
export interface TransferOptions {
  readonly destination: string;
  /** 1 TAO is 1e9 rao. `all`: what is there at inclusion, after the fee, and without `allowDeath` after the existential deposit. */
  readonly amountRao: bigint | 'all';
  /** Lets the sender fall below the existential deposit and vanish with the rest (default false). */
  readonly allowDeath?: boolean;
}

/** What a transfer is judged by. */
export interface TransferFigures {
  /** What arrives. */
  readonly amountRao: bigint;
  readonly balanceRao: bigint;
  /** After amount and fee. */
  readonly balanceAfterRao: bigint;
  readonly existentialDepositRao: bigint;
}

/** A transfer that was made. */
export interface Transferred extends Inclusion {
  /** What arrived. */
  readonly amountRao: bigint;
}

/**
 * Free balance of an account in rao.
 * @throws bad-address, and as `Chain.request`
 */
export async function readBalance(chain: Chain, { account, at }: { readonly account: string } & ReadOptions): Promise<bigint> {
  const [info] = await readStorage(await openState(chain, at), [accountQuery(parseHotkey(account))]);
  return freeBalance(info);
}

/** A transfer with what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planTransfer(chain: Chain, options: TransferOptions & { readonly account: string }): Promise<Plan<TransferFigures>> {
  const { amountRao, allowDeath = false } = options;
  const [destination, account] = [parseHotkey(options.destination), parseHotkey(options.account)];
  if (destination === account) throw new ChainError('bad-value', `${account} would send to itself: nothing would move, and the fee be paid`, { subject: 'destination', actual: destination });
  const call = transferCall(chain, { destination, amountRao, allowDeath });
  const [own, theirs] = await readStorage(await openState(chain), [accountQuery(account), accountQuery(destination)]);
  const parts = { amountRao, allowDeath, balanceRao: freeBalance(own), theirBalanceRao: freeBalance(theirs), existentialDepositRao: existentialDeposit(chain) };
  const plan = await createPlan(chain, { call, account, figures: {}, checks: (feeRao): Check[] => transferChecks({ ...parts, feeRao }) });
  const { balanceRao, existentialDepositRao } = parts;
  const moved = movedAmount({ ...parts, feeRao: plan.feeRao });
  return { ...plan, figures: { amountRao: moved, balanceRao, balanceAfterRao: balanceRao - moved - plan.feeRao, existentialDepositRao } };
}

function transferCall(chain: Chain, { destination, amountRao, allowDeath }: Required<TransferOptions>): ChainCall {
  if (amountRao === 'all') return ownCall(chain, 'Balances', 'transfer_all', [destination, !allowDeath]);
  assertAmount(amountRao);
  return ownCall(chain, 'Balances', allowDeath ? 'transfer_allow_death' : 'transfer_keep_alive', [destination, amountRao]);
}

interface TransferParts {
  readonly amountRao: bigint | 'all';
  readonly allowDeath: boolean;
  readonly balanceRao: bigint;
  readonly theirBalanceRao: bigint;
  readonly existentialDepositRao: bigint;
  readonly feeRao: bigint;
}

function movedAmount({ amountRao, allowDeath, balanceRao, existentialDepositRao, feeRao }: TransferParts): bigint {
  if (amountRao !== 'all') return amountRao;
  const left = balanceRao - feeRao - (allowDeath ? 0n : existentialDepositRao);
  return left < 0n ? 0n : left;
}

/** The fee is taken first, and leaves the sender alive; then as `fungible::Mutate::transfer` has it. */
function transferChecks(parts: TransferParts): Check[] {
  const { allowDeath, balanceRao, theirBalanceRao, existentialDepositRao, feeRao } = parts;
  const moved = movedAmount(parts);
  const [deposit, balance] = [formatTao(existentialDepositRao), formatTao(balanceRao)];
  return [
    [balanceRao - feeRao < existentialDepositRao, 'Payment', `the fee is ${formatTao(feeRao)} and has to leave the existential deposit of ${deposit}, the account has ${balance}`],
    [moved === 0n || balanceRao < moved + feeRao, 'FundsUnavailable', moved === 0n ? `nothing is left to send of ${balance}` : `${formatTao(moved + feeRao)} are needed with the fee, the account has ${balance}`],
    [!allowDeath && balanceRao - moved - feeRao < existentialDepositRao, 'NotExpendable', `less than the existential deposit of ${deposit} would be left`],
    [theirBalanceRao + moved < existentialDepositRao, 'BelowMinimum', `the destination would have less than the existential deposit of ${deposit}`],
  ];
}

/**
 * Sends TAO to another account.
 * @throws bad-address, bad-value, refused (`Payment`, `FundsUnavailable`, `NotExpendable`, `BelowMinimum`), and as `sendCall`
 * @example await transfer(chain, { destination, amountRao: 'all', signer: coldkey });
 */
export async function transfer(chain: Chain, options: TransferOptions & SendOptions): Promise<Transferred> {
  const inclusion = await sendPlan(chain, await planTransfer(chain, { ...options, account: options.signer.hotkey }), options);
  // From, to, amount.
  return { ...inclusion, amountRao: BigInt(String(findEvent(inclusion, 'Balances', 'Transfer')[2])) };
}

/** Checks an amount that is to be moved. @throws bad-value */
export function assertAmount(amountRao: bigint, name = 'amountRao'): void {
  if (typeof amountRao === 'bigint' && amountRao > 0n && amountRao < 1n << 64n) return;
  throw new ChainError('bad-value', `expected a positive amount of rao (a bigint below 2^64), got ${String(amountRao)}`, { subject: name, actual: String(amountRao) });
}

export function accountQuery(account: string): StorageQuery {
  return { pallet: 'System', item: 'Account', args: [account] };
}

export function freeBalance(info: Codec | undefined): bigint {
  return info === undefined ? 0n : toBigInt(fieldOf(fieldOf(info, 'data'), 'free'));
}

/** Least that an account holds: below it, it is none. */
export function existentialDeposit(chain: Chain): bigint {
  return BigInt(String(chain.api.consts['balances']?.['existentialDeposit'] ?? 0));
}
