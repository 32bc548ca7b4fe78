import { beforeAll, describe, expect, it } from 'vitest';
import { compileEvaluation, compileLogits, compileRouting, compileTraining } from '../src/model/program.ts';
import { assertSupported } from '../src/model/supported.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { FAMILY_MODELS, loadTinyModel, openTestRuntime, relativeDistance, runProgram, type TinyModel } from './tiny-model.ts';
import { VECTOR_DEVICES } from './vector-devices.ts';

const targets = FAMILY_MODELS.flatMap((name) => VECTOR_DEVICES.filter((device) => device !== 'wasm').map((device) => [name, device] as const));

describe.each(targets)('transformers and PyTorch agree, model %s (%s)', (name, device) => {
  let runtime: Runtime;
  let model: TinyModel;
  beforeAll(async () => {
    runtime = await openTestRuntime(device);
    model = await loadTinyModel(name);
  });

  it('is computed', () => {
    expect(() => assertSupported(model.topology)).not.toThrow();
    expect(model.trained.length).toBeGreaterThanOrEqual(model.topology.moeLayers.length * model.topology.expertsPerLayer * 3);
  });

  it('logits within 1e-4', async () => {
    const logits = (await runProgram(runtime, compileLogits({ ...model, profile: runtime.profile }), model)).get('logits') as Float32Array;
    expect(largestDifference(logits, model.expected.get('logits')!)).toBeLessThan(1e-4);
  });

  it('token losses within 1e-5', async () => {
    const losses = (await runProgram(runtime, compileEvaluation({ ...model, profile: runtime.profile }), model)).get('losses') as Float32Array;
    expect(largestDifference(losses, model.expected.get('losses')!)).toBeLessThan(1e-5);
  });

  it('the same experts by falling weight, weights within 1e-6', async () => {
    const outputs = await runProgram(runtime, compileRouting({ ...model, profile: runtime.profile }), model);
    for (const layer of model.topology.moeLayers) {
      expect(Array.from(outputs.get(`ids.${layer}`) as BigInt64Array, Number)).toEqual([...model.expectedIds.get(`ids.${layer}`)!]);
      expect(relativeDistance(outputs.get(`weights.${layer}`) as Float32Array, model.expected.get(`weights.${layer}`)!)).toBeLessThan(1e-6);
    }
  });

  it('loss within 1e-6, gradients of every expert within 1e-4 relative', async () => {
    const outputs = await runProgram(runtime, compileTraining({ ...model, profile: runtime.profile }), model);
    expect(relativeDistance([Number(outputs.get('loss')![0])], [model.expected.get('loss')![0]!])).toBeLessThan(1e-6);
    for (const tensor of model.trained) expect(relativeDistance(outputs.get(tensor) as Float32Array, model.expected.get(`gradient/${tensor}`)!)).toBeLessThan(1e-4);
  });
});

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let index = 0; index < expected.length; index++) largest = Math.max(largest, Math.abs(actual[index]! - expected[index]!));
  return largest;
}
