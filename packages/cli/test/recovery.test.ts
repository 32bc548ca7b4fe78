/** `kill -9` at the worst moments: what a network comes to does not depend on who was killed, nor on the speed of the machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CYCLES, prepareFiles, runNetwork, TRAIN_STEPS, type NetworkEvent, type NetworkOutcome } from './recovery-network.ts';

const TIMEOUT_MS = 300_000;
/** The miner's state is saved every five steps: here the last save is two steps old. */
const KILL_AT_STEP = 7;
const STEP_AFTER_RESTART = 6;
/** From R1 on a validator is busy for longer than this: it starts its evaluator and measures three sets of weights. */
const INTO_SCORING_MS = 100;

const directory = mkdtempSync(join(tmpdir(), 'connito-recovery-'));
let undisturbed: NetworkOutcome;

beforeAll(async () => {
  await prepareFiles(directory);
  undisturbed = await runNetwork({ files: directory, out: join(directory, 'undisturbed') });
}, TIMEOUT_MS);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** `validator-1 0 <root>` for each validator and cycle, sorted. */
function rootsOf({ events }: NetworkOutcome): string[] {
  return events.flatMap(({ name, event }) => (event.kind === 'root-committed' ? [`${name} ${event.cycle} ${event.root}`] : [])).toSorted();
}

function isOf(entry: NetworkEvent, name: string, life: number, cycle: number): boolean {
  return entry.name === name && entry.life === life && 'cycle' in entry.event && entry.event.cycle === cycle;
}

describe('a network', () => {
  it('agrees on a new root in every cycle', () => {
    const roots = undisturbed.events.flatMap(({ event }) => (event.kind === 'root-committed' ? [event] : []));
    expect(roots).toHaveLength(2 * CYCLES);
    expect(roots.every(({ accepted }) => accepted)).toBe(true);
    expect(new Set(roots.map(({ cycle, root }) => `${cycle} ${root}`)).size).toBe(CYCLES);
    expect(new Set(roots.map(({ root }) => root)).size).toBe(CYCLES);
  });

  it('comes to the same roots again', { timeout: TIMEOUT_MS }, async () => {
    expect(rootsOf(await runNetwork({ files: directory, out: join(directory, 'again') }))).toEqual(rootsOf(undisturbed));
  });

  it('comes to the same roots when a validator is killed while it scores and a miner while it trains', { timeout: TIMEOUT_MS }, async () => {
    const outcome = await runNetwork({
      files: directory,
      out: join(directory, 'disturbed'),
      onEvent(entry, kill) {
        const { event } = entry;
        if (isOf(entry, 'validator-1', 1, 0) && event.kind === 'moment' && event.moment === 'open') setTimeout(kill, INTO_SCORING_MS);
        if (isOf(entry, 'miner-1', 1, 1) && event.kind === 'train-step' && event.step === KILL_AT_STEP) kill();
      },
    });

    expect(outcome.ends.filter((end) => end.endsWith('SIGKILL'))).toEqual(['validator-1 SIGKILL', 'miner-1 SIGKILL']);
    const kinds = (name: string, life: number, cycle: number): string[] => outcome.events.filter((entry) => isOf(entry, name, life, cycle)).map(({ event }) => event.kind);
    expect(kinds('validator-1', 1, 0)).not.toContain('scored');
    expect(kinds('validator-1', 2, 0)).toContain('scored');
    expect(kinds('miner-1', 1, 1)).not.toContain('trained');
    expect(kinds('miner-1', 2, 1)).toContain('trained');

    const stepsAfter = outcome.events.flatMap((entry) => (isOf(entry, 'miner-1', 2, 1) && entry.event.kind === 'train-step' ? [entry.event.step] : []));
    expect([stepsAfter[0], stepsAfter.at(-1)]).toEqual([STEP_AFTER_RESTART, TRAIN_STEPS]);
    expect(outcome.events.filter(({ event }) => event.kind === 'failed')).toEqual([]);
    expect(rootsOf(outcome)).toEqual(rootsOf(undisturbed));
  });
});
