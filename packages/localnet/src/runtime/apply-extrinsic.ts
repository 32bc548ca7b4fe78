/**
 * A block's extrinsics, carried out: inherents, and transactions with their nonce, fee and refund.
 * @module
 * @see substrate/frame/executive; pallets/transaction-fee/src/lib.rs, `correct_and_deposit_fee` (opentensor/subtensor 14bc6f9f9)
 */
import type { RuntimeCall } from '../scale/type-of.ts';
import { payInAlpha, type AlphaFee } from './alpha-fees.ts';
import { burn, canPay, mint } from './balances.ts';
import { dispatchInfo, lighter, sum } from './dispatch-info.ts';
import { dispatch } from './dispatch.ts';
import type { Ending, Execution } from './execution.ts';
import { BASE_EXTRINSIC, feeOf, feePayer } from './fees.ts';
import { TransactionInvalid } from './transaction-invalid.ts';
import type { SignedCall } from './validity.ts';

/** Carries out an extrinsic that nobody signed: the block author's own, or one from the pool. */
export function applyBare(execution: Execution, call: RuntimeCall, { isAuthored }: { readonly isAuthored: boolean }): void {
  depositResult(execution, call, { ...execution.attemptCall(() => dispatch(execution, { type: 'none', isAuthored }, call)), isFree: false });
}

/**
 * Nonce and fee stand whatever the call does; sudo is free if it was the sudo key's (it is, or the pool had refused it).
 * @throws TransactionInvalid where the stake that was to pay cannot be sold
 */
export function applyTransaction(execution: Execution, transaction: SignedCall): void {
  const { call, signed, signer } = transaction;
  const { Account } = execution.storage.System;
  const payer = feePayer(execution, signer, call);
  const charged = withdrawFee(execution, payer, transaction);
  const account = Account.get(signer);
  Account.set(signer, { ...account, nonce: account.nonce + 1 });
  const ending = execution.attemptCall(() => dispatch(execution, { type: 'signed', account: signer }, call));
  const isFree = call.pallet === 'Sudo' && ending.error === undefined;
  const due = signed.tip + (isFree ? 0n : feeOf(call, transaction.lengthBytes, ending.weight));
  settleFee(execution, payer, { charged, due });
  execution.deposit('TransactionPayment', 'TransactionFeePaid', { who: payer, actual_fee: due, tip: signed.tip });
  depositResult(execution, call, { ...ending, isFree });
}

/** Takes the fee as it is declared, with the tip: TAO, or alpha where there is too little; returns what was taken. */
function withdrawFee(execution: Execution, payer: string, { call, signed, lengthBytes }: SignedCall): bigint | AlphaFee {
  const feeRao = feeOf(call, lengthBytes) + signed.tip;
  if (feeRao === 0n) return feeRao;
  if (!canPay(execution, payer, feeRao)) return withdrawAlpha(execution, payer, { call, feeRao });
  burn(execution, payer, feeRao);
  execution.deposit('Balances', 'Withdraw', { who: payer, amount: feeRao });
  return feeRao;
}

function withdrawAlpha(execution: Execution, payer: string, due: { readonly call: RuntimeCall; readonly feeRao: bigint }): AlphaFee {
  let paid: AlphaFee | undefined;
  execution.attempt(() => {
    paid = payInAlpha(execution, payer, due);
  });
  if (paid === undefined) throw new TransactionInvalid('Payment');
  return paid;
}

/** What is not due of TAO comes back; alpha does not. */
function settleFee(execution: Execution, payer: string, { charged, due }: { readonly charged: bigint | AlphaFee; readonly due: bigint }): void {
  if (typeof charged === 'bigint') {
    if (charged > 0n) giveBack(execution, payer, charged - due);
    return;
  }
  execution.deposit('SubtensorModule', 'TransactionFeePaidWithAlpha', { who: payer, netuid: charged.netuid, alpha_fee: charged.alpha, tao_amount: charged.taoRao });
}

/** The chain tells of the refund even if it is nothing; who is dead by now gets none. */
function giveBack(execution: Execution, payer: string, amountRao: bigint): void {
  const { free, reserved } = execution.storage.System.Account.get(payer).data;
  if (free + reserved === 0n) return;
  if (amountRao > 0n) mint(execution, payer, amountRao);
  execution.deposit('Balances', 'Deposit', { who: payer, amount: amountRao });
}

function depositResult(execution: Execution, call: RuntimeCall, { error, weight, isFree }: Ending & { readonly isFree: boolean }): void {
  const declared = dispatchInfo(call);
  const actual = weight === undefined ? declared.weight : lighter(weight, declared.weight);
  const dispatch_info = { ...declared, weight: sum(actual, BASE_EXTRINSIC), ...(isFree ? { pays_fee: { type: 'No' } as const } : {}) };
  if (error === undefined) execution.deposit('System', 'ExtrinsicSuccess', { dispatch_info });
  else execution.deposit('System', 'ExtrinsicFailed', { dispatch_error: error, dispatch_info });
}
