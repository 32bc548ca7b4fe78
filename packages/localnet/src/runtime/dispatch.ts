/**
 * From a decoded call to the function that carries it out.
 * @module
 */
import { blake2, toHex } from '../hex.ts';
import type { PalletName } from '../pallets/index.ts';
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import { adminUtilsCalls } from './admin-utils.ts';
import { alphaBurningCalls } from './alpha-burning.ts';
import { balancesCalls } from './balances.ts';
import { commitmentsCalls } from './commitments.ts';
import type { Weight } from './dispatch-info.ts';
import { drandCalls } from './drand.ts';
import { ensure, ensureNone, ensureRoot, ensureSigned, lookup, resultOf, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { childrenCalls } from './children.ts';
import { coldkeySwapCalls } from './coldkey-swap.ts';
import { checkGuards } from './guards.ts';
import { hotkeySwapCalls } from './hotkey-swap.ts';
import { identityCalls } from './identities.ts';
import { multisigCalls } from './multisigs.ts';
import { proxyCalls } from './proxies.ts';
import { registrationCalls } from './registration.ts';
import { servingCalls } from './serving.ts';
import { rootClaimCalls } from './root-claims.ts';
import { stakeCalls } from './stake-calls.ts';
import { swapCalls } from './pools.ts';
import { subnetCalls } from './subnets.ts';
import { tempoCalls } from './tempo-control.ts';
import { timelockedWeightsCalls } from './timelocked-weights.ts';
import { hasNestedBatch, utilityCalls } from './utility.ts';
import { weightCommitCalls } from './weight-commits.ts';
import { weightsCalls } from './weights.ts';

/**
 * Carries out a call that the origin may make. Fails with {@link DispatchFailure}; undoing is for the caller, see {@link Execution.attempt}.
 * @returns what it turned out to weigh, where that is not what it was said to
 */
export function dispatch(execution: Execution, origin: Origin, call: RuntimeCall): Weight | undefined {
  ensure(isAllowed(origin, call), 'System', 'CallFiltered');
  return dispatchUnfiltered(execution, origin, call);
}

/** The chain's own filter is for all but root; a proxy's is for those that call through it. */
function isAllowed(origin: Origin, call: RuntimeCall): boolean {
  if (origin.type === 'root') return true;
  return !hasNestedBatch(call) && (origin.type === 'none' || origin.allows === undefined || origin.allows(call));
}

/** As root does it for others: the filter is for the calls within. */
function dispatchUnfiltered(execution: Execution, origin: Origin, call: RuntimeCall): Weight | undefined {
  if (origin.type === 'signed') checkGuards(execution, origin.account, call);
  const handlers = calls[call.pallet as PalletName] as unknown as Readonly<Record<string, Handler>>;
  return (handlers[call.call] as Handler)(execution, origin, call.args) ?? undefined;
}

type Handler = (execution: Execution, origin: Origin, args: unknown) => Weight | void;

const systemCalls: CallHandlers<'System'> = {
  remark: (_execution, origin) => ensureSignedOrRoot(origin),
  remark_with_event: (execution, origin, { remark }) => {
    const sender = ensureSigned(origin);
    execution.deposit('System', 'Remarked', { sender, hash: toHex(blake2(remark)) });
  },
};

const timestampCalls: CallHandlers<'Timestamp'> = {
  set: (execution, origin, { now }) => {
    ensureNone(origin);
    execution.storage.Timestamp.Now.set(now);
  },
};

const sudoCalls: CallHandlers<'Sudo'> = {
  sudo: (execution, origin, { call }) => {
    ensureSudo(execution, origin);
    execution.deposit('Sudo', 'Sudid', { sudo_result: attemptAs(execution, { type: 'root' }, call) });
  },
  sudo_unchecked_weight: (execution, origin, { call }) => {
    ensureSudo(execution, origin);
    execution.deposit('Sudo', 'Sudid', { sudo_result: attemptAs(execution, { type: 'root' }, call) });
  },
  set_key: (execution, origin, { new: address }) => {
    ensureSudo(execution, origin);
    const old = execution.storage.Sudo.Key.get();
    const key = lookup(address);
    execution.storage.Sudo.Key.set(key);
    execution.deposit('Sudo', 'KeyChanged', { old, new: key });
  },
  remove_key: (execution, origin) => {
    ensureSudo(execution, origin);
    execution.deposit('Sudo', 'KeyRemoved', []);
    execution.storage.Sudo.Key.remove();
  },
  sudo_as: (execution, origin, { who, call }) => {
    ensureSudo(execution, origin);
    const account = lookup(who);
    execution.deposit('Sudo', 'SudoAsDone', { sudo_result: attemptAs(execution, { type: 'signed', account }, call) });
  },
};

function ensureSudo(execution: Execution, origin: Origin): void {
  if (origin.type === 'root') return;
  ensure(origin.type === 'signed' && execution.storage.Sudo.Key.get() === origin.account, 'Sudo', 'RequireSudo');
}

function attemptAs(execution: Execution, origin: Origin, call: RuntimeCall): TypeOf<'Result<(),DispatchError>'> {
  return resultOf(execution.attempt(() => void dispatchUnfiltered(execution, origin, call)));
}

function ensureSignedOrRoot(origin: Origin): void {
  if (origin.type !== 'signed') ensureRoot(origin);
}

const calls: { readonly [P in PalletName]: CallHandlers<P> } = {
  System: systemCalls,
  Timestamp: timestampCalls,
  Aura: {},
  Balances: balancesCalls,
  TransactionPayment: {},
  SubtensorModule: { ...alphaBurningCalls, ...childrenCalls, ...coldkeySwapCalls, ...hotkeySwapCalls, ...identityCalls, ...registrationCalls, ...rootClaimCalls, ...servingCalls, ...stakeCalls, ...subnetCalls, ...tempoCalls, ...timelockedWeightsCalls, ...weightCommitCalls, ...weightsCalls },
  Utility: utilityCalls({ dispatch, dispatchUnfiltered }),
  Sudo: sudoCalls,
  Multisig: multisigCalls(dispatch),
  Proxy: proxyCalls(dispatch),
  Commitments: commitmentsCalls,
  AdminUtils: adminUtilsCalls,
  Drand: drandCalls,
  Crowdloan: {},
  Swap: swapCalls,
  MevShield: {},
};
