/**
 * Drand: pulses of the beacon, written in unsigned extrinsics by the block's author or by whoever has them, verified by the runtime.
 * @module
 * @see pallets/drand/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { isCommitRevealError, isPulseSignature, verifyPulse } from '@connito/commit-reveal';
import { ensure, ensureNone, ensureRoot, moduleFailure, type ArgumentsOf, type CallHandlers, type Execution, type Origin } from './execution.ts';

/** `MAX_KEPT_PULSES`: a week of quicknet. */
export const MAX_KEPT_PULSES = 216_000n;
/** `MAX_REMOVED_PULSES`: as many as go at a time. */
const MAX_REMOVED_PULSES = 100;
/** Compressed points: signatures, and keys. */
const [G1_BYTES, G2_BYTES] = [48, 96];
/** No clock gets there. */
const LAST_ROUND = BigInt(Number.MAX_SAFE_INTEGER);

/** The pallet's calls. */
export const drandCalls: CallHandlers<'Drand'> = {
  write_pulse: (execution, origin, { pulses_payload: { pulses } }) => {
    ensureNone(origin);
    const { LastStoredRound, OldestStoredRound, NextUnsignedAt } = execution.storage.Drand;
    const isFirst = LastStoredRound.get() === 0n && OldestStoredRound.get() === 0n;
    const verified = pulses.filter((pulse) => isVerified(execution, origin, pulse) && storePulse(execution, pulse));
    if (isFirst && verified[0] !== undefined) OldestStoredRound.set(verified[0].round);
    prune(execution);
    NextUnsignedAt.set(execution.blockNumber);
    if (verified.length > 0) execution.deposit('Drand', 'NewPulse', { rounds: verified.map(({ round }) => round) });
  },
  // What the payload says besides the configuration is for the pool, which lets nobody through who is not root.
  set_beacon_config: (execution, origin, { config_payload: { config } }) => {
    ensureRoot(origin);
    execution.storage.Drand.BeaconConfig.set(config);
    execution.storage.Drand.NextUnsignedAt.set(execution.blockNumber + 1);
    execution.deposit('Drand', 'BeaconConfigChanged', []);
  },
  set_oldest_stored_round: (execution, origin, { oldest_round }) => {
    ensureRoot(origin);
    execution.storage.Drand.OldestStoredRound.set(oldest_round);
    execution.deposit('Drand', 'SetOldestStoredRound', [oldest_round]);
  },
};

type Pulse = ArgumentsOf<'Drand', 'write_pulse'>['pulses_payload']['pulses'][number];

/**
 * Whether the signature is that of the configured key; what is not is passed over without an error, but bytes that are no signature, and a key that is none, are one.
 * The block's author has signed or verified its pulses before. Bytes behind a signature or a key are not read.
 */
function isVerified({ storage }: Execution, origin: Origin, { round, signature }: Pulse): boolean {
  if (origin.type === 'none' && origin.isAuthored === true) return true;
  const [publicKey, point] = [storage.Drand.BeaconConfig.get().public_key.subarray(0, G2_BYTES), signature.subarray(0, G1_BYTES)];
  if (!isPulseSignature(point)) throw moduleFailure('Drand', 'PulseVerificationError');
  try {
    return round >= 1n && round <= LAST_ROUND && verifyPulse({ publicKey }, { round: Number(round), signature: point });
  } catch (error) {
    throw isCommitRevealError(error) ? moduleFailure('Drand', 'PulseVerificationError') : error;
  }
}

/** Rounds may be left out, but none comes after a later one. */
function storePulse(execution: Execution, pulse: Pulse): true {
  const { Pulses, LastStoredRound } = execution.storage.Drand;
  ensure(pulse.round > LastStoredRound.get(), 'Drand', 'InvalidRoundNumber');
  Pulses.set(pulse.round, pulse);
  LastStoredRound.set(pulse.round);
  return true;
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
