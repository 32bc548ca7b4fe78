import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectedTensors, parseTopology } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { createEvaluator, initialWeights, pretrain, writePretrained, type PretrainedModel, type PretrainOptions } from '@connito/moe-engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRowOrder } from '../src/training/row-order.ts';
import { loadTinyModel, readTensors, relativeDistance, vectorPath, type TinyModel } from './tiny-model.ts';

interface RunManifest {
  readonly run: { readonly steps: number; readonly superposed: number; readonly positions: number; readonly batch: number; readonly bag: number; readonly rate: number; readonly warmup: number; readonly final: number; readonly betas: [number, number]; readonly eps: number; readonly decay: number; readonly clip: number; readonly balance: number; readonly router_z: number };
}

let model: TinyModel;
let config: Record<string, unknown>;
let scratch: string;

beforeAll(async () => {
  model = await loadTinyModel('grouped');
  config = JSON.parse(await readFile(join(model.directory, 'config.json'), 'utf8')) as Record<string, unknown>;
  scratch = await mkdtemp(join(tmpdir(), 'connito-pretrain-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const tokens = Int32Array.from({ length: 12 * 6 }, (_, index) => (index * 7 + (index % 5)) % 40);

function job(overrides: Partial<PretrainOptions> = {}): PretrainOptions {
  const auxiliary = { balance: 0.1, routerZ: 0.01 };
  return { config, seed: 'a test', tokens, sequenceLength: 6, batchSize: 2, steps: 8, learningRate: 1e-2, rowSeed: 'rows', auxiliary, superposition: { bag: 2, share: 0.5 }, ...overrides };
}

function numbersOf({ tensors, steps }: PretrainedModel): unknown {
  return { tensors, steps: steps.map(({ tokensPerSecond: _clock, ...report }) => report) };
}

describe('pretrain', () => {
  it.each(['cpu', 'wasm'] as const)('follows torch.optim.AdamW over all parameters, from superposed steps into plain ones (%s)', async (device) => {
    const { run: t } = JSON.parse(await readFile(vectorPath('pretraining.json'), 'utf8')) as RunManifest;
    const { floats, doubles, integers } = await readTensors(vectorPath('pretraining/run.safetensors'));
    const start = new Map([...model.weights].map(([name, data]) => [name, { shape: model.shapes.get(name)!, data }]));
    const schedule = { learningRate: t.rate, warmupSteps: t.warmup, schedule: 'cosine', finalShare: t.final } as const;
    const optimizer = { betas: t.betas, epsilon: t.eps, weightDecay: t.decay, clipNorm: t.clip };
    const auxiliary = { balance: t.balance, balanceOver: 'layer', routerZ: t.router_z } as const;
    const shape = { tokens: integers.get('tokens')!, sequenceLength: t.positions, batchSize: t.batch, steps: t.steps };
    const result = await pretrain({ config, device, start, ...shape, ...schedule, ...optimizer, auxiliary, superposition: { bag: t.bag, share: t.superposed / t.steps } });
    expect(relativeDistance(result.steps.map(({ loss }) => loss), doubles.get('losses')!)).toBeLessThan(1e-5);
    for (const [name, { data }] of result.tensors) {
      const [expected, before] = [floats.get(`weights/${name}`)!, model.weights.get(name)!];
      expect([name, relativeDistance(data.map((entry, i) => entry - before[i]!), expected.map((entry, i) => entry - before[i]!)) < 1e-3]).toEqual([name, true]);
    }
    expect(result.tensors.size).toBe(model.weights.size);
  });

  it('learns a text by heart from random weights', async () => {
    const { steps } = await pretrain(job({ steps: 60, warmupSteps: 5, learningRate: 3e-2, superposition: undefined }));
    expect(steps[0]!.loss).toBeCloseTo(Math.log(40), 1);
    expect(steps.at(-1)!.loss).toBeLessThan(0.5 * steps[0]!.loss);
  });

  it.each([2, 59, 80])('cancelled soon after step %i, superposed steps ending with step 60, it goes on to the bits of the uninterrupted run', async (at) => {
    const whole = await pretrain(job({ steps: 120 }));
    const resumeDirectory = join(scratch, `resume-${at}`);
    const left = new AbortController();
    const onStep = ({ step }: { readonly step: number }): void => void (step === at && left.abort());
    await expect(pretrain(job({ steps: 120, resumeDirectory, signal: left.signal, onStep }))).rejects.toMatchObject({ code: 'aborted' });
    const resumed: number[] = [];
    expect(numbersOf(await pretrain(job({ steps: 120, resumeDirectory, onStep: ({ step }) => resumed.push(step) })))).toEqual(numbersOf(whole));
    expect(resumed[0]).toBeGreaterThan(at);
  });

  it('gives the same bits on two threads, and in two micro-batches nearly the same numbers', async () => {
    const whole = await pretrain(job({ batchSize: 4, auxiliary: {} }));
    expect(numbersOf(await pretrain(job({ batchSize: 4, auxiliary: {}, threads: 2 })))).toEqual(numbersOf(whole));
    const halves = await pretrain(job({ batchSize: 2, microBatches: 2, auxiliary: {} }));
    expect(relativeDistance(halves.steps.map(({ loss }) => loss), whole.steps.map(({ loss }) => loss))).toBeLessThan(1e-5);
  });

  it('does not decay norms', async () => {
    const { tensors } = await pretrain(job({ steps: 1, learningRate: 0.5, weightDecay: 1, clipNorm: Number.MIN_VALUE }));
    expect(tensors.get('model.norm.weight')!.data.every((entry) => entry === 1)).toBe(true);
    const [before, after] = [initialWeights(model.topology, { seed: 'a test' }), tensors].map((weights) => weights.get('model.embed_tokens.weight')!.data) as [Float32Array, Float32Array];
    expect(relativeDistance(after, before.map((entry) => entry / 2))).toBeLessThan(1e-6);
  });
});

describe('writePretrained', () => {
  it.each([['F32', 1e-7], ['BF16', 4e-3]] as const)('writes a directory that evaluates as the weights do (%s)', async (format, tolerance) => {
    const { tensors } = await pretrain(job({ superposition: undefined }));
    const directory = join(scratch, format);
    await writePretrained(directory, { config, tensors, format });
    const checkpoint = await openCheckpoint(directory);
    for (const [name, { data }] of tensors) expect(relativeDistance(await checkpoint.readFloat32(name), data)).toBeLessThan(tolerance);
    await checkpoint.close();
    expect(JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'))).toMatchObject({ ...config, dtype: format === 'F32' ? 'float32' : 'bfloat16' });
    const evaluator = await createEvaluator({ checkpoint: directory, sequenceLength: 6, batchSize: 2 });
    expect((await evaluator.rowLosses(tokens)).every((loss) => loss < Math.log(40))).toBe(true);
    await evaluator.close();
  });

  it('copies the tokenizer, and refuses a directory that holds something', async () => {
    const tensors = initialWeights(model.topology, { seed: '' });
    const directory = join(scratch, 'copied');
    const { files } = await writePretrained(directory, { config, tensors, copyFrom: vectorPath('') });
    expect(files).toContain('manifest.json');
    await expect(writePretrained(directory, { config, tensors })).rejects.toMatchObject({ code: 'output-not-empty' });
  });
});

describe('initialWeights', () => {
  it('are the numbers of the definition written a second time', async () => {
    const { floats } = await readTensors(vectorPath('pretraining/run.safetensors'));
    const { data } = initialWeights(model.topology, { seed: 'some seed' }).get('model.embed_tokens.weight')!;
    expect(relativeDistance(data, floats.get('initial')!)).toBeLessThan(1e-7);
  });

  it('are normal with the deviation asked for, ones in norms, and differ by tensor and seed', () => {
    const wide = parseTopology({ ...config, vocab_size: 4000 });
    const weights = initialWeights(wide, { seed: '1', deviation: 0.5 });
    const { data } = weights.get('model.embed_tokens.weight')!;
    const mean = data.reduce((sum, entry) => sum + entry, 0) / data.length;
    const [second, fourth] = [2, 4].map((power) => data.reduce((sum, entry) => sum + (entry - mean) ** power, 0) / data.length) as [number, number];
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.sqrt(second)).toBeCloseTo(0.5, 2);
    expect(fourth / second ** 2).toBeCloseTo(3, 0);
    for (const { name, part } of expectedTensors(wide)) expect(weights.get(name)!.data.every((entry) => entry === 1)).toBe(part === 'norms');
    expect(weights.get('model.layers.0.mlp.gate.weight')).not.toEqual(weights.get('model.layers.1.mlp.gate.weight'));
    expect(initialWeights(wide, { seed: '2' }).get('model.embed_tokens.weight')).not.toEqual(weights.get('model.embed_tokens.weight'));
  });
});

describe('rows in their own order', () => {
  it('come again from the first after the last', () => {
    const rowsAt = createRowOrder({ rowSeed: undefined, rows: 5, batchSize: 3 });
    expect([0, 1, 2].map(rowsAt)).toEqual([[0, 1, 2], [3, 4, 0], [1, 2, 3]]);
  });
});

describe('options that pretrain refuses', () => {
  it.each([
    ['a bag of one token', { superposition: { bag: 1, share: 0.5 } }, { code: 'bad-option', context: { option: 'superposition.bag' } }],
    ['a share above 1', { superposition: { bag: 2, share: 1.5 } }, { code: 'bad-option', context: { option: 'superposition.share' } }],
    ['superposition with masks', { labelMask: new Uint8Array(72).fill(1) }, { code: 'bad-option', context: { option: 'superposition' } }],
    ['bags longer than the text', { superposition: { bag: 13, share: 0.5 } }, { code: 'bad-shape' }],
    ['a negative coefficient', { auxiliary: { balance: -1 } }, { code: 'bad-option', context: { option: 'auxiliary.balance' } }],
    ['an unknown scope', { auxiliary: { balance: 1, balanceOver: 'head' as never } }, { code: 'bad-option', context: { option: 'auxiliary.balanceOver' } }],
    ['a deviation of nothing', { deviation: 0 }, { code: 'bad-option', context: { option: 'deviation' } }],
    ['a start that lacks tensors', { start: new Map() }, { code: 'unknown-tensor' }],
    ['no steps', { steps: 0 }, { code: 'bad-option', context: { option: 'steps' } }],
    ['ids outside the vocabulary', { tokens: Int32Array.from({ length: 72 }, () => 40) }, { code: 'bad-shape' }],
    ['a config without sizes', { config: { model_type: 'qwen3_moe' } }, { code: 'config-invalid' }],
  ] as const)('%s', async (_, overrides, error) => {
    await expect(pretrain(job(overrides as Partial<PretrainOptions>))).rejects.toMatchObject(error);
  });

  it('a start with a tensor of another shape, or one too many', async () => {
    const weights = initialWeights(model.topology, { seed: '' });
    await expect(pretrain(job({ start: new Map([...weights, ['model.norm.weight', { shape: [3], data: new Float32Array(3) }]]) }))).rejects.toMatchObject({ code: 'bad-shape' });
    await expect(pretrain(job({ start: new Map([...weights, ['other', { shape: [3], data: new Float32Array(3) }]]) }))).rejects.toMatchObject({ code: 'unknown-tensor', context: { name: 'other' } });
  });
});
