import { openSafetensorsFile } from '@connito/moe-core/node';
import { trainExperts, type TrainingStep } from '@connito/moe-engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileTraining } from '../src/model/program.ts';
import { countTargets, isTarget } from '../src/training/training-rows.ts';
import { loadTinyModel, openTestRuntime, readTensors, relativeDistance, runProgram, startOf, TINY_MODELS, vectorPath, type TinyModel } from './tiny-model.ts';
import { VECTOR_DEVICES } from './vector-devices.ts';

const path = vectorPath('training/packed.safetensors');
let vectors: Awaited<ReturnType<typeof readTensors>>;
let metadata: ReadonlyMap<string, string>;

beforeAll(async () => {
  vectors = await readTensors(path);
  const file = await openSafetensorsFile(path);
  metadata = file.metadata;
  await file.close();
});

interface Rows {
  readonly tokens: Int32Array;
  readonly documents: Int32Array;
  readonly labelMask: Uint8Array;
  readonly sequenceLength: number;
}

function rowsOf(prefix: string): Rows {
  const at = (name: string): Int32Array => vectors.integers.get(`${prefix}/${name}`)!;
  return { tokens: at('tokens'), documents: at('documents'), labelMask: Uint8Array.from(at('labels')), sequenceLength: vectors.shapeOf.get(`${prefix}/tokens`)![1]! };
}

function equalShares(rows: Rows): Float32Array {
  const { sequenceLength, tokens } = rows;
  const targets = countTargets(rows, sequenceLength).reduce((sum, count) => sum + count, 0);
  const positions = Array.from(tokens, (_, position) => position).filter((position) => position % sequenceLength > 0);
  return Float32Array.from(positions, (position) => Number(isTarget(rows, position)) / targets);
}

describe.each(TINY_MODELS)('packed rows of the model %s', (name) => {
  it.each(VECTOR_DEVICES)('are to transformers the separate documents: loss, load-balancing loss, gradients of their sum (%s)', async (device) => {
    const model = await loadTinyModel(name);
    const [rows, runtime] = [rowsOf(name), await openTestRuntime(device)];
    const program = compileTraining({ ...model, profile: runtime.profile, sequenceLength: rows.sequenceLength, batchSize: 2, packed: true, auxiliary: { balance: Number(metadata.get('auxiliaryWeight')) } });
    const outputs = await runProgram(runtime, program, { ...model, ...rows, batchSize: 2, lossWeights: equalShares(rows) });
    expect(relativeDistance([Number(outputs.get('loss')![0])], vectors.floats.get(`${name}/loss`)!)).toBeLessThan(1e-6);
    expect(relativeDistance([Number(outputs.get('auxiliaryLoss')![0])], vectors.floats.get(`${name}/auxiliary`)!)).toBeLessThan(1e-6);
    for (const tensor of model.trained) {
      expect(relativeDistance(outputs.get(tensor) as Float32Array, vectors.floats.get(`${name}/gradient/${tensor}`)!)).toBeLessThan(1e-4);
    }
  });

  it('have losses that another document in the row does not change by a bit', async () => {
    const model = await loadTinyModel(name);
    const [runtime, rows] = [await openTestRuntime(), rowsOf(name)];
    const program = compileTraining({ ...model, sequenceLength: rows.sequenceLength, batchSize: 2, packed: true });
    const lossWeights = equalShares(rows).map((weight, index) => (rows.documents[index + Math.floor(index / (rows.sequenceLength - 1)) + 1] === 0 ? weight : 0));
    const changed = rows.tokens.map((token, position) => (rows.documents[position] === 0 ? token : (token + 1) % model.topology.vocabularySize));
    const run = (tokens: Int32Array): ReturnType<typeof runProgram> => runProgram(runtime, program, { ...model, ...rows, tokens, batchSize: 2, lossWeights });
    expect(changed).not.toEqual(rows.tokens);
    expect((await run(changed)).get('loss')).toEqual((await run(rows.tokens)).get('loss'));
  });
});

interface Run {
  readonly micro_batches: number;
  readonly batch: number;
  readonly steps: number;
  readonly rate: number;
  readonly betas: [number, number];
  readonly eps: number;
  readonly decay: number;
  readonly clip: number;
  readonly coefficient: number;
  readonly seed: string;
}

function expected(name: string): Float64Array {
  return vectors.doubles.get(`run/${name}`)!;
}

/** Each text position counts for K experts of each layer; at most two positions of a row are padding. */
function assertLoad(steps: readonly TrainingStep[]): void {
  const texts = steps.map(({ expertLoad }) => expertLoad.map(({ counts }) => counts.reduce((sum, count) => sum + count, 0)));
  expect(steps[0]!.expertLoad.map(({ layer, counts }) => [layer, counts.length])).toEqual([[0, 4], [1, 4]]);
  for (const [first, second] of texts as [number, number][]) {
    expect(first).toBe(second);
    expect(first % 2).toBe(0);
    expect(first / 2).toBeGreaterThanOrEqual(6 * 10);
    expect(first / 2).toBeLessThan(6 * 12);
  }
}

describe('a run with packing, masks, accumulation and load balancing', () => {
  it('follows PyTorch: losses, norms, tokens that count, weights', async () => {
    const model: TinyModel = await loadTinyModel('grouped');
    const t = JSON.parse(metadata.get('run')!) as Run;
    const seen: TrainingStep[] = [];
    const { experts, steps } = await trainExperts({
      ...rowsOf('run'),
      checkpoint: model.directory,
      start: startOf(model),
      batchSize: t.batch,
      microBatches: t.micro_batches,
      steps: t.steps,
      learningRate: t.rate,
      betas: t.betas,
      epsilon: t.eps,
      weightDecay: t.decay,
      clipNorm: t.clip,
      auxiliaryCoefficient: t.coefficient,
      rowSeed: t.seed,
      onStep: (step) => seen.push(step),
    });
    expect(relativeDistance(steps.map(({ loss }) => loss), expected('losses'))).toBeLessThan(1e-5);
    expect(relativeDistance(steps.map(({ auxiliaryLoss }) => auxiliaryLoss), expected('auxiliary'))).toBeLessThan(1e-5);
    expect(relativeDistance(steps.map(({ gradientNorm }) => gradientNorm), expected('norms'))).toBeLessThan(1e-4);
    expect(steps.map(({ targets }) => targets)).toEqual([...expected('targets')]);
    expect(new Set(steps.map(({ targets }) => targets)).size).toBeGreaterThan(3);
    for (const [name, { data }] of experts) {
      const [after, before] = [vectors.floats.get(`run/weights/${name}`)!, model.weights.get(name)!];
      expect(relativeDistance(data.map((entry, i) => entry - before[i]!), after.map((entry, i) => entry - before[i]!))).toBeLessThan(1e-3);
    }
    assertLoad(seen);
  });
});
