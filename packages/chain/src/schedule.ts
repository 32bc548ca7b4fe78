/**
 * The clock of a cycle: pure functions of time and schedule.
 *
 * Cycle c starts at `t0 + c · cycle`; its phases follow one another without gaps: distribute, train, commit, score, publish. A moment belongs to
 * the phase whose start it has reached. R1 is the first beacon round at least 48 s after the commit phase closes, R2 the same after the score phase.
 * @module
 */
import { firstRoundAt, roundTimeMs, type Beacon } from '@connito/commit-reveal';
import { ChainError } from './errors.ts';

/** When cycles begin and how long their phases last. Milliseconds. */
export interface Schedule {
  /** Start of cycle 0, Unix time. */
  readonly t0Ms: number;
  readonly distributeMs: number;
  readonly trainMs: number;
  readonly commitMs: number;
  readonly scoreMs: number;
  readonly publishMs: number;
}

/** In their order. */
export type Phase = 'distribute' | 'train' | 'commit' | 'score' | 'publish';
export const PHASES: readonly Phase[] = Object.freeze(['distribute', 'train', 'commit', 'score', 'publish'] as const);

/** From `startMs` on and before `endMs`. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

/** Where a moment lies. */
export interface Position extends Window {
  readonly cycle: number;
  readonly phase: Phase;
}

/** A beacon round and when it is due. */
export interface RoundTime {
  readonly round: number;
  readonly timeMs: number;
}

/** What {@link assertSchedule} checks commitments against. */
export interface SpaceLimits {
  /** `Commitments.MaxSpace`: 3100 bytes by default. */
  readonly maxSpaceBytes: number;
  /** `Tempo` of the subnet. */
  readonly tempoBlocks: number;
  /** Default 12 s. */
  readonly blockTimeMs?: number;
  /** What one hotkey commits in one cycle (default {@link COMMITMENT_BYTES_PER_CYCLE}). */
  readonly bytesPerCycle?: number;
}

/** How long after a phase's end its beacon round is at least: four blocks, so that finality settles and nobody who still writes knows the round. */
export const BEACON_MARGIN_MS = 48_000;
/** A validator's sheet record (at least 100 bytes are counted) and its root record of 103 bytes; a miner's update record has at most 168. */
export const COMMITMENT_BYTES_PER_CYCLE = 203;

const BLOCK_TIME_MS = 12_000;
const MAX_CYCLE = 2 ** 32 - 1;

/** Length of a cycle. */
export function cycleMs(schedule: Schedule): number {
  return PHASES.reduce((sum, phase) => sum + durationOf(schedule, phase), 0);
}

/** Where `timeMs` lies; undefined before `t0Ms`. @throws bad-schedule, bad-value */
export function positionAt(schedule: Schedule, timeMs: number): Position | undefined {
  assertPhases(schedule);
  if (!Number.isFinite(timeMs)) throw new ChainError('bad-value', `expected a time in Unix milliseconds, got ${timeMs}`, { subject: 'timeMs', actual: String(timeMs) });
  if (timeMs < schedule.t0Ms) return undefined;
  const cycle = Math.floor((timeMs - schedule.t0Ms) / cycleMs(schedule));
  for (const phase of PHASES) {
    const window = phaseWindow(schedule, cycle, phase);
    if (timeMs < window.endMs) return { cycle, phase, ...window };
  }
  throw new ChainError('bad-value', `no phase at ${timeMs}; times must be below 2^53`, { subject: 'timeMs', actual: timeMs });
}

/** When a phase of a cycle begins and ends. @throws bad-schedule, bad-value */
export function phaseWindow(schedule: Schedule, cycle: number, phase: Phase): Window {
  assertPhases(schedule);
  if (!Number.isInteger(cycle) || cycle < 0 || cycle > MAX_CYCLE) throw new ChainError('bad-value', `expected a cycle from 0 to ${MAX_CYCLE}, got ${cycle}`, { subject: 'cycle', actual: String(cycle) });
  let startMs = schedule.t0Ms + cycle * cycleMs(schedule);
  for (const candidate of PHASES) {
    if (candidate === phase) break;
    startMs += durationOf(schedule, candidate);
  }
  return { startMs, endMs: startMs + durationOf(schedule, phase) };
}

/** The rounds R1 and R2 of a cycle. @throws bad-schedule, bad-value */
export function beaconTimes(schedule: Schedule, beacon: Beacon, cycle: number): { readonly r1: RoundTime; readonly r2: RoundTime } {
  const after = (phase: Phase): RoundTime => {
    const round = firstRoundAt(beacon, phaseWindow(schedule, cycle, phase).endMs + BEACON_MARGIN_MS);
    return { round, timeMs: roundTimeMs(beacon, round) };
  };
  return { r1: after('commit'), r2: after('score') };
}

/**
 * Checks that a schedule can work: every phase lasts, R1 falls into the score phase and R2 into the publish phase of every cycle, and, where `space` is
 * given, what a hotkey commits per cycle fits the pallet's space per tempo.
 * @throws bad-schedule
 */
export function assertSchedule(schedule: Schedule, beacon: Beacon, space?: SpaceLimits): void {
  assertPhases(schedule);
  // A round is at most one period later than the margin, whatever the cycle: that bound holds for all.
  const latestMs = BEACON_MARGIN_MS + beacon.periodMs - 1;
  assertRound(schedule, 'score', 'R1', latestMs);
  assertRound(schedule, 'publish', 'R2', latestMs);
  if (firstRoundAt(beacon, phaseWindow(schedule, 0, 'commit').endMs + BEACON_MARGIN_MS) === 1) {
    throw badSchedule(`cycle 0 ends its commit phase before the beacon's genesis at ${beacon.genesisTimeMs}`, 't0Ms', beacon.genesisTimeMs, schedule.t0Ms);
  }
  if (space !== undefined) assertSpace(schedule, space);
}

function assertRound(schedule: Schedule, phase: 'score' | 'publish', name: string, latestMs: number): void {
  const duration = durationOf(schedule, phase);
  if (latestMs < duration) return;
  throw badSchedule(`the ${phase} phase must last longer than ${latestMs} ms, so that beacon round ${name} falls into it, got ${duration} ms`, `${phase}Ms`, latestMs + 1, duration);
}

function assertSpace(schedule: Schedule, space: SpaceLimits): void {
  const { maxSpaceBytes, tempoBlocks, blockTimeMs = BLOCK_TIME_MS, bytesPerCycle = COMMITMENT_BYTES_PER_CYCLE } = space;
  // A window of one tempo meets the writes of at most that many cycles.
  const cycles = Math.floor((tempoBlocks * blockTimeMs) / cycleMs(schedule)) + 1;
  const needed = cycles * bytesPerCycle;
  if (needed <= maxSpaceBytes) return;
  throw badSchedule(
    `one tempo of ${tempoBlocks} blocks meets up to ${cycles} cycles, whose commitments need ${needed} bytes; the chain allows ${maxSpaceBytes}. Make cycles longer, or the tempo shorter`,
    'space',
    maxSpaceBytes,
    needed,
  );
}

function assertPhases(schedule: Schedule): void {
  if (!Number.isSafeInteger(schedule.t0Ms) || schedule.t0Ms < 0) throw badSchedule(`t0Ms must be a Unix time in whole milliseconds, got ${schedule.t0Ms}`, 't0Ms', 'an integer from 0 on', String(schedule.t0Ms));
  for (const phase of PHASES) {
    const duration = durationOf(schedule, phase);
    if (!Number.isSafeInteger(duration) || duration <= 0) throw badSchedule(`the ${phase} phase must last a whole number of milliseconds above 0, got ${duration}`, `${phase}Ms`, 'above 0', String(duration));
  }
}

function durationOf(schedule: Schedule, phase: Phase): number {
  return schedule[`${phase}Ms`];
}

function badSchedule(message: string, subject: string, expected: string | number, actual: string | number): ChainError {
  return new ChainError('bad-schedule', message, { subject, expected, actual });
}
