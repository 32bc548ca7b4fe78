/**
 * TAO that goes back to what can still be issued: the price of swapping keys, and what a dissolved subnet leaves.
 * @module
 * @see pallets/subtensor/src/coinbase/tao.rs:191 (opentensor/subtensor 14bc6f9f9)
 */
import { saturatingSub } from '../fixed.ts';
import { burn, canPay } from './balances.ts';
import { ensure, type Execution } from './execution.ts';

/** Takes TAO of an account, which must stay alive, out of both issuances. */
export function recycleTao(execution: Execution, account: string, amountRao: bigint): void {
  if (amountRao === 0n) return;
  ensure(canPay(execution, account, amountRao), 'SubtensorModule', 'InsufficientBalance');
  const { TotalIssuance } = execution.storage.SubtensorModule;
  TotalIssuance.set(saturatingSub(TotalIssuance.get(), amountRao));
  burn(execution, account, amountRao);
  execution.deposit('Balances', 'Withdraw', { who: account, amount: amountRao });
}
