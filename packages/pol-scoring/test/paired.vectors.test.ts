import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateMean, measureCandidate, scorePair, type LossEvaluator } from '../src/index.ts';
import { polError, vectors, weightsOf } from './fixtures.ts';

const losses = fc.array(fc.double({ min: 0, max: 12, noNaN: true }), { minLength: 2, maxLength: 40 });
const level = 0.99;

/** Ten decimals: the sums of numpy are in another order. */
const rounded = (outcome: object): object => Object.fromEntries(Object.entries(outcome).map(([name, value]) => [name, typeof value === 'number' ? value.toFixed(10) : value]));

describe('scorePair', () => {
  it.each(vectors.pairs)('agrees with scipy', ({ base, candidate, clip, level: at, outcome }) => {
    const result = scorePair({ baseLosses: Float64Array.from(base), candidateLosses: Float64Array.from(candidate), clip, level: at });
    expect(rounded(result)).toEqual(rounded(outcome));
  });

  it('knows whose fault a non-finite loss is', () => {
    const fine = Float64Array.of(3, 3, 3);
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const bad = Float64Array.of(3, broken, 3);
      expect(scorePair({ baseLosses: fine, candidateLosses: bad, clip: 2, level })).toEqual({ code: 'non-finite' });
      expect(scorePair({ baseLosses: bad, candidateLosses: fine, clip: 2, level })).toEqual({ code: 'validator-fault' });
      expect(scorePair({ baseLosses: bad, candidateLosses: bad, clip: 2, level })).toEqual({ code: 'validator-fault' });
    }
  });

  it('clips gains at +B, keeps −B, and refuses a single row below it', () => {
    const baseLosses = Float64Array.of(5, 5, 5, 5);
    expect(scorePair({ baseLosses, candidateLosses: Float64Array.of(0, 4, 4, 4), clip: 1, level })).toMatchObject({ code: 'scored', gain: 1, lowerBound: 1, upperBound: 1, standardError: 0 });
    expect(scorePair({ baseLosses, candidateLosses: Float64Array.of(6, 5, 5, 5), clip: 1, level })).toMatchObject({ code: 'scored', gain: -0.25 });
    expect(scorePair({ baseLosses, candidateLosses: Float64Array.of(6.001, 0, 0, 0), clip: 1, level })).toEqual({ code: 'worse-than-clip' });
  });

  it('gives an unchanged model a gain of exactly 0', () => {
    fc.assert(
      fc.property(losses, (values) => {
        const same = Float64Array.from(values);
        expect(scorePair({ baseLosses: same, candidateLosses: same, clip: 2, level })).toMatchObject({ gain: 0, lowerBound: 0, upperBound: 0 });
      }),
    );
  });

  it('rises with the gain, and the bound with confidence falls', () => {
    fc.assert(
      fc.property(losses, fc.double({ min: 0, max: 0.5, noNaN: true }), (values, better) => {
        const baseLosses = Float64Array.from(values);
        const candidate = baseLosses.map((loss, i) => loss - 0.1 * Math.sin(i));
        const plain = scorePair({ baseLosses, candidateLosses: candidate, clip: 2, level });
        const improved = scorePair({ baseLosses, candidateLosses: candidate.map((loss) => loss - better), clip: 2, level });
        const surer = scorePair({ baseLosses, candidateLosses: candidate, clip: 2, level: 0.999 });
        if (plain.code !== 'scored' || improved.code !== 'scored' || surer.code !== 'scored') throw new Error('expected scores');
        expect(improved.lowerBound).toBeGreaterThanOrEqual(plain.lowerBound - 1e-12);
        expect(surer.lowerBound).toBeLessThanOrEqual(plain.lowerBound);
        expect(plain.lowerBound).toBeLessThanOrEqual(plain.gain);
        expect(plain.gain).toBeLessThanOrEqual(plain.upperBound);
      }),
    );
  });

  it('refuses losses of different rows, too few rows and senseless options', () => {
    const two = Float64Array.of(1, 2);
    expect(() => scorePair({ baseLosses: two, candidateLosses: Float64Array.of(1), clip: 2, level })).toThrow(polError('row-mismatch') as Error);
    expect(() => scorePair({ baseLosses: Float64Array.of(1), candidateLosses: Float64Array.of(1), clip: 2, level })).toThrow(polError('too-few-rows') as Error);
    for (const clip of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => scorePair({ baseLosses: two, candidateLosses: two, clip, level })).toThrow(polError('invalid-option') as Error);
    for (const bad of [0.4, 1, 1.5, Number.NaN]) expect(() => scorePair({ baseLosses: two, candidateLosses: two, clip: 1, level: bad })).toThrow(polError('invalid-option') as Error);
  });
});

describe('estimateMean', () => {
  it.each(vectors.quantiles)('uses the quantile of scipy at level $level with $rows rows', ({ level: at, rows, t }) => {
    // Differences with mean 0 and standard error 1, so that the bound is the quantile.
    const scale = Math.sqrt(rows * (rows - 1));
    const differences = new Float64Array(rows);
    differences[0] = scale / Math.SQRT2;
    differences[1] = -scale / Math.SQRT2;
    const { upperBound, standardError } = estimateMean(differences, at);
    expect(standardError).toBeCloseTo(1, 11);
    expect(Math.abs(upperBound - t)).toBeLessThan(1e-9 * Math.max(1, t));
  });

  it('refuses differences that are not finite', () => {
    expect(() => estimateMean(Float64Array.of(1, Number.NaN), level)).toThrow(polError('invalid-option') as Error);
  });
});

describe('measureCandidate', () => {
  it('measures base and candidate on the same tokens', async () => {
    const base = weightsOf(() => 0);
    const candidate = weightsOf(() => 1);
    const tokens = new Int32Array(6);
    const evaluator: LossEvaluator = {
      rowLosses: (given, options) => Promise.resolve(given === tokens && options?.experts === candidate ? Float64Array.of(1, 1.1, 1.2) : Float64Array.of(2, 2.1, 2.2)),
    };
    expect(await measureCandidate({ evaluator, tokens, base, candidate })).toMatchObject({ code: 'scored', gain: expect.closeTo(1, 12), rows: 3 });
    expect(await measureCandidate({ evaluator, tokens, candidate, signal: new AbortController().signal })).toMatchObject({ code: 'scored' });
  });
});
