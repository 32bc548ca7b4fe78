/**
 * The validator's rules: score what was committed, commit its sheet and weights, then merge by everybody's sheets, gate, commit the
 * root, and follow what the majority of stake made canonical.
 *
 * @module
 */
import type { KnownVersion, ModelVersion } from './cycle-record.ts';
import { step, type FailedEvent, type Machine, type MomentEvent, type Step } from './machine.ts';

/** One miner's outcome in one validator's eyes; figures in nats per token. */
export interface MinerScore {
  readonly uid: number;
  readonly hotkey: string;
  readonly code: string;
  readonly score: number;
  readonly gain?: number;
  readonly lowerBound?: number;
  readonly upperBound?: number;
  readonly rows?: number;
}

/** A miner's update that has been opened: public from then on, so not to be paid again. */
export interface OpenedUpdate {
  readonly cycle: number;
  readonly uid: number;
  readonly sha256: string;
  /** In this validator's own eyes. Only what was worth something is worth resubmitting. */
  readonly score: number;
  /** The version that it was trained from. */
  readonly base: ModelVersion;
}

/** What the publish phase came to. */
export interface MergeOutcome {
  readonly version: ModelVersion;
  readonly accepted: boolean;
  /** SHA-256 of the cycle record, hex. */
  readonly recordHash: string;
}

/** What a validator asks its runner to do. */
export type ValidatorEffect =
  | { readonly kind: 'resolve-version'; readonly cycle: number; readonly known: KnownVersion | null; readonly voted: Vote | null }
  | { readonly kind: 'score'; readonly cycle: number; readonly version: ModelVersion; readonly opened: readonly OpenedUpdate[] }
  | { readonly kind: 'commit-sheet'; readonly cycle: number; readonly sheet: string }
  | { readonly kind: 'set-weights'; readonly cycle: number; readonly history: readonly MedianScores[] }
  | { readonly kind: 'forget'; readonly cycle: number; readonly artifacts: readonly string[] }
  | { readonly kind: 'upload-sheet'; readonly cycle: number; readonly sheet: string; readonly serve: readonly string[] }
  | { readonly kind: 'merge'; readonly cycle: number; readonly version: ModelVersion }
  | { readonly kind: 'commit-root'; readonly cycle: number; readonly outcome: MergeOutcome };

/** What comes of a validator's effects. */
export type ValidatorEvent =
  | { readonly kind: 'version-resolved'; readonly cycle: number; readonly version: ModelVersion; readonly settled: MedianScores | null }
  | { readonly kind: 'scored'; readonly cycle: number; readonly sheet: string; readonly scores: readonly MinerScore[]; readonly opened: readonly OpenedUpdate[] }
  | { readonly kind: 'sheet-committed'; readonly cycle: number }
  | { readonly kind: 'weights-set'; readonly cycle: number }
  | { readonly kind: 'forgotten'; readonly cycle: number }
  | { readonly kind: 'sheet-uploaded'; readonly cycle: number }
  | { readonly kind: 'merged'; readonly cycle: number; readonly outcome: MergeOutcome }
  | { readonly kind: 'root-committed'; readonly cycle: number };

/** The root that this validator has committed for a cycle, hex. */
export interface Vote {
  readonly cycle: number;
  readonly root: string;
}

/** A cycle's scores as ratings see them: medians of the canonical record, or the validator's own for the newest cycle. */
export interface MedianScores {
  readonly cycle: number;
  readonly scores: readonly { readonly hotkey: string; readonly score: number }[];
}

/** Where a validator stands. */
export interface ValidatorState {
  readonly version: ModelVersion;
  readonly versionCycle: number | null;
  /** This cycle's own sheet, by hash. */
  readonly sheet: { readonly cycle: number; readonly sha256: string; readonly scores: readonly MinerScore[] } | null;
  /** Cycles that have a canonical record. A void one is not among them, so it leaves ratings as they are. */
  readonly history: readonly MedianScores[];
  readonly opened: readonly OpenedUpdate[];
  readonly voted: Vote | null;
}

/** How many past cycles a validator keeps for ratings and resubmissions. */
export interface ValidatorMemory {
  readonly ratingWindow: number;
  readonly resubmissionCycles: number;
}

/** The validator's machine, starting from the task's version 0. */
export function createValidator(base: ModelVersion, memory: ValidatorMemory): Machine<ValidatorState, ValidatorEffect, ValidatorEvent> {
  return {
    initial: { version: base, versionCycle: null, sheet: null, history: [], opened: [], voted: null },
    transition: (state, event) => (event.kind === 'moment' ? atMoment(state, event as MomentEvent) : afterEffect(state, event as ValidatorEvent | FailedEvent, memory)),
  };
}

function atMoment(state: ValidatorState, { moment, cycle, missed }: MomentEvent): Step<ValidatorState, ValidatorEffect> {
  const { version, versionCycle, opened, voted, sheet } = state;
  if (moment === 'distribute') return step(state, { kind: 'resolve-version', cycle, known: versionCycle === null ? null : { cycle: versionCycle, version }, voted });
  if (missed) return step(state);
  if (moment === 'open' && versionCycle === cycle) return step(state, { kind: 'score', cycle, version, opened });
  if (moment === 'publish' && sheet?.cycle === cycle) return step(state, { kind: 'upload-sheet', cycle, sheet: sheet.sha256, serve: paidOf(opened, cycle) });
  if (moment === 'reveal' && versionCycle === cycle) return step(state, { kind: 'merge', cycle, version });
  return step(state);
}

function afterEffect(state: ValidatorState, event: ValidatorEvent | FailedEvent, memory: ValidatorMemory): Step<ValidatorState, ValidatorEffect> {
  switch (event.kind) {
    case 'version-resolved':
      return step({ ...state, version: event.version, versionCycle: event.cycle, history: withSettled(state.history, event.settled, memory) });
    case 'scored':
      return afterScoring(state, event, memory);
    case 'sheet-committed':
      return step(state, { kind: 'set-weights', cycle: event.cycle, history: ratedCycles(state, event.cycle) });
    case 'merged':
      return step({ ...state, voted: { cycle: event.cycle, root: event.outcome.version.root } }, { kind: 'commit-root', cycle: event.cycle, outcome: event.outcome });
    case 'forgotten':
    case 'weights-set':
    case 'sheet-uploaded':
    case 'root-committed':
    case 'failed':
      return step(state);
  }
}

/** Opened updates are kept for as long as they are compared with, the newest until they have been merged; what is older leaves the disk. */
function afterScoring(state: ValidatorState, event: Extract<ValidatorEvent, { kind: 'scored' }>, { resubmissionCycles }: ValidatorMemory): Step<ValidatorState, ValidatorEffect> {
  const { cycle, sheet, scores } = event;
  const isOld = (update: OpenedUpdate): boolean => update.cycle <= cycle - Math.max(1, resubmissionCycles);
  const next = { ...state, sheet: { cycle, sha256: sheet, scores }, opened: [...state.opened.filter((update) => !isOld(update)), ...event.opened] };
  const effects: ValidatorEffect[] = [{ kind: 'commit-sheet', cycle, sheet }];
  const artifacts = state.opened.filter(isOld).map(({ sha256 }) => sha256);
  if (artifacts.length > 0) effects.push({ kind: 'forget', cycle, artifacts });
  return step(next, ...effects);
}

function paidOf(opened: readonly OpenedUpdate[], cycle: number): readonly string[] {
  return opened.filter((update) => update.cycle === cycle && update.score > 0).map(({ sha256 }) => sha256);
}

function withSettled(history: readonly MedianScores[], settled: MedianScores | null, { ratingWindow }: ValidatorMemory): readonly MedianScores[] {
  if (!settled) return history;
  return [...history.filter(({ cycle }) => cycle !== settled.cycle), settled].slice(-ratingWindow);
}

/** The newest cycle is rated by the validator's own sheet: its medians are not known yet. */
function ratedCycles({ history, sheet }: ValidatorState, cycle: number): readonly MedianScores[] {
  return sheet?.cycle === cycle ? [...history, { cycle, scores: sheet.scores }] : history;
}
