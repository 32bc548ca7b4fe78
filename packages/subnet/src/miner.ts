/**
 * The miner's rules: fetch the version, train on the shard of the cycle, commit, and upload once the commit phase has closed.
 *
 * @module
 */
import type { KnownVersion, ModelVersion } from './cycle-record.ts';
import { step, type FailedEvent, type Machine, type MomentEvent, type Step } from './machine.ts';

/** An update that has been produced and lies in the miner's own store. */
export interface PreparedUpdate {
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Hex, over the update's decoded tensors. */
  readonly updateRoot: string;
  /** Hex, 32 bytes. */
  readonly salt: string;
}

/** What a miner asks its runner to do. */
export type MinerEffect =
  | { readonly kind: 'resolve-version'; readonly cycle: number; readonly known: KnownVersion | null }
  | { readonly kind: 'train'; readonly cycle: number; readonly version: ModelVersion }
  | { readonly kind: 'commit'; readonly cycle: number; readonly update: PreparedUpdate }
  | { readonly kind: 'upload'; readonly cycle: number; readonly update: PreparedUpdate };

/** What comes of a miner's effects. `update` is null where the strategy sits the cycle out. */
export type MinerEvent =
  | { readonly kind: 'version-resolved'; readonly cycle: number; readonly version: ModelVersion }
  | { readonly kind: 'trained'; readonly cycle: number; readonly update: PreparedUpdate | null }
  | { readonly kind: 'committed'; readonly cycle: number; readonly blockNumber: number }
  | { readonly kind: 'uploaded'; readonly cycle: number };

/** Where a miner stands. */
export interface MinerState {
  readonly version: ModelVersion;
  /** The cycle that `version` was resolved for. */
  readonly versionCycle: number | null;
  readonly update: (PreparedUpdate & { readonly cycle: number }) | null;
  readonly committedCycle: number | null;
}

/** The miner's machine, starting from the task's version 0. */
export function createMiner(base: ModelVersion): Machine<MinerState, MinerEffect, MinerEvent> {
  return { initial: { version: base, versionCycle: null, update: null, committedCycle: null }, transition };
}

function transition(state: MinerState, event: MomentEvent | FailedEvent | MinerEvent): Step<MinerState, MinerEffect> {
  switch (event.kind) {
    case 'moment':
      return event.missed ? step(state) : atMoment(state, event);
    case 'version-resolved':
      return step({ ...state, version: event.version, versionCycle: event.cycle });
    case 'trained':
      return step({ ...state, update: event.update && { ...event.update, cycle: event.cycle } });
    case 'committed':
      return step({ ...state, committedCycle: event.cycle });
    case 'uploaded':
    case 'failed':
      return step(state);
  }
}

function atMoment(state: MinerState, { moment, cycle }: MomentEvent): Step<MinerState, MinerEffect> {
  const { update, version, versionCycle } = state;
  if (moment === 'distribute') return step(state, { kind: 'resolve-version', cycle, known: versionCycle === null ? null : { cycle: versionCycle, version } });
  if (moment === 'train') return trainFrom(state, cycle);
  if (moment === 'commit' && update?.cycle === cycle) return step(state, { kind: 'commit', cycle, update });
  if (moment === 'upload' && update?.cycle === cycle && state.committedCycle === cycle) return step(state, { kind: 'upload', cycle, update });
  return step(state);
}

/** Who missed the distribute moment has no version to start from and waits for the next cycle. */
function trainFrom(state: MinerState, cycle: number): Step<MinerState, MinerEffect> {
  if (state.versionCycle !== cycle) return step(state);
  return step(state, { kind: 'train', cycle, version: state.version });
}
