import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { expertTensorNames, type ExpertSelection } from '@connito/moe-core';
import { openSafetensorsFile } from '@connito/moe-core/node';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PresentExperts } from '../src/model/present-experts.ts';
import { compileEvaluation, compileRouting, compileTraining } from '../src/model/program.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { loadTinyModel, openTestRuntime, readTensors, relativeDistance, runProgram, vectorPath, type TinyModel } from './tiny-model.ts';
import { VECTOR_DEVICES } from './vector-devices.ts';

interface PartialCase {
  readonly model: TinyModel;
  readonly present: PresentExperts;
  readonly losses: Float32Array;
  readonly tensors: Awaited<ReturnType<typeof readTensors>>;
}

async function loadCase(name: string): Promise<PartialCase> {
  const path = vectorPath(`partial/${name}.safetensors`);
  const file = await openSafetensorsFile(path);
  const metadata = (key: string): string => file.metadata.get(key)!;
  const selection = (key: string): ExpertSelection => new Map(Object.entries(JSON.parse(metadata(key)) as Record<string, number[]>).map(([layer, ids]) => [Number(layer), ids]));
  const full = await loadTinyModel(metadata('model'));
  const trained = [...selection('trained')].flatMap(([layer, ids]) => ids.flatMap((expert) => Object.values(expertTensorNames(full.topology, { layer, expert }))));
  const present = { experts: selection('present'), routing: metadata('routing') as 'natural' | 'masked' };
  await file.close();
  const tensors = await readTensors(path);
  return { model: { ...full, trained: trained as string[] }, present, losses: tensors.floats.get('losses')!, tensors };
}

const CASES = readdirSync(vectorPath('partial')).map((file) => basename(file, '.safetensors'));

describe.each(VECTOR_DEVICES)('partial models of transformers and PyTorch (%s)', (device) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTestRuntime(device);
  });

  it.each(device === 'wasm' ? ['grouped-natural', 'deepseek-masked'] : CASES)('%s: token losses, and gradients of the trained experts within 1e-4 relative', async (name) => {
    const { model, present, losses, tensors } = await loadCase(name);
    const evaluated = (await runProgram(runtime, compileEvaluation({ ...model, present, profile: runtime.profile }), model)).get('losses') as Float32Array;
    expect(evaluated.length).toBe(losses.length);
    expect(relativeDistance(losses, model.expected.get('losses')!)).toBeGreaterThan(1e-3);
    for (let index = 0; index < losses.length; index++) expect(Math.abs(evaluated[index]! - losses[index]!)).toBeLessThan(2e-6 * Math.max(1, losses[index]!));
    const trained = await runProgram(runtime, compileTraining({ ...model, present, profile: runtime.profile }), model);
    expect(relativeDistance([Number(trained.get('loss')![0])], [losses.reduce((sum, loss) => sum + loss, 0) / losses.length])).toBeLessThan(1e-6);
    for (const tensor of model.trained) {
      expect(relativeDistance(trained.get(tensor) as Float32Array, tensors.floats.get(`gradient/${tensor}`)!)).toBeLessThan(1e-4);
    }
  });
});

describe('routing of partial models', () => {
  it.each(CASES)('%s: the experts that weigh, in order, with their weights', async (name) => {
    const { model, present, tensors } = await loadCase(name);
    const outputs = await runProgram(await openTestRuntime(), compileRouting({ ...model, present }), model);
    for (const layer of model.topology.moeLayers) {
      const [ids, weights] = [outputs.get(`ids.${layer}`) as BigInt64Array, outputs.get(`weights.${layer}`) as Float32Array];
      expect(relativeDistance(weights, tensors.floats.get(`weights.${layer}`)!)).toBeLessThan(1e-6);
      // Ranks without weight are filled up with absent experts, in no order that transformers promises.
      const weighs = (_: number, at: number): boolean => weights[at] !== 0;
      expect(Array.from(ids, Number).filter(weighs)).toEqual([...tensors.integers.get(`ids.${layer}`)!].filter(weighs));
    }
  });
});
