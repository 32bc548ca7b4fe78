import { describe, expect, it, test } from 'vitest';
import { countLoad, entropyOf, loadBalancingLoss, meanRouterEntropy, routerZLoss, routeTokens, sequenceBalanceLoss, switchBalanceLoss, updateSelectionBias } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { float32FromBase64, readVectors } from '../vectors/read-vectors.ts';

interface LossVectors {
  readonly transformers: readonly {
    readonly name: string;
    readonly experts: number;
    readonly expertsPerToken: number;
    readonly layers: readonly string[];
    readonly attentionMask: readonly number[] | null;
    readonly loss: number;
  }[];
  readonly sequences: readonly {
    readonly name: string;
    readonly experts: number;
    readonly expertsPerToken: number;
    readonly scoring: 'softmax' | 'sigmoid';
    readonly sequenceLength: number;
    readonly logits: string;
    readonly ids: readonly number[];
    readonly switch: number | null;
    readonly sequence: number;
    readonly all: number;
    readonly z: number;
  }[];
  readonly bias: readonly { readonly bias: string; readonly load: readonly number[]; readonly rate: number; readonly result: string }[];
}

const vectors = readVectors<LossVectors>('router-losses');
const rule = { experts: 4, expertsPerToken: 1, normalizeTopK: false } as const;
/** Two tokens, to experts 3 and 2. */
const routed = { logits: Float32Array.of(0, 1, 2, 3, 0, 1, 3, 2), ids: Uint16Array.of(3, 2) };

/** References sum in float32. */
const near = (actual: number, expected: number) => expect(Math.abs(actual / expected - 1)).toBeLessThan(2e-6);

describe('against transformers’ losses', () => {
  test.each(vectors.transformers)('load_balancing_loss_func: $name', ({ layers, experts, expertsPerToken, attentionMask, loss }) => {
    near(loadBalancingLoss(layers.map(float32FromBase64), { experts, expertsPerToken, attentionMask: attentionMask ?? undefined }), loss);
  });

  test.each(vectors.sequences)('switch, DeepSeek and z: $name', ({ experts, expertsPerToken, scoring, sequenceLength, ...stored }) => {
    const sample = { logits: float32FromBase64(stored.logits), ids: Uint16Array.from(stored.ids) };
    const options = { rule: { experts, expertsPerToken, scoring, normalizeTopK: false }, sequenceLength };
    if (stored.switch !== null) near(switchBalanceLoss(sample, options), stored.switch);
    near(sequenceBalanceLoss(sample, options), stored.sequence);
    near(sequenceBalanceLoss(sample, { rule: options.rule }), stored.all);
    near(routerZLoss(sample.logits, experts), stored.z);
  });

  it('moves the selection bias as the published rule does, to the bit', () => {
    for (const { bias, load, rate, result } of vectors.bias) expect(updateSelectionBias(float32FromBase64(bias), { load, rate })).toEqual(float32FromBase64(result));
  });
});

describe('router losses', () => {
  it('are K, K and 1 where routing is balanced', () => {
    const logits = Float32Array.of(9, 9, 0, 0, 0, 0, 9, 9);
    const options = { rule: { ...rule, expertsPerToken: 2 } };
    const { ids } = routeTokens(logits, options.rule);
    expect(loadBalancingLoss([logits], options.rule)).toBeCloseTo(2, 6);
    expect(switchBalanceLoss({ logits, ids }, options)).toBeCloseTo(2, 6);
    expect(sequenceBalanceLoss({ logits, ids }, options)).toBeCloseTo(1, 6);
  });

  it('refuse what does not fit', async () => {
    const fields: [string, () => unknown][] = [
      ['attentionMask', () => loadBalancingLoss([routed.logits], { ...rule, attentionMask: [1] })],
      ['attentionMask', () => loadBalancingLoss([routed.logits], { ...rule, attentionMask: [0, 0] })],
      ['attentionMask', () => loadBalancingLoss([routed.logits], { ...rule, attentionMask: [1, -1] })],
      ['layers', () => loadBalancingLoss([], rule)],
      ['experts', () => loadBalancingLoss([], { ...rule, experts: 0 })],
      ['logits', () => loadBalancingLoss([new Float32Array(5)], rule)],
      ['sequenceLength', () => switchBalanceLoss(routed, { rule, sequenceLength: 3 })],
      ['sequenceLength', () => switchBalanceLoss(routed, { rule, sequenceLength: 0 })],
      ['ids', () => switchBalanceLoss({ ...routed, ids: Uint16Array.of(0) }, { rule })],
      ['ids', () => sequenceBalanceLoss({ ...routed, ids: Uint16Array.of(0, 4) }, { rule })],
      ['logits', () => sequenceBalanceLoss({ logits: new Float32Array(0), ids: new Uint16Array(0) }, { rule })],
      ['logits', () => routerZLoss(new Float32Array(5), 4)],
      ['load', () => updateSelectionBias(new Float32Array(4), { load: [1], rate: 0.1 })],
      ['load', () => updateSelectionBias(new Float32Array(1), { load: [Number.NaN], rate: 0.1 })],
      ['rate', () => updateSelectionBias(new Float32Array(1), { load: [1], rate: Number.NaN })],
      ['ids', () => countLoad(Uint16Array.of(4), 4)],
      ['experts', () => countLoad(new Uint16Array(0), 0)],
      ['masses', () => entropyOf([1, -1])],
      ['experts', () => meanRouterEntropy(new Float32Array(5), 4)],
    ];
    for (const [field, action] of fields) expect((await expectCode('routing-invalid', action)).context.field).toBe(field);
    for (const action of [
      () => routerZLoss(Float32Array.of(1, Number.NaN), 2),
      () => meanRouterEntropy(Float32Array.of(1, Number.NaN), 2),
      () => switchBalanceLoss({ ...routed, logits: routed.logits.map(() => Number.NaN) }, { rule }),
    ]) await expectCode('routing-not-finite', action);
  });
});

describe('routing statistics', () => {
  it('counts load', () => {
    expect([...countLoad(Uint16Array.of(0, 2, 2, 1, 2, 0), 4)]).toEqual([2, 1, 3, 0]);
  });

  it('measures entropy in nats: ln n for equal masses, 0 for one', () => {
    expect(entropyOf([3, 3, 3, 3])).toBeCloseTo(Math.log(4), 12);
    expect(entropyOf([0, 7, 0])).toBe(0);
    expect(entropyOf([0, 0])).toBe(0);
    expect(entropyOf([1, 3])).toBeCloseTo(-(0.25 * Math.log(0.25) + 0.75 * Math.log(0.75)), 12);
  });

  it('measures how undecided a router is, masked experts apart', () => {
    expect(meanRouterEntropy(Float32Array.of(5, 5, 5, 5), 4)).toBeCloseTo(Math.log(4), 6);
    expect(meanRouterEntropy(Float32Array.of(5, 5, 5, 5, 0, Number.NEGATIVE_INFINITY, 0, -200), 4)).toBeCloseTo((Math.log(4) + Math.log(2)) / 2, 6);
    const row = [0.3, -1.2, 2.5];
    const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
    expect(meanRouterEntropy(Float32Array.from(row), 3)).toBeCloseTo(-row.reduce((sum, x) => sum + (Math.exp(x) / total) * Math.log(Math.exp(x) / total), 0), 6);
    expect(meanRouterEntropy(new Float32Array(0), 3)).toBe(0);
  });
});
