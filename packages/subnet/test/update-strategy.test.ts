import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFileStore } from '@connito/artifacts';
import { openKeypair } from '@connito/chain';
import { encodeShard } from '@connito/dataset';
import { modelDirectory } from '@connito/demo-data';
import { extractExperts, updateNorm, type Checkpoint } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import type { AgentReport } from '../src/agent-event.ts';
import type { RoleContext } from '../src/context.ts';
import { guardEffect } from '../src/effect-guard.ts';
import { trainByCommand } from '../src/trainer-command.ts';
import { submitNoise, trainHonestly, trainingDirectory, type UpdateJob } from '../src/update-strategy.ts';
import { exampleManifest } from './example-manifest.ts';

const cycle = 0;
const sequenceLength = 16;
const steps = 6;
const version = { number: 0, root: '', artifact: null };

let directory = '';
let checkpoint: Checkpoint;
let reports: AgentReport[] = [];

/** A miner's surroundings with one small training shard and the demo's model. */
async function openJob(name: string): Promise<UpdateJob> {
  const store = await openFileStore(join(directory, 'store'));
  const tokens = Int32Array.from({ length: 32 * sequenceLength }, (_, index) => (index * 7919) % 1000);
  const shard = await store.put(encodeShard({ tokens, split: 'train', sequenceLength, vocabularySize: checkpoint.topology.vocabularySize }));
  const { data, training } = exampleManifest;
  const manifest = { ...exampleManifest, data: { ...data, sequenceLength, trainShards: [{ ...shard, rows: 32 }] }, training: { ...training, steps, batchSize: 2 } };
  reports = [];
  const context = {
    manifest,
    checkpoint,
    modelDirectory,
    store,
    keypair: openKeypair('//Bob'),
    stateDirectory: join(directory, name),
    engine: { device: 'auto', threads: 1 },
    signal: new AbortController().signal,
    report: (report: AgentReport) => void reports.push(report),
  } as unknown as RoleContext;
  const weights = await extractExperts(checkpoint, new Map([[2, [3]]]));
  return { context, cycle, start: { version, weights, velocity: null } };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'connito-strategy-'));
  checkpoint = await openCheckpoint(modelDirectory);
});
afterAll(async () => {
  await checkpoint.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('trainHonestly', () => {
  it('changes the selected experts, and comes to the same update again', async () => {
    const first = await trainHonestly(await openJob('first'));
    const second = await trainHonestly(await openJob('second'));
    expect(first.steps).toBe(steps);
    expect(updateNorm(first.update ?? new Map())).toBeGreaterThan(0);
    expect(second.update).toEqual(first.update);
  });

  it("trains in a model of the task's experts only, where the manifest says so", async () => {
    const job = await openJob('whole');
    const whole = await trainHonestly(job);
    const updates = await Promise.all(
      (['natural', 'masked'] as const).map(async (partial) => {
        const { manifest } = job.context;
        const selection = Object.fromEntries(checkpoint.topology.moeLayers.map((layer) => [layer, [3, 9]]));
        const own = { ...manifest, model: { ...manifest.model, selection }, training: { ...manifest.training, partial } };
        return (await trainHonestly({ ...job, context: { ...job.context, manifest: own, stateDirectory: join(directory, partial) } })).update;
      }),
    );
    expect(updates[0]).not.toEqual(whole.update);
    expect(updates[1]).not.toEqual(updates[0]);
    expect([...updates[0]!.keys()]).toEqual([...whole.update!.keys()]);
  });

  it('starts afresh, and says so, where what a killed run has left is damaged', async () => {
    const undisturbed = await trainHonestly(await openJob('undisturbed'));
    const job = await openJob('damaged');
    await trainHonestly(job);
    const left = join(trainingDirectory(job.context), String(cycle));
    for (const file of readdirSync(left)) writeFileSync(join(left, file), 'torn');
    reports = [];
    const again = await trainHonestly(job);
    expect(again.update).toEqual(undisturbed.update);
    expect(reports).toContainEqual(expect.objectContaining({ kind: 'notice', message: expect.stringContaining('afresh') as string }));
  });

  it('ends at once when it is told to stop', async () => {
    const job = await openJob('stopped');
    mkdirSync(job.context.stateDirectory, { recursive: true });
    await expect(trainHonestly({ ...job, context: { ...job.context, signal: AbortSignal.abort() } })).rejects.toMatchObject({ code: 'aborted' });
  });
});

function fake(mode: string): string {
  return `"${process.execPath}" "${fileURLToPath(new URL('../../moe-engine/test/fake-trainer.mjs', import.meta.url))}" ${mode}`;
}

describe('trainByCommand', () => {
  it('submits what the command made of the same work', async () => {
    const job = await openJob('command');
    const { update, steps: done, loss } = await trainByCommand({ command: fake('good') })(job);
    expect([done, loss]).toEqual([steps, Number.NaN]);
    for (const [name, { data }] of update!) expect(data).toEqual(job.start.weights.get(name)!.data.map((entry) => entry - Math.fround(entry + 1)));
    expect(reports).toContainEqual({ kind: 'train-step', cycle, step: 1, steps, loss: 3.5 });
    expect(reports).toContainEqual({ kind: 'notice', message: 'trainer: key: none, job: true' });
    const { model } = JSON.parse(readFileSync(join(trainingDirectory(job.context), String(cycle), 'job.json'), 'utf8')) as { model: string };
    expect(model).toBe(modelDirectory);
  });

  it('loses the cycle, not the miner, where the command fails', async () => {
    const job = await openJob('failing');
    const running = guardEffect(job.context, { kind: 'train', cycle }, () => trainByCommand({ command: fake('fails') })(job));
    expect(await running).toMatchObject({ kind: 'failed', code: 'trainer-failed' });
    await expect(trainByCommand({ command: fake('hangs'), timeoutMs: 1500 })(job)).rejects.toMatchObject({ code: 'trainer-timeout' });
  });
});

describe('submitNoise', () => {
  it('is a step of about the length of an honest one, another for each cycle', async () => {
    const job = await openJob('noise');
    const [one, two] = [await submitNoise(job), await submitNoise({ ...job, cycle: 1 })];
    const honest = updateNorm((await trainHonestly(job)).update ?? new Map());
    const length = updateNorm(one.update ?? new Map());
    expect(length / honest).toBeGreaterThan(0.2);
    expect(length / honest).toBeLessThan(5);
    expect(two.update).not.toEqual(one.update);
  });
});
