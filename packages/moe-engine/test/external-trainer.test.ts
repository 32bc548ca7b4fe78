import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractExperts, type ExpertWeights } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { packDocuments, runExternalTrainer, trainExperts, type ExternalStep, type ExternalTrainerOptions, type TrainerJob } from '@connito/moe-engine';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRowOrder } from '../src/training/row-order.ts';
import { loadTinyModel, readTensors, relativeDistance, startOf, vectorPath, type TinyModel } from './tiny-model.ts';

let model: TinyModel;
let scratch: string;

beforeAll(async () => {
  model = await loadTinyModel('grouped');
  scratch = await mkdtemp(join(tmpdir(), "connito external trainer's "));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));
afterEach(() => {
  delete process.env['CONNITO_KEY'];
});

const rows = packDocuments(
  Array.from({ length: 20 }, (_, number) => ({ tokens: Array.from({ length: 3 + (number % 5) }, (_token, index) => (number * 7 + index * 3) % 40), labelMask: Array.from({ length: 3 + (number % 5) }, (_token, index) => Number(index > number % 3)) })),
  { sequenceLength: 9 },
);

function fake(mode: string): string {
  return `"${process.execPath}" "${fileURLToPath(new URL('fake-trainer.mjs', import.meta.url))}" ${mode}`;
}

function job(command: string, overrides: Partial<ExternalTrainerOptions> = {}): ExternalTrainerOptions {
  return { command, ...rows, checkpoint: model.directory, start: startOf(model), sequenceLength: 9, batchSize: 2, microBatches: 2, steps: 4, learningRate: 1e-2, rowSeed: 'external', ...overrides };
}

describe('runExternalTrainer', () => {
  it('hands over the job, follows its steps, passes its output on, and takes what it wrote', async () => {
    process.env['CONNITO_KEY'] = 'a secret';
    const [lines, seen]: [string[], ExternalStep[]] = [[], []];
    const { experts, steps } = await runExternalTrainer(job(fake('good'), { onOutput: (line) => lines.push(line), onStep: (step) => seen.push(step) }));
    expect(steps).toEqual([{ step: 1, loss: 3.5, gradientNorm: 0.5, targets: 12 }, { step: 2, loss: Number.NaN }]);
    expect(seen).toEqual(steps);
    expect(lines.toSorted()).toEqual(['key: none, job: true', '{not a report}']);
    expect([...experts.keys()]).toEqual(model.trained.toSorted());
    for (const [name, { data }] of experts) expect(data).toEqual(model.weights.get(name)!.map((entry) => entry + 1));
  });

  it('writes what the format says, into the directory that it is given', async () => {
    const workDirectory = join(scratch, 'work');
    await runExternalTrainer(job(fake('good'), { workDirectory, clipNorm: Infinity, schedule: 'cosine', warmupSteps: 2, auxiliaryCoefficient: 0.1 }));
    expect((await readdir(workDirectory)).toSorted()).toEqual(['job.json', 'rows.safetensors', 'start.safetensors', 'state', 'trained.safetensors']);
    const written = JSON.parse(await readFile(join(workDirectory, 'job.json'), 'utf8')) as TrainerJob;
    const at = (name: string): string => join(workDirectory, name);
    const files = { model: model.directory, start: at('start.safetensors'), rows: at('rows.safetensors'), out: at('trained.safetensors'), state: at('state') };
    const optimizer = { learningRate: 1e-2, betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: null, warmupSteps: 2, schedule: 'cosine', finalShare: 0, auxiliaryCoefficient: 0.1 };
    expect(written).toEqual({ format: 'connito/trainer-job/1', ...files, sequenceLength: 9, batchSize: 2, microBatches: 2, steps: 4, ...optimizer, present: null });
    const { integers } = await readTensors(at('rows.safetensors'));
    expect(integers.get('tokens')).toEqual(rows.tokens);
    expect(integers.get('documents')).toEqual(rows.documents);
    const rowsAt = createRowOrder({ rowSeed: 'external', rows: rows.rows, batchSize: 4 });
    expect([...integers.get('order')!]).toEqual([0, 1, 2, 3].flatMap(rowsAt));
  });

  it.each([
    ['missing', /the tensor "model\.layers\.0\.mlp\.experts\.1\.down_proj\.weight" is missing/],
    ['extra', /the tensor "model\.norm\.weight" is none of those to be trained/],
    ['shape', /is F32 \[192\], expected F32 \[16, 12\]/],
    ['dtype', /is F16 \[16, 12\], expected F32 \[16, 12\]/],
    ['nan', /holds NaN at 2/],
    ['nothing', /trained\.safetensors/],
    ['garbage', /trained\.safetensors/],
    ['header', /trained\.safetensors/],
  ])('refuses a result with a wrong: %s', async (mode, message) => {
    await expect(runExternalTrainer(job(fake(mode)))).rejects.toMatchObject({ code: 'trainer-output', message: expect.stringMatching(message) as string });
  });

  it('takes no result of an earlier try', async () => {
    const workDirectory = join(scratch, 'twice');
    await runExternalTrainer(job(fake('good'), { workDirectory }));
    await expect(runExternalTrainer(job(fake('nothing'), { workDirectory }))).rejects.toMatchObject({ code: 'trainer-output' });
  });

  it('says how a trainer failed', async () => {
    await expect(runExternalTrainer(job(fake('fails')))).rejects.toMatchObject({ code: 'trainer-failed', context: { exitCode: 3 }, message: expect.stringMatching(/ended with exit code 3: out of memory$/) as string });
    await expect(runExternalTrainer(job('no-such-program-anywhere --token secret'))).rejects.toMatchObject({ code: 'trainer-failed', message: expect.stringMatching(/^the trainer no-such-program-anywhere ended with exit code 127/) as string });
  });

  it('stops one that takes too long', async () => {
    const lines: string[] = [];
    await expect(runExternalTrainer(job(fake('hangs'), { timeoutMs: 1500, onOutput: (line) => lines.push(line) }))).rejects.toMatchObject({ code: 'trainer-timeout', context: { timeoutMs: 1500 } });
    expect(lines).toEqual(['asked to end']);
  });

  it.runIf(process.env['CONNITO_SLOW'])('stops one that does not listen, and what a shell of several commands has started', async () => {
    const lines: string[] = [];
    const controller = new AbortController();
    const options = { signal: controller.signal, onStep: () => controller.abort('enough'), onOutput: (line: string) => lines.push(line) };
    await expect(runExternalTrainer(job(`true && ${fake('stubborn')}`, options))).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
    expect(lines).toEqual(['asked in vain']);
  }, 30_000);

  it('stops one whose caller gives up, or throws', async () => {
    const controller = new AbortController();
    await expect(runExternalTrainer(job(fake('hangs'), { signal: controller.signal, onStep: () => controller.abort('enough') }))).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
    const error = new Error('of the caller');
    const onStep = (): void => {
      throw error;
    };
    await expect(runExternalTrainer(job(fake('hangs'), { onStep }))).rejects.toBe(error);
    await expect(runExternalTrainer(job(fake('good'), { signal: AbortSignal.abort('before') }))).rejects.toMatchObject({ code: 'aborted', cause: 'before' });
  });

  it('survives a line without end, and does not wait for what was left in the background', async () => {
    const lines: string[] = [];
    await runExternalTrainer(job(fake('endless'), { onOutput: (line) => lines.push(line) }));
    expect(lines.map(({ length }) => length)).toEqual([65_536]);
    await expect(runExternalTrainer(job(fake('background')))).resolves.toMatchObject({ steps: [] });
  });

  it('says which experts a partial model holds', async () => {
    const workDirectory = join(scratch, 'partial');
    const experts = new Map(model.topology.moeLayers.map((layer) => [layer, [...Array(model.topology.expertsPerLayer).keys()]]));
    await runExternalTrainer(job(fake('good'), { workDirectory, present: { experts, routing: 'masked' } }));
    const written = JSON.parse(await readFile(join(workDirectory, 'job.json'), 'utf8')) as TrainerJob;
    expect(written.present).toEqual({ routing: 'masked', experts: Object.fromEntries(experts) });
  });

  it.each([
    ['command', { command: ' ' }, 'bad-option'],
    ['timeoutMs', { timeoutMs: 0 }, 'bad-option'],
    ['batchSize', { batchSize: 0 }, 'bad-option'],
    ['steps', { steps: 2 ** 30 }, 'bad-option'],
    ['start', { start: new Map() }, 'bad-option'],
    ['an expert that is none', { start: new Map([['model.norm.weight', { shape: [16], data: new Float32Array(16) }]]) }, 'unknown-tensor'],
    ['an open checkpoint', { checkpoint: {} as string }, 'bad-option'],
    ['present experts that are none', { present: { experts: new Map([[0, [99]]]) } }, 'selection-invalid'],
    ['a trained expert that is not held', { present: { experts: new Map() } }, 'unknown-tensor'],
    ['tokens', { tokens: new Int32Array(rows.tokens.length).fill(40) }, 'bad-shape'],
  ])('refuses before it starts anything: %s', async (_what, overrides, code) => {
    await expect(runExternalTrainer(job('exit 9 ;', overrides))).rejects.toMatchObject({ code });
  });
});

const python = process.env['PYTHON'];

/** How far weights moved, not where they are: nearly all of a weight is what it started from. */
function expectSameMoves(theirs: ExpertWeights, { ours, start }: { readonly ours: ExpertWeights; readonly start: ExpertWeights }): void {
  for (const [name, { data }] of ours) {
    const before = start.get(name)!.data;
    const moved = (weights: Float32Array): Float32Array => weights.map((entry, index) => entry - before[index]!);
    expect(relativeDistance(moved(theirs.get(name)!.data), moved(data))).toBeLessThan(1e-3);
  }
}

describe.runIf(process.env['CONNITO_SLOW'] !== undefined && python !== undefined)('the example in PyTorch', () => {
  const script = fileURLToPath(new URL('../examples/pytorch-trainer/train.py', import.meta.url));

  it.each([
    ['packed', { ...rows, auxiliaryCoefficient: 0.1, schedule: 'cosine', warmupSteps: 2, clipNorm: 0.5 } as const],
    ['plain', { documents: undefined, labelMask: undefined }],
  ])('trains as we do, %s rows', async (_what, overrides) => {
    const { command, ...options } = { ...job(`"${python}" "${script}"`, { steps: 8 }), ...overrides } as ExternalTrainerOptions;
    const [theirs, ours] = [await runExternalTrainer({ ...options, command }), await trainExperts({ ...options, device: 'cpu', onStep: undefined })];
    expect(relativeDistance(theirs.steps.map(({ loss }) => loss), ours.steps.map(({ loss }) => loss))).toBeLessThan(1e-5);
    expect(relativeDistance(theirs.steps.map(({ gradientNorm }) => gradientNorm!), ours.steps.map(({ gradientNorm }) => gradientNorm))).toBeLessThan(1e-4);
    expectSameMoves(theirs.experts, { ours: ours.experts, start: options.start });
  }, 120_000);

  it.each(['deepseek-lite', 'mixtral', 'olmoe', 'qwen2'])('trains as we do, family %s', async (name) => {
    const directory = vectorPath(`families/${name}`);
    const checkpoint = await openCheckpoint(directory);
    const start = await extractExperts(checkpoint, new Map(checkpoint.topology.moeLayers.map((layer) => [layer, [0, 2]])));
    await checkpoint.close();
    const tokens = Int32Array.from({ length: 12 * 8 }, (_, index) => (index * 5 + (index % 3)) % 11);
    const options = { start, tokens, documents: tokens.map((_, index) => Number(index % 8 > 4)), checkpoint: directory, sequenceLength: 8, batchSize: 2, microBatches: 2, steps: 4, learningRate: 1e-2, rowSeed: 'family' };
    const [theirs, ours] = [await runExternalTrainer({ ...options, command: `"${python}" "${script}"` }), await trainExperts({ ...options, device: 'cpu' })];
    expectSameMoves(theirs.experts, { ours: ours.experts, start });
  }, 120_000);
});
