/**
 * Balances: moving TAO between accounts, and the pallet's calls.
 * @module
 */
import { saturatingSub } from '../fixed.ts';
import type { TypeOf } from '../scale/type-of.ts';
import { DispatchFailure, ensure, ensureRoot, ensureSigned, lookup, type CallHandlers, type Execution } from './execution.ts';

/** Accounts below it cease to exist (`Balances.ExistentialDeposit`). */
export const EXISTENTIAL_DEPOSIT = 500n;
const U64_MAX: bigint = (1n << 64n) - 1n;

/** Free balance in rao. */
export function freeBalance(execution: Execution, account: string): bigint {
  return execution.storage.System.Account.get(account).data.free;
}

/** Whether the account can give `amountRao` and stay alive. */
export function canPay(execution: Execution, account: string, amountRao: bigint): boolean {
  return freeBalance(execution, account) >= amountRao + EXISTENTIAL_DEPOSIT;
}

/** Moves TAO. Fails as `fungible::Mutate::transfer` does. */
export function transfer(execution: Execution, from: string, to: string, { amountRao, keepAlive }: { amountRao: bigint; keepAlive: boolean }): void {
  const free = freeBalance(execution, from);
  if (free < amountRao) throw tokenFailure('FundsUnavailable');
  if (amountRao > freeToSpend(execution, from)) throw tokenFailure('Frozen');
  if (keepAlive && free - amountRao < EXISTENTIAL_DEPOSIT) throw tokenFailure('NotExpendable');
  if (from !== to) {
    if (freeBalance(execution, to) + amountRao < EXISTENTIAL_DEPOSIT) throw tokenFailure('BelowMinimum');
    setFree(execution, from, free - amountRao);
    setFree(execution, to, freeBalance(execution, to) + amountRao);
  }
  execution.deposit('Balances', 'Transfer', { from, to, amount: amountRao });
}

/** Creates TAO. */
export function mint(execution: Execution, account: string, amountRao: bigint): void {
  setFree(execution, account, freeBalance(execution, account) + amountRao);
  changeIssuance(execution, amountRao);
}

/** Destroys TAO that the account has. */
export function burn(execution: Execution, account: string, amountRao: bigint): void {
  setFree(execution, account, freeBalance(execution, account) - amountRao);
  changeIssuance(execution, -amountRao);
}

/** Sets TAO of the account aside. Fails as `ReservableCurrency::reserve` does: the account must stay alive. */
export function reserve(execution: Execution, account: string, amountRao: bigint): void {
  if (amountRao === 0n) return;
  const info = execution.storage.System.Account.get(account);
  const free = info.data.free - amountRao;
  ensure(free >= 0n, 'Balances', 'InsufficientBalance');
  if (free < EXISTENTIAL_DEPOSIT) throw new DispatchFailure({ type: 'ConsumerRemaining' });
  setReserved(execution, account, { info, free, reserved: info.data.reserved + amountRao });
  execution.deposit('Balances', 'Reserved', { who: account, amount: amountRao });
}

/** Gives back what was set aside, as much of it as there is. */
export function unreserve(execution: Execution, account: string, amountRao: bigint): void {
  const info = execution.storage.System.Account.get(account);
  if (amountRao === 0n || info.data.free + info.data.reserved === 0n) return;
  const amount = info.data.reserved < amountRao ? info.data.reserved : amountRao;
  setReserved(execution, account, { info, free: info.data.free + amount, reserved: info.data.reserved - amount });
  execution.deposit('Balances', 'Unreserved', { who: account, amount });
}

/** An account with reserves has a consumer, which keeps it from dying. */
function setReserved(execution: Execution, account: string, { info, free, reserved }: { info: TypeOf<'AccountInfo'>; free: bigint; reserved: bigint }): void {
  execution.storage.System.Account.set(account, { ...info, consumers: reserved > 0n ? 1 : 0, data: { ...info.data, free, reserved } });
}

/** What the account can give away: all, unless something else needs it alive. */
export function freeToSpend(execution: Execution, account: string): bigint {
  const { consumers, data } = execution.storage.System.Account.get(account);
  if (consumers === 0) return data.free;
  return saturatingSub(data.free, EXISTENTIAL_DEPOSIT);
}

/** Writes a balance: a new account comes to life, one below the existential deposit dies and its dust with it. */
function setFree(execution: Execution, account: string, free: bigint): void {
  const info = execution.storage.System.Account.get(account);
  const alive = info.providers > 0;
  if (free >= EXISTENTIAL_DEPOSIT) {
    execution.storage.System.Account.set(account, { ...info, providers: 1, data: { ...info.data, free } });
    if (!alive) {
      execution.deposit('System', 'NewAccount', { account });
      execution.deposit('Balances', 'Endowed', { account, free_balance: free });
    }
    return;
  }
  if (!alive) return;
  if (info.consumers > 0) throw new DispatchFailure({ type: 'ConsumerRemaining' });
  killAccount(execution, account, info, free);
}

/** A dead account keeps its nonce here if it is not 0, so that no transaction of it can be repeated. */
function killAccount(execution: Execution, account: string, info: TypeOf<'AccountInfo'>, dust: bigint): void {
  if (info.nonce === 0) execution.storage.System.Account.remove(account);
  else execution.storage.System.Account.set(account, { ...info, providers: 0, data: { ...info.data, free: 0n } });
  if (dust > 0n) changeIssuance(execution, -dust);
  execution.deposit('System', 'KilledAccount', { account });
  if (dust > 0n) execution.deposit('Balances', 'DustLost', { account, amount: dust });
}

function changeIssuance(execution: Execution, amountRao: bigint): void {
  const { TotalIssuance } = execution.storage.Balances;
  TotalIssuance.set(TotalIssuance.get() + amountRao);
}

function tokenFailure(type: TypeOf<'TokenError'>['type']): DispatchFailure {
  return new DispatchFailure({ type: 'Token', value: { type } });
}

/** The pallet's calls. */
export const balancesCalls: CallHandlers<'Balances'> = {
  transfer_allow_death: (execution, origin, { dest, value }) =>
    transfer(execution, ensureSigned(origin), lookup(dest), { amountRao: value, keepAlive: false }),
  transfer_keep_alive: (execution, origin, { dest, value }) =>
    transfer(execution, ensureSigned(origin), lookup(dest), { amountRao: value, keepAlive: true }),
  transfer_all: (execution, origin, { dest, keep_alive }) => {
    const from = ensureSigned(origin);
    const free = freeBalance(execution, from);
    const amountRao = keep_alive ? saturatingSub(free, EXISTENTIAL_DEPOSIT) : freeToSpend(execution, from);
    transfer(execution, from, lookup(dest), { amountRao, keepAlive: keep_alive });
  },
  force_transfer: (execution, origin, { source, dest, value }) => {
    ensureRoot(origin);
    transfer(execution, lookup(source), lookup(dest), { amountRao: value, keepAlive: false });
  },
  force_unreserve: (execution, origin, { who, amount }) => {
    ensureRoot(origin);
    unreserve(execution, lookup(who), amount);
  },
  // Accounts from before holds and freezes: there have never been any here.
  upgrade_accounts: (_execution, origin) => void ensureSigned(origin),
  force_adjust_total_issuance: (execution, origin, { direction, delta }) => {
    ensureRoot(origin);
    ensure(delta > 0n, 'Balances', 'DeltaZero');
    const { TotalIssuance, InactiveIssuance } = execution.storage.Balances;
    const old = TotalIssuance.get();
    const adjusted = direction.type === 'Increase' ? (old + delta > U64_MAX ? U64_MAX : old + delta) : saturatingSub(old, delta);
    ensure(InactiveIssuance.get() <= adjusted, 'Balances', 'IssuanceDeactivated');
    TotalIssuance.set(adjusted);
    execution.deposit('Balances', 'TotalIssuanceForced', { old, new: adjusted });
  },
  burn: (execution, origin, { value, keep_alive }) => {
    const who = ensureSigned(origin);
    const most = keep_alive ? saturatingSub(freeBalance(execution, who), EXISTENTIAL_DEPOSIT) : freeToSpend(execution, who);
    if (value > most) throw tokenFailure('FundsUnavailable');
    burn(execution, who, value);
    execution.deposit('Balances', 'Burned', { who, amount: value });
  },
  force_set_balance: (execution, origin, { who, new_free }) => {
    ensureRoot(origin);
    const account = lookup(who);
    const free = new_free < EXISTENTIAL_DEPOSIT ? 0n : new_free;
    changeIssuance(execution, free - freeBalance(execution, account));
    setFree(execution, account, free);
    execution.deposit('Balances', 'BalanceSet', { who: account, free });
  },
};
