import { execFile } from 'node:child_process';
import { readFileSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { graftExperts, type ExpertWeights, type Topology } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { collectRouting, createEvaluator, isMoeEngineError, type EvaluatorOptions } from '@connito/moe-engine';
import { describe, expect, it } from 'vitest';
import { loadTinyModel, relativeDistance, startOf, vectorPath } from './tiny-model.ts';

const options = (overrides: Partial<EvaluatorOptions> = {}): EvaluatorOptions => ({ checkpoint: vectorPath('grouped'), sequenceLength: 7, batchSize: 2, ...overrides });

function shifted(experts: ExpertWeights, by: number): ExpertWeights {
  return new Map([...experts].map(([name, { shape, data }]) => [name, { shape, data: data.map((entry) => entry + by) }]));
}

describe('createEvaluator', () => {
  it('gives the reference losses per token and their mean per row', async () => {
    const model = await loadTinyModel('grouped');
    const evaluator = await createEvaluator(options());
    const expected = model.expected.get('losses')!;
    const [losses, rows] = [await evaluator.tokenLosses(model.tokens), await evaluator.rowLosses(model.tokens)];
    expect(relativeDistance(losses, expected)).toBeLessThan(1e-6);
    expect(rows.length).toBe(2);
    expect(rows[1]).toBeCloseTo(expected.subarray(6).reduce((sum, loss) => sum + loss, 0) / 6, 6);
    expect(evaluator.device).toBe('cpu');
    await evaluator.close();
  });

  it('gives the same bits on 1, 2 and 3 threads', async () => {
    const rows = Int32Array.from({ length: 9 * 7 }, (_, index) => (index * index * 7 + (index % 5)) % 40);
    const results: Float64Array[] = [];
    for (const threads of [1, 2, 3]) {
      const evaluator = await createEvaluator(options({ batchSize: 4, threads }));
      results.push(await evaluator.rowLosses(rows));
      await evaluator.close();
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  it('swaps experts for one call: as if they were grafted into the checkpoint', async () => {
    const model = await loadTinyModel('grouped');
    const experts = shifted(startOf(model), 0.1);
    const evaluator = await createEvaluator(options());
    const base = await evaluator.rowLosses(model.tokens);
    const candidate = await evaluator.rowLosses(model.tokens, { experts });
    expect(await evaluator.rowLosses(model.tokens)).toEqual(base);
    await evaluator.close();
    const checkpoint = await openCheckpoint(model.directory);
    const grafted = await createEvaluator(options({ checkpoint: graftExperts(checkpoint, experts) }));
    expect(await grafted.rowLosses(model.tokens)).toEqual(candidate);
    expect(candidate).not.toEqual(base);
    await grafted.close();
    await checkpoint.close();
  });

  it('answers calls in order, also when several are under way', async () => {
    const model = await loadTinyModel('grouped');
    const evaluator = await createEvaluator(options());
    const experts = shifted(startOf(model), 0.1);
    const [a, b, c] = await Promise.all([evaluator.rowLosses(model.tokens), evaluator.rowLosses(model.tokens, { experts }), evaluator.rowLosses(model.tokens)]);
    expect(a).toEqual(c);
    expect(b).not.toEqual(a);
    await evaluator.close();
  });

  it('gives NaN, not a crash, where a candidate is not finite', async () => {
    const model = await loadTinyModel('grouped');
    const evaluator = await createEvaluator(options());
    for (const poison of [Number.NaN, Infinity]) {
      const experts = new Map([...startOf(model)].map(([name, { shape, data }]) => [name, { shape, data: data.fill(poison) }]));
      const losses = await evaluator.rowLosses(model.tokens, { experts });
      expect(losses.some((loss) => !Number.isFinite(loss))).toBe(true);
    }
    expect((await evaluator.rowLosses(model.tokens)).every((loss) => Number.isFinite(loss))).toBe(true);
    await evaluator.close();
  });
});

function swap(name: string, shape: number[], length: number): ExpertWeights {
  return new Map([[name, { shape, data: new Float32Array(length) }]]);
}

describe('errors', () => {
  it.each([
    ['sequenceLength', { sequenceLength: 1 }],
    ['batchSize', { batchSize: 0 }],
    ['threads', { threads: 1.5 }],
    ['device', { device: 'gpu' as never }],
  ])('bad-option %s', async (option, overrides) => {
    await expect(createEvaluator(options(overrides))).rejects.toMatchObject({ code: 'bad-option', context: { option } });
  });

  it('unsupported-model: what moe-core reads and this package does not compute', async () => {
    const checkpoint = await openCheckpoint(vectorPath('grouped'));
    const other = { ...checkpoint, topology: { ...checkpoint.topology, attention: { ...checkpoint.topology.attention, sinks: true } as Topology['attention'] } };
    await expect(createEvaluator(options({ checkpoint: other }))).rejects.toMatchObject({ code: 'unsupported-model', context: { feature: 'attention sinks' } });
    await checkpoint.close();
  });

  it('what moe-core says of a selection or a directory', async () => {
    await expect(createEvaluator(options({ experts: new Map([[9, [0]]]) }))).rejects.toMatchObject({ name: 'MoeError', code: 'selection-invalid' });
    await expect(createEvaluator(options({ checkpoint: vectorPath('nowhere') }))).rejects.toMatchObject({ name: 'MoeError', code: 'file-missing' });
  });

  it('bad-shape and unknown-tensor name what was wrong; the evaluator goes on', async () => {
    const model = await loadTinyModel('grouped');
    const evaluator = await createEvaluator(options({ experts: new Map([[0, [1]]]) }));
    await expect(evaluator.rowLosses(Int32Array.of(1, 2))).rejects.toMatchObject({ code: 'bad-shape', context: { name: 'tokens' } });
    const name = 'model.layers.0.mlp.experts.1.up_proj.weight';
    const losses = (experts: ExpertWeights): Promise<Float64Array> => evaluator.rowLosses(model.tokens, { experts });
    await expect(losses(swap(name, [16, 12], 192))).rejects.toMatchObject({ code: 'bad-shape', context: { name, expected: '[12, 16], 192 values' } });
    await expect(losses(swap(name, [12, 16], 191))).rejects.toMatchObject({ code: 'bad-shape', context: { name, actual: '[12, 16], 191 values' } });
    await expect(losses(swap('model.norm.weight', [16], 16))).rejects.toMatchObject({ code: 'unknown-tensor' });
    await expect(losses(swap('nothing', [16], 16))).rejects.toMatchObject({ code: 'unknown-tensor' });
    await expect(losses(swap(name.replace('experts.1', 'experts.2'), [12, 16], 192))).rejects.toMatchObject({ code: 'unknown-tensor', message: expect.stringContaining('may replace') as string });
    expect((await losses(swap(name, [12, 16], 192))).length).toBe(2);
    await evaluator.close();
  });

  it('closed: after close(), and for what was under way', async () => {
    const model = await loadTinyModel('grouped');
    const evaluator = await createEvaluator(options());
    const running = evaluator.rowLosses(Int32Array.from({ length: 300 * 7 }, (_, index) => index % 40));
    running.catch(() => undefined);
    await evaluator.close();
    await evaluator.close();
    const error: unknown = await running.catch((caught: unknown) => caught);
    expect(isMoeEngineError(error, 'closed')).toBe(true);
    expect(isMoeEngineError(error, 'aborted')).toBe(false);
    await expect(evaluator.rowLosses(model.tokens)).rejects.toMatchObject({ code: 'closed' });
  });

  it('closing in the middle of native work is safe, 8 times', async () => {
    const many = Int32Array.from({ length: 300 * 7 }, (_, index) => index % 40);
    for (let round = 0; round < 8; round++) {
      const evaluator = await createEvaluator(options({ batchSize: 4 }));
      const running = evaluator.rowLosses(many).catch((error: unknown) => error);
      await new Promise((resolve) => void setTimeout(resolve, round % 5));
      await evaluator.close();
      expect(await running).toMatchObject({ code: 'closed' });
    }
  });

  it('aborted: before and while, with the reason as cause; the evaluator goes on', async () => {
    const model = await loadTinyModel('grouped');
    const reason = new Error('enough');
    await expect(createEvaluator(options({ signal: AbortSignal.abort(reason) }))).rejects.toMatchObject({ code: 'aborted', cause: reason });
    const evaluator = await createEvaluator(options({ batchSize: 1 }));
    const many = Int32Array.from({ length: 20_000 * 7 }, (_, index) => index % 40);
    const controller = new AbortController();
    const running = evaluator.rowLosses(many, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    await expect(running).rejects.toMatchObject({ code: 'aborted', cause: reason });
    expect((await evaluator.rowLosses(model.tokens)).length).toBe(2);
    await evaluator.close();
  });
});

describe('collectRouting', () => {
  it('gives the reference routing', async () => {
    const model = await loadTinyModel('odd');
    const routing = await collectRouting({ checkpoint: model.directory, tokens: model.tokens, sequenceLength: model.sequenceLength, batchSize: 2 });
    expect(routing.map(({ layer }) => layer)).toEqual([0, 1, 2]);
    for (const { layer, ids, weights } of routing) {
      expect([...ids]).toEqual([...model.expectedIds.get(`ids.${layer}`)!]);
      expect(relativeDistance(weights, model.expected.get(`weights.${layer}`)!)).toBeLessThan(1e-6);
    }
  });
});

describe('a process with an idle engine', () => {
  it('ends by itself', async () => {
    const child = fileURLToPath(new URL('child.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [child, JSON.stringify({ mode: 'evaluate', directory: vectorPath('grouped') })], { timeout: 30_000 });
    expect((JSON.parse(stdout) as { losses: number[] }).losses.length).toBe(9);
  });
});

const demoModel = new URL('../../demo-data/model/', import.meta.url);
const demoLosses = new URL('../../demo-data/test/vectors/transformers-loss.json', import.meta.url);
const haveDemo = existsSync(new URL('model.safetensors', demoModel)) && existsSync(demoLosses);
if (!haveDemo) console.warn('SKIPPED: packages/demo-data has no model or no transformers-loss.json; the losses of the demo model are not compared');

describe.skipIf(!haveDemo)('the demo model', () => {
  it('has the losses that transformers gives, to 1e-4', async () => {
    const { domains } = JSON.parse(readFileSync(demoLosses, 'utf8')) as { domains: Record<string, { rows: { loss: number; tokens: number[] }[] }> };
    const rows = Object.values(domains).flatMap((domain) => domain.rows);
    const evaluator = await createEvaluator({ checkpoint: fileURLToPath(demoModel), sequenceLength: 128, batchSize: 4 });
    const losses = await evaluator.rowLosses(Int32Array.from(rows.flatMap((row) => row.tokens)));
    await evaluator.close();
    for (const [index, { loss }] of rows.entries()) expect(Math.abs(losses[index]! - loss)).toBeLessThan(1e-4);
  });
});
