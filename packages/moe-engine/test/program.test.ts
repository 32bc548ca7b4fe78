import { describe, expect, it } from 'vitest';
import { compileEvaluation, compileRouting, compileTraining } from '../src/model/program.ts';
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
