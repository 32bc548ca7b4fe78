import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rateMiners, weightsFromRatings } from '../src/index.ts';
import { polError, vectors } from './fixtures.ts';

const ratingsArbitrary = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.double({ min: 0, max: 3, noNaN: true })), { maxLength: 20, selector: ([uid]) => uid });

describe('rateMiners', () => {
  it('is the mean over the newest cycles, a missing score being 0', () => {
    const cycles = [new Map([['a', 9]]), new Map([['a', 0.5], ['b', 0.25]]), new Map([['b', 0.75]])];
    expect(rateMiners({ cycles, window: 2 })).toEqual(new Map([['a', 0.25], ['b', 0.5]]));
    expect(rateMiners({ cycles: cycles.slice(0, 1), window: 8 })).toEqual(new Map([['a', 9]]));
    expect(rateMiners({ cycles: [], window: 1 })).toEqual(new Map());
  });

  it('forgets a hotkey that stopped, after the window', () => {
    const cycles = [new Map([['a', 1]]), new Map<string, number>(), new Map<string, number>()];
    expect(rateMiners({ cycles, window: 3 }).get('a')).toBeCloseTo(1 / 3, 12);
    expect(rateMiners({ cycles, window: 2 }).size).toBe(0);
  });

  it('refuses senseless inputs', () => {
    for (const window of [0, 1.5, Number.NaN]) expect(() => rateMiners({ cycles: [], window })).toThrow(polError('invalid-option') as Error);
    for (const score of [-1, Number.NaN]) expect(() => rateMiners({ cycles: [new Map([['a', score]])], window: 1 })).toThrow(polError('invalid-option') as Error);
  });
});

describe('weightsFromRatings', () => {
  it.each(vectors.weights)('agrees with exact fractions', ({ ratings, targetGain, burnUid, weights }) => {
    const given = new Map(Object.entries(ratings).map(([uid, rating]) => [Number(uid), rating]));
    expect(weightsFromRatings({ ratings: given, targetGain, burnUid })).toEqual(weights.map(({ uid, weight }) => ({ uid, weight: expect.closeTo(weight, 12) })));
  });

  it('sums to 1, burns what is not earned, pays nobody for nothing, and pays in proportion', () => {
    fc.assert(
      fc.property(ratingsArbitrary, fc.double({ min: 0.01, max: 5, noNaN: true }), (entries, targetGain) => {
        const burnUid = 999;
        const ratings = new Map(entries);
        const weights = weightsFromRatings({ ratings, targetGain, burnUid });
        const total = entries.reduce((sum, [, rating]) => sum + rating, 0);
        const by = new Map(weights.map(({ uid, weight }) => [uid, weight]));
        expect(weights.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9);
        expect(by.get(burnUid) ?? 0).toBeCloseTo(1 - Math.min(1, total / targetGain), 9);
        for (const [uid, rating] of entries) expect(by.get(uid) ?? 0).toBeCloseTo(total === 0 ? 0 : (Math.min(1, total / targetGain) * rating) / total, 9);
        expect(weights.every(({ weight }) => weight > 0)).toBe(true);
        expect(weightsFromRatings({ ratings: new Map(entries.toReversed()), targetGain, burnUid })).toEqual(weights);
      }),
    );
  });

  it('refuses senseless inputs', () => {
    const good = { ratings: new Map([[1, 0.5]]), targetGain: 1, burnUid: 0 };
    for (const bad of [{ targetGain: 0 }, { targetGain: Number.NaN }, { burnUid: -1 }, { burnUid: 65_536 }, { ratings: new Map([[1, -1]]) }, { ratings: new Map([[1, Number.NaN]]) }, { ratings: new Map([[-1, 1]]) }]) {
      expect(() => weightsFromRatings({ ...good, ...bad })).toThrow(polError('invalid-option') as Error);
    }
  });
});
