/** Subtensor's tests of the functions that its epoch is made of: tests/math.rs and, of bonds, tests/epoch.rs of opentensor/subtensor 14bc6f9f9. */
import { describe, expect, it } from 'vitest';
import { computeBonds } from '../src/yuma/bonds.ts';
import { findConsensus } from '../src/yuma/consensus.ts';
import { exp, sigmoid } from '../src/yuma/liquid-alpha.ts';
import { MAX, MIN, multiply, ONE, subtract } from '../src/yuma/fixed-point.ts';
import type { YumaInput } from '../src/yuma/input.ts';

/** I32F32 of a number, to the nearest; ten decimals tell its values apart. */
const fixed = (value: number): bigint => BigInt(Math.round(value * 2 ** 32));
/** As the tests' `vec_to_fixed` does it, from f32. */
const fixedFromF32 = (value: number): bigint => fixed(Math.fround(value));

/** `sigmoid_safe` */
const sigmoidOf = (input: bigint, rho: bigint, kappa: bigint): bigint => sigmoid(multiply(-rho > MAX ? MAX : -rho, subtract(input, kappa)));

const TINY = 0.0000000019;
const TRUST = [MIN, 0n, fixed(0.4), fixed(0.5), fixed(0.6), ONE, MAX];

describe('test_math_exp_safe (:488) and test_math_sigmoid_safe (:508)', () => {
  it('the exponential is that of the nearest argument within 20', () => {
    expect(exp(0n)).toBe(ONE);
    for (const beyond of [-21n * ONE, MIN]) expect(exp(beyond)).toBe(exp(-20n * ONE));
    for (const beyond of [21n * ONE, MAX]) expect(exp(beyond)).toBe(exp(20n * ONE));
  });

  it.each([
    { rho: MAX, kappa: MAX, trust: TRUST, expected: [TINY, TINY, TINY, TINY, TINY, TINY, 0.5] },
    { rho: MIN, kappa: MIN, trust: TRUST, expected: [0.5, TINY, TINY, TINY, TINY, TINY, TINY] },
    { rho: 30n * ONE, kappa: ONE / 2n, trust: TRUST, expected: [TINY, 0.0000003057, 0.0474258729, 0.5, 0.952574127, 0.9999996943, 0.9999999981] },
    {
      rho: 40n * ONE,
      kappa: ONE / 2n,
      trust: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map(fixedFromF32),
      expected: [TINY, 0.0000001125, 0.0000061442, 0.0003353502, 0.017986214, 0.5, 0.9820138067, 0.9996646498, 0.9999938558, 0.9999998875, 0.9999999981],
    },
  ])('sigmoid of steepness $rho around $kappa', ({ rho, kappa, trust, expected }) => {
    expect(trust.map((value) => sigmoidOf(value, rho, kappa))).toEqual(expected.map(fixed));
  });
});

const consensusOf = (stake: readonly number[], rows: readonly (readonly number[])[], kappa: number): bigint[] =>
  findConsensus({
    activeStake: stake.map(fixedFromF32),
    weights: rows.map((row) => row.flatMap((value, column) => (value === 0 ? [] : [[column, fixedFromF32(value)] as const]))),
    kappa: fixedFromF32(kappa),
    columns: rows[0]?.length ?? 0,
  });

const MATRIX = [[0, 0.1, 0], [0, 0.2, 0.4], [0, 0.3, 0.1], [0, 0.4, 0.5]];

describe('the weighted median', () => {
  // test_math_weighted_median_col_sparse (:1727)
  it.each([
    { stake: [], rows: [], kappa: 0.5, expected: [] },
    { stake: [0, 0], rows: [[0, 0], [0, 0]], kappa: 0.5, expected: [0, 0] },
    { stake: [0, 0.75, 0.25, 0], rows: MATRIX, kappa: 0.24, expected: [0, 0.3, 0.4] },
    { stake: [0, 0.75, 0.25, 0], rows: MATRIX, kappa: 0.26, expected: [0, 0.2, 0.4] },
    { stake: [0, 0.75, 0.25, 0], rows: MATRIX, kappa: 0.76, expected: [0, 0.2, 0.1] },
    { stake: [0, 0.3, 0.2, 0.5], rows: [...MATRIX.slice(0, 3), [0, 0, 0.5]], kappa: 0.51, expected: [0, 0, 0.4] },
  ])('of columns, stake $stake, majority $kappa', ({ stake, rows, kappa, expected }) => {
    expect(consensusOf(stake, rows, kappa)).toEqual(expected.map(fixedFromF32));
  });

  // test_math_weighted_median (:1439), where the stake is not normalised; here it is.
  it.each([
    { stake: [0.51], scores: [1], expected: 1 },
    { stake: [0.49, 0.51], scores: [0.5, 1], expected: 1 },
    { stake: [0.51, 0.49], scores: [0.5, 1], expected: 0.5 },
    { stake: [0.49, 0, 0.51], scores: [0.5, 0.7, 1], expected: 1 },
    { stake: [0.49, 0.01, 0.5], scores: [0.5, 0.7, 1], expected: 0.7 },
    { stake: [0.49, 0.51, 0], scores: [0.5, 0.7, 1], expected: 0.7 },
    { stake: [0, 0.49, 0.51], scores: [0.5, 0.7, 1], expected: 1 },
    { stake: [0, 0.49, 0, 0.51], scores: [0.5, 0.5, 1, 1], expected: 1 },
    { stake: [0, 0.49, 0, 0.51, 0], scores: [0.5, 0.5, 1, 1, 0.5], expected: 1 },
    { stake: [0.2, 0.2, 0.2, 0.2, 0.2], scores: [0.8, 0.2, 1, 0.6, 0.4], expected: 0.6 },
    { stake: [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], scores: [0.8, 0.8, 0.2, 0.2, 1, 1, 0.6, 0.6, 0.4, 0.4], expected: 0.6 },
  ])('of $scores, stake $stake, majority 0.51', ({ stake, scores, expected }) => {
    expect(consensusOf(stake, scores.map((score) => [score]), 0.51)).toEqual([fixedFromF32(expected)]);
  });
});

describe('test_liquid_alpha_equal_values_against_itself (epoch.rs:3577)', () => {
  it('with both ends of alpha at a tenth, liquid bonds are those of a moving average of nine tenths', () => {
    const parameters = { bondsMovingAverage: 900_000, bondsPenalty: 0, yuma3: true, alphaLow: 6_553, alphaHigh: 6_553, alphaSigmoidSteepness: 1_000 };
    const held = [[0.1, 0.1, 0.5], [0, 0, 0.4], [0.5, 0.1, 0.1], [0, 0.4, 0.2]];
    const row = (values: readonly number[]): (readonly [number, bigint])[] => values.map((value, column) => [column, fixed(value)]);
    const weights = MATRIX.map(row);
    const terms = {
      weights,
      clipped: weights,
      consensus: [0.3, 0.2, 0.1, 0.4].map(fixed),
      incentive: [0.3, 0.2, 0.1, 0.4].map(fixed),
      activeStake: [0.25, 0.25, 0.25, 0.25].map(fixed),
      stored: held.map((values) => values.map((value, column) => [column, Math.round(value * 65_535)] as const)),
    };
    const bonds = [true, false].map((liquidAlpha) => computeBonds({ ...parameters, liquidAlpha } as YumaInput, terms).bonds.map((entries) => new Map(entries)));
    // The test's matrix is dense, so zeros are entries here: in the sparse form, which the chain runs, a liquid bond without an entry is dropped.
    for (const [from, values] of MATRIX.entries()) {
      for (const to of values.keys()) {
        const [liquid, plain] = bonds.map((rows) => Number(rows[from]?.get(to) ?? 0n) / 2 ** 32) as [number, number];
        expect(Math.abs(liquid - plain)).toBeLessThanOrEqual(1e-3);
      }
    }
  });
});
