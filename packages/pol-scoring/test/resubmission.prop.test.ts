import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExpertWeights } from '@connito/moe-core';
import { findResubmission, type OpenedWeights } from '../src/index.ts';
import { combine, createNoise, polError, weightsOf } from './fixtures.ts';

const random = (seed: number): ExpertWeights => weightsOf(createNoise(seed));

/** A vector with cosine c to `a`, as long as `a` (in high dimension, random vectors are nearly orthogonal). */
const alike = (a: ExpertWeights, c: number, seed: number): ExpertWeights => combine([c, a], [Math.sqrt(1 - c * c), random(seed)]);

interface World {
  readonly start: ExpertWeights;
  readonly past: OpenedWeights;
  readonly other: OpenedWeights;
}

/** Last cycle: two honest updates with cosine .8; the version moved by their mean. */
function world(seed: number, moved = 1): World {
  const theta = random(seed);
  const first = random(seed + 1);
  const second = alike(first, 0.8, seed + 2);
  const start = combine([1, theta], [-moved / 2, first], [-moved / 2, second]);
  return { start, past: { cycle: 4, update: first, start: theta }, other: { cycle: 4, update: second, start: theta } };
}
const openedOf = ({ past, other }: World): OpenedWeights[] => [past, other];
const seeds = fc.nat(1_000_000);
const noiseShare = fc.double({ min: 0, max: 0.3, noNaN: true });

describe('findResubmission', () => {
  it('finds an opened update, scaled and with noise', () => {
    fc.assert(
      fc.property(seeds, noiseShare, fc.double({ min: 0.1, max: 5, noNaN: true }), (seed, noise, scale) => {
        const scene = world(seed);
        const update = combine([scale, scene.past.update], [scale * noise, random(seed + 9)]);
        expect(findResubmission({ update, start: scene.start, opened: openedOf(scene) })).toMatchObject({ kind: 'update', cycle: 4, index: 0 });
      }),
      { numRuns: 30 },
    );
  });

  it('finds the weights of an opened update, part of the way to them, and with noise', () => {
    fc.assert(
      fc.property(seeds, noiseShare, fc.double({ min: 0.2, max: 1, noNaN: true }), (seed, noise, part) => {
        const scene = world(seed);
        const way = combine([1, scene.start], [-1, scene.past.start], [1, scene.past.update]); // θ − opened weights
        // ‖way‖ is .32 of a random vector here (half the difference of two with cosine .8), so this is up to 38 % of noise.
        const update = combine([part, way], [0.4 * part * noise, random(seed + 9)]);
        const found = findResubmission({ update, start: scene.start, opened: openedOf(scene) });
        expect(found?.kind).toBeOneOf(['weights', 'distance']);
        expect(found?.index).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('finds the mean of a cycle', () => {
    const scene = world(5);
    const third: OpenedWeights = { cycle: 4, update: alike(scene.past.update, 0.3, 77), start: scene.past.start };
    const fourth: OpenedWeights = { cycle: 4, update: random(78), start: scene.past.start };
    const opened = [...openedOf(scene), third, fourth];
    const update = combine(...opened.map((entry) => [0.25, entry.update] as const));
    expect(findResubmission({ update, start: scene.start, opened })).toMatchObject({ kind: 'mean', cycle: 4, index: undefined });
  });

  it('leaves honest updates alone: cosine .62 to an earlier one after the version moved', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: -0.2, max: 0.62, noNaN: true }), fc.double({ min: 0.05, max: 4, noNaN: true }), (seed, similarity, scale) => {
        const scene = world(seed);
        const update = combine([scale, alike(scene.past.update, similarity, seed + 5)]);
        expect(findResubmission({ update, start: scene.start, opened: openedOf(scene) })).toBeUndefined();
      }),
      { numRuns: 30 },
    );
  });

  it('leaves honest updates alone after a rejected cycle, where they start from the same weights with cosine .96, and still finds copies', () => {
    const scene = world(11, 0);
    const honest = alike(scene.past.update, 0.96, 20);
    expect(findResubmission({ update: honest, start: scene.start, opened: openedOf(scene) })).toBeUndefined();
    const copy = combine([1, scene.past.update], [0.01, random(21)]);
    expect(findResubmission({ update: copy, start: scene.start, opened: openedOf(scene) })).toMatchObject({ kind: 'update', index: 0 });
    const mean = combine([0.5, scene.past.update], [0.5, scene.other.update]);
    expect(findResubmission({ update: mean, start: scene.start, opened: openedOf(scene) })).toMatchObject({ kind: 'mean' });
  });

  it('does not depend on the order of what was opened, but for the index', () => {
    const scene = world(31);
    const opened = openedOf(scene);
    const update = combine([1, scene.other.update], [0.01, random(3)]);
    expect(findResubmission({ update, start: scene.start, opened })?.index).toBe(1);
    expect(findResubmission({ update, start: scene.start, opened: opened.toReversed() })?.index).toBe(0);
  });

  it('takes zero updates, empty histories and other tensors as nothing', () => {
    const scene = world(41);
    expect(findResubmission({ update: weightsOf(() => 0), start: scene.start, opened: openedOf(scene) })).toBeUndefined();
    expect(findResubmission({ update: random(1), start: scene.start, opened: [] })).toBeUndefined();
    const elsewhere: OpenedWeights = { cycle: 1, update: new Map([['z', { shape: [3], data: Float32Array.of(1, 2, 3) }]]), start: new Map() };
    expect(findResubmission({ update: random(1), start: scene.start, opened: [elsewhere] })).toBeUndefined();
  });

  it('refuses senseless thresholds', () => {
    for (const thresholds of [{ cosine: 1.5 }, { cosine: Number.NaN }, { sameStartCosine: -1 }, { sameStartShare: -1 }, { distance: -0.1 }]) {
      expect(() => findResubmission({ update: random(1), start: random(2), opened: [], thresholds })).toThrow(polError('invalid-option') as Error);
    }
  });
});
