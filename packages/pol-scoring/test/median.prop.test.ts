import type { SheetEntry } from '@connito/commit-reveal';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { medianScores, weightedLowerMedian } from '../src/index.ts';
import { polError, vectors } from './fixtures.ts';

const sheet = (stakeRao: bigint, ...entries: SheetEntry[]): { stakeRao: bigint; entries: SheetEntry[] } => ({ stakeRao, entries });
const votesArbitrary = fc.array(fc.tuple(fc.double({ min: 0, max: 2, noNaN: true }), fc.bigInt({ min: 1n, max: 10n ** 17n })), { minLength: 1, maxLength: 9 });

describe('medianScores', () => {
  it.each(vectors.medians)('agrees with counting stake one by one', ({ votes, median }) => {
    expect(medianScores(votes.map(([score, stake]) => sheet(BigInt(stake), { score })))).toEqual([{ uid: 0, score: median }]);
    expect(weightedLowerMedian(votes.map(([value, weight]) => ({ value, weight })))).toBe(median);
  });

  it('takes the lower of two equal stakes, and whole stakes beyond 2^53', () => {
    expect(medianScores([sheet(5n, { score: 0.5 }), sheet(5n, { score: 0.25 })])).toEqual([{ uid: 0, score: 0.25 }]);
    const half = 2n ** 60n;
    expect(medianScores([sheet(half, { score: 0.25 }), sheet(half + 1n, { score: 0.5 })])).toEqual([{ uid: 0, score: 0.5 }]);
  });

  it('counts a miner\'s code as 0, and lets a validator\'s fault abstain', () => {
    expect(medianScores([sheet(3n, { code: 'below-floor' }), sheet(2n, { score: 0.5 })])).toEqual([{ uid: 0, score: 0 }]);
    expect(medianScores([sheet(2n, { code: 'validator-fault' }), sheet(3n, { score: 0.5 })])).toEqual([{ uid: 0, score: 0.5 }]);
    // Where at least half of the stake abstains, the rest does not decide.
    expect(medianScores([sheet(3n, { code: 'validator-fault' }), sheet(2n, { score: 0.5 })])).toEqual([]);
    expect(medianScores([sheet(2n, { code: 'validator-fault' }), sheet(2n, { score: 0.5 })])).toEqual([]);
    expect(medianScores([sheet(3n, { code: 'empty' }, { code: 'resubmission' }), sheet(2n, { code: 'empty' }, { score: 1 })])).toEqual([{ uid: 1, score: 0 }]);
    expect(medianScores([sheet(3n, { code: 'validator-fault' })])).toEqual([]);
    expect(medianScores([sheet(0n, { score: 1 })])).toEqual([]);
    expect(medianScores([])).toEqual([]);
  });

  it('does not depend on order, lies among the votes, and a minority of stake cannot move it beyond the others', () => {
    fc.assert(
      fc.property(votesArbitrary, fc.double({ min: 0, max: 9, noNaN: true }), (votes, attack) => {
        const honest = votes.map(([score, stake]) => sheet(stake, { score }));
        const [median] = medianScores(honest);
        expect(medianScores(honest.toReversed())).toEqual([median]);
        expect(votes.map(([score]) => score)).toContain(median?.score);
        const stake = votes.reduce((sum, [, each]) => sum + each, 0n);
        const [attacked] = medianScores([...honest, sheet(stake - 1n, { score: attack })]);
        const scores = votes.map(([score]) => score);
        expect(attacked?.score).toBeGreaterThanOrEqual(Math.min(...scores));
        expect(attacked?.score).toBeLessThanOrEqual(Math.max(...scores));
      }),
    );
  });

  it('refuses negative stakes and scores', () => {
    expect(() => medianScores([sheet(-1n, { score: 1 })])).toThrow(polError('invalid-option') as Error);
    for (const score of [-1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => medianScores([sheet(1n, { score })])).toThrow(polError('invalid-option') as Error);
  });
});

describe('weightedLowerMedian', () => {
  it('passes over weights of 0', () => {
    expect(weightedLowerMedian([{ value: 1, weight: 0 }, { value: 2, weight: 1 }])).toBe(2);
  });

  it('refuses values without weight', () => {
    for (const values of [[], [{ value: 1, weight: 0 }], [{ value: 1, weight: -1 }, { value: 1, weight: 2 }], [{ value: Number.NaN, weight: 1 }], [{ value: 1, weight: Number.NaN }], [{ value: 1, weight: Number.POSITIVE_INFINITY }]]) {
      expect(() => weightedLowerMedian(values)).toThrow(polError('invalid-option') as Error);
    }
  });
});
