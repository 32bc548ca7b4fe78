import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFileStore, type ArtifactStore } from '@connito/artifacts';
import { openKeypair, type Neuron } from '@connito/chain';
import { fromHex, type ChainRecord } from '@connito/commit-reveal';
import type { ExpertWeights, Float32Tensor } from '@connito/moe-core';
import { chainTimeMs, type PhaseSnapshot } from '../src/chain-reader.ts';
import type { RoleContext } from '../src/context.ts';
import { examineAll, scoringDeadlineMs, type Examinations } from '../src/score-cycle.ts';
import { beaconOf, genesisOf, scheduleOf } from '../src/task-manifest.ts';
import { commitmentFor, encodeUpdate } from '../src/update-artifact.ts';
import type { ValidatorDesk } from '../src/validator-desk.ts';
import { exampleManifest } from './example-manifest.ts';

vi.mock('../src/chain-reader.ts', async (importOriginal) => ({ ...(await importOriginal<object>()), chainTimeMs: vi.fn<typeof chainTimeMs>() }));

const cycle = 0;
const timetable = { schedule: scheduleOf(exampleManifest), beacon: beaconOf(exampleManifest) };
const deadlineMs = scoringDeadlineMs({ timetable }, cycle);
const weights = (first: number): ExpertWeights => new Map([['w', { shape: [2], data: Float32Array.of(first, 1) } satisfies Float32Tensor]]);
const start = weights(100);
const hotkeys = ['//Alice', '//Bob', '//Charlie', '//Dave', '//Eve', '//Ferdie'].map((uri) => openKeypair(uri).hotkey);
const neurons = hotkeys.map((hotkey, uid) => ({ uid, hotkey, stakeRao: 0n, validatorPermit: false }) as Neuron);

let directory = '';
let store: ArtifactStore;
let ownStore: ArtifactStore;
/** What was asked for and what was answered, in order. */
let calls: string[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'connito-score-'));
  store = await openFileStore(join(directory, 'shared'));
  ownStore = await openFileStore(join(directory, 'own'));
  calls = [];
  vi.mocked(chainTimeMs).mockResolvedValue(deadlineMs - 1000);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Takes two candidates at a time, as an evaluator takes several; a candidate's loss is its first weight. */
function deskOf(context: object): ValidatorDesk {
  return {
    context: { store, ownStore, manifest: exampleManifest, timetable, ...context } as unknown as RoleContext,
    settlement: { set: () => expect.unreachable(), revealed: () => expect.unreachable() },
    rowLosses: () => expect.unreachable(),
    async *candidateLosses(_tokens, candidates) {
      let held: number[] = [];
      const flush = function* (): Generator<Float64Array> {
        for (const first of held) {
          calls.push(`gave ${first}`);
          yield Float64Array.of(first);
        }
        held = [];
      };
      for await (const candidate of candidates) {
        held.push(candidate.get('w')!.data[0]!);
        calls.push(`took ${held.at(-1)}`);
        if (held.length === 2) yield* flush();
      }
      yield* flush();
    },
    cycleData: () => expect.unreachable(),
    close: () => Promise.resolve(),
  };
}

/** Updates of these uids, each of its uid's size; the others have committed nothing. */
async function commitUpdates(uids: readonly number[]): Promise<PhaseSnapshot> {
  const salt = new Uint8Array(32).fill(1);
  const authored: { neuron: Neuron; record: ChainRecord }[] = [];
  for (const uid of uids) {
    const { bytes, updateRoot } = encodeUpdate(new Map([['w', { shape: [2], data: Float32Array.of(uid, 0) }]]), { cycle, salt });
    const { sha256, sizeBytes } = await store.put(bytes);
    const commitment = commitmentFor({ genesis: genesisOf(exampleManifest), netuid: exampleManifest.netuid, cycle, hotkey: hotkeys[uid]! }, { salt, updateRoot });
    authored.push({ neuron: neurons[uid]!, record: { kind: 'update', cycle, commitment, locator: '', artifactSha256: fromHex(sha256), sizeBytes } });
  }
  return { block: { blockHash: '0x', blockNumber: 1, timestampMs: 1 }, neurons, authored } as unknown as PhaseSnapshot;
}

const work = (commit: PhaseSnapshot, evaluationMs = 0): Examinations => ({ cycle, commit, start: { weights: start } as Examinations['start'], past: [], tokens: new Int32Array(), evaluationMs });
const outcomes = (examined: Awaited<ReturnType<typeof examineAll>>) => examined.map((entry) => ('code' in entry ? entry.code : entry.losses[0]));

describe('examineAll', () => {
  it('gives each miner the losses of its own update, refused and absent ones between them, in uid order', async () => {
    const examined = await examineAll(deskOf({}), work(await commitUpdates([5, 1, 2, 4])));
    expect(examined.map(({ neuron }) => neuron.uid)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(outcomes(examined)).toEqual(['absent', 99, 98, 'absent', 96, 95]);
    expect(calls).toEqual(['took 99', 'took 98', 'gave 99', 'gave 98', 'took 96', 'took 95', 'gave 96', 'gave 95']);
  });

  it('keeps what it has measured in the own store', async () => {
    const examined = await examineAll(deskOf({}), work(await commitUpdates([1, 3])));
    const kept = examined.flatMap((entry) => ('sha256' in entry ? [entry.sha256] : []));
    expect(kept.length).toBe(2);
    for (const sha256 of kept) expect((await ownStore.getBytes({ sha256, maxBytes: 10_000 })).length).toBeGreaterThan(0);
  });

  it('abstains where the deadline has come', async () => {
    const commit = await commitUpdates([0, 1, 2]);
    vi.mocked(chainTimeMs).mockResolvedValueOnce(deadlineMs - 1).mockResolvedValueOnce(deadlineMs - 1).mockResolvedValue(deadlineMs);
    expect(outcomes(await examineAll(deskOf({}), work(commit)))).toEqual([100, 99, 'validator-fault', 'validator-fault', 'validator-fault', 'validator-fault']);
  });

  it('takes fewer together where the deadline would come before they are measured', async () => {
    const commit = await commitUpdates([0, 1, 2, 3]); // 1,000 ms are left, and time stands still
    expect(outcomes(await examineAll(deskOf({}), work(commit, 999)))).toEqual([100, 99, 98, 97, 'absent', 'absent']);
    expect(calls.slice(0, 4)).toEqual(['took 100', 'took 99', 'gave 100', 'gave 99']);
    calls = [];
    expect(outcomes(await examineAll(deskOf({}), work(commit, 1000)))).toEqual([100, 99, 98, 97, 'absent', 'absent']);
    expect(calls.slice(0, 4)).toEqual(['took 100', 'gave 100', 'took 99', 'gave 99']);
  });

  it('hands on what a store throws that is no refusal', async () => {
    const desk = deskOf({ store: { getBytes: () => Promise.reject(new RangeError('broken')) } });
    await expect(examineAll(desk, work(await commitUpdates([1])))).rejects.toThrow('broken');
  });
});
