import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { applyOuterStep, averageUpdates, computePseudoGradient, cosineSimilarity, updateDistance, updateNorm, type ExpertWeights, type OuterState } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { float32FromBase64, readVectors } from '../vectors/read-vectors.ts';

interface OuterRun {
  readonly learningRate: number;
  readonly momentum: number;
  readonly start: string;
  readonly updates: readonly string[];
  readonly weights: readonly string[];
  readonly velocities: readonly string[];
}

interface Geometry {
  readonly a: string;
  readonly b: string;
  readonly norm: number;
  readonly distance: number;
  readonly cosine: number;
  readonly difference: string;
  readonly weightedMean: string;
  readonly clipNorm: number;
  readonly clippedMean: string;
}

const { runs, geometry } = readVectors<{ runs: readonly OuterRun[]; geometry: Geometry }>('outer-step');

/** One long tensor, cut into two: nothing here may depend on the cut. */
function experts(data: Float32Array, cut = Math.floor(data.length / 3)): ExpertWeights {
  return new Map([
    ['b', { shape: [data.length - cut], data: data.slice(cut) }],
    ['a', { shape: [cut], data: data.slice(0, cut) }],
  ]);
}

const joined = (weights: ExpertWeights): Float32Array => Float32Array.from([...weights.get('a')!.data, ...weights.get('b')!.data]);

const bitsOf = (values: Float32Array): Int32Array => new Int32Array(values.slice().buffer);

function expectWithinUlp(actual: Float32Array, expected: Float32Array): void {
  const [x, y] = [bitsOf(actual), bitsOf(expected)];
  expect(Math.max(...x.map((bit, i) => Math.abs(bit - y[i]!)))).toBeLessThanOrEqual(1);
}

describe('outer step', () => {
  test.each(runs)('Nesterov as torch.optim.SGD, lr $learningRate, momentum $momentum', ({ learningRate, momentum, ...run }) => {
    let state: OuterState = { weights: experts(float32FromBase64(run.start)), velocity: undefined };
    run.updates.forEach((update, step) => {
      // From torch's own state each time, so that one unit in the last place cannot grow.
      state = applyOuterStep({ ...state, update: experts(float32FromBase64(update)), rule: { kind: 'nesterov', learningRate, momentum } });
      expectWithinUlp(joined(state.velocity!), float32FromBase64(run.velocities[step]!));
      expectWithinUlp(joined(state.weights), float32FromBase64(run.weights[step]!));
      state = { weights: experts(float32FromBase64(run.weights[step]!)), velocity: experts(float32FromBase64(run.velocities[step]!)) };
    });
  });

  it('plain average: with rate 1 it lands on the mean of the miners', () => {
    const start = experts(Float32Array.of(1, 2, 3));
    const local = experts(Float32Array.of(0.5, 2.5, 3));
    const step = applyOuterStep({ weights: start, update: computePseudoGradient(start, local), rule: { kind: 'average' } });
    expect(joined(step.weights)).toEqual(joined(local));
    expect(step.velocity).toBeUndefined();
    const half = applyOuterStep({ weights: start, update: computePseudoGradient(start, local), rule: { kind: 'average', learningRate: 0.5 } });
    expect(joined(half.weights)).toEqual(Float32Array.of(0.75, 2.25, 3));
  });

  it('changes no input', () => {
    const [weights, update, velocity] = [1, 2, 3].map((value) => experts(Float32Array.of(value, value, value)));
    applyOuterStep({ weights: weights!, update: update!, velocity, rule: { kind: 'nesterov', learningRate: 0.7, momentum: 0.9 } });
    expect([weights, update, velocity].map((set) => joined(set!)[0])).toEqual([1, 2, 3]);
    const first = applyOuterStep({ weights: weights!, update: update!, rule: { kind: 'nesterov', learningRate: 0.7, momentum: 0 } });
    first.velocity!.get('a')!.data.fill(9);
    expect(joined(update!)[0]).toBe(2);
  });

  it('writes into arrays that are given, also its own inputs', () => {
    const [weights, update, velocity] = [Float32Array.of(1, -2, 3), Float32Array.of(0.1, 0.2, -0.3), Float32Array.of(1, 0, 2)].map((data) => experts(data));
    for (const rule of [{ kind: 'nesterov', learningRate: 0.7, momentum: 0.9 }, { kind: 'average' }] as const) {
      const expected = applyOuterStep({ weights: weights!, update: update!, velocity, rule });
      const own = { weights: experts(joined(weights!)), velocity: experts(joined(velocity!)) };
      const step = applyOuterStep({ ...own, update: update!, rule, into: own });
      expect(step).toEqual(expected);
      expect(step.weights.get('a')!.data).toBe(own.weights.get('a')!.data);
    }
  });

  it('refuses rates and sets that do not fit', async () => {
    const weights = experts(Float32Array.of(1, 2, 3));
    const other = experts(Float32Array.of(1, 2, 3, 4));
    const nesterov = { kind: 'nesterov', learningRate: 0.7, momentum: 0.9 } as const;
    expect((await expectCode('update-invalid', () => applyOuterStep({ weights, update: weights, rule: { kind: 'average', learningRate: 0 } }))).context.field).toBe('learningRate');
    expect((await expectCode('update-invalid', () => applyOuterStep({ weights, update: weights, rule: { ...nesterov, momentum: 1 } }))).context.field).toBe('momentum');
    await expectCode('tensor-shape-unexpected', () => applyOuterStep({ weights, update: other, rule: nesterov }));
    await expectCode('experts-mismatch', () => applyOuterStep({ weights, update: weights, velocity: new Map(), rule: nesterov }));
  });
});

describe('geometry and averages against numpy', () => {
  const a = experts(float32FromBase64(geometry.a));
  const b = experts(float32FromBase64(geometry.b));

  it('norm, distance, cosine', () => {
    expect(updateNorm(a)).toBeCloseTo(geometry.norm, 10);
    expect(updateDistance(a, b)).toBeCloseTo(geometry.distance, 10);
    expect(cosineSimilarity(a, b)).toBeCloseTo(geometry.cosine, 12);
    expect(cosineSimilarity(a, a)).toBeCloseTo(1, 12);
    expect(cosineSimilarity(a, experts(new Float32Array(500)))).toBe(0);
  });

  it('pseudo-gradient, weighted mean, clipped mean', () => {
    expect(joined(computePseudoGradient(a, b))).toEqual(float32FromBase64(geometry.difference));
    const pair = [{ update: a, weight: 3 }, { update: b, weight: 1 }];
    expect(joined(averageUpdates(pair))).toEqual(float32FromBase64(geometry.weightedMean));
    expectWithinUlp(joined(averageUpdates(pair, { clipNorm: geometry.clipNorm })), float32FromBase64(geometry.clippedMean));
    expect(averageUpdates(pair, { clipNorm: 1e9 })).toEqual(averageUpdates(pair));
  });

  it('a clip bounds the norm of the mean', () => {
    const values = fc.float32Array({ minLength: 2, maxLength: 8, noNaN: true, min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(values, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (data, clipNorm) => {
        const update = experts(data, 1);
        const mean = averageUpdates([{ update, weight: 1 }, { update, weight: 2 }], { clipNorm });
        expect(updateNorm(mean)).toBeLessThanOrEqual(clipNorm * (1 + 1e-6));
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });

  it('the order of a map carries no meaning', () => {
    const turned = new Map([...a].toReversed());
    expect(updateNorm(turned)).toBe(updateNorm(a));
    expect([...averageUpdates([{ update: turned, weight: 1 }]).keys()]).toEqual(['a', 'b']);
  });

  it('refuses what cannot be averaged', async () => {
    await expectCode('update-invalid', () => averageUpdates([]));
    await expectCode('update-invalid', () => averageUpdates([{ update: a, weight: 0 }]));
    await expectCode('update-invalid', () => averageUpdates([{ update: a, weight: 2 }, { update: b, weight: -1 }]));
    await expectCode('update-invalid', () => averageUpdates([{ update: a, weight: Number.NaN }]));
    await expectCode('update-invalid', () => averageUpdates([{ update: a, weight: 1 }], { clipNorm: 0 }));
    await expectCode('experts-mismatch', () => averageUpdates([{ update: a, weight: 1 }, { update: new Map(), weight: 1 }]));
    await expectCode('experts-mismatch', () => computePseudoGradient(a, new Map([...a, ['c', { shape: [1], data: new Float32Array(1) }]])));
    await expectCode('tensor-size-unexpected', () => cosineSimilarity(a, new Map([...a, ['a', { shape: a.get('a')!.shape, data: new Float32Array(1) }]])));
    const bad = experts(Float32Array.of(1, Number.NaN, 3));
    expect((await expectCode('experts-not-finite', () => averageUpdates([{ update: bad, weight: 1 }]))).context.tensor).toBe('b');
    const huge = experts(Float32Array.of(1, Number.POSITIVE_INFINITY, 3));
    await expectCode('experts-not-finite', () => averageUpdates([{ update: huge, weight: 1 }], { clipNorm: 1 }));
  });
});
