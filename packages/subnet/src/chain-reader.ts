/**
 * The one read rule (DESIGN §3): each phase's input is one snapshot, the last finalised block stamped before the phase's end, from
 * which commitments and stake are read together.
 *
 * @module
 */
import { phaseWindow, readPulse, readSnapshot, type Neuron, type Snapshot } from '@connito/chain';
import { beaconTimesOf } from './moment.ts';
import { decodeRecord, isCommitRevealError, pulseRandomness, toHex, verifyPulse, type ChainRecord } from '@connito/commit-reveal';
import type { RoleContext } from './context.ts';
import { SubnetError } from './error.ts';

/** A record on chain and who wrote it. `record` is null where the bytes are no record. */
export interface AuthoredRecord {
  readonly neuron: Neuron;
  readonly record: ChainRecord | null;
}

/** A phase's snapshot with its commitments decoded; `authored` is in uid order and has only registered hotkeys. */
export interface PhaseSnapshot {
  readonly block: Snapshot['block'];
  readonly neurons: readonly Neuron[];
  readonly authored: readonly AuthoredRecord[];
}

/** The phases that a cycle's result is read from. */
export type SnapshotPhase = 'commit' | 'score' | 'publish';

/** Reads the snapshot of a phase that has ended. */
export async function readPhaseSnapshot({ chain, manifest, timetable }: Pick<RoleContext, 'chain' | 'manifest' | 'timetable'>, cycle: number, phase: SnapshotPhase): Promise<PhaseSnapshot> {
  const { endMs } = phaseWindow(timetable.schedule, cycle, phase);
  return phaseSnapshotOf(await readSnapshot(chain, { netuid: manifest.netuid, beforeMs: endMs }));
}

/** A snapshot with its commitments decoded, whether it was read or proven. */
export function phaseSnapshotOf({ block, neurons, commitments }: Snapshot): PhaseSnapshot {
  const authored = neurons.flatMap((neuron) => {
    const commitment = commitments.get(neuron.hotkey);
    return commitment ? [{ neuron, record: decodeOrNull(commitment.fields) }] : [];
  });
  return { block, neurons, authored };
}

/** A round's signature from the chain, verified against the task's beacon. */
export interface OpenedRound {
  readonly round: number;
  readonly signature: string;
  readonly randomness: Uint8Array;
}

/**
 * Waits for R1 or R2 of a cycle until `untilMs` of chain time.
 *
 * @throws SubnetError `void-cycle` when the beacon has not spoken in time
 */
export async function awaitRound(context: RoleContext, cycle: number, which: 'r1' | 'r2', untilMs: number): Promise<OpenedRound> {
  const { chain, timetable, signal } = context;
  const { round } = beaconTimesOf(timetable, cycle)[which];
  for (;;) {
    const pulse = await readPulse(chain, { round });
    if (pulse && verifyPulse(timetable.beacon, pulse)) {
      return { round, signature: toHex(pulse.signature), randomness: pulseRandomness(pulse.signature) };
    }
    if ((await chainTimeMs(context)) >= untilMs) {
      throw new SubnetError('void-cycle', `Cycle ${cycle} is void: beacon round ${round} (${which}) did not come in time`, { cycle, round });
    }
    await pause(1_000, signal);
  }
}

/** The timestamp of the newest finalised block. */
export async function chainTimeMs({ chain }: RoleContext): Promise<number> {
  return (await chain.finalisedHead()).timestampMs;
}

/** Waits this long of wall-clock time. Rejects when aborted. */
export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, durationMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function decodeOrNull(fields: readonly Uint8Array[]): ChainRecord | null {
  try {
    return decodeRecord(fields);
  } catch (error) {
    if (isCommitRevealError(error)) return null;
    throw error;
  }
}
