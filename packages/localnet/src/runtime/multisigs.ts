/**
 * Multisigs: accounts without a key, for which `threshold` of several signatories must call together. The first to approve a call holds
 * a deposit; the last, who must bring the call itself, carries it out.
 * @module
 * @see substrate/frame/multisig/src/lib.rs
 */
import { blake2, concatBytes, toHex } from '../hex.ts';
import { encodeScale } from '../scale/codec.ts';
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import { reserve, unreserve } from './balances.ts';
import { benchmarked, multisigOverhead, sum, weightOf, type Weight } from './dispatch-info.ts';
import { ensure, ensureSigned, moduleFailure, resultOf, DispatchFailure, type ArgumentsOf, type CallHandlers, type Dispatch, type Execution, type Origin } from './execution.ts';

type Timepoint = TypeOf<'MultisigTimepoint'>;
type Operation = TypeOf<'MultisigOperation'>;

/** Signatories of a multisig at most (`MaxSignatories`). */
const MAX_SIGNATORIES = 100;
/** What is held while an operation waits: a part for the entry, and one for each approval that it needs. Rao. */
const DEPOSIT = { base: 132_000_000n, factor: 32_000_000n };

/** The pallet's calls. */
export function multisigCalls(dispatch: Dispatch): CallHandlers<'Multisig'> {
  return {
    as_multi_threshold_1: (execution, origin, { other_signatories, call }) => {
      const approving = ensureSigned(origin);
      const multisig = multisigAccount(signatories(approving, other_signatories), 1);
      const { error, weight } = execution.attemptCall(() => dispatch(execution, { type: 'signed', account: multisig }, call));
      const used = weight === undefined ? undefined : sum(benchmarked('Multisig.as_multi_threshold_1', encodeScale('RuntimeCall', call).length), weight);
      if (error !== undefined) throw new DispatchFailure(error, used);
      execution.deposit('Multisig', 'MultisigExecuted', { approving, timepoint: timepointOf(execution), multisig, call_hash: hashOf(call), result: resultOf(undefined) });
      return used;
    },
    as_multi: (execution, origin, args) => {
      const { call, max_weight, ...place } = args;
      const overheadOf = (step: 'create' | 'approve' | 'complete'): Weight => multisigOverhead(step, { pallet: 'Multisig', call: 'as_multi', args });
      const { id, hash, operation, who, threshold } = findOperation(execution, origin, { ...place, call_hash: hashOf(call) });
      const isComplete = operation !== undefined && approvalsWith(operation, { who, threshold }).length >= threshold;
      if (!isComplete) {
        approve(execution, { id, hash, operation, who, threshold });
        return overheadOf(operation === undefined ? 'create' : 'approve');
      }
      const weight = weightOf(call);
      ensure(weight.ref_time <= max_weight.ref_time && weight.proof_size <= max_weight.proof_size, 'Multisig', 'MaxWeightTooLow');
      execution.storage.Multisig.Multisigs.remove(id, hash);
      unreserve(execution, operation.depositor, operation.deposit);
      const ending = execution.attemptCall(() => dispatch(execution, { type: 'signed', account: id }, call));
      execution.deposit('Multisig', 'MultisigExecuted', { approving: who, timepoint: operation.when, multisig: id, call_hash: hash, result: resultOf(ending.error) });
      return ending.weight === undefined ? undefined : sum(overheadOf('complete'), ending.weight);
    },
    approve_as_multi: (execution, origin, place) => {
      const found = findOperation(execution, origin, place);
      approve(execution, found);
      // The chain says the weight of `as_multi` without a call.
      return benchmarked(found.operation === undefined ? 'Multisig.as_multi_create' : 'Multisig.as_multi_approve', place.other_signatories.length, 0);
    },
    cancel_as_multi: (execution, origin, { timepoint, ...place }) => {
      const { id, hash, who, operation } = ownOperation(execution, origin, place, (found) => ensure(isAt(found, timepoint), 'Multisig', 'WrongTimepoint'));
      unreserve(execution, who, operation.deposit);
      execution.storage.Multisig.Multisigs.remove(id, hash);
      execution.deposit('Multisig', 'MultisigCancelled', { cancelling: who, timepoint, multisig: id, call_hash: hash });
    },
    poke_deposit: (execution, origin, place) => {
      const { id, hash, who, operation } = ownOperation(execution, origin, place, () => undefined);
      const [old_deposit, new_deposit] = [operation.deposit, depositFor(place.threshold)];
      if (old_deposit === new_deposit) return;
      if (new_deposit > old_deposit) reserve(execution, who, new_deposit - old_deposit);
      else unreserve(execution, who, old_deposit - new_deposit);
      execution.storage.Multisig.Multisigs.set(id, hash, { ...operation, deposit: new_deposit });
      execution.deposit('Multisig', 'DepositPoked', { who, call_hash: hash, old_deposit, new_deposit });
    },
  };
}

interface Found {
  readonly id: string;
  readonly hash: Uint8Array;
  readonly who: string;
  readonly threshold: number;
  readonly operation: Operation | undefined;
}

type Place = ArgumentsOf<'Multisig', 'poke_deposit'>;

function locate(execution: Execution, origin: Origin, { threshold, other_signatories, call_hash: hash }: Place): Found {
  const who = ensureSigned(origin);
  ensure(threshold >= 2, 'Multisig', 'MinimumThreshold');
  const id = multisigAccount(signatories(who, other_signatories), threshold);
  return { id, hash, who, threshold, operation: execution.storage.Multisig.Multisigs.get(id, hash) };
}

/** The operation that waits, if its timepoint is told, or none, if none is. */
function findOperation(execution: Execution, origin: Origin, { maybe_timepoint: timepoint, ...place }: Place & { readonly maybe_timepoint: Timepoint | undefined }): Found {
  const found = locate(execution, origin, place);
  if (found.operation === undefined) ensure(timepoint === undefined, 'Multisig', 'UnexpectedTimepoint');
  else {
    ensure(timepoint !== undefined, 'Multisig', 'NoTimepoint');
    ensure(isAt(found.operation, timepoint), 'Multisig', 'WrongTimepoint');
  }
  return found;
}

/** The operation that waits, whose deposit is the caller's. */
function ownOperation(execution: Execution, origin: Origin, place: Place, check: (operation: Operation) => void): Found & { readonly operation: Operation } {
  const found = locate(execution, origin, place);
  const { operation } = found;
  if (operation === undefined) throw moduleFailure('Multisig', 'NotFound');
  check(operation);
  ensure(operation.depositor === found.who, 'Multisig', 'NotOwner');
  return { ...found, operation };
}

/** The first approval opens an operation; a later one is added, if it is new and needed. */
function approve(execution: Execution, { id, hash, who, threshold, operation }: Found): void {
  const { Multisigs } = execution.storage.Multisig;
  if (operation === undefined) {
    const deposit = depositFor(threshold);
    reserve(execution, who, deposit);
    Multisigs.set(id, hash, { when: timepointOf(execution), deposit, depositor: who, approvals: [who] });
    return execution.deposit('Multisig', 'NewMultisig', { approving: who, multisig: id, call_hash: hash });
  }
  const approvals = approvalsWith(operation, { who, threshold });
  ensure(approvals.length > operation.approvals.length, 'Multisig', 'AlreadyApproved');
  Multisigs.set(id, hash, { ...operation, approvals });
  execution.deposit('Multisig', 'MultisigApproval', { approving: who, timepoint: operation.when, multisig: id, call_hash: hash });
}

/** The approvals, in order, with one more where it counts. */
function approvalsWith({ approvals }: Operation, { who, threshold }: { readonly who: string; readonly threshold: number }): readonly string[] {
  return approvals.length >= threshold || approvals.includes(who) ? approvals : [...approvals, who].sort();
}

/** All signatories in order. The others must be given in order, and without the one who calls. */
function signatories(who: string, others: readonly string[]): readonly string[] {
  ensure(others.length > 0, 'Multisig', 'TooFewSignatories');
  ensure(others.length < MAX_SIGNATORIES, 'Multisig', 'TooManySignatories');
  for (const [index, other] of others.entries()) {
    ensure(index === 0 || (others[index - 1] as string) < other, 'Multisig', 'SignatoriesOutOfOrder');
    ensure(other !== who, 'Multisig', 'SenderInSignatories');
  }
  return [...others, who].sort();
}

/** The prefix is that of Utility's derived accounts, too. */
function multisigAccount(all: readonly string[], threshold: number): string {
  const parts = [encodeScale('Vec<AccountId>', all), encodeScale('u16', threshold)];
  return toHex(blake2(concatBytes(new TextEncoder().encode('modlpy/utilisuba'), ...parts)));
}

function depositFor(threshold: number): bigint {
  return DEPOSIT.base + DEPOSIT.factor * BigInt(threshold);
}

function hashOf(call: RuntimeCall): Uint8Array {
  return blake2(encodeScale('RuntimeCall', call));
}

/** Block and extrinsic in which an operation began. */
function timepointOf({ blockNumber, phase }: Execution): Timepoint {
  return { height: blockNumber, index: phase.type === 'ApplyExtrinsic' ? phase.value : 0 };
}

function isAt({ when }: Operation, { height, index }: Timepoint): boolean {
  return when.height === height && when.index === index;
}
