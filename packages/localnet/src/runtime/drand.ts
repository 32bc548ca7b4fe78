/**
 * Drand: pulses of the beacon, written by the block's author in an unsigned extrinsic, verified by the runtime.
 * @module
 * @see pallets/drand/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { pulseRandomness } from '@connito/commit-reveal';
import { ensure, ensureRoot, type ArgumentsOf, type CallHandlers, type Execution } from './execution.ts';

/** `MAX_KEPT_PULSES`: a week of quicknet. */
export const MAX_KEPT_PULSES = 216_000n;

/** The pallet's calls. */
export const drandCalls: CallHandlers<'Drand'> = {
  write_pulse: (execution, origin, { pulses_payload: { pulses, block_number } }) => {
    if (origin.type !== 'none') ensureRoot(origin);
    const { Pulses, LastStoredRound, OldestStoredRound, NextUnsignedAt } = execution.storage.Drand;
    for (const pulse of pulses) storePulse(execution, pulse);
    if (OldestStoredRound.get() === 0n && pulses[0] !== undefined) OldestStoredRound.set(pulses[0].round);
    NextUnsignedAt.set(block_number + 1);
    prune(Pulses, OldestStoredRound, LastStoredRound.get());
    execution.deposit('Drand', 'NewPulse', { rounds: pulses.map(({ round }) => round) });
  },
  set_oldest_stored_round: (execution, origin, { oldest_round }) => {
    ensureRoot(origin);
    execution.storage.Drand.OldestStoredRound.set(oldest_round);
    execution.deposit('Drand', 'SetOldestStoredRound', [oldest_round]);
  },
};

type Pulse = ArgumentsOf<'Drand', 'write_pulse'>['pulses_payload']['pulses'][number];

/** Rounds come one after the other; the first may be any. */
function storePulse(execution: Execution, pulse: Pulse): void {
  const { Pulses, LastStoredRound } = execution.storage.Drand;
  const last = LastStoredRound.get();
  ensure(last === 0n || pulse.round === last + 1n, 'Drand', 'InvalidRoundNumber');
  const sound = Buffer.compare(pulseRandomness(pulse.signature), pulse.randomness) === 0;
  ensure(sound, 'Drand', 'PulseVerificationError');
  Pulses.set(pulse.round, pulse);
  LastStoredRound.set(pulse.round);
}

function prune(pulses: Execution['storage']['Drand']['Pulses'], oldest: Execution['storage']['Drand']['OldestStoredRound'], last: bigint): void {
  let round = oldest.get();
  if (last - round + 1n <= MAX_KEPT_PULSES) return;
  while (last - round + 1n > MAX_KEPT_PULSES) pulses.remove(round++);
  oldest.set(round);
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

/** Forgets the pulses of another beacon; the next is that of the round after `round`. */
export function restartRounds(execution: Execution, round: number): void {
  const { Pulses, LastStoredRound, OldestStoredRound } = execution.storage.Drand;
  const [oldest, last] = [OldestStoredRound.get(), LastStoredRound.get()];
  for (let gone = oldest; gone > 0n && gone <= last; gone++) Pulses.remove(gone);
  LastStoredRound.set(BigInt(round));
  OldestStoredRound.set(BigInt(round) + 1n);
}
