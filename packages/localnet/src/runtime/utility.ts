/**
 * Utility: several calls as one, and calls in the name of another origin.
 * @module
 * @see pallets/utility/src/lib.rs; NoNestingCallFilter in runtime/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { blake2, concatBytes, fromHex, toHex } from '../hex.ts';
import { encodeScale } from '../scale/codec.ts';
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import { batchOverhead, benchmarked, derivativeOverhead, lighter, sum, weightOf, type Weight } from './dispatch-info.ts';
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
export function utilityCalls(dispatches: { readonly dispatch: Dispatch; readonly dispatchUnfiltered: Dispatch }): CallHandlers<'Utility'> {
  return { ...batchCalls(dispatches.dispatch), ...singleCalls(dispatches) };
}

type BatchNames = 'batch' | 'batch_all' | 'force_batch';

function batchCalls(dispatch: Dispatch): Pick<CallHandlers<'Utility'>, BatchNames> {
  return {
    batch: (execution, origin, { calls }) => {
      ensureBatch(origin, calls);
      let used = sum();
      for (const [index, call] of calls.entries()) {
        const { error, weight } = execution.attemptCall(() => dispatch(execution, origin, call));
        used = sum(used, usedBy(call, weight));
        if (error !== undefined) {
          execution.deposit('Utility', 'BatchInterrupted', { index, error });
          return sum(batchOverhead('batch', index + 1), used);
        }
        execution.deposit('Utility', 'ItemCompleted', []);
      }
      execution.deposit('Utility', 'BatchCompleted', []);
      return sum(batchOverhead('batch', calls.length), used);
    },
    batch_all: (execution, origin, { calls }) => {
      ensureBatch(origin, calls);
      const inner = restrict(origin, ({ pallet, call }) => pallet !== 'Utility' || call !== 'batch_all');
      let used = sum();
      for (const [index, call] of calls.entries()) {
        const { error, weight } = execution.attemptCall(() => dispatch(execution, inner, call));
        used = sum(used, usedBy(call, weight));
        if (error !== undefined) throw new DispatchFailure(error, sum(batchOverhead('batch_all', index + 1), used));
        execution.deposit('Utility', 'ItemCompleted', []);
      }
      execution.deposit('Utility', 'BatchCompleted', []);
      return sum(batchOverhead('batch_all', calls.length), used);
    },
    force_batch: (execution, origin, { calls }) => {
      ensureBatch(origin, calls);
      let failed = false;
      let used = sum();
      for (const call of calls) {
        const { error, weight } = execution.attemptCall(() => dispatch(execution, origin, call));
        used = sum(used, usedBy(call, weight));
        failed ||= error !== undefined;
        if (error === undefined) execution.deposit('Utility', 'ItemCompleted', []);
        else execution.deposit('Utility', 'ItemFailed', { error });
      }
      execution.deposit('Utility', failed ? 'BatchCompletedWithErrors' : 'BatchCompleted', []);
      return sum(batchOverhead('force_batch', calls.length), used);
    },
  };
}

function singleCalls({ dispatch, dispatchUnfiltered }: { readonly dispatch: Dispatch; readonly dispatchUnfiltered: Dispatch }): Omit<CallHandlers<'Utility'>, BatchNames> {
  return {
    as_derivative: (execution, origin, { index, call }) => {
      const account = derivativeAccount(ensureSigned(origin), index);
      const { error, weight } = execution.attemptCall(() => dispatch(execution, { ...origin, type: 'signed', account }, call));
      const used = sum(derivativeOverhead(), usedBy(call, weight));
      if (error !== undefined) throw new DispatchFailure(error, used);
      return used;
    },
    dispatch_as: (execution, origin, { as_origin, call }) => {
      ensureRoot(origin);
      const error = execution.attempt(() => void dispatchUnfiltered(execution, originOf(as_origin), call));
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
      const first = execution.attemptCall(() => dispatch(execution, origin, main));
      const used = sum(benchmarked('Utility.if_else'), usedBy(main, first.weight));
      if (first.error === undefined) {
        execution.deposit('Utility', 'IfElseMainSuccess', []);
        return used;
      }
      const second = execution.attemptCall(() => dispatch(execution, origin, fallback));
      const all = sum(used, usedBy(fallback, second.weight));
      if (second.error !== undefined) throw new DispatchFailure(second.error, all);
      execution.deposit('Utility', 'IfElseFallbackCalled', { main_error: first.error });
      return all;
    },
  };
}

/** What a call that was made counts for: no more than it was said to weigh. */
function usedBy(call: RuntimeCall, actual: Weight | undefined): Weight {
  const declared = weightOf(call);
  return actual === undefined ? declared : lighter(actual, declared);
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
