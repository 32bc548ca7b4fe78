/**
 * Drand: pulses of the beacon, written by the block's author in an unsigned extrinsic, verified by the runtime.
 * @module
 * @see pallets/drand/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, ensureNone, ensureRoot, type ArgumentsOf, type CallHandlers, type Execution } from './execution.ts';

/** `MAX_KEPT_PULSES`: a week of quicknet. */
export const MAX_KEPT_PULSES = 216_000n;
/** `MAX_REMOVED_PULSES`: as many as go at a time. */
const MAX_REMOVED_PULSES = 100;

/** The pallet's calls. */
export const drandCalls: CallHandlers<'Drand'> = {
  write_pulse: (execution, origin, { pulses_payload: { pulses } }) => {
    // The block's author has signed or verified them; root, which can come here too (`dispatch_as`), can set any storage.
    ensureNone(origin);
    const { LastStoredRound, OldestStoredRound, NextUnsignedAt } = execution.storage.Drand;
    const isFirst = LastStoredRound.get() === 0n && OldestStoredRound.get() === 0n;
    for (const pulse of pulses) storePulse(execution, pulse);
    if (isFirst && pulses[0] !== undefined) OldestStoredRound.set(pulses[0].round);
    prune(execution);
    NextUnsignedAt.set(execution.blockNumber);
    if (pulses.length > 0) execution.deposit('Drand', 'NewPulse', { rounds: pulses.map(({ round }) => round) });
  },
  set_oldest_stored_round: (execution, origin, { oldest_round }) => {
    ensureRoot(origin);
    execution.storage.Drand.OldestStoredRound.set(oldest_round);
    execution.deposit('Drand', 'SetOldestStoredRound', [oldest_round]);
  },
};

type Pulse = ArgumentsOf<'Drand', 'write_pulse'>['pulses_payload']['pulses'][number];

/** Rounds may be left out, but none comes after a later one. */
function storePulse(execution: Execution, pulse: Pulse): void {
  const { Pulses, LastStoredRound } = execution.storage.Drand;
  ensure(pulse.round > LastStoredRound.get(), 'Drand', 'InvalidRoundNumber');
  Pulses.set(pulse.round, pulse);
  LastStoredRound.set(pulse.round);
}

function prune(execution: Execution): void {
  const { Pulses, LastStoredRound, OldestStoredRound } = execution.storage.Drand;
  const oldest = OldestStoredRound.get();
  if (oldest === 0n) return;
  const [last, kept] = [LastStoredRound.get(), oldest + BigInt(MAX_REMOVED_PULSES)];
  let round = oldest;
  while (last - round + 1n > MAX_KEPT_PULSES && round < kept) Pulses.remove(round++);
  OldestStoredRound.set(round);
}

/** Passes over all rounds up to `round`: they are never stored. For chains that jump. */
export function skipRounds(execution: Execution, round: number): void {
  const { Pulses, LastStoredRound, OldestStoredRound } = execution.storage.Drand;
  const [last, due] = [LastStoredRound.get(), BigInt(round)];
  if (due <= last) return;
  LastStoredRound.set(due);
  const oldest = OldestStoredRound.get();
  const kept = due - MAX_KEPT_PULSES + 1n;
  if (oldest === 0n) return OldestStoredRound.set(due + 1n);
  if (oldest >= kept) return;
  for (let gone = oldest; gone < kept && gone <= last; gone++) Pulses.remove(gone);
  OldestStoredRound.set(kept);
}

/** Forgets the pulses of another beacon; the next is one after `round`. */
export function restartRounds(execution: Execution, round: number): void {
  const { Pulses, LastStoredRound, OldestStoredRound } = execution.storage.Drand;
  const [oldest, last] = [OldestStoredRound.get(), LastStoredRound.get()];
  for (let gone = oldest; gone > 0n && gone <= last; gone++) Pulses.remove(gone);
  LastStoredRound.set(BigInt(round));
  OldestStoredRound.set(round === 0 ? 0n : BigInt(round) + 1n);
}
