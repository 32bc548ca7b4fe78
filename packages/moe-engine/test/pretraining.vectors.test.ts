import { existsSync, readFileSync } from 'node:fs';
import { expectedTensors } from '@connito/moe-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileTraining } from '../src/model/program.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { FAMILY_MODELS, loadTinyModel, openTestRuntime, readTensors, relativeDistance, runProgram, TINY_MODELS, vectorPath, type TinyModel } from './tiny-model.ts';
import { VECTOR_DEVICES } from './vector-devices.ts';

const manifest = JSON.parse(readFileSync(vectorPath('pretraining.json'), 'utf8')) as { readonly balance: number; readonly routerZ: number; readonly bag: number };

interface PretrainingVectors {
  readonly model: TinyModel;
  readonly names: readonly string[];
  readonly floats: ReadonlyMap<string, Float32Array>;
  readonly integers: ReadonlyMap<string, Int32Array>;
}

async function loadVectors(name: string): Promise<PretrainingVectors> {
  const model = await loadTinyModel(name);
  const { floats, integers } = await readTensors(vectorPath(`${name}/pretraining.safetensors`));
  return { model, names: [...expectedTensors(model.topology)].map((tensor) => tensor.name), floats, integers };
}

function expectGradients(outputs: ReadonlyMap<string, ArrayLike<number | bigint>>, { names, floats }: PretrainingVectors, prefix: string): void {
  for (const name of names) expect([name, relativeDistance(outputs.get(name) as Float32Array, floats.get(prefix + name)!) < 1e-4]).toEqual([name, true]);
  const isZero = names.filter((name) => floats.get(prefix + name)!.every((entry) => entry === 0));
  expect(isZero.every((name) => name.includes('.experts.'))).toBe(true);
}

describe.each(VECTOR_DEVICES)('transformers and PyTorch autograd agree on every parameter (%s)', (device) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTestRuntime(device);
  });

  it.each(TINY_MODELS)('model %s: auxiliary losses within 1e-6, gradients of the weighted sum within 1e-4 relative', async (name) => {
    const vectors = await loadVectors(name);
    const { model, names, floats } = vectors;
    const outputs = await runProgram(runtime, compileTraining({ ...model, trained: names, profile: runtime.profile, auxiliary: manifest }), model);
    for (const loss of ['loss', 'auxiliaryLoss', 'routerZLoss']) {
      expect([loss, relativeDistance(outputs.get(loss) as Float32Array, floats.get(loss)!) < 1e-6]).toEqual([loss, true]);
    }
    expectGradients(outputs, vectors, 'gradient/');
  });

  it.each(TINY_MODELS)('model %s: a step with superposed tokens, loss within 1e-6, gradients within 1e-4 relative', async (name) => {
    const vectors = await loadVectors(name);
    const { names, floats, integers } = vectors;
    const model = { ...vectors.model, tokens: integers.get('bags/tokens')! };
    const outputs = await runProgram(runtime, compileTraining({ ...model, trained: names, profile: runtime.profile, bag: manifest.bag }), model);
    expect(relativeDistance(outputs.get('loss') as Float32Array, floats.get('bags/loss')!)).toBeLessThan(1e-6);
    expectGradients(outputs, vectors, 'bags/gradient/');
  });
});

/** Those whose router `generate_pretraining.py` knows; gradients of every parameter without auxiliary losses are in the vectors of all. */
const models = FAMILY_MODELS.filter((name) => existsSync(vectorPath(`${name}/pretraining.safetensors`)));
const targets = models.flatMap((name) => VECTOR_DEVICES.filter((device) => device !== 'wasm').map((device) => [name, device] as const));

describe.each(targets)('transformers and PyTorch autograd agree on what is no expert, model %s (%s)', (name, device) => {
  it('losses within 1e-5, gradients of their sum within 1e-4 relative', async () => {
    const runtime = await openTestRuntime(device);
    const vectors = await loadVectors(name);
    const { model, floats } = vectors;
    const names = [...expectedTensors(vectors.model.topology)].filter(({ name: tensor, part }) => part !== 'experts' && vectors.floats.has(`gradient/${tensor}`)).map((tensor) => tensor.name);
    const auxiliary = floats.has('auxiliaryLoss') ? manifest : {};
    const outputs = await runProgram(runtime, compileTraining({ ...model, trained: names, profile: runtime.profile, auxiliary }), model);
    for (const loss of ['loss', 'auxiliaryLoss', 'routerZLoss'].filter((meaning) => floats.has(meaning))) {
      expect([loss, relativeDistance(outputs.get(loss) as Float32Array, floats.get(loss)!) < 1e-5]).toEqual([loss, true]);
    }
    expectGradients(outputs, { ...vectors, names }, 'gradient/');
  });
});

describe('gradients of all parameters', () => {
  it('have the same bits whichever others are asked for beside the head, and whatever the threads', async () => {
    const { model, names } = await loadVectors('odd');
    const program = compileTraining({ ...model, trained: names });
    const all = await runProgram(await openTestRuntime(), program, model);
    const few = ['lm_head.weight', 'model.layers.1.mlp.gate.weight', 'model.embed_tokens.weight'];
    const some = await runProgram(await openTestRuntime(), compileTraining({ ...model, trained: few }), model);
    for (const name of few) expect(some.get(name)).toEqual(all.get(name));
    expect(await runProgram(await openTestRuntime('cpu', 2), program, model)).toEqual(all);
  });
});
