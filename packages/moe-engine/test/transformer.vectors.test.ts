import { describe, expect, it } from 'vitest';
import { compileEvaluation, compileRouting, compileTraining } from '../src/program.ts';
import { openRuntime } from '../src/runtime.ts';
import { loadTinyModel, relativeDistance, runProgram, TINY_MODELS } from './tiny-model.ts';

describe.each(['native', 'wasm'] as const)('transformers and PyTorch agree (%s)', (provider) => {
  describe.each(TINY_MODELS)('model %s', (name) => {
    it('on token losses', async () => {
      const [runtime, model] = [await openRuntime({ provider, threads: 1, onNotice: expect.unreachable }), await loadTinyModel(name)];
      const losses = (await runProgram(runtime, compileEvaluation(model), model)).get('losses') as Float32Array;
      const expected = model.expected.get('losses')!;
      expect(losses.length).toBe(expected.length);
      for (let index = 0; index < expected.length; index++) expect(Math.abs(losses[index]! - expected[index]!)).toBeLessThan(2e-6 * Math.max(1, expected[index]!));
    });

    it('on loss (1e-6) and gradients of the trained experts (1e-4 relative)', async () => {
      const [runtime, model] = [await openRuntime({ provider, threads: 1, onNotice: expect.unreachable }), await loadTinyModel(name)];
      const outputs = await runProgram(runtime, compileTraining(model), model);
      const loss = Number(outputs.get('loss')![0]);
      expect(relativeDistance([loss], [model.expected.get('loss')![0]!])).toBeLessThan(1e-6);
      for (const tensor of model.trained) {
        expect(relativeDistance(outputs.get(tensor) as Float32Array, model.expected.get(`gradient/${tensor}`)!)).toBeLessThan(1e-4);
      }
    });

    it('on routing: same experts in the same order, weights within 1e-6', async () => {
      const [runtime, model] = [await openRuntime({ provider, threads: 1, onNotice: expect.unreachable }), await loadTinyModel(name)];
      const outputs = await runProgram(runtime, compileRouting(model), model);
      for (const layer of model.topology.moeLayers) {
        const ids = Array.from(outputs.get(`ids.${layer}`) as BigInt64Array, Number);
        expect(ids).toEqual([...model.expectedIds.get(`ids.${layer}`)!]);
        expect(relativeDistance(outputs.get(`weights.${layer}`) as Float32Array, model.expected.get(`weights.${layer}`)!)).toBeLessThan(1e-6);
      }
    });
  });
});

describe('an expert without tokens', () => {
  it('has a gradient of zero', async () => {
    const [runtime, model] = [await openRuntime({ provider: 'native', threads: 1, onNotice: expect.unreachable }), await loadTinyModel('dense')];
    const outputs = await runProgram(runtime, compileTraining(model), model);
    const used = new Set(model.expectedIds.get('ids.0'));
    const idle = [0, 1, 2, 3, 4, 5, 6, 7].filter((id) => !used.has(id));
    expect(idle.length).toBeGreaterThan(2);
    for (const id of idle) expect((outputs.get(`model.layers.0.mlp.experts.${id}.up_proj.weight`) as Float32Array).every((entry) => entry === 0)).toBe(true);
  });
});
