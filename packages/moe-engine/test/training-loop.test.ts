import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileTraining } from '../src/model/program.ts';
import type { TrainingContext, TrainingJob, TrainingOutcome, TrainingProgress } from '../src/training/training-job.ts';
import { runTraining } from '../src/training/training-loop.ts';
import { loadTinyModel, openTestRuntime, startOf, type TinyModel } from './tiny-model.ts';

let model: TinyModel;
let scratch: string;
let context: TrainingContext;

const [sequenceLength, batchSize, microBatches] = [6, 2, 3];

beforeAll(async () => {
  model = await loadTinyModel('grouped');
  scratch = await mkdtemp(join(tmpdir(), 'connito-training-loop-'));
  const runtime = await openTestRuntime();
  const program = compileTraining({ ...model, sequenceLength, batchSize, packed: true, auxiliary: { balance: 0.1 / microBatches } });
  const weights = new Map(program.weights.filter((name) => !model.trained.includes(name)).map((name) => [name, runtime.tensor(model.weights.get(name)!, model.shapes.get(name)!)]));
  context = { runtime, topology: model.topology, program, session: await runtime.createSession(program), superposed: undefined, weights, onProgress: () => undefined, isCancelled: () => false };
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Two documents a row, tokens that do not count, padding at the end of odd rows: micro-batches differ in how many tokens count. */
function job(overrides: Partial<TrainingJob> = {}): TrainingJob {
  const start = [...startOf(model)].map(([name, { shape, data }]) => ({ name, shape, data }));
  const rows = {
    tokens: Int32Array.from({ length: 9 * 6 }, (_, index) => (index * 7 + (index % 5)) % 40),
    documents: Int32Array.from({ length: 9 * 6 }, (_, index) => (index % 12 === 11 ? -1 : Number(index % 6 > 2))),
    labelMask: Uint8Array.from({ length: 9 * 6 }, (_, index) => Number(index % 6 !== 1 || index > 30)),
  };
  const optimizer = { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, learningRate: 1e-2, warmupSteps: 2, schedule: 'cosine', finalShare: 0.1, clipNorm: 1 } as const;
  return { start, rows, microBatches, ...optimizer, steps: 5, rowSeed: 'loop', undecayed: [], superposition: undefined, resumeDirectory: undefined, saveEverySteps: 1000, ...overrides };
}

/** Cancelled at the n-th time that the loop asks, which is before each micro-batch. */
function cancelledAt(asks: number): Pick<TrainingContext, 'isCancelled'> {
  let asked = 0;
  return { isCancelled: () => asked++ === asks };
}

function numbers({ weights, reports }: TrainingOutcome): unknown {
  return { weights, reports: reports.map(({ tokensPerSecond: _clock, ...report }) => report) };
}

describe('exact resume with packing, masks, micro-batches, load balancing and a schedule', () => {
  it('cancelled before any micro-batch: the bits of the uninterrupted run', async () => {
    const whole = numbers(await runTraining(job(), context));
    for (let asks = 0; asks < 5 * microBatches; asks++) {
      const resumeDirectory = join(scratch, `cancelled-${asks}`);
      await expect(runTraining(job({ resumeDirectory }), { ...context, ...cancelledAt(asks) })).rejects.toMatchObject({ code: 'aborted', context: { completedSteps: Math.floor(asks / microBatches) } });
      expect(numbers(await runTraining(job({ resumeDirectory }), context))).toEqual(whole);
    }
  });

  it('cancelled at every step in turn, one step a run', async () => {
    const resumeDirectory = join(scratch, 'steps');
    for (let step = 1; step < 5; step++) await expect(runTraining(job({ resumeDirectory }), { ...context, ...cancelledAt(microBatches) })).rejects.toMatchObject({ context: { completedSteps: step } });
    expect(numbers(await runTraining(job({ resumeDirectory }), context))).toEqual(numbers(await runTraining(job(), context)));
  });

  it('died between the reports and the state: the reports beyond are written over', async () => {
    const resumeDirectory = join(scratch, 'torn');
    await expect(runTraining(job({ resumeDirectory }), { ...context, ...cancelledAt(2 * microBatches) })).rejects.toMatchObject({ code: 'aborted' });
    const steps = join(resumeDirectory, 'training-steps.f64');
    const { size } = await stat(steps);
    await truncate(steps, size + 200);
    await writeFile(join(resumeDirectory, '.training-state.safetensors.0123456789ab.tmp'), 'half');
    expect(numbers(await runTraining(job({ resumeDirectory }), context))).toEqual(numbers(await runTraining(job(), context)));
    expect(await readdir(resumeDirectory)).toEqual(['training-state.safetensors', 'training-steps.f64']);
  });

  it.each([
    ['documents', { documents: new Int32Array(9 * 6) }],
    ['labelMask', { labelMask: new Uint8Array(9 * 6).fill(1) }],
  ])('refuses the state of a job with other %s', async (name, other) => {
    const resumeDirectory = join(scratch, `other-${name}`);
    await runTraining(job({ resumeDirectory, steps: 1 }), context);
    const { rows } = job();
    await expect(runTraining(job({ resumeDirectory, steps: 1, rows: { ...rows, ...other } }), context)).rejects.toMatchObject({ code: 'resume-mismatch' });
  });

  it('refuses reports that are missing or of other steps', async () => {
    const resumeDirectory = join(scratch, 'reports');
    await runTraining(job({ resumeDirectory }), context);
    const path = join(resumeDirectory, 'training-steps.f64');
    await truncate(path, 4 * 64);
    await expect(runTraining(job({ resumeDirectory }), context)).rejects.toMatchObject({ code: 'resume-corrupt', context: { path }, message: expect.stringContaining('it has 4 records, expected 5') as string });
    await truncate(path, 5 * 64);
    await expect(runTraining(job({ resumeDirectory }), context)).rejects.toMatchObject({ code: 'resume-corrupt', message: expect.stringContaining('record 4 is of step 0') as string });
    await rm(path);
    await expect(runTraining(job({ resumeDirectory }), context)).rejects.toMatchObject({ code: 'resume-corrupt', context: { path } });
  });
});

describe('saving', () => {
  it('writes of the reports only what is new', async () => {
    const resumeDirectory = join(scratch, 'size');
    const sizes: number[][] = [];
    const read: Promise<void>[] = [];
    const onProgress = (progress: TrainingProgress): void => {
      if (progress.kind === 'saved') read.push(Promise.all(['training-state.safetensors', 'training-steps.f64'].map(async (name) => (await stat(join(resumeDirectory, name))).size)).then((pair) => void sizes.push(pair)));
    };
    await runTraining(job({ resumeDirectory, steps: 40, saveEverySteps: 1 }), { ...context, onProgress });
    await Promise.all(read);
    expect(sizes.length).toBe(40);
    expect(Math.max(...sizes.map(([state]) => state!)) - Math.min(...sizes.map(([state]) => state!))).toBeLessThan(64);
    expect(sizes.at(-1)![1]).toBe(40 * 64);
  });
});

describe('steps that change nothing', () => {
  it('a step without a token that counts is skipped, counted and reported, without a run', async () => {
    const rows = { ...job().rows, labelMask: Uint8Array.from({ length: 9 * 6 }, (_, index) => Number(index < 6)) };
    const { reports } = await runTraining(job({ rows, microBatches: 1, steps: 9 }), context);
    const [idle, busy] = [reports.filter(({ targets }) => targets === 0), reports.filter(({ targets }) => targets > 0)];
    expect(busy.length).toBe(2);
    expect(idle.every(({ skipped, loss }) => skipped && Number.isNaN(loss))).toBe(true);
    expect(busy.every(({ skipped, loss }) => !skipped && loss > 0)).toBe(true);
  });

  it('one micro-batch that is not finite skips the whole step and leaves the moments as they were', async () => {
    const poisoned = job();
    poisoned.start[0]!.data[0] = Number.NaN;
    const before = poisoned.start.map(({ data }) => data.slice());
    const { reports, weights } = await runTraining(poisoned, context);
    expect(reports.map(({ skipped }) => skipped)).toEqual([true, true, true, true, true]);
    expect(weights.map(({ data }) => data)).toEqual(before);
  });
});
