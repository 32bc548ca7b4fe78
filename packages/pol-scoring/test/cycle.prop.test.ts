import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeFloor, scoreCycle } from '../src/index.ts';
import { createNoise, polError, vectors } from './fixtures.ts';

/** 64 rows with a mean gain and a spread. */
function lossesWith(gain: number, spread: number, seed: number): Float64Array {
  const noise = createNoise(seed);
  return Float64Array.from({ length: 64 }, (_, i) => 3 + Math.sin(i) - gain + spread * noise());
}
const baseLosses = lossesWith(0, 0, 0);
const rules = { baseLosses, clip: 2, minGain: 0.02, floorShare: 0.1 };
const gainsArbitrary = fc.array(fc.record({ gain: fc.double({ min: -0.5, max: 1, noNaN: true }), seed: fc.nat() }), { minLength: 1, maxLength: 8 });

describe('scoreCycle', () => {
  it.each(vectors.cycles)('agrees with the independent implementation', ({ base, candidates, minGain, floor, scores, codes }) => {
    const result = scoreCycle({ baseLosses: Float64Array.from(base), candidates: candidates.map((losses, uid) => ({ uid, losses: Float64Array.from(losses) })), clip: 2, minGain });
    expect(result.map(({ score }) => score)).toEqual(scores.map((score) => expect.closeTo(score, 11)));
    expect(result.map(({ code }) => code)).toEqual(codes);
    expect(computeFloor({ gains: result.flatMap(({ gain }) => (gain === undefined ? [] : [gain])), minGain, floorShare: 0.1 })).toBeCloseTo(floor, 11);
  });

  it('never pays noise below the floor, however many hotkeys take it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 0.019, noNaN: true }), fc.nat(), (copies, gain, seed) => {
        const noisy = Array.from({ length: copies }, (_, i) => ({ uid: 10 + i, losses: lossesWith(gain, 0.001, seed + i) }));
        const honest = { uid: 1, losses: lossesWith(0.5, 0.2, seed) };
        const scores = scoreCycle({ ...rules, candidates: [...noisy, honest] });
        expect(scores.slice(0, copies).every(({ score, code }) => score === 0 && code === 'below-floor')).toBe(true);
        expect(scores.at(-1)?.code).toBe('scored');
        expect(scoreCycle({ ...rules, candidates: noisy }).every(({ score }) => score === 0)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('pays no gain that is small beside the best ones, above minGain though it is', () => {
    const gains = [1, 0.9, 0.8, 0.085, 0.05];
    const codes = scoreCycle({ ...rules, candidates: gains.map((gain, uid) => ({ uid, losses: lossesWith(gain, 0.001, uid) })) }).map(({ code }) => code);
    expect(codes).toEqual(['scored', 'scored', 'scored', 'below-floor', 'below-floor']);
  });

  it('does not depend on the order of candidates', () => {
    fc.assert(
      fc.property(
        gainsArbitrary.chain((gains) => fc.tuple(fc.constant(gains), fc.shuffledSubarray(gains.map((_, i) => i), { minLength: gains.length }))),
        ([gains, order]) => {
          const candidates = gains.map(({ gain, seed }, uid) => ({ uid, losses: lossesWith(gain, 0.1, seed) }));
          const plain = scoreCycle({ ...rules, candidates });
          const shuffled = scoreCycle({ ...rules, candidates: order.map((at) => candidates[at] ?? candidates[0]!) });
          expect(shuffled.toSorted((a, b) => a.uid - b.uid)).toEqual(plain);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('pays at most the measured gain and nothing negative; equal work earns equally; the better earns more', () => {
    fc.assert(
      fc.property(gainsArbitrary, fc.double({ min: 0.01, max: 0.3, noNaN: true }), (gains, more) => {
        const candidates = gains.map(({ gain, seed }, uid) => ({ uid, losses: lossesWith(gain, 0.1, seed) }));
        const first = candidates[0]!.losses;
        const extra = [{ uid: 100, losses: first }, { uid: 101, losses: first.map((loss) => loss - more) }];
        const scores = scoreCycle({ ...rules, candidates: [...candidates, ...extra] });
        const by = new Map(scores.map((entry) => [entry.uid, entry]));
        expect(scores.every(({ score, gain = 0 }) => score >= 0 && score <= Math.max(0, gain))).toBe(true);
        expect(by.get(100)?.score).toBe(by.get(0)?.score);
        expect(by.get(101)?.score).toBeGreaterThanOrEqual(by.get(0)?.score ?? 0);
      }),
      { numRuns: 50 },
    );
  });

  it('leaves broken candidates out of the floor, and blames itself for a broken base', () => {
    const nan = baseLosses.map((loss, i) => (i === 3 ? Number.NaN : loss));
    const candidates = [
      { uid: 4, losses: nan },
      { uid: 5, losses: lossesWith(-3, 0, 1) },
      { uid: 6, losses: lossesWith(0.3, 0.01, 2) },
    ];
    expect(scoreCycle({ ...rules, candidates }).map(({ code }) => code)).toEqual(['non-finite', 'worse-than-clip', 'scored']);
    expect(scoreCycle({ ...rules, baseLosses: nan, candidates }).map(({ code, score }) => [code, score])).toEqual([['validator-fault', 0], ['validator-fault', 0], ['validator-fault', 0]]);
    expect(scoreCycle({ ...rules, candidates: [] })).toEqual([]);
  });

  it('refuses senseless rules', () => {
    const candidates = [{ uid: 1, losses: baseLosses }];
    for (const bad of [{ minGain: -1 }, { minGain: Number.NaN }, { floorShare: 2 }, { errorRate: 0 }, { errorRate: 0.6 }, { clip: 0 }, { candidates: [...candidates, ...candidates] }]) {
      expect(() => scoreCycle({ ...rules, candidates, ...bad })).toThrow(polError('invalid-option') as Error);
    }
    expect(() => scoreCycle({ ...rules, candidates: [{ uid: 1, losses: new Float64Array(3) }] })).toThrow(polError('row-mismatch') as Error);
  });
});
