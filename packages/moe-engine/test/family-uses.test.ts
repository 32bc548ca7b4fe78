import { extractExperts, parseExpertTensorName, type ExpertSelection } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { collectRouting, createEvaluator, trainExperts } from '@connito/moe-engine';
import { describe, expect, it } from 'vitest';
import { compileEvaluation, compileTraining } from '../src/model/program.ts';
import { loadTinyModel, openTestRuntime, relativeDistance, runProgram, vectorPath } from './tiny-model.ts';

/** One of each family. */
const ONE_EACH = ['deepseek-groups', 'deepseek-v3', 'qwen2', 'qwen3-window', 'olmoe-grouped', 'mixtral', 'granite', 'llama4'];

describe.each(ONE_EACH)('a directory of the family of %s', (name) => {
  const directory = vectorPath(`families/${name}`);

  it('is evaluated, routed and trained', async () => {
    const { tokens, sequenceLength, expected, expectedIds, topology } = await loadTinyModel(`families/${name}`);
    const common = { checkpoint: directory, sequenceLength, batchSize: 1 };
    const routings = await collectRouting({ ...common, tokens });
    expect(routings.map(({ layer }) => layer)).toEqual(topology.moeLayers);
    for (const { layer, ids } of routings) expect([...ids]).toEqual([...expectedIds.get(`ids.${layer}`)!]);

    const evaluator = await createEvaluator(common);
    const base = await evaluator.tokenLosses(tokens);
    expect(relativeDistance(base, expected.get('losses')!)).toBeLessThan(1e-6);
    const checkpoint = await openCheckpoint(directory);
    const used = new Map(routings.map(({ layer, ids }) => [layer, [...new Set(ids)].sort((a, b) => a - b).slice(0, 2)])) satisfies ExpertSelection;
    const start = await extractExperts(checkpoint, used);
    const { experts, steps } = await trainExperts({ ...common, start, tokens, steps: 12, learningRate: 2e-2, rowSeed: name });
    expect(steps.every(({ skipped, gradientNorm }) => !skipped && gradientNorm > 0)).toBe(true);
    expect([...experts.keys()].toSorted()).toEqual([...start.keys()].toSorted());
    expect(mean(await evaluator.tokenLosses(tokens, { experts }))).toBeLessThan(mean(base) - 0.05);
    expect(await evaluator.tokenLosses(tokens)).toEqual(base);
    await evaluator.close();
    await checkpoint.close();
  });
});

describe('a layer that holds none of its experts', () => {
  it.each(['deepseek-lite', 'qwen2', 'mixtral', 'granite', 'llama4'])('%s: as if their weights were zero, shared experts go on', async (name) => {
    const model = await loadTinyModel(`families/${name}`);
    const runtime = await openTestRuntime();
    const partial = await runProgram(runtime, compileEvaluation({ ...model, present: { experts: new Map() } }), model);
    const zeroed = new Map([...model.weights].map(([tensor, data]) => [tensor, parseExpertTensorName(model.topology, tensor) === undefined ? data : new Float32Array(data.length)]));
    const full = await runProgram(runtime, compileEvaluation(model), { ...model, weights: zeroed });
    expect(relativeDistance(partial.get('losses') as Float32Array, full.get('losses') as Float32Array)).toBeLessThan(1e-6);
  });
});

describe('documents packed into one row', () => {
  it.each(['deepseek-groups', 'qwen3-window', 'mixtral-window', 'llama4'])('%s: the loss of each is the one it has alone', async (name) => {
    const model = await loadTinyModel(`families/${name}`);
    const runtime = await openTestRuntime();
    const row = model.tokens.subarray(0, model.sequenceLength);
    const split = 3;
    const documents = Int32Array.from(row, (_, index) => Number(index >= split));
    for (const [document, from, to] of [[0, 0, split], [1, split, row.length]] as const) {
      const alone = { ...model, tokens: row.slice(from, to), batchSize: 1, sequenceLength: to - from };
      const expected = (await runProgram(runtime, compileEvaluation(alone), alone)).get('losses') as Float32Array;
      const lossWeights = Float32Array.from({ length: row.length - 1 }, (_, index) => Number(documents[index] === document && documents[index + 1] === document));
      const packed = { ...model, tokens: row, batchSize: 1, documents, lossWeights };
      const outputs = await runProgram(runtime, compileTraining({ ...packed, trained: [], packed: true }), packed);
      expect(Number(outputs.get('loss')![0])).toBeCloseTo(expected.reduce((sum, loss) => sum + loss, 0), 4);
    }
  });
});

function mean(losses: Float32Array): number {
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
