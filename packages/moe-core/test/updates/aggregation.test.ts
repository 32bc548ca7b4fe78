import { describe, expect, it, test } from 'vitest';
import { aggregateUpdates, assertAggregationRule, averageUpdates, medianNorm, type AggregationRule, type ExpertWeights, type WeightedUpdate } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { float32FromBase64, readVectors } from '../vectors/read-vectors.ts';

interface Case {
  readonly rule: AggregationRule;
  readonly expected: string;
}

interface Vectors {
  readonly updates: readonly string[];
  readonly weights: readonly number[];
  readonly center: string;
  readonly medianNorm: number;
  readonly equal: readonly Case[];
  readonly weighted: readonly Case[];
  readonly centered: readonly Case[];
  readonly eight: readonly Case[];
}

const vectors = readVectors<Vectors>('aggregation');

/** One long vector, cut into two tensors: nothing here may depend on the cut. */
function experts(data: Float32Array, cut = 17): ExpertWeights {
  return new Map([
    ['b', { shape: [data.length - cut], data: data.slice(cut) }],
    ['a', { shape: [cut], data: data.slice(0, cut) }],
  ]);
}

const joined = (weights: ExpertWeights): Float32Array => Float32Array.from([...weights.get('a')!.data, ...weights.get('b')!.data]);
const of = (...values: number[]): ExpertWeights => experts(Float32Array.from(values), 1);
const equally = (updates: readonly ExpertWeights[]): WeightedUpdate[] => updates.map((update) => ({ update, weight: 1 }));

const updates = vectors.updates.map((update) => experts(float32FromBase64(update)));
const weighted = updates.map((update, i) => ({ update, weight: vectors.weights[i]! }));

function expectClose(actual: ExpertWeights, expected: string): void {
  const values = float32FromBase64(expected);
  const difference = Math.max(...joined(actual).map((value, i) => Math.abs(value - values[i]!)));
  expect(difference).toBeLessThan(2e-6);
}

const name = ({ rule }: Case): readonly [string, Case] => [JSON.stringify(rule), { rule, expected: '' }];

describe('against ByzFL, numpy and SciPy', () => {
  test.each(vectors.equal.map((each) => [name(each)[0], each] as const))('%s', (_, { rule, expected }) => {
    expectClose(aggregateUpdates(equally(updates), rule), expected);
  });

  test.each(vectors.weighted.map((each) => [name(each)[0], each] as const))('weighted: %s', (_, { rule, expected }) => {
    expectClose(aggregateUpdates(weighted, rule), expected);
  });

  test.each(vectors.centered.map((each) => [name(each)[0], each] as const))('from a center: %s', (_, { rule, expected }) => {
    expectClose(aggregateUpdates(equally(updates), rule, { center: experts(float32FromBase64(vectors.center)) }), expected);
  });

  test.each(vectors.eight.map((each) => [name(each)[0], each] as const))('of an even number: %s', (_, { rule, expected }) => {
    expectClose(aggregateUpdates(equally(updates.slice(0, 8)), rule), expected);
  });

  it('the weighted lower median of norms', () => {
    expect(medianNorm(weighted)).toBeCloseTo(vectors.medianNorm, 10);
    expect(medianNorm([{ update: of(3, 4), weight: 1 }, { update: of(1, 0), weight: 1 }])).toBe(1);
  });
});

describe('aggregateUpdates', () => {
  it('the mean is that of averageUpdates, bit for bit', () => {
    expect(aggregateUpdates(weighted, { kind: 'mean' })).toEqual(averageUpdates(weighted));
    expect(aggregateUpdates(weighted, { kind: 'mean', clipNorm: 3 })).toEqual(averageUpdates(weighted, { clipNorm: 3 }));
  });

  it('exact results by hand', () => {
    const five = equally([of(1, 10), of(2, 20), of(3, 30), of(4, 40), of(1000, -1000)]);
    expect([...joined(aggregateUpdates(five, { kind: 'median' }))]).toEqual([3, 20]);
    expect([...joined(aggregateUpdates(five.slice(0, 4), { kind: 'median' }))]).toEqual([2.5, 25]);
    expect([...joined(aggregateUpdates(five, { kind: 'trimmed-mean', trim: 1 }))]).toEqual([3, 20]);
    expect([...joined(aggregateUpdates(five, { kind: 'krum', byzantine: 1 }))]).toEqual([2, 20]);
    expect([...joined(aggregateUpdates(five, { kind: 'multi-krum', byzantine: 1, selected: 2 }))]).toEqual([2.5, 25]);
    expect([...joined(aggregateUpdates(five.slice(0, 1), { kind: 'geometric-median' }))]).toEqual([1, 10]);
    expect([...joined(aggregateUpdates(equally([of(3, 4)]), { kind: 'centered-clipping', radius: 2.5 }))]).toEqual([1.5, 2]);
    expect([...joined(aggregateUpdates(equally([of(3, 4)]), { kind: 'centered-clipping', radius: 2.5, iterations: 2 }))]).toEqual([3, 4]);
  });

  it('Krum prefers the earlier of two that tie', () => {
    const twins = equally([of(5, 5), of(1, 0), of(0, 1), of(-1, 0), of(0, -1)]);
    expect([...joined(aggregateUpdates(twins, { kind: 'krum', byzantine: 1 }))]).toEqual([1, 0]);
  });

  it('a median norm of zero makes everything zero', () => {
    const updatesWithZeros = equally([of(0, 0), of(0, 0), of(3, 4)]);
    expect([...joined(aggregateUpdates(updatesWithZeros, { kind: 'mean', clipNorm: 'median' }))]).toEqual([0, 0]);
  });

  it('more updates than insertion sorts', () => {
    const many = equally(Array.from({ length: 41 }, (_, i) => of((i * 17) % 41, -i)));
    expect([...joined(aggregateUpdates(many, { kind: 'median' }))]).toEqual([20, -20]);
  });

  it('refuses what is not finite, naming tensor and update', async () => {
    const bad = equally([of(1, 2), of(1, 2), of(1, Number.NaN)]);
    for (const kind of ['mean', 'median', 'geometric-median'] as const) {
      const error = await expectCode('experts-not-finite', () => aggregateUpdates(bad, { kind }));
      expect(error.context).toEqual({ tensor: 'b', update: 2 });
      expect(error.message).toContain('update 2');
    }
    const center = of(Number.POSITIVE_INFINITY, 0);
    const error = await expectCode('experts-not-finite', () => aggregateUpdates(bad.slice(0, 2), { kind: 'centered-clipping', radius: 1 }, { center }));
    expect(error.message).toContain('the center');
  });

  test.each([
    [{ kind: 'trimmed-mean', trim: 2 }, 4, 5],
    [{ kind: 'krum', byzantine: 1 }, 4, 5],
    [{ kind: 'multi-krum', byzantine: 2 }, 6, 7],
    [{ kind: 'mean' }, 0, 1],
  ] as const)('%j needs more than %i updates', async (rule, participants, needed) => {
    const error = await expectCode('aggregation-too-few', () => assertAggregationRule(rule, participants));
    expect(error.context).toEqual({ rule: rule.kind, participants, needed });
    assertAggregationRule(rule, needed);
    await expectCode('aggregation-too-few', () => aggregateUpdates(equally(updates.slice(0, participants)), rule));
  });

  test.each([
    ['kind', { kind: 'best' }],
    ['trim', { kind: 'trimmed-mean', trim: -1 }],
    ['trim', { kind: 'trimmed-mean', trim: 0.5 }],
    ['byzantine', { kind: 'krum', byzantine: Number.NaN }],
    ['selected', { kind: 'multi-krum', byzantine: 1, selected: 0 }],
    ['selected', { kind: 'multi-krum', byzantine: 1, selected: 9 }],
    ['iterations', { kind: 'geometric-median', iterations: 0 }],
    ['iterations', { kind: 'geometric-median', iterations: 10_001 }],
    ['smoothing', { kind: 'geometric-median', smoothing: 0 }],
    ['radius', { kind: 'centered-clipping', radius: 0 }],
    ['iterations', { kind: 'centered-clipping', radius: 1, iterations: 1.5 }],
    ['clipNorm', { kind: 'median', clipNorm: -1 }],
    ['clipNorm', { kind: 'median', clipNorm: Number.POSITIVE_INFINITY }],
  ] as const)('refuses %s in %j', async (field, rule) => {
    expect((await expectCode('aggregation-invalid', () => assertAggregationRule(rule as AggregationRule, 9))).context.field).toBe(field);
  });

  it('refuses weights and sets that do not fit', async () => {
    const rule = { kind: 'median' } as const;
    for (const weights of [[1, -1], [0, 0], [1, Number.NaN], [1, Number.POSITIVE_INFINITY]]) {
      const list = weights.map((weight) => ({ update: of(1, 2), weight }));
      expect((await expectCode('aggregation-invalid', () => aggregateUpdates(list, rule))).context.field).toBe('weight');
    }
    await expectCode('experts-mismatch', () => aggregateUpdates(equally([of(1, 2), new Map()]), rule));
    await expectCode('tensor-shape-unexpected', () => aggregateUpdates(equally([of(1, 2), of(1, 2, 3)]), rule));
    await expectCode('tensor-shape-unexpected', () => aggregateUpdates(equally([of(1, 2)]), { kind: 'centered-clipping', radius: 1 }, { center: of(1, 2, 3) }));
  });
});
