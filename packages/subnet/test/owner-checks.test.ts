import { describe, expect, it } from 'vitest';
import type { DatasetManifest } from '@connito/dataset';
import type { ArtifactStore } from '@connito/artifacts';
import { SubnetError } from '../src/error.ts';
import { assertRoutable, assertSamePlan, assertUnused, assertVersionKey } from '../src/owner-checks.ts';
import { DEFAULT_RULES, withRules, type OwnerPlan } from '../src/owner-plan.ts';
import { parseRules } from '../src/task-manifest.ts';
import { exampleManifest } from './example-manifest.ts';

const { data, schedule } = exampleManifest;
const shard = (file: string, sha256: string) => ({ file, sha256, rows: 1, tokens: 128, sizeBytes: 1 });
const dataset = {
  sequenceLength: data.sequenceLength,
  train: data.trainShards.map(({ sha256 }) => shard('train-0000.safetensors', sha256)),
  heldOut: data.heldOut.map(({ sha256 }, cycle) => shard(`held-out-000${cycle}.safetensors`, sha256)),
  general: shard('general.safetensors', data.general.sha256),
} as unknown as DatasetManifest;
const plan: OwnerPlan = { name: 'example', modelDirectory: 'model', dataDirectory: 'data', selection: new Map([[2, [7]], [0, [3, 1]]]), rules: DEFAULT_RULES };
const check = (changes: Partial<OwnerPlan>, prepared = dataset) => () => assertSamePlan(exampleManifest, { plan: { ...plan, ...changes }, stateDirectory: 'state' }, prepared);

describe('assertSamePlan', () => {
  it('takes the plan that the task was made from, with or without its start', () => {
    expect(check({})).not.toThrow();
    expect(check({ t0Ms: schedule.t0Ms })).not.toThrow();
  });

  it.each<[string, Partial<OwnerPlan>]>([
    ['--name', { name: 'other' }],
    ['--start', { t0Ms: 5 }],
    ['--experts', { selection: new Map([[0, [3]], [2, [7]]]) }],
    ['schedule.trainMs', { rules: withRules({ schedule: { trainMs: 1 } }) }],
    ['training.partial', { rules: withRules({ training: { partial: 'masked' } }) }],
    ['merge.step', { rules: withRules({ merge: { step: { kind: 'nesterov', learningRate: 1, momentum: 0 } } }) }],
  ])('refuses another %s', (field, changes) => {
    expect(check(changes)).toThrow(SubnetError);
    expect(check(changes)).toThrow(`another task: ${field} is `);
  });

  it('refuses other data', () => {
    expect(check({}, { ...dataset, train: [] })).toThrow('another task: --data is ');
  });
});

const planWith = (partial: 'natural' | 'masked'): OwnerPlan => ({ ...plan, rules: withRules({ training: { partial } }) });

describe('assertRoutable', () => {
  it('wants an expert in every layer where routing is masked, and only there', () => {
    const layers = { moeLayers: [0, 1, 2] };
    expect(() => assertRoutable(planWith('masked'), layers)).toThrow(expect.objectContaining({ code: 'invalid-rules', message: expect.stringContaining('layer 1 has none') as string }));
    expect(() => assertRoutable(planWith('masked'), { moeLayers: [0, 2] })).not.toThrow();
    expect(() => assertRoutable(planWith('natural'), layers)).not.toThrow();
    expect(() => assertRoutable(plan, layers)).not.toThrow();
  });

  it('a plan without a partial model is not taken for one with it', () => {
    const published = { ...exampleManifest, training: { ...exampleManifest.training, partial: 'natural' as const } };
    expect(() => assertSamePlan(published, { plan, stateDirectory: 'state' }, dataset)).toThrow('another task: training.partial is "natural" there and "none" now');
  });
});

const withKey = (versionKey: number) => ({ ...plan, rules: withRules({ weights: { versionKey } }) });

describe('assertVersionKey', () => {
  it('wants at least what the subnet asks of weights', () => {
    expect(() => assertVersionKey(plan, 0)).not.toThrow();
    expect(() => assertVersionKey(withKey(7), 7n)).not.toThrow();
    expect(() => assertVersionKey(plan, 7)).toThrow(expect.objectContaining({ code: 'invalid-rules', message: expect.stringContaining('{"weights":{"versionKey":7}}') as string }));
    expect(() => assertVersionKey(withKey(6), 7n)).toThrow('no validator of this task could set weights');
  });
});

const holding = (known: string) => ({ has: async (hash: string) => hash === known }) as unknown as ArtifactStore;

describe('assertUnused', () => {
  it('refuses a held-out shard that the store already has', async () => {
    await expect(assertUnused(holding(data.heldOut[1]?.sha256 ?? ''), dataset, 'data')).rejects.toThrow('held-out-0001.safetensors is already public');
    await expect(assertUnused(holding('none'), dataset, 'data')).resolves.toBeUndefined();
  });
});

describe('parseRules', () => {
  it('takes parts in part', () => {
    const rules = { schedule: { trainMs: 1 }, merge: { step: { kind: 'average' } } };
    expect(parseRules(rules, 'rules.json')).toEqual(rules);
    expect(parseRules({}, 'rules.json')).toEqual({});
  });

  it.each([
    [{ schedul: {} }, /^rules.json: .*"schedul"; known are schedule, training/],
    [{ schedule: { trainms: 1 } }, /^rules.json: schedule: .*"trainms"; known are distributeMs, trainMs/],
    [{ schedule: { t0Ms: 1 } }, /"t0Ms"/],
    [{ training: { steps: '25' } }, /^rules.json: training.steps: /],
    [{ merge: { step: { kind: 'sum' } } }, /^rules.json: merge.step/],
    [[], /^rules.json: /],
    [null, /^rules.json: /],
  ])('refuses %j', (value, message) => {
    expect(() => parseRules(value, 'rules.json')).toThrow(message);
    expect(() => parseRules(value, 'rules.json')).toThrow(SubnetError);
  });
});
