import { describe, expect, it } from 'vitest';
import type { ModelVersion } from '../src/cycle-record.ts';
import type { FailedEvent, MomentEvent } from '../src/machine.ts';
import { MOMENTS, type MomentName } from '../src/moment.ts';
import { createValidator, type MergeOutcome, type MinerScore, type ValidatorEffect, type ValidatorEvent, type ValidatorState } from '../src/validator.ts';

const base: ModelVersion = { number: 0, root: 'aa'.repeat(32), artifact: null };
const next: ModelVersion = { number: 1, root: 'bb'.repeat(32), artifact: { sha256: 'cc'.repeat(32), sizeBytes: 10 } };
const machine = createValidator(base, { ratingWindow: 2, resubmissionCycles: 2 });

const at = (moment: MomentName, cycle: number, missed = false): MomentEvent => ({ kind: 'moment', index: cycle * MOMENTS.length + MOMENTS.indexOf(moment), cycle, moment, missed });
const score = (uid: number, value: number): MinerScore => ({ uid, hotkey: `hotkey-${uid}`, code: value > 0 ? 'scored' : 'below-floor', score: value });
const scored = (cycle: number, scores: readonly MinerScore[]): ValidatorEvent => ({ kind: 'scored', cycle, sheet: `sheet-${cycle}`, scores, opened: scores.map(({ uid }) => ({ cycle, uid, sha256: `update-${cycle}-${uid}`, base })) });
const outcome = (medians: MergeOutcome['medians'], version = next): MergeOutcome => ({ version, accepted: true, recordHash: 'dd'.repeat(32), medians, countedHotkeys: ['v1', 'v2'] });

function play(...events: readonly (MomentEvent | FailedEvent | ValidatorEvent)[]): { state: ValidatorState; effects: readonly ValidatorEffect[] } {
  let state = machine.initial;
  let effects: readonly ValidatorEffect[] = [];
  for (const event of events) ({ state, effects } = machine.transition(state, event));
  return { state, effects };
}

const untilOpen = (cycle: number, version = base): (MomentEvent | ValidatorEvent)[] => [at('distribute', cycle), { kind: 'version-resolved', cycle, version }, at('open', cycle)];

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
    expect(play(...events, at('publish', 0)).effects).toEqual([{ kind: 'upload-sheet', cycle: 0, sheet: 'sheet-0' }]);
    expect(play(...events, at('publish', 1)).effects).toEqual([]);
  });

  it('rates a finished cycle by the medians, not by its own sheet', () => {
    const { state, effects } = play(...untilOpen(0), scored(0, [score(3, 0.5), score(4, 0.1)]), at('reveal', 0), { kind: 'merged', cycle: 0, outcome: outcome([{ uid: 3, score: 0.4 }]) });
    expect(state.history).toEqual([{ cycle: 0, scores: [{ hotkey: 'hotkey-3', score: 0.4 }] }]);
    expect(effects).toEqual([expect.objectContaining({ kind: 'commit-root', cycle: 0 })]);
  });

  it('keeps ratings and opened updates for as many cycles as the task says', () => {
    const events = [0, 1, 2, 3].flatMap((cycle) => [...untilOpen(cycle), scored(cycle, [score(3, 0.1 * (cycle + 1))])]);
    const { state } = play(...events);
    expect(state.history.map(({ cycle }) => cycle)).toEqual([2, 3]);
    expect(state.opened.map(({ cycle }) => cycle)).toEqual([2, 3]);
  });

  it('keeps the version and goes on when an effect has failed for good', () => {
    const failed: FailedEvent = { kind: 'failed', effect: 'score', cycle: 0, code: 'void-cycle', message: 'no beacon' };
    const { state, effects } = play(...untilOpen(0), failed);
    expect(state.version).toEqual(base);
    expect(effects).toEqual([]);
    expect(play(...untilOpen(0), failed, at('publish', 0)).effects).toEqual([]);
    expect(play(...untilOpen(0), failed, at('distribute', 1)).effects).toEqual([{ kind: 'resolve-version', cycle: 1, known: base }]);
  });

  it('takes the canonical version, also where its own merge came to another', () => {
    const other = { ...next, root: 'ee'.repeat(32) };
    const events = [...untilOpen(0), scored(0, [score(3, 0.5)]), at('reveal', 0), { kind: 'merged', cycle: 0, outcome: outcome([{ uid: 3, score: 0.5 }]) } as ValidatorEvent];
    expect(play(...events, at('distribute', 1), { kind: 'version-resolved', cycle: 1, version: other }).state.version).toEqual(other);
  });

  it('resolves the version even when it has missed the moment, and does nothing else that is late', () => {
    expect(play(at('distribute', 0, true)).effects).toHaveLength(1);
    expect(play(...untilOpen(0).slice(0, 2), at('open', 0, true)).effects).toEqual([]);
  });
});
