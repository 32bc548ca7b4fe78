import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { trainExperts, type StepReport, type TrainOptions, type TrainingResult } from '@connito/moe-engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTinyModel, manifest, readTensors, relativeDistance, startOf, vectorPath, type TinyModel } from './tiny-model.ts';

let model: TinyModel;
let scratch: string;

beforeAll(async () => {
  model = await loadTinyModel('grouped');
  scratch = await mkdtemp(join(tmpdir(), 'connito-moe-engine-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const tokens = Int32Array.from({ length: 9 * 6 }, (_, index) => (index * 7 + (index % 5)) % 40);

function job(overrides: Partial<TrainOptions> = {}): TrainOptions {
  return { checkpoint: model.directory, start: startOf(model), tokens, sequenceLength: 6, batchSize: 2, steps: 12, learningRate: 1e-2, rowSeed: 'a test', ...overrides };
}

function weightsOf(result: Pick<TrainingResult, 'experts'>): Record<string, number[]> {
  return Object.fromEntries([...result.experts].map(([name, { data }]) => [name, [...data]]));
}

function meanLoss(steps: readonly StepReport[]): number {
  return steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length;
}

/** So many that a child is always killed before its last, however busy the machine. */
const CHILD_STEPS = 150;

function childArgument(resumeDirectory?: string, exitAt?: number): string {
  return JSON.stringify({ mode: 'train', directory: model.directory, resumeDirectory, steps: CHILD_STEPS, exitAt });
}

function numbersOf(steps: readonly StepReport[]): unknown[] {
  return steps.map(({ step, loss, gradientNorm, learningRate, skipped }) => ({ step, loss, gradientNorm, learningRate, skipped }));
}

describe('trainExperts', () => {
  it.each(['cpu', 'wasm'] as const)('follows torch.optim.AdamW for 10 steps (%s)', async (device) => {
    const { floats, doubles, integers } = await readTensors(vectorPath('training/expected.safetensors'));
    const t = manifest.training;
    const seen: StepReport[] = [];
    const result = await trainExperts(
      job({ device, tokens: integers.get('tokens')!, sequenceLength: t.positions, batchSize: t.batch, steps: t.steps, learningRate: t.rate, betas: t.betas, epsilon: t.eps, weightDecay: t.decay, clipNorm: t.clip, warmupSteps: t.warmup, schedule: 'cosine', finalShare: t.final, rowSeed: t.seed, onStep: (report) => seen.push(report) }),
    );
    expect(relativeDistance(result.steps.map(({ loss }) => loss), doubles.get('losses')!)).toBeLessThan(1e-5);
    expect(relativeDistance(result.steps.map(({ gradientNorm }) => gradientNorm), doubles.get('norms')!)).toBeLessThan(1e-4);
    for (const [name, { data }] of result.experts) {
      const [expected, before] = [floats.get(`weights/${name}`)!, model.weights.get(name)!];
      expect(relativeDistance(data.map((entry, i) => entry - before[i]!), expected.map((entry, i) => entry - before[i]!))).toBeLessThan(1e-3);
    }
    expect(seen).toMatchObject(result.steps);
    expect(result).toMatchObject({ skippedSteps: 0, device });
    expect(seen.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('lowers the loss, leaves the start as it was, and gives the same bits again', async () => {
    const start = startOf(model);
    const [first, second] = [await trainExperts(job({ start, steps: 40 })), await trainExperts(job({ steps: 40 }))];
    expect(weightsOf(second)).toEqual(weightsOf(first));
    expect(start).toEqual(startOf(model));
    expect(meanLoss(first.steps.slice(-5))).toBeLessThan(0.7 * meanLoss(first.steps.slice(0, 5)));
    expect(first.steps.every(({ tokensPerSecond }) => tokensPerSecond > 0)).toBe(true);
  });

  it('skips, counts and reports steps that are not finite, and changes nothing by them', async () => {
    const start = startOf(model);
    const poisoned = 'model.layers.1.mlp.experts.0.up_proj.weight';
    start.get(poisoned)!.data[3] = Infinity;
    const before = weightsOf({ experts: start });
    const result = await trainExperts(job({ start, steps: 3 }));
    expect(result.skippedSteps).toBe(3);
    expect(result.steps.every(({ skipped }) => skipped)).toBe(true);
    expect(weightsOf(result)).toEqual(before);
  });
});

describe('exact resume', () => {
  it('interrupted by its signal and continued: the bits of the uninterrupted run', async () => {
    // So many steps that a signal always comes before the last one, however busy the machine.
    const steps = 300;
    const whole = await trainExperts(job({ steps }));
    const resumeDirectory = join(scratch, 'signal');
    const seen: number[] = [];
    for (const stopAt of [4, 9]) {
      const controller = new AbortController();
      const onStep = ({ step }: StepReport): void => {
        seen.push(step);
        if (step === stopAt) controller.abort('stop');
      };
      const running = trainExperts(job({ steps, resumeDirectory, saveEverySteps: 1000, signal: controller.signal, onStep }));
      await expect(running).rejects.toMatchObject({ code: 'aborted', cause: 'stop', context: { completedSteps: expect.any(Number) as number } });
    }
    const result = await trainExperts(job({ steps, resumeDirectory, onStep: ({ step }) => seen.push(step) }));
    expect(seen).toEqual([...new Set(seen)]);
    expect(seen.length).toBe(steps);
    expect(weightsOf(result)).toEqual(weightsOf(whole));
    expect(numbersOf(result.steps)).toEqual(numbersOf(whole.steps));
    expect(await readdir(resumeDirectory)).toEqual(['training-state.safetensors', 'training-steps.f64']);
    const again = await trainExperts(job({ steps, resumeDirectory, onStep: () => expect.unreachable() }));
    expect(weightsOf(again)).toEqual(weightsOf(whole));
  });

  it('killed with SIGKILL and started again: the bits of the uninterrupted run', async () => {
    const child = fileURLToPath(new URL('child.mjs', import.meta.url));
    const resumeDirectory = join(scratch, 'kill');
    const victim = spawn(process.execPath, [child, childArgument(resumeDirectory)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let done = 0;
    for await (const line of createInterface({ input: victim.stdout })) {
      done = (JSON.parse(line) as { step: number }).step;
      if (done === 7) victim.kill('SIGKILL');
    }
    expect(done).toBeLessThan(CHILD_STEPS);
    const finish = async (directory?: string): Promise<{ lines: string[]; result: string }> => {
      const { stdout } = await promisify(execFile)(process.execPath, [child, childArgument(directory)]);
      const lines = stdout.trim().split('\n');
      return { lines, result: lines.at(-1)! };
    };
    const [resumed, whole] = [await finish(resumeDirectory), await finish()];
    expect(resumed.lines.length).toBeLessThan(CHILD_STEPS + 1 - 5);
    expect(resumed.result).toBe(whole.result);
  });

  it.runIf(process.env['CONNITO_SLOW'])('killed again and again at any moment, also while it saves: the bits of the uninterrupted run', async () => {
    const child = fileURLToPath(new URL('child.mjs', import.meta.url));
    const resumeDirectory = join(scratch, 'kills');
    const runUntilKilled = async (afterMs: number): Promise<string> => {
      const victim = spawn(process.execPath, [child, childArgument(resumeDirectory)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let last = '';
      for await (const line of createInterface({ input: victim.stdout })) {
        if (last === '') setTimeout(() => victim.kill('SIGKILL'), afterMs);
        last = line;
      }
      return last;
    };
    let kills = 0;
    // 0 to 40 ms after a first step, a time in which some ten states are written.
    while (!(await runUntilKilled((kills * 7) % 40)).includes('sha256')) kills++;
    expect(kills).toBeGreaterThan(5);
    const [resumed, whole] = await Promise.all([resumeDirectory, undefined].map((directory) => promisify(execFile)(process.execPath, [child, childArgument(directory)])));
    expect(resumed!.stdout.trim().split('\n').at(-1)).toBe(whole!.stdout.trim().split('\n').at(-1));
  });

  it('process.exit in the middle: the exit code stands, nothing crashes, the state is saved', async () => {
    const child = fileURLToPath(new URL('child.mjs', import.meta.url));
    for (const exitAt of [1, 5, 9]) {
      const resumeDirectory = join(scratch, `exit-${exitAt}`);
      const ended: unknown = await promisify(execFile)(process.execPath, [child, childArgument(resumeDirectory, exitAt)]).catch((error: unknown) => error);
      expect(ended).toMatchObject({ code: 7, signal: null, stderr: '' });
      expect(await readdir(resumeDirectory)).toEqual(['training-state.safetensors', 'training-steps.f64']);
    }
  });

  it('refuses the state of another job, and one that cannot be read', async () => {
    const resumeDirectory = join(scratch, 'other');
    await trainExperts(job({ resumeDirectory, steps: 2 }));
    await expect(trainExperts(job({ resumeDirectory, steps: 2, learningRate: 2e-2 }))).rejects.toMatchObject({ code: 'resume-mismatch' });
    await expect(trainExperts(job({ resumeDirectory, steps: 2, tokens: tokens.toReversed() }))).rejects.toMatchObject({ code: 'resume-mismatch' });
    const path = join(resumeDirectory, 'training-state.safetensors');
    const bytes = await readFile(path);
    for (const broken of [bytes.subarray(0, bytes.length - 4), bytes.subarray(0, 5), Buffer.from('nonsense, and more of it')]) {
      await writeFile(path, broken);
      await expect(trainExperts(job({ resumeDirectory, steps: 2 }))).rejects.toMatchObject({ code: 'resume-corrupt', context: { path } });
    }
  });
});

describe('errors', () => {
  it.each([
    ['steps', { steps: 0 }],
    ['learningRate', { learningRate: Number.NaN }],
    ['betas', { betas: [0.9, 1] as const }],
    ['epsilon', { epsilon: 0 }],
    ['weightDecay', { weightDecay: -1 }],
    ['clipNorm', { clipNorm: 0 }],
    ['warmupSteps', { warmupSteps: 1.5 }],
    ['finalShare', { finalShare: 2 }],
    ['saveEverySteps', { saveEverySteps: 0 }],
    ['schedule', { schedule: 'linear' as never }],
    ['start', { start: new Map() }],
    ['batchSize', { batchSize: -1 }],
  ])('bad-option %s', async (option, overrides) => {
    await expect(trainExperts(job(overrides))).rejects.toMatchObject({ code: 'bad-option', context: { option } });
  });

  it('a start that does not fit the model', async () => {
    const name = 'model.layers.0.mlp.experts.1.up_proj.weight';
    await expect(trainExperts(job({ start: new Map([[name, { shape: [3], data: new Float32Array(3) }]]) }))).rejects.toMatchObject({ code: 'bad-shape', context: { name } });
    await expect(trainExperts(job({ start: new Map([['model.norm.weight', { shape: [16], data: new Float32Array(16) }]]) }))).rejects.toMatchObject({ code: 'unknown-tensor' });
    await expect(trainExperts(job({ start: new Map([['nothing', { shape: [1], data: new Float32Array(1) }]]) }))).rejects.toMatchObject({ code: 'unknown-tensor' });
  });

  it('tokens that are not rows of the model', async () => {
    await expect(trainExperts(job({ tokens: Int32Array.of(1, 2, 3) }))).rejects.toMatchObject({ code: 'bad-shape', context: { name: 'tokens' } });
    await expect(trainExperts(job({ tokens: new Int32Array(6).fill(40) }))).rejects.toMatchObject({ code: 'bad-shape', context: { name: 'tokens' } });
  });

  it('a callback that throws ends the run with what it threw', async () => {
    const error = new Error('of the caller');
    const onStep = (): void => {
      throw error;
    };
    await expect(trainExperts(job({ onStep }))).rejects.toBe(error);
  });

  it('an aborted signal, before anything starts', async () => {
    await expect(trainExperts(job({ signal: AbortSignal.abort('no') }))).rejects.toMatchObject({ code: 'aborted', cause: 'no' });
  });
});
