import type { ExpertWeights } from '@connito/moe-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findResubmission, type OpenedWeights } from '../src/index.ts';
import { combine, createNoise, polError, weightsOf } from './fixtures.ts';

const random = (seed: number): ExpertWeights => weightsOf(createNoise(seed));

/** A vector with cosine c to `a`, about as long as a random one (random vectors are nearly orthogonal). */
const alike = (a: ExpertWeights, c: number, seed: number): ExpertWeights => combine([c, a], [Math.sqrt(1 - c * c), random(seed)]);

interface World {
  /** What all honest miners learn. */
  readonly common: ExpertWeights;
  readonly start: ExpertWeights;
  readonly opened: OpenedWeights[];
}

/** Last cycle: three honest updates with cosine `likeness` to one another; the version moved by `moved` times their mean. */
function world(seed: number, { likeness = 0.9, moved = 1 } = {}): World {
  const theta = random(seed);
  const common = random(seed + 1);
  const updates = [2, 3, 4].map((offset) => alike(common, Math.sqrt(likeness), seed + offset));
  const start = combine([1, theta], ...updates.map((update) => [-moved / 3, update] as const));
  return { common, start, opened: updates.map((update) => ({ cycle: 4, update, start: theta })) };
}
const noisy = (update: ExpertWeights, share: number, seed: number): ExpertWeights => combine([1, update], [share, random(seed)]);
const seeds = fc.nat(1_000_000);
const noiseShare = fc.double({ min: 0, max: 0.3, noNaN: true });
const likenesses = fc.double({ min: 0.3, max: 0.94, noNaN: true });

describe('findResubmission', () => {
  it('finds an opened update, scaled and with up to 30 % noise', () => {
    fc.assert(
      fc.property(seeds, noiseShare, fc.double({ min: 0.1, max: 5, noNaN: true }), fc.constantFrom(0, 0.3, 1, 1.33), fc.nat(2), (seed, share, scale, moved, index) => {
        const { start, opened } = world(seed, { moved });
        const update = combine([scale, noisy(opened[index]!.update, share, seed + 9)]);
        expect(findResubmission({ update, start, opened })).toMatchObject({ kind: 'update', cycle: 4, index });
      }),
      { numRuns: 40 },
    );
  });

  it('finds the weights of an opened update, or a part of the way to them, with noise', () => {
    fc.assert(
      fc.property(seeds, noiseShare, fc.double({ min: 0.2, max: 1, noNaN: true }), fc.nat(2), (seed, share, part, index) => {
        const { start, opened } = world(seed, { likeness: 0.8 });
        const { start: theta, update } = opened[index]!;
        const way = combine([1, start], [-1, theta], [1, update]); // 0.37 of an update long here
        expect(findResubmission({ update: combine([part, noisy(way, 0.37 * share, seed + 9)]), start, opened })).toMatchObject({ kind: 'weights', index });
      }),
      { numRuns: 40 },
    );
  });

  it('finds the mean of a cycle with 10 % noise', () => {
    const { start, opened } = world(5, { likeness: 0.7 });
    const mean = combine(...opened.map(({ update }) => [1 / 3, update] as const));
    expect(findResubmission({ update: noisy(mean, 0.1, 6), start, opened })).toMatchObject({ kind: 'mean', cycle: 4, index: undefined, residual: undefined });
  });

  it('leaves honest updates alone, however alike they are and however far the version moved', () => {
    fc.assert(
      fc.property(seeds, likenesses, fc.double({ min: 0.05, max: 4, noNaN: true }), fc.constantFrom(0, 0.3, 1, 1.33), (seed, likeness, scale, moved) => {
        const { common, start, opened } = world(seed, { likeness, moved });
        const honest = combine([scale, alike(common, Math.sqrt(likeness), seed + 5)]);
        expect(findResubmission({ update: honest, start, opened })).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it('accuses by a single opened update only of a near-exact copy', () => {
    const { start, opened } = world(7);
    const alone = opened.slice(0, 1);
    const update = alone[0]!.update;
    expect(findResubmission({ update: noisy(update, 0.3, 1), start, opened: alone })).toBeUndefined();
    expect(findResubmission({ update: noisy(update, 0.1, 1), start, opened: alone })).toMatchObject({ kind: 'update', residual: undefined });
  });

  it('does not depend on the order of what was opened, but for the index', () => {
    const { start, opened } = world(31);
    const update = noisy(opened[2]!.update, 0.01, 3);
    expect(findResubmission({ update, start, opened })?.index).toBe(2);
    expect(findResubmission({ update, start, opened: opened.toReversed() })?.index).toBe(0);
  });

  it('takes zero updates, empty histories and other tensors as nothing', () => {
    const { start, opened } = world(41);
    expect(findResubmission({ update: weightsOf(() => 0), start, opened })).toBeUndefined();
    expect(findResubmission({ update: random(1), start, opened: [] })).toBeUndefined();
    const elsewhere: OpenedWeights = { cycle: 1, update: new Map([['z', { shape: [3], data: Float32Array.of(1, 2, 3) }]]), start };
    expect(findResubmission({ update: random(1), start, opened: [elsewhere] })).toBeUndefined();
  });

  it('refuses senseless thresholds', () => {
    for (const thresholds of [{ nearExact: 1.5 }, { suspicious: Number.NaN }, { residual: -1 }]) {
      expect(() => findResubmission({ update: random(1), start: random(2), opened: [], thresholds })).toThrow(polError('invalid-option') as Error);
    }
  });
});
