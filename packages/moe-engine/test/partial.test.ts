import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createExpertModule,
  expertTensorNames,
  extractExperts,
  fingerprintCheckpoint,
  graftExperts,
  graftModules,
  partialCheckpoint,
  rightSizeModel,
  type Checkpoint,
  type ExpertSelection,
  type ExpertWeights,
} from '@connito/moe-core';
import { openCheckpoint, writeModelDirectory } from '@connito/moe-core/node';
import { collectRouting, createEvaluator, trainExperts, type PresentExperts, type TrainOptions } from '@connito/moe-engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileEvaluation } from '../src/model/program.ts';
import { loadTinyModel, relativeDistance, vectorPath, type TinyModel } from './tiny-model.ts';

let model: TinyModel;
let checkpoint: Checkpoint;
let scratch: string;
let sizes: { readonly sequenceLength: number; readonly batchSize: number; readonly tokens: Int32Array };

beforeAll(async () => {
  model = await loadTinyModel('dense');
  checkpoint = await openCheckpoint(model.directory);
  scratch = await mkdtemp(join(tmpdir(), 'connito-partial-'));
  sizes = { sequenceLength: model.sequenceLength, batchSize: 2, tokens: Int32Array.from({ length: 4 * model.sequenceLength }, (_, index) => (index * 5 + 1) % 9) };
});
afterAll(async () => {
  await checkpoint.close();
  await rm(scratch, { recursive: true });
});

async function losses(from: Checkpoint | string, present?: PresentExperts, experts?: ExpertWeights): Promise<Float32Array> {
  const evaluator = await createEvaluator({ checkpoint: from, ...sizes, present });
  try {
    return await evaluator.tokenLosses(sizes.tokens, { experts });
  } finally {
    await evaluator.close();
  }
}

/** The experts that the full model sends any of the tokens to. */
async function neededExperts(): Promise<Map<number, number[]>> {
  const routing = await collectRouting({ checkpoint, ...sizes });
  return new Map(routing.map(({ layer, ids }) => [layer, [...new Set(ids)]]));
}

describe('a partial model', () => {
  it('has the losses and routing of the full one, bit for bit, where all experts that are needed are present', async () => {
    const experts = await neededExperts();
    expect(Math.max(...[...experts.values()].map(({ length }) => length))).toBeLessThan(8);
    const full = await losses(checkpoint);
    expect(await losses(checkpoint, { experts })).toEqual(full);
    expect(await collectRouting({ checkpoint, ...sizes, present: { experts } })).toEqual(await collectRouting({ checkpoint, ...sizes }));
    const every = new Map(checkpoint.topology.moeLayers.map((layer) => [layer, [7, 6, 5, 4, 3, 2, 1, 0]]));
    for (const routing of ['natural', 'masked'] as const) expect(await losses(checkpoint, { experts: every, routing })).toEqual(full);
    const without = new Map(experts).set(0, experts.get(0)!.slice(1));
    expect(await losses(checkpoint, { experts: without })).not.toEqual(full);
  });

  it('trains as the full one does, bit for bit, with frozen helpers beside the trained experts', async () => {
    // The choice of the last layer's experts does not depend on their weights, so that the same ones are needed at every step.
    const experts = await neededExperts();
    const start = await extractExperts(checkpoint, new Map([[2, [experts.get(2)![0]!]]]));
    const job: TrainOptions = { checkpoint, start, ...sizes, steps: 6, learningRate: 1e-2, rowSeed: 'partial' };
    const [full, partial] = [await trainExperts(job), await trainExperts({ ...job, present: { experts } })];
    expect(partial.experts).toEqual(full.experts);
    expect(partial.steps.map(({ loss, gradientNorm }) => [loss, gradientNorm])).toEqual(full.steps.map(({ loss, gradientNorm }) => [loss, gradientNorm]));
    expect(partial.experts).not.toEqual(start);
  });

  it.each(['natural', 'masked'] as const)('scores candidates together as one by one (%s)', async (routing) => {
    const present = { experts: new Map([[0, [5, 2]], [2, [7, 1, 0]]]), routing };
    const variant = async (layer: number, expert: number): Promise<ExpertWeights> =>
      new Map([...(await extractExperts(checkpoint, new Map([[layer, [expert]]])))].map(([name, { shape, data }]) => [name, { shape, data: data.map((value) => -value) }]));
    const candidates = [await variant(2, 1), await variant(0, 5), await variant(2, 7)];
    const evaluator = await createEvaluator({ checkpoint, ...sizes, present });
    const together: Float32Array[] = [];
    for await (const { tokens } of evaluator.candidateLosses(sizes.tokens, candidates)) together.push(tokens);
    for (const [index, experts] of candidates.entries()) expect(await evaluator.tokenLosses(sizes.tokens, { experts })).toEqual(together[index]);
    await evaluator.close();
    expect(new Set(together.map((tokens) => tokens.join())).size).toBeGreaterThan(1);
  });

  it.each([{ routing: 'natural' as const }, { routing: 'masked' as const }])('stays finite under a load-balancing loss (%s)', async ({ routing }) => {
    const experts = new Map([[0, [5, 2]], [2, [7, 1, 0]]]);
    const start = await extractExperts(checkpoint, new Map([[0, [5]]]));
    const job: TrainOptions = { checkpoint, start, ...sizes, steps: 2, learningRate: 1e-2, rowSeed: 'balance', present: { experts, routing } };
    const [plain, balanced] = [await trainExperts(job), await trainExperts({ ...job, auxiliaryCoefficient: 0.5 })];
    expect(balanced.skippedSteps).toBe(0);
    expect(balanced.experts).not.toEqual(plain.experts);
  });

  it('computes where no token goes to any present expert', async () => {
    const idle = new Map([...(await neededExperts())].map(([layer, ids]) => [layer, [0, 1, 2, 3, 4, 5, 6, 7].filter((id) => !ids.includes(id)).slice(0, 1)]));
    const none = await losses(checkpoint, { experts: new Map() });
    expect(await losses(checkpoint, { experts: idle })).toEqual(none);
    const start = await extractExperts(checkpoint, idle);
    const { experts, steps } = await trainExperts({ checkpoint, start, ...sizes, steps: 2, learningRate: 1e-2, weightDecay: 0, rowSeed: 'idle', present: { experts: idle } });
    expect(experts).toEqual(start);
    expect(steps.map(({ gradientNorm }) => gradientNorm)).toEqual([0, 0]);
  });

  it.each(['natural', 'masked'] as const)('gives NaN, not a crash, where an expert is not finite (%s)', async (routing) => {
    const present = { experts: new Map([[0, [5, 2]], [2, [7, 1]]]), routing };
    const poisoned = new Map([...(await extractExperts(checkpoint, present.experts))].map(([name, { shape, data }]) => [name, { shape, data: data.fill(Number.NaN) }]));
    expect((await losses(checkpoint, present, poisoned)).some((loss) => Number.isNaN(loss))).toBe(true);
  });

  it('asks for no weight of an absent expert', async () => {
    const experts: ExpertSelection = new Map([[0, [5, 2]], [2, [7]]]);
    const { weights } = compileEvaluation({ ...model, present: { experts } });
    const held = [...experts].flatMap(([layer, ids]) => ids.flatMap((expert) => Object.values(expertTensorNames(model.topology, { layer, expert })) as string[]));
    expect(weights.filter((name) => name.includes('.experts.')).toSorted()).toEqual(held.toSorted());
    expect(weights).toContain('model.layers.2.mlp.gate.weight');
  });
});

describe('masked routing', () => {
  it('is that of the right-sized model, whose own numbers name the same experts', async () => {
    const selection = new Map([[0, [5, 2, 6]], [2, [7, 1, 0]]]);
    const small = rightSizeModel(checkpoint, { selection, config: readFileSync(join(model.directory, 'config.json'), 'utf8') });
    const masked = { experts: selection, routing: 'masked' } as const;
    expect(relativeDistance(await losses(small.checkpoint), await losses(checkpoint, masked))).toBeLessThan(1e-6);
    const [own, full] = [await collectRouting({ checkpoint: small.checkpoint, ...sizes }), await collectRouting({ checkpoint, ...sizes, present: masked })];
    for (const [index, { layer, ids }] of own.entries()) expect([...ids].map((id) => small.experts.get(layer)![id])).toEqual([...full[index]!.ids]);
  });
});

describe('checkpoints that lack the absent experts', () => {
  const present = { experts: new Map([[0, [5, 2]], [2, [7, 1, 0]]]) };

  it('a directory without them gives the bits of the full one, in all three uses', async () => {
    const directory = join(scratch, 'partial');
    await writeModelDirectory(directory, { checkpoint: partialCheckpoint(checkpoint, present.experts), copyFrom: model.directory });
    const common = { ...sizes, present };
    expect(await losses(directory, present)).toEqual(await losses(checkpoint, present));
    expect(await collectRouting({ ...common, checkpoint: directory })).toEqual(await collectRouting({ ...common, checkpoint }));
    const start = await extractExperts(checkpoint, new Map([[0, [2]]]));
    const job = { ...common, start, steps: 3, learningRate: 1e-2, rowSeed: 'a' };
    expect((await trainExperts({ ...job, checkpoint: directory })).experts).toEqual((await trainExperts({ ...job, checkpoint })).experts);
    await expect(losses(directory)).rejects.toMatchObject({ name: 'MoeError', code: 'tensor-missing' });
  });

  it('a base without experts takes those of a module, or as weights', async () => {
    const provenance = { family: checkpoint.topology.family, base: { fingerprint: await fingerprintCheckpoint(checkpoint) } };
    const module = await createExpertModule({ checkpoint, selection: present.experts, provenance });
    const bare = partialCheckpoint(checkpoint, new Map());
    const { checkpoint: grafted } = await graftModules(bare, [{ name: 'module', module }]);
    const expected = await losses(checkpoint, present);
    expect(await losses(grafted, present)).toEqual(expected);
    expect(await losses(graftExperts(bare, await extractExperts(checkpoint, present.experts)), present)).toEqual(expected);
  });

  it('say what to do where one is needed', async () => {
    const bare = partialCheckpoint(checkpoint, new Map());
    await expect(losses(bare)).rejects.toMatchObject({ code: 'unknown-tensor', message: expect.stringContaining('in the option present') as string });
  });
});

describe('after training and grafting', () => {
  it('every byte but those of the trained experts is what it was', async () => {
    const trained = new Map([[0, [2]], [2, [7, 0]]]);
    const present = { experts: new Map([[0, [5, 2]], [2, [7, 1, 0]]]) };
    const start = await extractExperts(checkpoint, trained);
    const { experts } = await trainExperts({ checkpoint, start, ...sizes, steps: 4, learningRate: 1e-2, rowSeed: 'bytes', present });
    const directory = join(scratch, 'grafted');
    await writeModelDirectory(directory, { checkpoint: graftExperts(checkpoint, experts), copyFrom: model.directory });
    const grafted = await openCheckpoint(directory);
    expect([...grafted.tensors.keys()]).toEqual([...checkpoint.tensors.keys()]);
    const [changed, same]: [string[], string[]] = [[], []];
    for (const name of checkpoint.tensors.keys()) {
      const isSame = Buffer.from((await grafted.readTensor(name)).data).equals((await checkpoint.readTensor(name)).data);
      (isSame ? same : changed).push(name);
    }
    expect(changed.toSorted()).toEqual([...start.keys()].toSorted());
    expect(same).toHaveLength(checkpoint.tensors.size - start.size);
    expect([...experts.keys()].toSorted()).toEqual([...start.keys()].toSorted());
    await grafted.close();
  });
});

describe('errors', () => {
  it.each([
    ['present.routing', { experts: new Map([[0, [1]], [2, [1]]]), routing: 'nearest' as never }],
    ['present', { experts: new Map([[0, [1]]]), routing: 'masked' as const }],
    ['present', { experts: new Map([[0, [1]], [2, []]]), routing: 'masked' as const }],
  ])('bad-option %s', async (option, present) => {
    await expect(losses(checkpoint, present)).rejects.toMatchObject({ code: 'bad-option', context: { option } });
  });

  it('experts that the model does not have', async () => {
    for (const experts of [new Map([[1, [0]]]), new Map([[0, [8]]]), new Map([[0, [1, 1]]])]) {
      for (const from of [checkpoint, model.directory]) await expect(losses(from, { experts })).rejects.toMatchObject({ name: 'MoeError', code: 'selection-invalid' });
    }
  });

  it('candidates and starts of absent experts', async () => {
    const present = { experts: new Map([[0, [5]]]) };
    const absent = await extractExperts(checkpoint, new Map([[0, [4]]]));
    const expected = { code: 'unknown-tensor', message: expect.stringContaining('expert 4 of layer 0, which this partial model does not hold') as string };
    await expect(losses(checkpoint, present, absent)).rejects.toMatchObject(expected);
    await expect(trainExperts({ checkpoint, start: absent, ...sizes, steps: 1, learningRate: 1e-2, rowSeed: 'a', present })).rejects.toMatchObject(expected);
  });

  it('a directory that lacks an expert which must be present', async () => {
    const directory = join(scratch, 'short');
    await writeModelDirectory(directory, { checkpoint: partialCheckpoint(checkpoint, new Map([[0, [5]]])), copyFrom: vectorPath('dense') });
    await expect(losses(directory, { experts: new Map([[0, [4]]]) })).rejects.toMatchObject({ name: 'MoeError', code: 'tensor-missing' });
  });
});
