import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEvaluator, trainExperts, type EvaluatorOptions, type TrainOptions } from '@connito/moe-engine';
import { describe, expect, it } from 'vitest';
import { loadTinyModel, openTestRuntime, relativeDistance, startOf } from './tiny-model.ts';
import { haveGpu } from './vector-devices.ts';

const shifted = (values: Float32Array): Float32Array => values.map((entry, index) => entry + 0.05 * Math.sin(index));

describe.skipIf(!haveGpu)('on a GPU', () => {
  it('tensors are copied there and back, whatever their number of axes', async () => {
    const runtime = await openTestRuntime('webgpu');
    for (const shape of [[6], [2, 3], [1, 3, 2], [3, 2]]) {
      const placed = await runtime.place(Float32Array.of(1, -2, 3.5, 0, 5e-9, 6), shape);
      expect([placed.location, placed.dims]).toEqual(['gpu-buffer', shape]);
      expect(await runtime.read(placed)).toEqual(Float32Array.of(1, -2, 3.5, 0, 5e-9, 6));
      placed.dispose();
    }
  });

  it('evaluation gives the losses of the processor: base, one candidate, several at once', async () => {
    const model = await loadTinyModel('dense');
    const experts = new Map([...startOf(model)].map(([name, { shape, data }]) => [name, { shape, data: shifted(data) }]));
    const run = async (device: 'cpu' | 'webgpu'): Promise<Float32Array[]> => {
      const options: EvaluatorOptions = { checkpoint: model.directory, sequenceLength: model.sequenceLength, batchSize: 1, device };
      const evaluator = await createEvaluator(options);
      expect(evaluator.device).toBe(device);
      const base = await evaluator.tokenLosses(model.tokens);
      const one = await evaluator.tokenLosses(model.tokens, { experts });
      const several: Float32Array[] = [];
      for await (const { tokens: tokenLosses } of evaluator.candidateLosses(model.tokens, [experts, startOf(model)])) several.push(tokenLosses);
      const again = await evaluator.tokenLosses(model.tokens);
      await evaluator.close();
      expect(again).toEqual(base);
      return [base, one, ...several];
    };
    const [cpu, gpu] = [await run('cpu'), await run('webgpu')];
    expect(relativeDistance(cpu[1]!, cpu[0]!)).toBeGreaterThan(1e-3);
    for (const [index, losses] of gpu.entries()) expect(relativeDistance(losses, cpu[index]!)).toBeLessThan(1e-5);
  });

  it('training tracks the processor for 8 steps, interrupted and resumed', async () => {
    const model = await loadTinyModel('dense');
    const resumeDirectory = await mkdtemp(join(tmpdir(), 'connito-webgpu-'));
    const job = (overrides: Partial<TrainOptions>): TrainOptions => ({ checkpoint: model.directory, start: startOf(model), tokens: model.tokens, sequenceLength: model.sequenceLength, batchSize: 1, steps: 8, learningRate: 1e-2, rowSeed: 'gpu', ...overrides });
    const cpu = await trainExperts(job({ device: 'cpu' }));
    const controller = new AbortController();
    const interrupted = trainExperts(job({ device: 'webgpu', resumeDirectory, signal: controller.signal, onStep: ({ step }) => step === 3 && controller.abort() }));
    await expect(interrupted).rejects.toMatchObject({ code: 'aborted' });
    const gpu = await trainExperts(job({ device: 'webgpu', resumeDirectory }));
    await rm(resumeDirectory, { recursive: true });
    expect(gpu.steps.length).toBe(8);
    for (const [index, { loss }] of gpu.steps.entries()) expect(Math.abs(loss - cpu.steps[index]!.loss)).toBeLessThan(1e-5);
    for (const [name, { data }] of gpu.experts) expect(relativeDistance(data, cpu.experts.get(name)!.data)).toBeLessThan(1e-4);
    expect(await trainExperts(job({ device: 'webgpu' })).then(({ experts }) => experts)).toEqual(gpu.experts);
  });
});
