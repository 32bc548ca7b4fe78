import { beforeAll, describe, expect, it } from 'vitest';
import { compileEvaluation, compileRouting, compileTraining } from '../src/model/program.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { loadTinyModel, openTestRuntime, relativeDistance, runProgram, TINY_MODELS, type TinyModel } from './tiny-model.ts';
import { VECTOR_DEVICES } from './vector-devices.ts';

describe.each(VECTOR_DEVICES)('transformers and PyTorch agree (%s)', (device) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTestRuntime(device);
  });

  it.each(TINY_MODELS)('model %s: loss within 1e-6, gradients of the trained experts within 1e-4 relative', async (name) => {
    const model = await loadTinyModel(name);
    const outputs = await runProgram(runtime, compileTraining({ ...model, profile: runtime.profile }), model);
    expect(relativeDistance([Number(outputs.get('loss')![0])], [model.expected.get('loss')![0]!])).toBeLessThan(1e-6);
    for (const tensor of model.trained) {
      expect(relativeDistance(outputs.get(tensor) as Float32Array, model.expected.get(`gradient/${tensor}`)!)).toBeLessThan(1e-4);
    }
  });

  it.each(TINY_MODELS)('model %s: token losses', async (name) => {
    const model = await loadTinyModel(name);
    const losses = (await runProgram(runtime, compileEvaluation({ ...model, profile: runtime.profile }), model)).get('losses') as Float32Array;
    const expected = model.expected.get('losses')!;
    expect(losses.length).toBe(expected.length);
    for (let index = 0; index < expected.length; index++) expect(Math.abs(losses[index]! - expected[index]!)).toBeLessThan(2e-6 * Math.max(1, expected[index]!));
  });
});

describe('routing', () => {
  it.each(TINY_MODELS)('model %s: same experts in the same order, weights within 1e-6', async (name) => {
    const model = await loadTinyModel(name);
    const outputs = await runProgram(await openTestRuntime(), compileRouting(model), model);
    for (const layer of model.topology.moeLayers) {
      expect(Array.from(outputs.get(`ids.${layer}`) as BigInt64Array, Number)).toEqual([...model.expectedIds.get(`ids.${layer}`)!]);
      expect(relativeDistance(outputs.get(`weights.${layer}`) as Float32Array, model.expected.get(`weights.${layer}`)!)).toBeLessThan(1e-6);
    }
  });
});

describe('gradients', () => {
  let model: TinyModel;
  beforeAll(async () => {
    model = await loadTinyModel('dense');
  });

  it('are zero for an expert without tokens', async () => {
    const outputs = await runProgram(await openTestRuntime(), compileTraining(model), model);
    const used = new Set(model.expectedIds.get('ids.0'));
    const idle = [0, 1, 2, 3, 4, 5, 6, 7].filter((id) => !used.has(id));
    expect(idle.length).toBeGreaterThan(2);
    for (const id of idle) expect((outputs.get(`model.layers.0.mlp.experts.${id}.up_proj.weight`) as Float32Array).every((entry) => entry === 0)).toBe(true);
  });

  it('do not depend on which other experts are trained', async () => {
    const [all, one] = [model.trained, model.trained.slice(0, 3)];
    const runtime = await openTestRuntime();
    const [wide, narrow] = [await runProgram(runtime, compileTraining({ ...model, trained: all }), model), await runProgram(runtime, compileTraining({ ...model, trained: one }), model)];
    for (const name of one) expect(narrow.get(name)).toEqual(wide.get(name));
  });
});
