import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { routeTokens } from '../src/index.ts';
import { expectCode } from './expect-code.ts';
import { float32FromBase64, readVectors } from './vectors/read-vectors.ts';

interface RouterCase {
  readonly name: string;
  readonly experts: number;
  readonly expertsPerToken: number;
  readonly normalizeTopK: boolean;
  readonly logits: string;
  readonly ids: readonly number[];
  readonly weights: string;
}

const ordered = new Int32Array(1);
const asFloat = new Float32Array(ordered.buffer);

/** Distance in units of the last place. */
function ulpsBetween(a: number, b: number): number {
  asFloat[0] = a;
  const x = ordered[0]! < 0 ? -0x80000000 - ordered[0]! : ordered[0]!;
  asFloat[0] = b;
  const y = ordered[0]! < 0 ? -0x80000000 - ordered[0]! : ordered[0]!;
  return Math.abs(x - y);
}

describe('against transformers’ Qwen3MoeTopKRouter', () => {
  const { cases } = readVectors<{ cases: readonly RouterCase[] }>('routing');

  test.each(cases)('$name', ({ experts, expertsPerToken: k, normalizeTopK, ...stored }) => {
    const logits = float32FromBase64(stored.logits);
    const weights = float32FromBase64(stored.weights);
    const routing = routeTokens(logits, { experts, expertsPerToken: k, normalizeTopK });
    let compared = 0;
    for (let token = 0; token * experts < logits.length; token++) {
      const row = logits.subarray(token * experts, (token + 1) * experts).toSorted().toReversed();
      if (k < experts && ulpsBetween(row[k - 1]!, row[k]!) <= 4) continue;
      compared++;
      const slice = [token * k, (token + 1) * k] as const;
      expect([...routing.ids.subarray(...slice)].sort()).toEqual(stored.ids.slice(...slice).sort());
      const expected = new Map(stored.ids.slice(...slice).map((id, i) => [id, weights[token * k + i]!]));
      routing.ids.subarray(...slice).forEach((id, i) => {
        expect(Math.abs(routing.weights[token * k + i]! - expected.get(id)!)).toBeLessThan(1e-6);
      });
    }
    expect(compared).toBeGreaterThan(logits.length / experts / 2);
  });
});

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

  it('refuses sizes that do not fit', async () => {
    for (const [field, changed] of [
      ['experts', { experts: 0 }],
      ['experts', { experts: 65_537 }],
      ['expertsPerToken', { expertsPerToken: 5 }],
      ['expertsPerToken', { expertsPerToken: 0 }],
      ['logits', { experts: 5 }],
    ] as const) {
      const error = await expectCode('routing-invalid', () => routeTokens(new Float32Array(4), { ...rule, ...changed }));
      expect(error.context.field).toBe(field);
    }
    expect(routeTokens(new Float32Array(0), rule).ids.length).toBe(0);
  });

  it('chooses as a sort does, with weights of the definition', () => {
    const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -20, max: 20, noNaN: true }), fc.constant(Number.NEGATIVE_INFINITY)).map(Math.fround);
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), fc.nat(), fc.boolean(), (row, seed, normalizeTopK) => {
        fc.pre(row.some(Number.isFinite));
        const expertsPerToken = 1 + (seed % row.length);
        const { ids, weights } = routeTokens(Float32Array.from(row), { experts: row.length, expertsPerToken, normalizeTopK });
        const sorted = row.map((_, i) => i).sort((a, b) => (row[a] === row[b] ? a - b : row[b]! - row[a]!)).slice(0, expertsPerToken);
        expect([...ids]).toEqual(sorted);
        const e = row.map((x) => Math.exp(x - Math.max(...row)));
        const total = (normalizeTopK ? sorted.map((i) => e[i]!) : e).reduce((a, b) => a + b, 0);
        sorted.forEach((id, i) => expect(weights[i]!).toBeCloseTo(e[id]! / total, 6));
      }),
    );
  });
});
