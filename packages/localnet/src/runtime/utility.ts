/**
 * Utility: several calls as one, and calls in the name of another origin.
 * @module
 * @see pallets/utility/src/lib.rs; NoNestingCallFilter in runtime/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { blake2, concatBytes, fromHex, toHex } from '../hex.ts';
import { encodeScale } from '../scale/codec.ts';
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import { DispatchFailure, ensure, ensureRoot, ensureSigned, resultOf, type CallFilter, type CallHandlers, type Dispatch, type Origin } from './execution.ts';

/** Calls of a batch at most (`Utility.batched_calls_limit`). */
const BATCH_LIMIT = 10_922;
const BATCHES: ReadonlySet<string> = new Set(['batch', 'batch_all', 'force_batch']);

function isBatch({ pallet, call }: RuntimeCall): boolean {
  return pallet === 'Utility' && BATCHES.has(call);
}

/** Whether a batch has a batch as one of its calls, which the chain lets nobody but root call. */
export function hasNestedBatch(call: RuntimeCall): boolean {
  return isBatch(call) && (call.args['calls'] as readonly RuntimeCall[]).some(isBatch);
}

/** The pallet's calls. */
export function utilityCalls({ dispatch, dispatchUnfiltered }: { readonly dispatch: Dispatch; readonly dispatchUnfiltered: Dispatch }): CallHandlers<'Utility'> {
  return {
    batch: (execution, origin, { calls }) => {
      ensureBatch(origin, calls);
      for (const [index, call] of calls.entries()) {
        const error = execution.attempt(() => dispatch(execution, origin, call));
        if (error !== undefined) return execution.deposit('Utility', 'BatchInterrupted', { index, error });
        execution.deposit('Utility', 'ItemCompleted', []);
      }
      execution.deposit('Utility', 'BatchCompleted', []);
    },
    batch_all: (execution, origin, { calls }) => {
      ensureBatch(origin, calls);
      const inner = restrict(origin, ({ pallet, call }) => pallet !== 'Utility' || call !== 'batch_all');
      for (const call of calls) {
        dispatch(execution, inner, call);
        execution.deposit('Utility', 'ItemCompleted', []);
      }
      execution.deposit('Utility', 'BatchCompleted', []);
    },
    force_batch: (execution, origin, { calls }) => {
      ensureBatch(origin, calls);
      let failed = false;
      for (const call of calls) {
        const error = execution.attempt(() => dispatch(execution, origin, call));
        failed ||= error !== undefined;
        if (error === undefined) execution.deposit('Utility', 'ItemCompleted', []);
        else execution.deposit('Utility', 'ItemFailed', { error });
      }
      execution.deposit('Utility', failed ? 'BatchCompletedWithErrors' : 'BatchCompleted', []);
    },
    as_derivative: (execution, origin, { index, call }) => {
      const account = derivativeAccount(ensureSigned(origin), index);
      dispatch(execution, { ...origin, type: 'signed', account }, call);
    },
    dispatch_as: (execution, origin, { as_origin, call }) => {
      ensureRoot(origin);
      const error = execution.attempt(() => dispatchUnfiltered(execution, originOf(as_origin), call));
      execution.deposit('Utility', 'DispatchedAs', { result: resultOf(error) });
    },
    dispatch_as_fallible: (execution, origin, { as_origin, call }) => {
      ensureRoot(origin);
      dispatchUnfiltered(execution, originOf(as_origin), call);
      execution.deposit('Utility', 'DispatchedAs', { result: resultOf(undefined) });
    },
    // The weight that is said is not checked, only counted.
    with_weight: (execution, origin, { call }) => {
      ensureRoot(origin);
      dispatchUnfiltered(execution, origin, call);
    },
    if_else: (execution, origin, { main, fallback }) => {
      ensureNotNone(origin);
      const error = execution.attempt(() => dispatch(execution, origin, main));
      if (error === undefined) return execution.deposit('Utility', 'IfElseMainSuccess', []);
      dispatch(execution, origin, fallback);
      execution.deposit('Utility', 'IfElseFallbackCalled', { main_error: error });
    },
  };
}

function ensureBatch(origin: Origin, calls: readonly RuntimeCall[]): void {
  ensureNotNone(origin);
  ensure(calls.length <= BATCH_LIMIT, 'Utility', 'TooManyCalls');
}

function ensureNotNone(origin: Origin): void {
  if (origin.type === 'none') throw new DispatchFailure({ type: 'BadOrigin' });
}

/** The origin with one more filter; root has none. */
function restrict(origin: Origin, filter: CallFilter): Origin {
  if (origin.type !== 'signed') return origin;
  const { allows } = origin;
  return { ...origin, allows: (call) => filter(call) && (allows === undefined || allows(call)) };
}

/** An account that has no key: `who` alone calls for it, by an index. */
function derivativeAccount(who: string, index: number): string {
  return toHex(blake2(concatBytes(new TextEncoder().encode('modlpy/utilisuba'), fromHex(who), encodeScale('u16', index))));
}

/** Ethereum's origin and `Authorized` are good for no call of this chain. */
function originOf(caller: TypeOf<'OriginCaller'>): Origin {
  if (caller.type === 'system' && caller.value.type === 'Root') return { type: 'root' };
  if (caller.type === 'system' && caller.value.type === 'Signed') return { type: 'signed', account: caller.value.value };
  if (caller.type === 'system' && caller.value.type === 'None') return { type: 'none' };
  throw new DispatchFailure({ type: 'BadOrigin' });
}
