import { describe, expect, it } from 'vitest';
import { routeTokens } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';

describe('routeTokens', () => {
  const rule = { experts: 4, expertsPerToken: 2, normalizeTopK: true };
  const bad = (...row: number[]) => () => routeTokens(Float32Array.of(0, 1, 2, 3, ...row), rule);

  it('gives ties to the lower id, and takes −0 for 0', () => {
    expect([...routeTokens(Float32Array.of(1, 2, 2, 2), rule).ids]).toEqual([1, 2]);
    expect([...routeTokens(Float32Array.of(-0, 0, -0, 0), rule).ids]).toEqual([0, 1]);
    expect([...routeTokens(Float32Array.of(5, 5, 5, 5), rule).weights]).toEqual([0.5, 0.5]);
  });

  it('takes −∞ for a masked expert', () => {
    const masked = Float32Array.of(Number.NEGATIVE_INFINITY, 1, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY);
    const { ids, weights } = routeTokens(masked, rule);
    expect([...ids]).toEqual([1, 0]);
    expect([...weights]).toEqual([1, 0]);
  });

  it('refuses NaN, +∞ and a token with nothing to choose', async () => {
    const error = await expectCode('routing-not-finite', bad(0, 0, Number.NaN, 0));
    expect(error.context).toEqual({ token: 1, expert: 2 });
    await expectCode('routing-not-finite', bad(0, Number.POSITIVE_INFINITY, 0, 0));
    await expectCode('routing-not-finite', bad(...Array.from({ length: 4 }, () => Number.NEGATIVE_INFINITY)));
  });

  it('keeps the scores of chosen experts free of the bias that chose them', () => {
    const v3 = { experts: 4, expertsPerToken: 2, scoring: 'sigmoid', normalizeTopK: false } as const;
    const { ids, weights } = routeTokens(Float32Array.of(0, 0, 3, -3), v3, { selectionBias: Float32Array.of(0, 0.5, -1, 2) });
    expect([...ids]).toEqual([3, 1]);
    expect(weights[0]).toBeCloseTo(1 / (1 + Math.exp(3)), 7);
    expect(weights[1]).toBe(0.5);
  });

  it('takes an expert outside of the kept groups only where the rule says zero, over a negative score inside', () => {
    const groups = { count: 2, kept: 1, score: 'top2-sum' } as const;
    const v3 = { experts: 4, expertsPerToken: 2, scoring: 'sigmoid', normalizeTopK: true } as const;
    const logits = Float32Array.of(2, -2, -2, -2);
    const options = { selectionBias: Float32Array.of(-0.5, -0.5, -1, -1) };
    expect([...routeTokens(logits, { ...v3, groups }, options).ids]).toEqual([0, 1]);
    expect([...routeTokens(logits, { ...v3, groups: { ...groups, outside: 'zero' } }, options).ids]).toEqual([0, 2]);
  });

  it('gives weight 0 to softmax experts outside of the kept groups, as DeepSeek-V2 does', () => {
    const v2 = { experts: 4, expertsPerToken: 3, normalizeTopK: true, groups: { count: 2, kept: 1, score: 'max', outside: 'zero' } } as const;
    const { ids, weights } = routeTokens(Float32Array.of(1, 1, 2, 2), v2);
    expect([...ids]).toEqual([2, 3, 0]);
    expect([...weights]).toEqual([0.5, 0.5, 0]);
  });

  it('refuses rules and sizes that do not fit', async () => {
    const groups = { count: 2, kept: 1, score: 'top2-sum' } as const;
    for (const [field, changed] of [
      ['experts', { experts: 0 }],
      ['experts', { experts: 65_537 }],
      ['expertsPerToken', { expertsPerToken: 5 }],
      ['expertsPerToken', { expertsPerToken: 0 }],
      ['expertsPerToken', { expertsPerToken: 3, groups }],
      ['scoring', { scoring: 'tanh' as 'softmax' }],
      ['scale', { scale: Number.NaN }],
      ['groups.count', { groups: { ...groups, count: 3 } }],
      ['groups.count', { groups: { ...groups, count: 4, kept: 2 } }],
      ['groups.kept', { groups: { ...groups, kept: 3 } }],
      ['groups.score', { groups: { ...groups, score: 'sum' as 'max' } }],
      ['groups.outside', { groups: { ...groups, outside: 'keep' as 'zero' } }],
      ['logits', { experts: 5 }],
    ] as const) {
      const error = await expectCode('routing-invalid', () => routeTokens(new Float32Array(4), { ...rule, ...changed }));
      expect(error.context.field).toBe(field);
    }
    for (const bias of [[0, 0, 0], [0, 0, 0, Number.NaN], [0, 0, 0, -2e38]]) {
      const error = await expectCode('routing-invalid', () => routeTokens(new Float32Array(4), rule, { selectionBias: Float32Array.from(bias) }));
      expect(error.context.field).toBe('selectionBias');
    }
    expect(routeTokens(new Float32Array(0), rule).ids.length).toBe(0);
  });
});
