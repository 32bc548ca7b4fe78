import { describe, expect, it } from 'vitest';
import { compileEvaluation, compileRouting, compileSplitEvaluation, compileTraining } from '../src/model/program.ts';
import { loadTinyModel } from './tiny-model.ts';

describe('compiling', () => {
  it('asks for exactly the weights that are needed', async () => {
    const model = await loadTinyModel('odd');
    expect(compileEvaluation(model).weights.toSorted()).toEqual([...model.weights.keys()].toSorted());
    const routing = compileRouting(model).weights;
    expect(routing).not.toContain('lm_head.weight');
    expect(routing).not.toContain('model.layers.2.mlp.experts.0.up_proj.weight');
    expect(routing).toContain('model.layers.2.mlp.gate.weight');
  });

  it('emits no gradient work below the first trained expert', async () => {
    const model = await loadTinyModel('odd');
    const layer = (index: number): string[] => model.trained.filter((name) => name.startsWith(`model.layers.${index}.`));
    expect(compileTraining({ ...model, trained: layer(2) }).model.length).toBeLessThan(0.8 * compileTraining({ ...model, trained: layer(0) }).model.length);
  });

  it('refuses a checkpoint without a tensor that the model needs', async () => {
    const model = await loadTinyModel('grouped');
    const shapes = new Map(model.shapes);
    shapes.delete('model.norm.weight');
    expect(() => compileEvaluation({ ...model, shapes })).toThrow(expect.objectContaining({ code: 'unknown-tensor', context: { name: 'model.norm.weight' } }));
  });

  it('refuses a tensor of another shape', async () => {
    const model = await loadTinyModel('grouped');
    const shapes = new Map(model.shapes).set('model.norm.weight', [17]);
    expect(() => compileEvaluation({ ...model, shapes })).toThrow(expect.objectContaining({ code: 'bad-shape', context: { name: 'model.norm.weight', expected: '[16]', actual: '[17]' } }));
  });
});

const startsWith = (names: readonly string[], prefix: string): string[] => names.filter((name) => name.startsWith(prefix));

describe('splitting an evaluation', () => {
  it('leaves to the shared part what candidates do not touch: attention, router and sorting of their first layer, too, and its other experts', async () => {
    const model = await loadTinyModel('odd');
    const { shared, own } = compileSplitEvaluation({ ...model, changed: startsWith([...model.weights.keys()], 'model.layers.1.mlp.experts.2.') });
    expect(shared.fed).toEqual(['tokens']);
    expect(own.fed).toEqual([...shared.outputs.keys()]);
    expect(own.fed).toEqual([...shared.outputs.values()]);
    for (const name of ['model.embed_tokens.weight', 'model.layers.0.mlp.experts.0.up_proj.weight', 'model.layers.1.self_attn.q_proj.weight', 'model.layers.1.mlp.gate.weight', 'model.layers.1.mlp.experts.3.up_proj.weight']) {
      expect(shared.weights).toContain(name);
      expect(own.weights).not.toContain(name);
    }
    expect(startsWith(own.weights, 'model.layers.1.mlp.experts.2.').length).toBe(3);
    expect(startsWith(own.weights, 'model.layers.2.').toSorted()).toEqual(startsWith([...model.weights.keys()], 'model.layers.2.').toSorted());
    expect(own.weights).toContain('lm_head.weight');
    expect(shared.weights).not.toContain('lm_head.weight');
  });

  it('leaves everything to it where nothing is changed', async () => {
    const model = await loadTinyModel('grouped');
    const { shared, own } = compileSplitEvaluation({ ...model, changed: [] });
    expect(shared.weights).toEqual(compileEvaluation(model).weights);
    expect([own.weights, own.fed]).toEqual([[], [...shared.outputs.keys()]]);
  });
});
