/**
 * The validator's rules: score what was committed, commit its sheet and weights, then merge by everybody's sheets, gate, commit the
 * root, and follow what the majority of stake made canonical.
 *
 * @module
 */
import type { ModelVersion } from './cycle-record.ts';
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
  /** The version that it was trained from. */
  readonly base: ModelVersion;
}

/** What the publish phase came to. */
export interface MergeOutcome {
  readonly version: ModelVersion;
  readonly accepted: boolean;
  /** SHA-256 of the cycle record, hex. */
  readonly recordHash: string;
  readonly medians: readonly { readonly uid: number; readonly score: number }[];
  readonly countedHotkeys: readonly string[];
}

/** What a validator asks its runner to do. */
export type ValidatorEffect =
  | { readonly kind: 'resolve-version'; readonly cycle: number; readonly known: ModelVersion }
  | { readonly kind: 'score'; readonly cycle: number; readonly version: ModelVersion; readonly opened: readonly OpenedUpdate[] }
  | { readonly kind: 'commit-sheet'; readonly cycle: number; readonly sheet: string }
  | { readonly kind: 'set-weights'; readonly cycle: number; readonly history: readonly MedianScores[] }
  | { readonly kind: 'upload-sheet'; readonly cycle: number; readonly sheet: string }
  | { readonly kind: 'merge'; readonly cycle: number; readonly version: ModelVersion; readonly recentSheets: readonly (readonly string[])[] }
  | { readonly kind: 'commit-root'; readonly cycle: number; readonly outcome: MergeOutcome };

/** What comes of a validator's effects. */
export type ValidatorEvent =
  | { readonly kind: 'version-resolved'; readonly cycle: number; readonly version: ModelVersion }
  | { readonly kind: 'scored'; readonly cycle: number; readonly sheet: string; readonly scores: readonly MinerScore[]; readonly opened: readonly OpenedUpdate[] }
  | { readonly kind: 'sheet-committed'; readonly cycle: number }
  | { readonly kind: 'weights-set'; readonly cycle: number }
  | { readonly kind: 'sheet-uploaded'; readonly cycle: number }
  | { readonly kind: 'merged'; readonly cycle: number; readonly outcome: MergeOutcome }
  | { readonly kind: 'root-committed'; readonly cycle: number };

/** A cycle's scores as ratings see them: medians of the record, or the validator's own for the newest cycle. */
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
  readonly history: readonly MedianScores[];
  readonly opened: readonly OpenedUpdate[];
  /** Hotkeys with a counted sheet, of the last {@link QUORUM_CYCLES} cycles. */
  readonly recentSheets: readonly (readonly string[])[];
}

/** Over how many cycles a counted sheet keeps a hotkey's stake in the quorum's denominator (DESIGN §3.4.2). */
export const QUORUM_CYCLES = 3;

/** How many past cycles a validator keeps for ratings and resubmissions. */
export interface ValidatorMemory {
  readonly ratingWindow: number;
  readonly resubmissionCycles: number;
}

/** The validator's machine, starting from the task's version 0. */
export function createValidator(base: ModelVersion, memory: ValidatorMemory): Machine<ValidatorState, ValidatorEffect, ValidatorEvent> {
  return {
    initial: { version: base, versionCycle: null, sheet: null, history: [], opened: [], recentSheets: [] },
    transition: (state, event) => (event.kind === 'moment' ? atMoment(state, event as MomentEvent) : afterEffect(state, event as ValidatorEvent | FailedEvent, memory)),
  };
}

function atMoment(state: ValidatorState, { moment, cycle, missed }: MomentEvent): Step<ValidatorState, ValidatorEffect> {
  if (moment === 'distribute') return step(state, { kind: 'resolve-version', cycle, known: state.version });
  if (missed) return step(state);
  const { version, opened, recentSheets, sheet } = state;
  if (moment === 'open' && state.versionCycle === cycle) return step(state, { kind: 'score', cycle, version, opened });
  if (moment === 'publish' && sheet?.cycle === cycle) return step(state, { kind: 'upload-sheet', cycle, sheet: sheet.sha256 });
  if (moment === 'reveal' && state.versionCycle === cycle) return step(state, { kind: 'merge', cycle, version, recentSheets });
  return step(state);
}

function afterEffect(state: ValidatorState, event: ValidatorEvent | FailedEvent, memory: ValidatorMemory): Step<ValidatorState, ValidatorEffect> {
  switch (event.kind) {
    case 'version-resolved':
      return step({ ...state, version: event.version, versionCycle: event.cycle });
    case 'scored':
      return afterScoring(state, event, memory);
    case 'sheet-committed':
      return step(state, { kind: 'set-weights', cycle: event.cycle, history: state.history });
    case 'merged':
      return afterMerge(state, event);
    case 'weights-set':
    case 'sheet-uploaded':
    case 'root-committed':
    case 'failed':
      return step(state);
  }
}

/** The newest cycle is rated by the validator's own sheet until the record's medians replace it. */
function afterScoring(state: ValidatorState, event: Extract<ValidatorEvent, { kind: 'scored' }>, { ratingWindow, resubmissionCycles }: ValidatorMemory): Step<ValidatorState, ValidatorEffect> {
  const { cycle, sheet, scores } = event;
  const history = [...state.history.filter((past) => past.cycle !== cycle), { cycle, scores }].slice(-ratingWindow);
  const opened = [...state.opened, ...event.opened].filter((update) => update.cycle > cycle - resubmissionCycles);
  return step({ ...state, sheet: { cycle, sha256: sheet, scores }, history, opened }, { kind: 'commit-sheet', cycle, sheet });
}

function afterMerge(state: ValidatorState, { cycle, outcome }: Extract<ValidatorEvent, { kind: 'merged' }>): Step<ValidatorState, ValidatorEffect> {
  const hotkeys = new Map(state.sheet?.scores.map(({ uid, hotkey }) => [uid, hotkey]));
  const scores = outcome.medians.flatMap(({ uid, score }) => {
    const hotkey = hotkeys.get(uid);
    return hotkey === undefined ? [] : [{ hotkey, score }];
  });
  const history = state.history.map((past) => (past.cycle === cycle ? { cycle, scores } : past));
  const recentSheets = [...state.recentSheets, outcome.countedHotkeys].slice(-QUORUM_CYCLES);
  return step({ ...state, history, recentSheets }, { kind: 'commit-root', cycle, outcome });
}
