/**
 * Balances, and moving TAO between accounts.
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import type { Inclusion, SendOptions } from './extrinsic.ts';
import { parseHotkey } from './identifier.ts';
import { openState } from './internal/block-state.ts';
import { ownCall } from './internal/own-call.ts';
import { fieldOf, readStorage, toBigInt, type Codec, type StorageQuery } from './internal/storage.ts';
import { createPlan, formatTao, sendPlan, type Check, type Plan } from './plan.ts';

/** Options of {@link planTransfer}. */
export interface TransferOptions {
  readonly destination: string;
  /** 1 TAO is 1e9 rao. */
  readonly amountRao: bigint;
  /** Lets the sender fall below the existential deposit and vanish with the rest (default false). */
  readonly allowDeath?: boolean;
}

/** What a transfer is judged by. */
export interface TransferFigures {
  readonly balanceRao: bigint;
  /** After amount and fee. */
  readonly balanceAfterRao: bigint;
  readonly existentialDepositRao: bigint;
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
  assertAmount(amountRao);
  const [destination, account] = [parseHotkey(options.destination), parseHotkey(options.account)];
  const call = ownCall(chain, 'Balances', allowDeath ? 'transfer_allow_death' : 'transfer_keep_alive', [destination, amountRao]);
  const [own, theirs] = await readStorage(await openState(chain), [accountQuery(account), accountQuery(destination)]);
  const existentialDepositRao = existentialDeposit(chain);
  const balanceRao = freeBalance(own);
  const plan = await createPlan(chain, {
    call,
    account,
    figures: { balanceRao, balanceAfterRao: balanceRao - amountRao, existentialDepositRao },
    checks: (feeRao): Check[] => [
      [freeBalance(theirs) + amountRao < existentialDepositRao, 'ExistentialDeposit', `the destination would have less than the existential deposit of ${formatTao(existentialDepositRao)}`],
      [balanceRao < amountRao + feeRao, 'InsufficientBalance', `${formatTao(amountRao + feeRao)} are needed with the fee, the account has ${formatTao(balanceRao)}`],
      [!allowDeath && balanceRao - amountRao - feeRao < existentialDepositRao, 'Expendability', `less than the existential deposit of ${formatTao(existentialDepositRao)} would be left`],
    ],
  });
  return { ...plan, figures: { ...plan.figures, balanceAfterRao: plan.figures.balanceAfterRao - plan.feeRao } };
}

/**
 * Sends TAO to another account.
 * @throws bad-address, bad-value, refused (`ExistentialDeposit`, `InsufficientBalance`, `Expendability`), and as `sendCall`
 */
export async function transfer(chain: Chain, options: TransferOptions & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planTransfer(chain, { ...options, account: options.signer.hotkey }), options);
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

function existentialDeposit(chain: Chain): bigint {
  return BigInt(String(chain.api.consts['balances']?.['existentialDeposit'] ?? 0));
}
