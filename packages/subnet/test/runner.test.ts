import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deriveBeaconKey } from '@connito/commit-reveal';
import { openJournal } from '../src/journal.ts';
import type { FailedEvent, MomentEvent } from '../src/machine.ts';
import { createMiner, type MinerEffect, type MinerEvent, type MinerState } from '../src/miner.ts';
import { MOMENTS, momentAtIndex, type Timetable } from '../src/moment.ts';
import { runRole, type ChainClock } from '../src/runner.ts';

const base = { number: 0, root: '00'.repeat(32), artifact: null };
const timetable: Timetable = {
  schedule: { t0Ms: 1_000_000, distributeMs: 60_000, trainMs: 60_000, commitMs: 60_000, scoreMs: 120_000, publishMs: 120_000 },
  beacon: { publicKey: deriveBeaconKey(new Uint8Array([1])).publicKey, genesisTimeMs: 0, periodMs: 3_000 },
};
const cycles = 2;
type Event = MomentEvent | FailedEvent | MinerEvent;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'connito-runner-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

class Crash extends Error {}

/** Chain time that is always just what is waited for, starting at `nowMs`. */
function virtualClock(released: number[] = [], nowMs = 0): ChainClock {
  return {
    waitUntil: (timeMs) => Promise.resolve((nowMs = Math.max(nowMs, timeMs))),
    release: (timeMs) => {
      released.push(timeMs);
      return Promise.resolve();
    },
  };
}

function outcome(effect: MinerEffect): MinerEvent {
  const { cycle } = effect;
  switch (effect.kind) {
    case 'resolve-version':
      return { kind: 'version-resolved', cycle, version: { ...base, number: cycle } };
    case 'train':
      return { kind: 'trained', cycle, update: { sha256: `${effect.version.number}`, sizeBytes: 1, updateRoot: '', salt: '' } };
    case 'commit':
      return { kind: 'committed', cycle, blockNumber: 7 };
    case 'upload':
      return { kind: 'uploaded', cycle };
  }
}

async function runMinerOnce(options: { readonly done: string[]; readonly crashAt?: number; readonly clock?: ChainClock }): Promise<MinerState> {
  const journal = await openJournal<Event>(directory, 'miner test');
  try {
    return await runRole<MinerState, MinerEffect, MinerEvent>({
      machine: createMiner(base),
      journal,
      clock: options.clock ?? virtualClock(),
      timetable,
      cycles,
      execute: (effect) => {
        options.done.push(`${effect.kind} ${effect.cycle}`);
        if (options.done.length === options.crashAt) throw new Crash();
        return Promise.resolve(outcome(effect));
      },
    });
  } finally {
    await journal.close();
  }
}

const allEffects = [0, 1].flatMap((cycle) => ['resolve-version', 'train', 'commit', 'upload'].map((kind) => `${kind} ${cycle}`));

describe('runRole', () => {
  it('carries out every effect of every cycle in order', async () => {
    const done: string[] = [];
    await runMinerOnce({ done });
    expect(done).toEqual([...allEffects, 'resolve-version 2']);
  });

  it('ends in the same state wherever it is killed, repeating only the effect that was under way', async () => {
    const undisturbed = await runMinerOnce({ done: [] });
    for (let crashAt = 1; crashAt <= allEffects.length + 1; crashAt += 1) {
      rmSync(directory, { recursive: true, force: true });
      const done: string[] = [];
      await expect(runMinerOnce({ done, crashAt })).rejects.toBeInstanceOf(Crash);
      const state = await runMinerOnce({ done });
      expect(state).toEqual(undisturbed);
      const repeated = done.splice(crashAt, 1);
      expect(repeated).toEqual(done.slice(crashAt - 1, crashAt));
      expect(done).toEqual([...allEffects, 'resolve-version 2']);
    }
  });

  it('does nothing again after the task has ended', async () => {
    await runMinerOnce({ done: [] });
    const done: string[] = [];
    await runMinerOnce({ done });
    expect(done).toEqual([]);
  });

  it('releases the chain up to the next moment, and one cycle beyond the end', async () => {
    const released: number[] = [];
    await runMinerOnce({ done: [], clock: virtualClock(released) });
    const last = cycles * MOMENTS.length;
    expect(released).toEqual([...Array.from({ length: last + 1 }, (_, index) => momentAtIndex(timetable, index).timeMs), momentAtIndex(timetable, last + MOMENTS.length).timeMs]);
  });

  it('sits out what it has missed and takes up the present cycle', async () => {
    const done: string[] = [];
    const cycleMs = 420_000;
    await runMinerOnce({ done, clock: virtualClock([], timetable.schedule.t0Ms + cycleMs + 1_000) });
    expect(done).toEqual(['resolve-version 1', 'train 1', 'commit 1', 'upload 1', 'resolve-version 2']);
  });
});

describe('openJournal', () => {
  it("refuses somebody else's state", async () => {
    await (await openJournal(directory, 'miner A')).close();
    await expect(openJournal(directory, 'miner B')).rejects.toMatchObject({ code: 'state-of-another' });
  });
});
