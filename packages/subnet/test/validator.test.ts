import { describe, expect, it } from 'vitest';
import type { ModelVersion } from '../src/cycle-record.ts';
import type { FailedEvent, MomentEvent } from '../src/machine.ts';
import { MOMENTS, type MomentName } from '../src/moment.ts';
import { createValidator, type MedianScores, type MergeOutcome, type MinerScore, type ValidatorEffect, type ValidatorEvent, type ValidatorState } from '../src/validator.ts';

const base: ModelVersion = { number: 0, root: 'aa'.repeat(32), artifact: null };
const next: ModelVersion = { number: 1, root: 'bb'.repeat(32), artifact: { sha256: 'cc'.repeat(32), sizeBytes: 10 } };
const machine = createValidator(base, { ratingWindow: 2, resubmissionCycles: 2 });

const at = (moment: MomentName, cycle: number, missed = false): MomentEvent => ({ kind: 'moment', index: cycle * MOMENTS.length + MOMENTS.indexOf(moment), cycle, moment, missed });
const score = (uid: number, value: number): MinerScore => ({ uid, hotkey: `hotkey-${uid}`, code: value > 0 ? 'scored' : 'below-floor', score: value });
const scored = (cycle: number, scores: readonly MinerScore[]): ValidatorEvent => ({ kind: 'scored', cycle, sheet: `sheet-${cycle}`, scores, opened: scores.map(({ uid }) => ({ cycle, uid, sha256: `update-${cycle}-${uid}`, score: 0, base })) });
const outcome: MergeOutcome = { version: next, accepted: true, recordHash: 'dd'.repeat(32) };
const resolved = (cycle: number, version = base, settled: MedianScores | null = null): ValidatorEvent => ({ kind: 'version-resolved', cycle, version, settled });

function play(...events: readonly (MomentEvent | FailedEvent | ValidatorEvent)[]): { state: ValidatorState; effects: readonly ValidatorEffect[] } {
  let state = machine.initial;
  let effects: readonly ValidatorEffect[] = [];
  for (const event of events) ({ state, effects } = machine.transition(state, event));
  return { state, effects };
}

const untilOpen = (cycle: number, version = base, settled: MedianScores | null = null): (MomentEvent | ValidatorEvent)[] => [at('distribute', cycle), resolved(cycle, version, settled), at('open', cycle)];

describe('validator', () => {
  it('scores at R1 from the version that it resolved for this cycle', () => {
    expect(play(...untilOpen(0, next)).effects).toEqual([{ kind: 'score', cycle: 0, version: next, opened: [] }]);
  });

  it('does not score a cycle whose version it does not know', () => {
    expect(play(at('open', 0)).effects).toEqual([]);
    expect(play(...untilOpen(0), at('open', 1)).effects).toEqual([]);
  });

  it('commits the sheet before it sets weights, and uploads it only in the publish phase', () => {
    const events = [...untilOpen(0), scored(0, [score(3, 0.5)])];
    expect(play(...events).effects).toEqual([{ kind: 'commit-sheet', cycle: 0, sheet: 'sheet-0' }]);
    const weights = play(...events, { kind: 'sheet-committed', cycle: 0 }).effects;
    expect(weights).toEqual([expect.objectContaining({ kind: 'set-weights', history: [{ cycle: 0, scores: [score(3, 0.5)] }] })]);
    expect(play(...events, at('publish', 0)).effects).toEqual([{ kind: 'upload-sheet', cycle: 0, sheet: 'sheet-0', serve: [] }]);
    expect(play(...events, at('publish', 1)).effects).toEqual([]);
  });

  it('rates the newest cycle by its own sheet, those before by the canonical medians', () => {
    const medians: MedianScores = { cycle: 0, scores: [{ hotkey: 'hotkey-3', score: 0.4 }] };
    const first = [...untilOpen(0), scored(0, [score(3, 0.5), score(4, 0.1)]), at('reveal', 0), { kind: 'merged', cycle: 0, outcome } as ValidatorEvent];
    expect(play(...first).effects).toEqual([{ kind: 'commit-root', cycle: 0, outcome }]);
    const second = play(...first, ...untilOpen(1, next, medians), scored(1, [score(4, 0.2)]), { kind: 'sheet-committed', cycle: 1 });
    expect(second.effects).toEqual([{ kind: 'set-weights', cycle: 1, history: [medians, { cycle: 1, scores: [score(4, 0.2)] }] }]);
  });

  it('forgets its own scores of a cycle that came to nothing', () => {
    const { effects } = play(...untilOpen(0), scored(0, [score(3, 0.5)]), ...untilOpen(1), scored(1, [score(4, 0.2)]), { kind: 'sheet-committed', cycle: 1 });
    expect(effects).toEqual([{ kind: 'set-weights', cycle: 1, history: [{ cycle: 1, scores: [score(4, 0.2)] }] }]);
  });

  it('keeps ratings and opened updates for as many cycles as the task says, and then removes the artifacts', () => {
    const events = [0, 1, 2].flatMap((cycle) => [...untilOpen(cycle, base, cycle > 0 ? { cycle: cycle - 1, scores: [] } : null), scored(cycle, [score(3, 0.1 * (cycle + 1))])]);
    const { state, effects } = play(...events);
    expect(state.opened.map(({ cycle }) => cycle)).toEqual([1, 2]);
    expect(effects).toEqual([{ kind: 'commit-sheet', cycle: 2, sheet: 'sheet-2' }, { kind: 'forget', cycle: 2, artifacts: ['update-0-3'] }]);
    expect(play(...events, ...untilOpen(3, base, { cycle: 2, scores: [] })).state.history.map(({ cycle }) => cycle)).toEqual([1, 2]);
  });

  it('keeps what it has just opened until it is merged, also where no cycle is searched for resubmissions', () => {
    const forgetful = createValidator(base, { ratingWindow: 1, resubmissionCycles: 0 });
    const { state } = forgetful.transition(machine.initial, scored(0, [score(3, 0.5)]));
    expect(state.opened).toHaveLength(1);
    expect(forgetful.transition(state, scored(1, [])).effects).toContainEqual({ kind: 'forget', cycle: 1, artifacts: ['update-0-3'] });
  });

  it('serves what it has scored above 0', () => {
    const opened = [0.5, 0].map((value, uid) => ({ cycle: 0, uid, sha256: `update-${uid}`, score: value, base }));
    const { effects } = play(...untilOpen(0), { kind: 'scored', cycle: 0, sheet: 'sheet-0', scores: [], opened }, at('publish', 0));
    expect(effects).toEqual([{ kind: 'upload-sheet', cycle: 0, sheet: 'sheet-0', serve: ['update-0'] }]);
  });

  it('keeps the version and goes on when an effect has failed for good', () => {
    const failed: FailedEvent = { kind: 'failed', effect: 'score', cycle: 0, code: 'void-cycle', message: 'no beacon' };
    const { state, effects } = play(...untilOpen(0), failed);
    expect(state.version).toEqual(base);
    expect(effects).toEqual([]);
    expect(play(...untilOpen(0), failed, at('publish', 0)).effects).toEqual([]);
    expect(play(...untilOpen(0), failed, at('distribute', 1)).effects).toEqual([{ kind: 'resolve-version', cycle: 1, known: { cycle: 0, version: base }, voted: null }]);
  });

  it('takes the canonical version, also where its own merge came to another', () => {
    const other = { ...next, root: 'ee'.repeat(32) };
    const events = [...untilOpen(0), scored(0, [score(3, 0.5)]), at('reveal', 0), { kind: 'merged', cycle: 0, outcome } as ValidatorEvent];
    expect(play(...events, at('distribute', 1)).effects).toEqual([{ kind: 'resolve-version', cycle: 1, known: { cycle: 0, version: base }, voted: { cycle: 0, root: next.root } }]);
    expect(play(...events, at('distribute', 1), resolved(1, other)).state.version).toEqual(other);
  });

  it('resolves the version even when it has missed the moment, and does nothing else that is late', () => {
    expect(play(at('distribute', 0, true)).effects).toHaveLength(1);
    expect(play(...untilOpen(0).slice(0, 2), at('open', 0, true)).effects).toEqual([]);
  });
});
