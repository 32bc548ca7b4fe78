import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demoViewState, initialDemoViewState, type DemoViewEvent, type DemoViewState } from '../../src/demo/view-state.ts';
import { describeDemoEvent, openDemoView, renderDemoView, type DemoView } from '../../src/demo/view.ts';
import { displayWidth } from '../../src/terminal.ts';
import { cycleEvents, trainingEvents } from './view-fixture.ts';

const after = (events: readonly DemoViewEvent[]): DemoViewState => events.reduce(demoViewState, initialDemoViewState);
const render = (events: readonly DemoViewEvent[], width = 100): string => renderDemoView(after(events), { width, color: false }).join('\n');

function open(isTTY: boolean, env: Record<string, string> = {}): { view: DemoView; written: string[] } {
  const written: string[] = [];
  const view = openDemoView({ stderr: { isTTY, columns: 90, rows: 40, write: (text: string) => written.push(text) }, env });
  return { view, written };
}

describe('demoViewState', () => {
  it('follows a cycle', () => {
    const state = after(cycleEvents);
    expect(state.moment).toMatchObject({ cycle: 0, name: 'reveal' });
    expect(state.miners.map(({ score, code, weight }) => [score, code, weight])).toEqual([[0.2626, 'scored', 0.512], [0.25, 'scored', 0.488], [0, 'below-floor', 0], [0, 'below-floor', 0]]);
    expect(state.validators.map(({ root }) => root)).toEqual(['3fa9'.repeat(16), '3fa9'.repeat(16)]);
    expect(state.outcomes).toMatchObject([{ cycle: 0, accepted: true, version: 1, gain: 0.3183 }]);
    expect(Object.keys(state.outcomes[0]?.roots ?? {})).toHaveLength(2);
    expect(state.losses.map(({ version }) => version)).toEqual([0, 1]);
  });

  it('does not run backwards when a slow process reports an earlier moment', () => {
    const state = after(cycleEvents);
    const late = cycleEvents.find(({ kind }) => kind === 'moment') as DemoViewEvent;
    expect(demoViewState(state, late).moment).toEqual(state.moment);
  });

  it('does not show the moment that only ends the last cycle', () => {
    const last = { role: 'miner', hotkey: '5Miner1', kind: 'moment', cycle: 3, moment: 'distribute', timeMs: 9e12, endsMs: 9.1e12 };
    expect(demoViewState(after(cycleEvents), last).moment).toMatchObject({ cycle: 0 });
  });

  it('ignores kinds and hotkeys that it does not know', () => {
    const state = after(trainingEvents);
    expect(demoViewState(state, { role: 'miner', hotkey: '5Miner1', kind: 'brand-new' })).toEqual(state);
    expect(demoViewState(state, { role: 'miner', hotkey: '5Nobody', kind: 'finished' })).toEqual(state);
    expect(demoViewState(state, { kind: 'brand-new' } as never)).toEqual(state);
  });

  it('shows processes that stopped, and keeps the last three notices', () => {
    const notices = ['a', 'b', 'c', 'd'].map((message) => ({ role: 'validator', hotkey: '5Validator1', kind: 'notice', message }));
    const state = after([...trainingEvents, ...notices, { role: 'miner', hotkey: '5Miner2', kind: 'stopped', message: 'no disk' } as never]);
    expect(state.notes).toEqual(['validator-1: c', 'validator-1: d', 'miner-2: no disk']);
    expect(state.miners[1]).toMatchObject({ alive: false, activity: 'stopped' });
  });

  it('shows validators that disagree', () => {
    const merged = cycleEvents.filter(({ kind }) => kind === 'merged');
    const other = { ...merged[1], root: 'ffff'.repeat(16) } as unknown as DemoViewEvent;
    expect(render([...trainingEvents, merged[0] as DemoViewEvent, other])).toContain('2 differ');
  });
});

describe('renderDemoView', () => {
  it('while miners train', () => {
    expect(render(trainingEvents)).toMatchInlineSnapshot(`
      "connito demo · seed 42                                                                      block 30
      cycle 0 (1 of 3)   distribute ▸train commit upload score publish merge
      ████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0:48 of chain time left

      MINER    BEHAVIOUR  UID  NOW                     LOSS  CURVE        SCORE  CODE          WEIGHT
      miner-1  honest       3  training 17/25        2.5430  █▇▆▆▅▄▃▃▂▁
      miner-2  honest       4  training 17/25        2.5730  █▇▆▆▅▄▃▃▂▁
      miner-3  resubmit     5  starting to train
      miner-4  noise        6  starting to train

      VALIDATOR    UID  NOW                   ROOT
      validator-1    1  waiting
      validator-2    2  waiting

      CYCLE  RESULT             GAIN      BOUND  TARGET  GENERAL    TEST  ROOTS
      base   v0                                  2.8333   2.6751  2.8401
      losses and gains in nats per token"
    `);
  });

  it('after the merge, at 80 columns', () => {
    expect(render(cycleEvents, 80)).toMatchInlineSnapshot(`
      "connito demo · seed 42                                                  block 56
      cycle 0 (1 of 3)   distribute train commit upload score publish ▸merge
      █████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  1:24 of chain time left

      MINER    BEHAVIOUR  UID  NOW                  LOSS   SCORE  CODE          WEIGHT
      miner-1  honest       3  waiting for scor…  2.5430  0.2626  scored        51.2 %
      miner-2  honest       4  waiting for scor…  2.5730  0.2500  scored        48.8 %
      miner-3  resubmit     5  waiting for scor…          0.0000  below-floor    0.0 %
      miner-4  noise        6  waiting for scor…          0.0000  below-floor    0.0 %

      VALIDATOR    UID  NOW                   ROOT
      validator-1    1  merged version 1      3fa93fa93fa93fa9
      validator-2    2  merged version 1      3fa93fa93fa93fa9

      CYCLE  RESULT             GAIN      BOUND  TARGET  GENERAL    TEST  ROOTS
      base   v0                                  2.8333   2.6751  2.8401
      0      v1 by manifest  +0.3183  ≥ +0.2653  2.5183   2.6779  2.5301  2 agree
      losses and gains in nats per token"
    `);
  });

  it('before anything is known', () => {
    expect(render([])).toBe('connito demo\nstarting');
    expect(render(trainingEvents.slice(0, 1))).toBe('connito demo\npreparing data and choosing experts');
  });

  it('no line exceeds any width, with and without colour, whatever the names', () => {
    const named = cycleEvents.map((event) => (event['kind'] === 'set-up' ? { ...event, miners: [{ uid: 3, name: '漢字\u001b[2J\nminer'.repeat(3), hotkey: '5Miner1', behaviour: 'honest' }] } : event)) as DemoViewEvent[];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 140 }), fc.boolean(), fc.constantFrom(cycleEvents, trainingEvents, named), fc.nat(200), (width, color, events, count) => {
        for (const line of renderDemoView(after(events.slice(0, count)), { width, color })) {
          expect(displayWidth(line)).toBeLessThanOrEqual(width);
          expect(line.includes('\n') || line.includes('\u001b[2J')).toBe(false);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('colours only when asked', () => {
    const state = after(cycleEvents);
    expect(renderDemoView(state, { width: 90, color: false }).join('')).not.toContain('\u001b');
    expect(renderDemoView(state, { width: 90, color: true }).join('')).toContain('\u001b[32m');
  });
});

describe('openDemoView', () => {
  it('writes one line per important event where there is no terminal', () => {
    const { view, written } = open(false);
    for (const event of cycleEvents) view.handle(event);
    view.note('kept');
    view.close();
    expect(written.join('')).toMatchInlineSnapshot(`
      "preparing data and choosing experts
      4 miners and 2 validators, 3 cycles, seed 42
      version 0: loss 2.8333 target, 2.6751 general, 2.8401 test (nats per token)
      cycle 0 (1 of 3): distribute
      cycle 0 (1 of 3): train
      miner-1 trained 25 steps, loss 2.4100
      miner-2 trained 25 steps, loss 2.4100
      miner-3 made its update
      miner-4 made its update
      cycle 0 (1 of 3): commit
      cycle 0 (1 of 3): upload
      cycle 0 (1 of 3): score
      validator-1 scored miner-1 0.2626, miner-2 0.2500, miner-3 below-floor, miner-4 below-floor
      validator-2 scored miner-1 0.2626, miner-2 0.2500, miner-3 below-floor, miner-4 below-floor
      validator-1 set weights miner-1 51.2 %, miner-2 48.8 %
      validator-2 set weights miner-1 51.2 %, miner-2 48.8 %
      cycle 0 (1 of 3): publish
      cycle 0 (1 of 3): merge
      validator-1 accepted version 1 by manifest, gain +0.3183 (at least +0.2653), root 3fa93fa93fa9
      validator-2 accepted version 1 by manifest, gain +0.3183 (at least +0.2653), root 3fa93fa93fa9
      version 1: loss 2.5183 target, 2.6779 general, 2.5301 test (nats per token)
      kept
      "
    `);
    expect(written.every((line) => line.endsWith('\n') && !line.includes('\u001b'))).toBe(true);
  });

  it('redraws in place on a terminal and gives the cursor back, once', () => {
    const { view, written } = open(true);
    for (const event of cycleEvents) view.handle(event);
    view.note('a line that stays');
    view.close();
    view.close();
    const text = written.join('');
    expect(text.startsWith('\u001b[?25l')).toBe(true);
    expect(text.endsWith('\u001b[?25h')).toBe(true);
    expect(text.split('\u001b[?25h')).toHaveLength(2);
    expect(written.length).toBeLessThan(8);
    expect(view.state()).toEqual(after(cycleEvents));
  });

  it('is lines on a dumb terminal, and without colour under NO_COLOR', () => {
    expect(open(true, { TERM: 'dumb' }).written).toEqual([]);
    const { view, written } = open(true, { NO_COLOR: '1' });
    view.close();
    expect(written.join('')).not.toContain('\u001b[1m');
  });
});

describe('describeDemoEvent', () => {
  it('tells failures and rejected merges', () => {
    const before = after(trainingEvents);
    const tell = (event: DemoViewEvent): string | undefined => describeDemoEvent(before, demoViewState(before, event), event);
    const author = { role: 'validator', hotkey: '5Validator1', cycle: 0 };
    expect(tell({ ...author, kind: 'failed', effect: 'score', code: 'io', message: 'disk full: 0 bytes left' } as never)).toBe('validator-1: score failed: disk full: 0 bytes left');
    expect(tell({ ...author, kind: 'merged', step: 'none', accepted: false, version: 0, root: 'ab'.repeat(32), seconds: 1 } as never)).toBe('validator-1 kept version 0: nothing passed the gate, root abababababab');
    expect(tell({ ...author, kind: 'committed', blockNumber: 3 } as never)).toBeUndefined();
  });
});
