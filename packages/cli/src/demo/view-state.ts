/**
 * What the live view knows: a reducer over the events of all processes, the chain's head and the demo's own progress.
 *
 * @module
 */
import { printable } from '../context.ts';

/** How a demo miner behaves. */
export type Behaviour = 'honest' | 'resubmit' | 'noise';

/** Moments of a cycle, in order of time. */
export const MOMENTS = ['distribute', 'train', 'commit', 'upload', 'open', 'publish', 'reveal'] as const;

/** A moment of a cycle. */
export type MomentName = (typeof MOMENTS)[number];

/** Moments in words for people: what happens in them. */
export const MOMENT_LABELS: Readonly<Record<MomentName, string>> = { distribute: 'distribute', train: 'train', commit: 'commit', upload: 'upload', open: 'score', publish: 'publish', reveal: 'merge' };

/** The events of the demo itself. */
export type DemoEvent =
  | {
      readonly kind: 'set-up';
      readonly seed: number;
      readonly cycles: number;
      readonly miners: readonly { readonly uid: number; readonly name: string; readonly hotkey: string; readonly behaviour: Behaviour }[];
      readonly validators: readonly { readonly uid: number; readonly name: string; readonly hotkey: string }[];
    }
  | { readonly kind: 'head'; readonly blockNumber: number; readonly timeMs: number }
  /** What the demo does outside of cycles; shown until the next moment of a cycle. */
  | { readonly kind: 'progress'; readonly message: string }
  /** Held-out losses of a model version in nats per token. */
  | { readonly kind: 'losses'; readonly version: number; readonly target: number; readonly general: number; readonly test: number };

/** What the view reads of a role's event; every `AgentEvent` of `@connito/subnet` is one. Kinds it does not know change nothing. */
export interface RoleEvent {
  readonly role: string;
  readonly hotkey: string;
  readonly kind: string;
}

/** Anything that changes what is shown. */
export type DemoViewEvent = DemoEvent | RoleEvent;

/** One miner's line. */
export interface MinerRow {
  readonly uid: number;
  readonly name: string;
  readonly hotkey: string;
  readonly behaviour: Behaviour;
  readonly activity: string;
  readonly step: number;
  readonly steps: number;
  /** Training losses of this cycle, nats per token. */
  readonly losses: readonly number[];
  readonly score: number | null;
  readonly code: string;
  readonly weight: number | null;
  readonly alive: boolean;
}

/** One validator's line. */
export interface ValidatorRow {
  readonly uid: number;
  readonly name: string;
  readonly hotkey: string;
  readonly activity: string;
  readonly root: string;
  readonly alive: boolean;
}

/** How a cycle ended, as the first validator to merge saw it. */
export interface CycleRow {
  readonly cycle: number;
  readonly step: string;
  readonly accepted: boolean;
  readonly version: number;
  readonly gain: number | null;
  readonly lowerBound: number | null;
  readonly forgetting: number | null;
  readonly roots: Readonly<Record<string, string>>;
}

/** Losses of one version, nats per token. */
export interface LossRow {
  readonly version: number;
  readonly target: number;
  readonly general: number;
  readonly test: number;
}

/** Everything that is shown. */
export interface DemoViewState {
  readonly seed: number | null;
  readonly cycles: number;
  readonly progress: string;
  readonly blockNumber: number;
  readonly headMs: number;
  readonly moment: { readonly cycle: number; readonly name: MomentName; readonly timeMs: number; readonly endsMs: number } | null;
  readonly miners: readonly MinerRow[];
  readonly validators: readonly ValidatorRow[];
  readonly outcomes: readonly CycleRow[];
  readonly losses: readonly LossRow[];
  /** The latest notices, newest last. */
  readonly notes: readonly string[];
}

/** Nothing known yet. */
export const initialDemoViewState: DemoViewState = {
  seed: null,
  cycles: 0,
  progress: 'starting',
  blockNumber: 0,
  headMs: 0,
  moment: null,
  miners: [],
  validators: [],
  outcomes: [],
  losses: [],
  notes: [],
};

/** How many notices are kept, and how many losses a miner's curve has. */
const MAX_NOTES = 3;
const MAX_CURVE = 64;

/** The state after `event`; pure, and total: an event of an unknown kind or from an unknown hotkey changes nothing. */
export function demoViewState(state: DemoViewState, event: DemoViewEvent): DemoViewState {
  if ('role' in event) return onRoleEvent(state, event as unknown as KnownRoleEvent);
  switch (event.kind) {
    case 'set-up':
      return onSetUp(state, event);
    case 'head':
      return { ...state, blockNumber: Math.max(state.blockNumber, event.blockNumber), headMs: Math.max(state.headMs, event.timeMs) };
    case 'progress':
      return { ...state, progress: printable(event.message), moment: null };
    case 'losses': {
      const { version, target, general, test } = event;
      return { ...state, losses: [...state.losses.filter((row) => row.version !== version), { version, target, general, test }].sort((a, b) => a.version - b.version) };
    }
    default:
      return state;
  }
}

/** The kinds that are understood, with the fields that are read; mirrors `AgentEvent`, checked by a type test. */
export type KnownRoleEvent = { readonly role: 'owner' | 'miner' | 'validator'; readonly hotkey: string } & (
  | { readonly kind: 'moment'; readonly cycle: number; readonly moment: MomentName; readonly timeMs: number; readonly endsMs: number }
  | { readonly kind: 'version'; readonly cycle: number; readonly version: number; readonly root: string }
  | { readonly kind: 'train-step'; readonly cycle: number; readonly step: number; readonly steps: number; readonly loss: number }
  | { readonly kind: 'trained'; readonly cycle: number; readonly steps: number; readonly loss: number | null }
  | { readonly kind: 'committed'; readonly cycle: number; readonly blockNumber: number }
  | { readonly kind: 'uploaded'; readonly cycle: number }
  | { readonly kind: 'scored'; readonly cycle: number; readonly scores: readonly { readonly uid: number; readonly code: string; readonly score: number }[] }
  | { readonly kind: 'weights-set'; readonly cycle: number; readonly weights: readonly { readonly uid: number; readonly weight: number }[] }
  | {
      readonly kind: 'merged';
      readonly cycle: number;
      readonly step: string;
      readonly accepted: boolean;
      readonly version: number;
      readonly root: string;
      readonly target?: { readonly gain: number; readonly lowerBound: number };
      readonly general?: { readonly forgetting: number; readonly upperBound: number };
    }
  | { readonly kind: 'root-committed'; readonly cycle: number; readonly root: string; readonly accepted: boolean }
  | { readonly kind: 'failed'; readonly cycle: number; readonly effect: string; readonly message: string }
  | { readonly kind: 'notice'; readonly message: string }
  | { readonly kind: 'stopped'; readonly message: string }
  | { readonly kind: 'finished' }
);

function onSetUp(state: DemoViewState, { seed, cycles, miners, validators }: Extract<DemoEvent, { kind: 'set-up' }>): DemoViewState {
  return {
    ...state,
    seed,
    cycles,
    miners: miners.map((miner) => ({ ...miner, name: printable(miner.name, 24), activity: 'starting', step: 0, steps: 0, losses: [], score: null, code: '', weight: null, alive: true })),
    validators: validators.map((validator) => ({ ...validator, name: printable(validator.name, 24), activity: 'starting', root: '', alive: true })),
  };
}

function onRoleEvent(state: DemoViewState, event: KnownRoleEvent): DemoViewState {
  const shared = onSharedEvent(state, event);
  if (event.role === 'miner') return { ...shared, miners: shared.miners.map((row) => (row.hotkey === event.hotkey ? minerRow(row, event) : row)) };
  if (event.role === 'validator') return { ...shared, validators: shared.validators.map((row) => (row.hotkey === event.hotkey ? validatorRow(row, event) : row)) };
  return shared;
}

/** What an event says beyond its author's line. */
function onSharedEvent(state: DemoViewState, event: KnownRoleEvent): DemoViewState {
  switch (event.kind) {
    case 'moment':
      return onMoment(state, event);
    case 'scored':
      return { ...state, miners: state.miners.map((row) => ({ ...row, ...scoreOf(row, event.scores) })) };
    case 'weights-set':
      return { ...state, miners: state.miners.map((row) => ({ ...row, weight: event.weights.find(({ uid }) => uid === row.uid)?.weight ?? 0 })) };
    case 'merged':
      return { ...state, outcomes: mergeOutcome(state.outcomes, event) };
    case 'notice':
    case 'stopped':
      return addNote(state, event, event.message);
    case 'failed':
      return addNote(state, event, `${event.effect}: ${event.message}`);
    default:
      return state;
  }
}

function onMoment(state: DemoViewState, { cycle, moment: name, timeMs, endsMs }: Extract<KnownRoleEvent, { kind: 'moment' }>): DemoViewState {
  if (cycle >= state.cycles && state.cycles > 0) return state;
  if (state.moment !== null && state.moment.timeMs >= timeMs) return state;
  return { ...state, moment: { cycle, name, timeMs, endsMs } };
}

function scoreOf(row: MinerRow, scores: readonly { readonly uid: number; readonly code: string; readonly score: number }[]): Partial<MinerRow> {
  const found = scores.find(({ uid }) => uid === row.uid);
  return found === undefined ? {} : { score: found.score, code: printable(found.code, 24) };
}

function mergeOutcome(outcomes: readonly CycleRow[], event: Extract<KnownRoleEvent, { kind: 'merged' }>): CycleRow[] {
  const { cycle, step, accepted, version, root, hotkey, target, general } = event;
  const known = outcomes.find((row) => row.cycle === cycle);
  const roots = { ...known?.roots, [hotkey]: root };
  const row = known ?? { cycle, step, accepted, version, gain: target?.gain ?? null, lowerBound: target?.lowerBound ?? null, forgetting: general?.forgetting ?? null };
  return [...outcomes.filter((other) => other !== known), { ...row, roots }].sort((a, b) => a.cycle - b.cycle);
}

function addNote(state: DemoViewState, event: KnownRoleEvent, message: string): DemoViewState {
  return { ...state, notes: [...state.notes, `${nameOf(state, event)}: ${printable(message)}`].slice(-MAX_NOTES) };
}

/** The author's name, or its role where the hotkey is unknown. */
export function nameOf(state: DemoViewState, { role, hotkey }: RoleEvent): string {
  return [...state.miners, ...state.validators].find((row) => row.hotkey === hotkey)?.name ?? printable(role, 24);
}

function minerRow(row: MinerRow, event: KnownRoleEvent): MinerRow {
  switch (event.kind) {
    case 'moment':
      return { ...row, alive: true, activity: MINER_WAITS[event.moment] ?? row.activity };
    case 'version':
      return { ...row, activity: `has version ${event.version}`, step: 0, steps: 0, losses: [] };
    case 'train-step':
      return { ...row, activity: 'training', step: event.step, steps: event.steps, losses: [...(event.step <= 1 ? [] : row.losses), event.loss].slice(-MAX_CURVE) };
    case 'trained':
      return { ...row, activity: 'trained', step: event.steps, steps: event.steps };
    case 'committed':
      return { ...row, activity: `committed in block ${event.blockNumber}` };
    case 'uploaded':
      return { ...row, activity: 'uploaded' };
    default:
      return { ...row, ...ending(event) };
  }
}

function validatorRow(row: ValidatorRow, event: KnownRoleEvent): ValidatorRow {
  switch (event.kind) {
    case 'moment':
      return { ...row, alive: true, activity: VALIDATOR_WAITS[event.moment] ?? row.activity };
    case 'version':
      return { ...row, activity: `has version ${event.version}`, root: event.root };
    case 'scored':
      return { ...row, activity: `scored ${event.scores.length}` };
    case 'weights-set':
      return { ...row, activity: 'weights set' };
    case 'merged':
      return { ...row, activity: event.accepted ? `merged version ${event.version}` : 'kept the version', root: event.root };
    case 'root-committed':
      return { ...row, activity: 'root committed', root: event.root };
    default:
      return { ...row, ...ending(event) };
  }
}

function ending(event: KnownRoleEvent): { activity?: string; alive?: boolean } {
  if (event.kind === 'finished') return { activity: 'finished', alive: true };
  if (event.kind === 'stopped') return { activity: 'stopped', alive: false };
  return {};
}

const MINER_WAITS: Partial<Record<MomentName, string>> = { distribute: 'fetching the model', train: 'starting to train', commit: 'committing', open: 'waiting for scores' };
const VALIDATOR_WAITS: Partial<Record<MomentName, string>> = { distribute: 'fetching the model', train: 'waiting', open: 'scoring', publish: 'publishing', reveal: 'merging' };
