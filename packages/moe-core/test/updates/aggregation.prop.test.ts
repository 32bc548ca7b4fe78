import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aggregateUpdates, updateDistance, type AggregationRule, type ExpertWeights } from '../../src/index.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);

const SIZE = 6;
const value = fc.oneof(fc.constantFrom(0, -0, 1, -1), fc.float({ noNaN: true, min: -1024, max: 1024 }));
const vector = fc.array(value, { minLength: SIZE, maxLength: SIZE });

const toUpdate = (values: readonly number[]): ExpertWeights => new Map([['w', { shape: [SIZE], data: Float32Array.from(values) }]]);
const equally = (vectors: readonly (readonly number[])[]) => vectors.map((values) => ({ update: toUpdate(values), weight: 1 }));
const bitsOf = (update: ExpertWeights): Int32Array => new Int32Array(update.get('w')!.data.slice().buffer);

/** Rules that tolerate f of n ≥ 2f + 3. */
function robustRules(f: number): AggregationRule[] {
  return [{ kind: 'median' }, { kind: 'trimmed-mean', trim: f }, { kind: 'krum', byzantine: f }, { kind: 'multi-krum', byzantine: f, selected: 2 }, { kind: 'geometric-median' }, { kind: 'mean', clipNorm: 'median' }];
}

describe('aggregation', () => {
  it('n times the same update is that update', () => {
    const rules: AggregationRule[] = [...robustRules(1), { kind: 'mean' }, { kind: 'multi-krum', byzantine: 1 }, { kind: 'centered-clipping', radius: 1e6 }];
    fc.assert(
      fc.property(vector, fc.integer({ min: 5, max: 40 }), (values, count) => {
        const expected = bitsOf(toUpdate(values.map((x) => x + 0)));
        for (const rule of rules) expect(bitsOf(aggregateUpdates(equally(Array.from({ length: count }, () => values)), rule))).toEqual(expected);
      }),
      { numRuns },
    );
  });

  it('the order of updates does not matter to rules that sort', () => {
    const rules: AggregationRule[] = [{ kind: 'median' }, { kind: 'trimmed-mean', trim: 1 }];
    const shuffled = fc.array(vector, { minLength: 3, maxLength: 40 }).chain((list) => fc.record({ list: fc.constant(list), other: fc.shuffledSubarray(list, { minLength: list.length }) }));
    fc.assert(
      fc.property(shuffled, ({ list, other }) => {
        for (const rule of rules) expect(bitsOf(aggregateUpdates(equally(other), rule))).toEqual(bitsOf(aggregateUpdates(equally(list), rule)));
      }),
      { numRuns },
    );
  });

  it('nor, but for rounding or a tie, to the others', () => {
    const rules: AggregationRule[] = [{ kind: 'mean' }, { kind: 'centered-clipping', radius: 10, iterations: 2 }, { kind: 'mean', clipNorm: 'median' }];
    fc.assert(
      fc.property(fc.array(vector, { minLength: 3, maxLength: 9 }), (list) => {
        for (const rule of rules) expect(updateDistance(aggregateUpdates(equally(list), rule), aggregateUpdates(equally(list.toReversed()), rule))).toBeLessThan(1e-2);
      }),
      { numRuns },
    );
  });

  it('no update and no mean is nearer to all than the geometric median', () => {
    fc.assert(
      fc.property(fc.array(vector, { minLength: 1, maxLength: 9 }), (list) => {
        const updates = equally(list);
        const total = (point: ExpertWeights): number => updates.reduce((sum, { update }) => sum + updateDistance(update, point), 0);
        const result = total(aggregateUpdates(updates, { kind: 'geometric-median', iterations: 1000 }));
        for (const other of [...updates.map(({ update }) => update), aggregateUpdates(updates, { kind: 'mean' }), aggregateUpdates(equally(list.toReversed()), { kind: 'geometric-median' })]) {
          expect(result).toBeLessThanOrEqual(total(other) * 1.001 + 1e-4);
        }
      }),
      { numRuns },
    );
  });

  it('f updates of any size cannot pull a robust rule away from the others', () => {
    const unit = fc.array(fc.float({ noNaN: true, min: -1, max: 1 }), { minLength: SIZE, maxLength: SIZE });
    const hostile = fc.record({ values: vector, scale: fc.constantFrom(1, 1e3, 1e12, 1e30) }).map(({ values, scale }) => values.map((x) => x * scale));
    const sample = fc.integer({ min: 1, max: 3 }).chain((f) => fc.record({ f: fc.constant(f), good: fc.array(unit, { minLength: f + 3, maxLength: f + 9 }), bad: fc.array(hostile, { minLength: f, maxLength: f }), at: fc.nat() }));
    fc.assert(
      fc.property(sample, ({ f, good, bad, at }) => {
        const list = [...good.slice(0, at % good.length), ...bad, ...good.slice(at % good.length)];
        for (const rule of robustRules(f)) {
          const result = aggregateUpdates(equally(list), rule).get('w')!.data;
          // Honest updates lie within √6 of the origin.
          const bound = rule.kind === 'median' || rule.kind === 'trimmed-mean' ? 1 : 60;
          expect(Math.max(...result.map(Math.abs))).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns },
    );
  });
});
