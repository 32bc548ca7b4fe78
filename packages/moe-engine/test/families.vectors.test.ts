import type { Multipliers, RoutingRule, Topology } from '@connito/moe-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileEvaluation, compileLogits, compileRouting, compileTraining } from '../src/model/program.ts';
import { assertSupported } from '../src/model/supported.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { computedTensors, FAMILY_MODELS, loadTinyModel, openTestRuntime, relativeDistance, runProgram, type TinyModel } from './tiny-model.ts';
import { VECTOR_DEVICES } from './vector-devices.ts';

const targets = FAMILY_MODELS.flatMap((name) => VECTOR_DEVICES.filter((device) => device !== 'wasm').map((device) => [name, device] as const));

describe.each(targets)('transformers and PyTorch agree, model %s (%s)', (name, device) => {
  let runtime: Runtime;
  let model: TinyModel;
  beforeAll(async () => {
    runtime = await openTestRuntime(device);
    model = await loadTinyModel(name);
  });

  it('is computed, and its vectors have the gradient of every parameter', () => {
    expect(() => assertSupported(model.topology)).not.toThrow();
    const parameters = computedTensors(model.topology).filter((tensor) => !tensor.endsWith('e_score_correction_bias'));
    expect(model.parameters.toSorted()).toEqual(parameters.toSorted());
  });

  it('logits within 1e-4', async () => {
    const logits = (await runProgram(runtime, compileLogits({ ...model, profile: runtime.profile }), model)).get('logits') as Float32Array;
    expect(largestDifference(logits, model.expected.get('logits')!)).toBeLessThan(1e-4);
  });

  it('token losses within 1e-5', async () => {
    const losses = (await runProgram(runtime, compileEvaluation({ ...model, profile: runtime.profile }), model)).get('losses') as Float32Array;
    expect(largestDifference(losses, model.expected.get('losses')!)).toBeLessThan(1e-5);
  });

  it('the same experts in the same order, weights within 1e-6', async () => {
    const outputs = await runProgram(runtime, compileRouting({ ...model, profile: runtime.profile }), model);
    for (const layer of model.topology.moeLayers) {
      expect(Array.from(outputs.get(`ids.${layer}`) as BigInt64Array, Number)).toEqual([...model.expectedIds.get(`ids.${layer}`)!]);
      expect(relativeDistance(outputs.get(`weights.${layer}`) as Float32Array, model.expected.get(`weights.${layer}`)!)).toBeLessThan(1e-6);
    }
  });

  it('loss within 1e-6, gradients of every parameter within 1e-4 relative', () => assertGradients(model, runtime));
});

describe.each(FAMILY_MODELS)('WebAssembly agrees, model %s', (name) => {
  it('loss within 1e-6, gradients of every parameter within 1e-4 relative', async () => assertGradients(await loadTinyModel(name), await openTestRuntime('wasm')));
});

async function assertGradients(model: TinyModel, runtime: Runtime): Promise<void> {
  const outputs = await runProgram(runtime, compileTraining({ ...model, trained: model.parameters, profile: runtime.profile }), model);
  expect(relativeDistance([Number(outputs.get('loss')![0])], [model.expected.get('loss')![0]!])).toBeLessThan(1e-6);
  for (const tensor of model.parameters) expect(relativeDistance(outputs.get(tensor) as Float32Array, model.expected.get(`gradient/${tensor}`)!)).toBeLessThan(1e-4);
}

type Change = (topology: Topology) => Partial<Topology>;

const plainRope: Change = ({ rope }) => ({ rope: { ...rope, kind: 'default', parameters: {} } });
const fullSpans: Change = ({ spans }) => ({ spans: spans.map(() => ({ kind: 'full' })) });

function parameter(name: string, value: number): Change {
  return ({ rope }) => ({ rope: { ...rope, parameters: { ...rope.parameters, [name]: value } } });
}

function multiplier(name: keyof Multipliers): Change {
  return ({ multipliers }) => ({ multipliers: { ...multipliers!, [name]: 1 } });
}

function rule(changes: Partial<RoutingRule>): Change {
  return ({ routing }) => ({ routing: { ...routing, ...changes } });
}

describe('the vectors would notice', () => {
  it.each<[string, string, Change]>([
    ['deepseek-lite', 'YaRN', plainRope],
    ['deepseek-lite', 'the temperature of its softmax', parameter('mscale_all_dim', 0)],
    ['deepseek-lite', 'how pairs stand', ({ rope }) => ({ rope: { ...rope, pairs: 'halves' } })],
    ['deepseek-groups', 'the amplitude of its rope', parameter('attention_factor', 1)],
    ['deepseek-groups', 'groups', rule({ groups: undefined })],
    ['deepseek-groups', 'the scale of weights', rule({ scale: 1 })],
    ['deepseek-v3', 'groups', rule({ groups: undefined })],
    ['deepseek-v3', 'renormalisation', rule({ normalizeTopK: false })],
    ['deepseek-v3-plain', 'sigmoid scores', rule({ scoring: 'softmax' })],
    ['deepseek-v3-plain', 'how pairs stand', ({ rope }) => ({ rope: { ...rope, pairs: 'neighbours' } })],
    ['qwen2', 'linear rope', plainRope],
    ['qwen2-dense', 'windows', fullSpans],
    ['qwen2-dense', 'renormalisation', rule({ normalizeTopK: false })],
    ['qwen3-window', 'windows', fullSpans],
    ['qwen3-window', 'YaRN', plainRope],
    ['qwen3-longrope', 'long factors', parameter('original_max_position_embeddings', 64)],
    ['olmoe', 'clipping', ({ attention }) => ({ attention: { ...attention, clip: undefined } as Topology['attention'] })],
    ['olmoe-grouped', 'dynamic rope', plainRope],
    ['mixtral', 'rope of Llama 3', plainRope],
    ['granite', 'the multiplier of embeddings', multiplier('embedding')],
    ['granite', 'the multiplier of attention', multiplier('attention')],
    ['granite', 'the multiplier of residuals', multiplier('residual')],
    ['granite', 'the divisor of logits', multiplier('logits')],
    ['llama4', 'layers without rope', ({ rope }) => ({ rope: { ...rope, skippedLayers: [] } })],
    ['llama4', 'norms of queries and keys', ({ attention }) => ({ attention: { ...attention, norm: 'none' } as Topology['attention'] })],
    ['llama4', 'temperatures', ({ attention }) => ({ attention: { ...attention, temperature: undefined } as Topology['attention'] })],
    ['llama4', 'chunks', fullSpans],
    ['llama4-dense', 'weights on the input', () => ({ routingWeightsOn: 'output' })],
    ['mixtral-window', 'windows', fullSpans],
  ])('%s: %s', async (name, _feature, change) => {
    const model = await loadTinyModel(`families/${name}`);
    const changed = { ...model, topology: { ...model.topology, ...change(model.topology) } };
    const logits = (await runProgram(await openTestRuntime(), compileLogits(changed), model)).get('logits') as Float32Array;
    expect(largestDifference(logits, model.expected.get('logits')!)).toBeGreaterThan(1e-2);
  });
});

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let index = 0; index < expected.length; index++) largest = Math.max(largest, Math.abs(actual[index]! - expected[index]!));
  return largest;
}
