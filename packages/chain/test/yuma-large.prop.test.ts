/** Subnets larger and stranger than those of `yuma.prop.test.ts`: the fast form is the exact one, bit for bit. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeYuma } from '../src/yuma/exact.ts';
import { computeYumaFast } from '../src/yuma/fast.ts';
import type { YumaInput, YumaRow } from '../src/yuma/input.ts';
import type { YumaResult } from '../src/yuma/result.ts';

const isSlow = process.env['CONNITO_SLOW'] !== undefined;
const U16_MAX = 65_535;

/** 0 … 1, the same for the same seed (mulberry32); fast-check shrinks the shape of a subnet, not its thousands of numbers. */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** Values of a row. */
const VALUES = {
  any: (random) => Math.floor(random() * (U16_MAX + 1)),
  tied: (random) => pick(random, [0, 1, 100, 32_768, U16_MAX]),
  flat: () => 40_000,
  // Scores that differ in their last bits alone.
  close: (random) => U16_MAX - Math.floor(random() * 4),
  spread: (random) => Math.floor(U16_MAX * random() ** 12),
  powers: (random) => 2 ** Math.floor(random() * 16),
  // Two in a row are a half each, but for one part in 2^17.
  halves: (random) => pick(random, [32_767, 32_768]),
  zeros: () => 0,
} as const satisfies Record<string, (random: Random) => number>;

/** Rao of a validator. */
const STAKES = {
  any: (random) => BigInt(Math.floor(random() * 2 ** 50)),
  equal: () => 10n ** 12n,
  powers: (random) => 2n ** BigInt(Math.floor(random() * 56)),
  few: (random) => (random() < 0.7 ? 0n : 10n ** 12n),
  tiny: (random) => BigInt(Math.floor(random() * 4)),
  close: (random) => 10n ** 15n + BigInt(Math.floor(random() * 3)),
} as const satisfies Record<string, (random: Random) => bigint>;

type Kind<T> = Extract<keyof T, string>;

interface Shape {
  readonly seed: number;
  readonly neurons: number;
  readonly weights: Kind<typeof VALUES> | 'mixed';
  readonly bonds: Kind<typeof VALUES> | 'mixed';
  readonly stake: Kind<typeof STAKES>;
  /** Part of all pairs that are weighed. */
  readonly density: number;
  /** Rows of at most so many entries. */
  readonly widest: number;
  readonly order: 'ascending' | 'descending' | 'shuffled';
  /** Neurons that nobody weighs. */
  readonly ignored: number;
  readonly parameters: Pick<YumaInput, 'kappa' | 'bondsPenalty' | 'bondsMovingAverage' | 'yuma3' | 'liquidAlpha' | 'alphaLow' | 'alphaHigh' | 'alphaSigmoidSteepness'>;
}

function rowOf(shape: Shape, random: Random, kind: Shape['weights']): YumaRow {
  const value = VALUES[kind === 'mixed' ? pick(random, Object.keys(VALUES) as Kind<typeof VALUES>[]) : kind];
  const uids = Array.from({ length: shape.neurons }, (_, uid) => uid).filter((uid) => uid >= shape.ignored && random() < shape.density);
  const kept = uids.length <= shape.widest ? uids : shuffled(uids, random).slice(0, shape.widest).sort((a, b) => a - b);
  const ordered = shape.order === 'shuffled' ? shuffled(kept, random) : shape.order === 'descending' ? kept.toReversed() : kept;
  return ordered.map((uid) => [uid, value(random)] as const);
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list.map((value) => [random(), value] as const).sort(([a], [b]) => a - b).map(([, value]) => value);
}

/** All may vote, but who has no stake. */
function subnetOf(shape: Shape): YumaInput {
  const random = createRandom(shape.seed);
  const each = <T>(make: (random: Random) => T): T[] => Array.from({ length: shape.neurons }, () => make(random));
  return {
    ...shape.parameters,
    block: 10_000,
    tempo: 360,
    lastMechanismStepBlock: 9_640,
    stakeRao: each(STAKES[shape.stake]),
    lastUpdate: each(() => 9_999),
    blockAtRegistration: each(() => 1),
    validatorPermit: each((next) => next() < 0.97),
    weights: each((next) => rowOf(shape, next, shape.weights)),
    bonds: each((next) => rowOf(shape, next, shape.bonds)),
    stakeThresholdRao: 0n,
    maxAllowedValidators: shape.neurons,
    activityCutoffBlocks: 5_000,
    commitRevealWeightsEnabled: false,
    emissionRao: 148_000_000_000n,
  };
}

const u16 = (...limits: readonly number[]): fc.Arbitrary<number> => fc.oneof(fc.constantFrom(...limits), fc.integer({ min: 0, max: U16_MAX }));

/** Steepness in hundredths: at 200, 2,400 and 4,000 the sigmoid's argument goes up to 1, which the chain takes from a constant, to 12, and to 20, the chain's limit. */
const STEEPNESS = fc.oneof(fc.constantFrom(0, 1, -1, 200, -200, 1_000, -1_000, 2_399, 2_400, 2_401, -2_400, 3_999, 4_000, 4_001, -4_000, 32_767, -32_768), fc.integer({ min: -32_768, max: 32_767 }));

const PARAMETERS: fc.Arbitrary<Shape['parameters']> = fc.record({
  kappa: u16(0, 1, 32_767, 32_768, 65_534, U16_MAX),
  bondsPenalty: u16(0, 1, 32_768, 65_534, U16_MAX),
  bondsMovingAverage: fc.constantFrom(0, 900_000, 975_000, 999_999, 1_000_000),
  yuma3: fc.boolean(),
  liquidAlpha: fc.boolean(),
  alphaLow: u16(0, 1, 45_875, U16_MAX),
  alphaHigh: u16(0, 1, 58_982, U16_MAX),
  alphaSigmoidSteepness: STEEPNESS,
});

const kinds = Object.keys(VALUES) as Kind<typeof VALUES>[];

const SHAPE: fc.Arbitrary<Shape> = fc.record({
  seed: fc.integer(),
  // More than 64 of them vote.
  neurons: fc.integer({ min: 68, max: 80 }),
  weights: fc.constantFrom(...kinds, 'mixed', 'mixed'),
  bonds: fc.constantFrom(...kinds, 'mixed'),
  stake: fc.constantFrom(...(Object.keys(STAKES) as Kind<typeof STAKES>[])),
  density: fc.constantFrom(0.05, 0.3, 1),
  widest: fc.constantFrom(1, 2, 3, 80),
  order: fc.constantFrom('ascending', 'descending', 'shuffled'),
  ignored: fc.constantFrom(0, 0, 1, 40),
  parameters: PARAMETERS,
});

const VALUE = u16(0, 0, 1, 32_767, 32_768, U16_MAX, U16_MAX);
const ROW = fc.tuple(VALUE, VALUE).map(([to2, to3]): YumaRow => [[2, to2], [3, to3]]);

/** Two validators and two miners: dividends are so few that the last bit of an alpha shows in them. */
const FEW: fc.Arbitrary<YumaInput> = fc
  .record({ weights: fc.tuple(ROW, ROW), bonds: fc.tuple(ROW, ROW), kappa: u16(0, 32_767, 32_768, U16_MAX), alphaSigmoidSteepness: STEEPNESS, alphaLow: u16(0, 0, 0), alphaHigh: u16(U16_MAX, U16_MAX, U16_MAX), bondsPenalty: fc.constantFrom(0, 0, 20_000, U16_MAX) })
  .map(({ weights, bonds, ...parameters }) => ({
    ...subnetOf({ seed: 1, neurons: 4, weights: 'zeros', bonds: 'zeros', stake: 'equal', density: 0, widest: 0, order: 'ascending', ignored: 0, parameters: { ...parameters, bondsMovingAverage: 900_000, yuma3: true, liquidAlpha: true } }),
    validatorPermit: [true, true, false, false],
    weights: [...weights, [], []],
    bonds: [...bonds, [], []],
  }));

/** Names of the figures that differ. */
function differences(fast: YumaResult, exact: YumaResult): string[] {
  const names = Object.keys(exact) as (keyof YumaResult)[];
  return [...names.filter((name) => !isDeepStrictEqual(fast[name], exact[name])), ...Object.keys(fast).filter((name) => !(name in exact))];
}

/** An epoch, and the next one on its bonds and permits, with the rows of the first moved on by one neuron. */
function compareEpochs(input: YumaInput): void {
  const first = computeYuma(input);
  expect(differences(computeYumaFast(input), first)).toEqual([]);
  const next: YumaInput = { ...input, bonds: first.bonds, validatorPermit: first.validatorPermit, weights: [...input.weights.slice(1), input.weights[0] as YumaRow] };
  expect(differences(computeYumaFast(next), computeYuma(next))).toEqual([]);
}

const runs = (few: number): { numRuns: number } => ({ numRuns: isSlow ? 20 * few : few });

describe('the fast form equals the exact one, figure for figure', () => {
  it('of 68 to 80 neurons, more than 64 of which vote, in rows of any order', () => {
    fc.assert(fc.property(SHAPE, (shape) => compareEpochs(subnetOf(shape))), runs(25));
  });

  it('where a median is one of many scores that are equal, or differ in the last bits, or by 2^16, at every kappa', () => {
    const shapes = SHAPE.chain((shape) => fc.record({ kappa: fc.constantFrom(0, 1, 2, 32_766, 32_767, 32_768, 65_533, 65_534, 65_535), weights: fc.constantFrom('tied', 'flat', 'close', 'spread', 'powers', 'mixed') }).map(({ kappa, weights }) => ({ ...shape, weights, density: 1, parameters: { ...shape.parameters, liquidAlpha: false, kappa } }) as Shape));
    fc.assert(fc.property(shapes, (shape) => compareEpochs(subnetOf(shape))), runs(25));
  });

  it('of liquid alpha at the limits of its series: steepness, ends, and departures around a half, none and all', () => {
    const shapes = SHAPE.map((shape): Shape => ({ ...shape, density: Math.max(shape.density, 0.3), widest: Math.min(shape.widest, 3), parameters: { ...shape.parameters, yuma3: true, liquidAlpha: true } }));
    fc.assert(fc.property(shapes, (shape) => compareEpochs(subnetOf(shape))), runs(60));
  });

  it('where every bit of an alpha shows', () => {
    fc.assert(fc.property(FEW, (input) => void expect(differences(computeYumaFast(input), computeYuma(input))).toEqual([])), runs(2_000));
  });
});
