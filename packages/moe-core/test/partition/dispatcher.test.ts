import { readFileSync, writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { chooseWorker, createDispatcher, expectedPace, guessWorker, observeCompletion, observeFailure } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { backlogAware, chosenAtOnce, createFleet, fastestFirst, fastestIdleFirst, lowerBoundMs, randomFrom, simulate, workDone, type Fleet, type PolicyMaker } from './fleet-simulation.ts';

const runs = Number(process.env['FUZZ_RUNS'] ?? 300);

describe('chooseWorker', () => {
  it('counts the backlog', () => {
    const workers = [{ id: 'fast', speed: 10, backlogWork: 90 }, { id: 'slow', speed: 2, backlogWork: 0 }];
    expect(chooseWorker(workers, { work: 12 })).toBe('slow');
    expect(chooseWorker(workers, { work: 40 })).toBe('fast');
    expect(chooseWorker([], { work: 1 })).toBeUndefined();
  });

  it('gives ties to the faster, then to the lower id', () => {
    expect(chooseWorker([{ id: 'b', speed: 1, backlogWork: 0 }, { id: 'c', speed: 2, backlogWork: 1 }, { id: 'a', speed: 1, backlogWork: 0 }], { work: 1 })).toBe('c');
    expect(chooseWorker([{ id: 'b', speed: 1, backlogWork: 0 }, { id: 'a', speed: 1, backlogWork: 0 }], { work: 1 })).toBe('a');
  });

  test.each([
    ['work', [], 0],
    ['speed', [{ id: 'a', speed: 0, backlogWork: 0 }], 1],
    ['backlogWork', [{ id: 'a', speed: 1, backlogWork: -1 }], 1],
  ] as const)('refuses a bad %s', async (field, workers, work) => {
    expect((await expectCode('dispatch-invalid', () => chooseWorker(workers, { work }))).context.field).toBe(field);
  });
});

describe('estimates', () => {
  it('follow what is observed, but not one outlier', () => {
    let estimate = guessWorker(10);
    estimate = observeCompletion(estimate, { work: 100, seconds: 1000 });
    expect(estimate.secondsPerWork).toBeCloseTo(0.1 + 0.35 * 0.3, 12);
    for (let i = 0; i < 30; i++) estimate = observeCompletion(estimate, { work: 100, seconds: 5 });
    expect(estimate.secondsPerWork).toBeCloseTo(0.05, 6);
  });

  it('count failures, and wait twice as long after each', () => {
    const waits = { retryMs: 100, maxRetryMs: 500 };
    let estimate = guessWorker(1);
    for (const untilMs of [100, 200, 400, 500, 500]) {
      estimate = observeFailure(estimate, { nowMs: 0, ...waits });
      expect(estimate.blockedUntilMs).toBe(untilMs);
    }
    expect(expectedPace(estimate)).toBeGreaterThan(3);
    for (let i = 0; i < 99; i++) estimate = observeFailure(estimate, { nowMs: 0, ...waits });
    expect(expectedPace(estimate)).toBe(10);
    estimate = observeCompletion(estimate, { work: 1, seconds: 1 });
    expect([estimate.failuresInARow, expectedPace(estimate) < 5]).toEqual([0, true]);
  });
});

describe('a dispatcher', () => {
  const fleet = [{ id: 'fast', speed: 10 }, { id: 'slow', speed: 1 }];

  it('leaves a slow worker idle where a fast one will be sooner', () => {
    const dispatcher = createDispatcher(fleet);
    for (const [id, work] of [['a', 40], ['b', 30], ['c', 6]] as const) dispatcher.submit({ id, work });
    expect(dispatcher.assign(0)).toEqual([{ worker: 'fast', job: { id: 'a', work: 40 }, isCopy: false }, { worker: 'slow', job: { id: 'c', work: 6 }, isCopy: false }]);
    expect(dispatcher.waiting).toBe(1);
    expect(dispatcher.assign(1000)).toEqual([]);
    expect(dispatcher.complete({ worker: 'fast', job: 'a', nowMs: 4000 })).toEqual([]);
    expect(dispatcher.assign(4000)).toEqual([{ worker: 'fast', job: { id: 'b', work: 30 }, isCopy: false }]);
  });

  it('takes jobs back from a worker that failed, and tries it again later', () => {
    const dispatcher = createDispatcher([{ id: 'a', speed: 1 }], { retryMs: 1000 });
    dispatcher.submit({ id: 'x', work: 1 });
    expect(dispatcher.assign(0).length).toBe(1);
    dispatcher.fail({ worker: 'a', nowMs: 500 });
    expect([dispatcher.waiting, dispatcher.assign(500), dispatcher.nextRetryMs(500)]).toEqual([1, [], 1500]);
    expect(dispatcher.assign(1500).length).toBe(1);
    dispatcher.fail({ worker: 'a', nowMs: 1500 });
    expect(dispatcher.nextRetryMs(1500)).toBe(3500);
    expect(dispatcher.complete({ worker: 'a', job: 'x', nowMs: 1600 })).toBeUndefined();
    expect(dispatcher.workers()).toMatchObject([{ id: 'a', failuresInARow: 2, heldJobs: [] }]);
  });

  it('repeats what is expected last on an idle worker, and the first result counts', () => {
    const dispatcher = createDispatcher([{ id: 'a', speed: 1 }]);
    dispatcher.submit({ id: 'x', work: 100 });
    dispatcher.assign(0);
    dispatcher.join({ id: 'b', speed: 10 });
    expect(dispatcher.assign(1000)).toEqual([{ worker: 'b', job: { id: 'x', work: 100 }, isCopy: true }]);
    expect(dispatcher.assign(1000)).toEqual([]);
    expect(dispatcher.complete({ worker: 'b', job: 'x', nowMs: 11_000 })).toEqual(['a']);
    expect(dispatcher.complete({ worker: 'a', job: 'x', nowMs: 12_000 })).toBeUndefined();
    dispatcher.submit({ id: 'x', work: 1 });
    expect(dispatcher.waiting).toBe(1);
  });

  it('does not lose a job whose copy or original fails', () => {
    for (const failing of ['a', 'b']) {
      const dispatcher = createDispatcher([{ id: 'a', speed: 1 }]);
      dispatcher.submit({ id: 'x', work: 100 });
      dispatcher.assign(0);
      dispatcher.join({ id: 'b', speed: 10 });
      dispatcher.assign(0);
      dispatcher.fail({ worker: failing, nowMs: 10 });
      expect(dispatcher.waiting).toBe(0);
      dispatcher.leave(failing === 'a' ? 'b' : 'a');
      expect(dispatcher.waiting).toBe(1);
      dispatcher.fail({ worker: 'gone', nowMs: 10 });
      dispatcher.leave('gone');
    }
  });

  it('gives a worker more than one job where depth says so', () => {
    const dispatcher = createDispatcher(fleet, { depth: 2 });
    for (let index = 0; index < 12; index++) dispatcher.submit({ id: `j${index}`, work: 10 });
    const started = dispatcher.assign(0);
    expect(started.map(({ worker }) => worker).toSorted()).toEqual(['fast', 'fast', 'slow']);
    dispatcher.complete({ worker: 'fast', job: started[0]!.job.id, nowMs: 1000 });
    expect(dispatcher.workers()[0]!.heldJobs).toEqual([started[1]!.job.id]);
    expect(dispatcher.workers()[0]!.speed).toBeCloseTo(10, 9);
  });

  it('does not depend on the order in which workers joined', () => {
    const jobs = Array.from({ length: 9 }, (_, index) => ({ id: `j${index}`, work: 5 + (index % 4) }));
    const of = (workers: readonly { id: string; speed: number }[]) => {
      const dispatcher = createDispatcher(workers, { depth: 3 });
      for (const job of jobs) dispatcher.submit(job);
      return dispatcher.assign(0);
    };
    const workers = [3, 1, 3, 2].map((speed, index) => ({ id: `w${index}`, speed }));
    expect(of(workers.toReversed())).toEqual(of(workers));
  });

  it('refuses what it cannot use, by field', async () => {
    const dispatcher = createDispatcher(fleet);
    dispatcher.submit({ id: 'a', work: 1 });
    for (const [field, action] of [
      ['depth', () => createDispatcher([], { depth: 0 })],
      ['retryMs', () => createDispatcher([], { retryMs: 0 })],
      ['maxRetryMs', () => createDispatcher([], { maxRetryMs: -1 })],
      ['speed', () => dispatcher.join({ id: 'x', speed: Number.NaN })],
      ['worker', () => dispatcher.join({ id: 'fast', speed: 1 })],
      ['work', () => dispatcher.submit({ id: 'b', work: 0 })],
      ['job', () => dispatcher.submit({ id: 'a', work: 1 })],
    ] as const) {
      expect((await expectCode('dispatch-invalid', action)).context.field).toBe(field);
    }
  });

  it('does every job once, whatever happens, in any depth', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 3 }), (seed, depth) => {
        const fleetOfSeed = shorten(createFleet(seed));
        const { makespanMs } = simulate(fleetOfSeed, backlogAware({ depth }));
        expect(makespanMs).toBeGreaterThanOrEqual(lowerBoundMs(fleetOfSeed) * (1 - 1e-9));
      }),
      { numRuns: Math.ceil(runs / 3) },
    );
  });
});

/** A fleet with at most 60 jobs, for properties. */
function shorten(fleet: Fleet): Fleet {
  return { ...fleet, jobs: fleet.jobs.slice(0, 60) };
}

const steady = (id: string, speed: number) => ({ id, declaredSpeed: speed, stretches: [{ fromMs: 0, speed }] });

describe('the simulation', () => {
  it('has a lower bound that is one: numbers by hand', () => {
    const fleet = { seed: 0, kind: '', utilisation: Infinity, workers: [steady('a', 3), steady('b', 1)], jobs: [{ id: 'x', work: 6, arrivesMs: 0 }, { id: 'y', work: 2, arrivesMs: 0 }] };
    expect(lowerBoundMs(fleet)).toBe(2000);
    expect(simulate(fleet, backlogAware()).makespanMs).toBe(2000);
    expect(lowerBoundMs({ ...fleet, jobs: [{ id: 'x', work: 12, arrivesMs: 500 }] })).toBe(4500);
    const stretches = [{ fromMs: 0, speed: 2 }, { fromMs: 1000, speed: 0 }, { fromMs: 3000, speed: 1 }];
    expect(lowerBoundMs({ ...fleet, workers: [{ id: 'a', declaredSpeed: 2, stretches }], jobs: [{ id: 'x', work: 3, arrivesMs: 500 }] })).toBe(5000);
    expect(workDone(stretches, 500, 4000)).toBe(2);
  });

  it('loses what a failing worker had, and is the same twice', () => {
    const stretches = [{ fromMs: 0, speed: 1 }, { fromMs: 1000, speed: 0 }, { fromMs: 1500, speed: 1 }];
    const fleet = { seed: 0, kind: '', utilisation: Infinity, workers: [{ id: 'a', declaredSpeed: 1, stretches }], jobs: [{ id: 'x', work: 2, arrivesMs: 0 }] };
    // Fails at 1 s, is tried again a second later.
    expect(simulate(fleet, backlogAware())).toEqual({ makespanMs: 4000, wastedWork: 1 });
    expect(simulate(createFleet(7), backlogAware())).toEqual(simulate(createFleet(7), backlogAware()));
    expect(randomFrom(1)()).toBe(randomFrom(1)());
  });
});

/** Makespans over the lower bound. */
interface Row {
  readonly fleet: Fleet;
  readonly ours: number;
  readonly fastest: number;
  readonly idle: number;
  readonly atOnce: number;
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
};

/** Over 80 % of what the fleet can do until the last arrival. */
const isCongested = ({ fleet }: Row): boolean => fleet.utilisation > 0.8;

describe('200 fleets', () => {
  let rows: Row[] = [];

  beforeAll(() => {
    rows = Array.from({ length: 200 }, (_, seed): Row => {
      const fleet = createFleet(seed);
      const bound = lowerBoundMs(fleet);
      const ratio = (policy: PolicyMaker): number => simulate(fleet, policy).makespanMs / bound;
      return { fleet, ours: ratio(backlogAware()), fastest: ratio(fastestFirst), idle: ratio(fastestIdleFirst), atOnce: ratio(chosenAtOnce) };
    });
  });

  it('the median makespan is at most 1.15 times the lower bound', () => {
    expect(median(rows.map(({ ours }) => ours))).toBeLessThanOrEqual(1.15);
    for (const row of rows) expect(Math.min(row.ours, row.fastest, row.idle, row.atOnce)).toBeGreaterThanOrEqual(1 - 1e-9);
  });

  it('is never more than 2 % worse than fastest-first', () => {
    expect(rows.filter(({ ours, fastest }) => ours > 1.02 * fastest)).toEqual([]);
  });

  it('against fastest idle first, which knows no more but never binds a job early, it wins by a clear margin and rarely loses', () => {
    expect(median(rows.map(({ ours, idle }) => ours / idle))).toBeLessThan(0.95);
    expect(rows.filter(({ ours, idle }) => ours > 1.02 * idle).length).toBeLessThanOrEqual(4);
  });

  it('DISPATCH.md has this table', () => {
    const path = new URL('../../DISPATCH.md', import.meta.url);
    const text = readFileSync(path, 'utf8');
    const table = formatTable(rows);
    // WRITE_TABLES=1 writes it anew after a change.
    if (process.env['WRITE_TABLES'] !== undefined) writeFileSync(path, text.replace(/<!-- table -->\n[\s\S]*?<!-- end -->/, `<!-- table -->\n${table}\n<!-- end -->`));
    expect(readFileSync(path, 'utf8')).toContain(table);
  });
});

function formatTable(rows: readonly Row[]): string {
  const calm = rows.filter((row) => !isCongested(row));
  const congested = rows.filter(isCongested);
  const parts = [['all', rows], ['congested', congested], ['not congested', calm]] as const;
  const policies = ['ours', 'fastest-first', 'fastest idle first', '`chooseWorker` at once'];
  const head = ['fleets', 'count', ...policies.map((name) => `${name}: median, worst`)];
  const duels = ['fleets', 'ours over fastest-first: median, worst', 'over 2 % worse', 'ours over fastest idle first: median, worst', 'over 2 % worse'];
  return [...markdown(head, parts.map(([name, part]) => summarise(name, part))), '', ...markdown(duels, parts.map(([name, part]) => duel(name, part))), '', '**Congested**', '', ...details(congested), '', '**Not congested**', '', ...details(calm)].join('\n');
}

function markdown(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function pair(values: readonly number[]): string {
  return `${median(values).toFixed(3)}, ${Math.max(...values).toFixed(3)}`;
}

function summarise(name: string, rows: readonly Row[]): (string | number)[] {
  return [name, rows.length, ...(['ours', 'fastest', 'idle', 'atOnce'] as const).map((policy) => pair(rows.map((row) => row[policy])))];
}

function duel(name: string, rows: readonly Row[]): (string | number)[] {
  const against = (policy: 'fastest' | 'idle') => {
    const ratios = rows.map((row) => row.ours / row[policy]);
    return [pair(ratios), ratios.filter((ratio) => ratio > 1.02).length];
  };
  return [name, ...against('fastest'), ...against('idle')];
}

function details(rows: readonly Row[]): string[] {
  const lines = rows.map(({ fleet, ours, fastest, idle, atOnce }) => {
    const load = fleet.utilisation === Infinity ? 'at once' : `${Math.round(100 * fleet.utilisation)} %`;
    return [fleet.seed, fleet.kind.split(', ').slice(0, 2).join(', '), fleet.workers.length, fleet.jobs.length, load, ...[ours, fastest, idle, atOnce].map((ratio) => ratio.toFixed(3))];
  });
  return markdown(['seed', 'workers are', 'workers', 'jobs', 'load', 'ours', 'fastest-first', 'fastest idle first', '`chooseWorker` at once'], lines);
}
