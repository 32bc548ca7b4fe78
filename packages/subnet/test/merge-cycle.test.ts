import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFileStore, type ArtifactStore } from '@connito/artifacts';
import { hotkeyToBytes, openKeypair, type Neuron } from '@connito/chain';
import { encodeSheet, fromHex, type ChainRecord } from '@connito/commit-reveal';
import type { ExpertWeights, Float32Tensor } from '@connito/moe-core';
import { awaitRound, readPhaseSnapshot, type PhaseSnapshot } from '../src/chain-reader.ts';
import type { RoleContext } from '../src/context.ts';
import { parseCycleRecord, type ModelVersion } from '../src/cycle-record.ts';
import { mergeCycle } from '../src/merge-cycle.ts';
import { scoringDeadlineMs } from '../src/score-cycle.ts';
import { minersHashOf } from '../src/sheets.ts';
import { beaconOf, genesisOf, scheduleOf } from '../src/task-manifest.ts';
import { commitmentFor, encodeUpdate } from '../src/update-artifact.ts';
import { executeValidatorEffect } from '../src/validator-effects.ts';
import type { ValidatorDesk } from '../src/validator-desk.ts';
import { exampleManifest } from './example-manifest.ts';

vi.mock('../src/chain-reader.ts', async (importOriginal) => ({ ...(await importOriginal<object>()), readPhaseSnapshot: vi.fn<typeof readPhaseSnapshot>(), awaitRound: vi.fn<typeof awaitRound>() }));

const cycle = 0;
const base: ModelVersion = { number: 0, root: 'aa'.repeat(32), artifact: null };
const next: ModelVersion = { number: 1, root: 'bb'.repeat(32), artifact: { sha256: 'cc'.repeat(32), sizeBytes: 9 } };
const weights = (...data: number[]): ExpertWeights => new Map([['w', { shape: [data.length], data: Float32Array.from(data) } satisfies Float32Tensor]]);
const start = weights(1, 2, 3);
const miner = { uid: 0, hotkey: openKeypair('//Bob').hotkey, stakeRao: 0n, validatorPermit: false } as Neuron;
const validator = { uid: 1, hotkey: openKeypair('//Alice').hotkey, stakeRao: 5n, validatorPermit: true } as Neuron;
const neurons = [miner, validator];
const block = { blockHash: `0x${'00'.repeat(32)}`, blockNumber: 1, timestampMs: 1 };

let directory = '';
let store: ArtifactStore;
let ownStore: ArtifactStore;
let desk: ValidatorDesk;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'connito-merge-'));
  store = await openFileStore(join(directory, 'shared'));
  ownStore = await openFileStore(join(directory, 'own'));
  vi.mocked(awaitRound).mockResolvedValue({ round: 1, signature: '00'.repeat(48), randomness: new Uint8Array(32) });
  const versions = { base, load: (version: ModelVersion) => Promise.resolve({ version, weights: start, velocity: null }), save: () => Promise.resolve(next) };
  const context = { store, ownStore, manifest: exampleManifest, timetable: { schedule: scheduleOf(exampleManifest), beacon: beaconOf(exampleManifest) }, taskHash: new Uint8Array(32), ownerHotkey: 'nobody', versions, report: () => {} };
  desk = {
    context: context as unknown as RoleContext,
    settlement: { set: () => expect.unreachable(), revealed: () => expect.unreachable() },
    // The smaller the first weight, the better: 0.9 gains.
    rowLosses: (_tokens, experts) => Promise.resolve(Float64Array.of(1, 1.1, 1.2).map((loss) => loss + (experts.get('w')?.data[0] ?? 0))),
    candidateLosses: () => expect.unreachable(),
    cycleData: () => Promise.resolve({ round: { round: 1, signature: '', randomness: new Uint8Array(32) }, score: new Int32Array(), gate: new Int32Array(), general: new Int32Array() }),
    close: () => Promise.resolve(),
  };
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** One miner's update, scored 0.5 by the only validator; the artifact is put into `target`. */
async function playCycle(update: ExpertWeights, target: ArtifactStore): Promise<void> {
  const salt = new Uint8Array(32).fill(1);
  const { bytes, updateRoot } = encodeUpdate(update, { cycle, salt });
  const { sha256, sizeBytes } = await target.put(bytes);
  const commitment = commitmentFor({ genesis: genesisOf(exampleManifest), netuid: exampleManifest.netuid, cycle, hotkey: miner.hotkey }, { salt, updateRoot });
  const committed: ChainRecord = { kind: 'update', cycle, commitment, locator: '', artifactSha256: fromHex(sha256), sizeBytes };
  const sheet = await store.put(encodeSheet({ hotkey: hotkeyToBytes(validator.hotkey), netuid: exampleManifest.netuid, cycle, minersHash: minersHashOf(neurons), baseRoot: fromHex(base.root), entries: [{ score: 0.5 }] }));
  const snapshots: Record<string, PhaseSnapshot> = {
    commit: { block, neurons, authored: [{ neuron: miner, record: committed }] },
    score: { block, neurons, authored: [{ neuron: validator, record: { kind: 'sheet', cycle, sheetSha256: fromHex(sheet.sha256) } }] },
  };
  vi.mocked(readPhaseSnapshot).mockImplementation((_context, _cycle, phase) => Promise.resolve(snapshots[phase] as PhaseSnapshot));
}

const merge = () => mergeCycle(desk, { kind: 'merge', cycle, version: base });

describe('mergeCycle', () => {
  it('merges what it has opened itself, though the miner has withdrawn it since', async () => {
    await playCycle(weights(0.1, 0, 0), ownStore);
    const { version, accepted, recordHash } = await merge();
    expect([version, accepted]).toEqual([next, true]);
    const record = parseCycleRecord(await store.getBytes({ sha256: recordHash, maxBytes: 100_000 }));
    expect(record).toMatchObject({ participants: [0], medians: [{ uid: 0, score: 0.5 }], step: 'manifest', base, version: next });
  });

  it.each([
    ['non-finite', weights(Number.NaN, 0, 0)],
    ['disallowed-tensor', weights(0.1, 0)],
  ])('does not compute with a %s update, whoever has scored it', async (code, update) => {
    await playCycle(update, store);
    await expect(merge()).rejects.toMatchObject({ code: 'unopenable-participant', context: { uid: 0, code } });
  });
});

it('pays nobody in place of an owner that is not registered', async () => {
  await playCycle(weights(0.1, 0, 0), store);
  await expect(executeValidatorEffect(desk, { kind: 'set-weights', cycle, history: [] })).rejects.toMatchObject({ code: 'not-registered' });
});

it('serves what the store has lost, and forgets what it need not keep', async () => {
  const sheet = await ownStore.put(Uint8Array.of(1));
  const update = await ownStore.put(Uint8Array.of(2));
  await executeValidatorEffect(desk, { kind: 'upload-sheet', cycle, sheet: sheet.sha256, serve: [update.sha256] });
  expect(await store.has(update.sha256)).toBe(true);
  await executeValidatorEffect(desk, { kind: 'forget', cycle, artifacts: [update.sha256] });
  expect(await ownStore.has(update.sha256)).toBe(false);
});

it('leaves time for the sheet between R1 and the end of the score phase', () => {
  const schedule = { t0Ms: 1_000_000, distributeMs: 60_000, trainMs: 60_000, commitMs: 60_000, scoreMs: 80_000, publishMs: 80_000 };
  const timetable = { schedule, beacon: { ...beaconOf(exampleManifest), genesisTimeMs: 0, periodMs: 1_000 } };
  // R1 comes 48 s after the commit phase, so 32 s are left; half of them are for the sheet.
  expect(scoringDeadlineMs({ timetable }, 0)).toBe(1_000_000 + 260_000 - 16_000);
  expect(scoringDeadlineMs({ timetable: { ...timetable, schedule: { ...schedule, scoreMs: 600_000 } } }, 0)).toBe(1_000_000 + 780_000 - 60_000);
});
