import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChainError } from '../src/errors.ts';
import { computeYuma } from '../src/yuma/exact.ts';
import { computeYumaFast } from '../src/yuma/fast.ts';
import { activityCutoffBlocks, type YumaInput, type YumaRow } from '../src/yuma/input.ts';
import { combineMechanisms, splitEmission } from '../src/yuma/mechanisms.ts';

const ONE = 2 ** 32;
const U16 = fc.oneof(fc.constantFrom(0, 1, 32_767, 32_768, 65_535), fc.integer({ min: 0, max: 65_535 }));
const BLOCK = fc.oneof(fc.constantFrom(0, 9_639, 9_640, 9_641, 10_000), fc.integer({ min: 0, max: 10_000 }));

const rowsOf = (n: number): fc.Arbitrary<YumaRow[]> =>
  fc.array(fc.uniqueArray(fc.tuple(fc.nat(n - 1), U16), { selector: ([uid]) => uid, maxLength: n }), { minLength: n, maxLength: n });

const listOf = <T>(n: number, value: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(value, { minLength: n, maxLength: n });

/** Any state of a small subnet. */
const INPUT: fc.Arbitrary<YumaInput> = fc.integer({ min: 1, max: 12 }).chain((n) =>
  fc.record({
    block: fc.constant(10_000),
    tempo: fc.constant(360),
    lastMechanismStepBlock: fc.constantFrom(0, 9_639, 9_640),
    stakeRao: listOf(n, fc.oneof(fc.constantFrom(0n, 1n, 10n ** 12n), fc.bigInt(0n, 2n ** 58n))),
    stakeFraction: listOf(n, fc.bigInt(0n, 2n ** 64n - 1n)),
    lastUpdate: listOf(n, BLOCK),
    blockAtRegistration: listOf(n, fc.oneof(fc.constant(5), BLOCK)),
    validatorPermit: listOf(n, fc.boolean()),
    ownerUid: fc.option(fc.nat(n - 1), { nil: undefined }),
    weights: rowsOf(n),
    bonds: rowsOf(n),
    kappa: U16,
    stakeThresholdRao: fc.constantFrom(0n, 1n, 10n ** 12n),
    maxAllowedValidators: fc.nat(n + 1),
    activityCutoffBlocks: fc.constantFrom(1, 360, 5_000),
    commitRevealWeightsEnabled: fc.boolean(),
    pendingCommitBlocks: listOf(n, fc.option(BLOCK, { nil: undefined })),
    bondsMovingAverage: fc.oneof(fc.constantFrom(0, 900_000, 1_000_000, 1_000_001, 2 ** 50), fc.integer({ min: 0, max: 1_000_000 })),
    bondsPenalty: U16,
    yuma3: fc.boolean(),
    liquidAlpha: fc.boolean(),
    alphaLow: U16,
    alphaHigh: U16,
    alphaSigmoidSteepness: fc.oneof(fc.constantFrom(-32_768, -1, 0, 1_000, 32_767), fc.integer({ min: -5_000, max: 5_000 })),
    emissionRao: fc.oneof(fc.constantFrom(2n ** 53n - 1n, 2n ** 53n), fc.bigInt(0n, 2n ** 53n), fc.bigInt(0n, 2n ** 64n - 1n)),
  }),
);

/** A subnet whose validators all vote: permits, activity and age are in order. */
const SOUND: fc.Arbitrary<YumaInput> = INPUT.map((input) => ({
  ...input,
  stakeFraction: input.stakeRao.map(() => 0n),
  stakeThresholdRao: 0n,
  lastUpdate: input.lastUpdate.map(() => 9_999),
  blockAtRegistration: input.blockAtRegistration.map(() => 1),
  validatorPermit: input.validatorPermit.map(() => true),
  ownerUid: undefined,
  activityCutoffBlocks: 5_000,
  maxAllowedValidators: input.stakeRao.length,
  bondsMovingAverage: Math.min(input.bondsMovingAverage, 1_000_000),
  alphaLow: Math.min(input.alphaLow, input.alphaHigh),
  alphaHigh: Math.max(input.alphaLow, input.alphaHigh),
}));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('the fast form', () => {
  it('equals the exact one, figure for figure', () => {
    fc.assert(
      fc.property(INPUT, (input) => {
        expect(computeYumaFast(input)).toEqual(computeYuma(input));
      }),
    );
  });
});

describe.each([
  ['computeYuma', computeYuma],
  ['computeYumaFast', computeYumaFast],
])('%s', (_, compute) => {
  it('stays in range: shares sum to at most 1, u16 and u64 hold what they must, bonds go to holders of a permit', () => {
    fc.assert(
      fc.property(SOUND, (input) => {
        const { fractions, ...result } = compute(input);
        for (const shares of [fractions.stake, fractions.activeStake, fractions.incentive, fractions.dividends]) expect(sum(shares)).toBeLessThanOrEqual(1);
        for (const values of Object.values(fractions)) for (const value of values) expect(value >= 0 && value <= 1 && Number.isInteger(value * ONE)).toBe(true);
        for (const values of [result.stakeWeight, result.consensus, result.validatorTrust, result.incentive, result.dividends]) {
          for (const value of values) expect(Number.isInteger(value) && value >= 0 && value <= 65_535).toBe(true);
        }
        const paid = [...result.serverEmissionRao, ...result.validatorEmissionRao].reduce((total, rao) => total + rao, 0n);
        expect(paid).toBeLessThanOrEqual(input.emissionRao);
        result.bonds.forEach((row, uid) => expect(row.length === 0 || result.validatorPermit[uid]).toBe(true));
      }),
    );
  });

  it('pays nearly all of the emission: what is lost is what fixed point cuts off', () => {
    fc.assert(
      fc.property(SOUND, (input) => {
        const { serverEmissionRao, validatorEmissionRao, fractions } = compute(input);
        fc.pre(sum(fractions.stake) > 0);
        const paid = [...serverEmissionRao, ...validatorEmissionRao].reduce((total, rao) => total + rao, 0n);
        const lostBits = BigInt(4 * input.stakeRao.length);
        expect(input.emissionRao - paid).toBeLessThanOrEqual(((input.emissionRao * lostBits) >> 32n) + lostBits);
      }),
    );
  });

  it('does not depend on how neurons are numbered', () => {
    const permuted = SOUND.chain((input) => fc.tuple(fc.constant(input), fc.shuffledSubarray(input.stakeRao.map((_uid, index) => index), { minLength: input.stakeRao.length })));
    fc.assert(
      fc.property(permuted, ([unsorted, order]) => {
        // Rows in ascending order: what the chain does with others depends on the order, see `seenByAlpha`.
        const input = { ...unsorted, weights: ascending(unsorted.weights), bonds: ascending(unsorted.bonds) };
        const place = new Map(order.map((from, to) => [from, to]));
        const move = <T>(list: readonly T[]): T[] => order.map((from) => list[from] as T);
        const moveRows = (rows: readonly YumaRow[]): YumaRow[] => ascending(move(rows).map((row) => row.map(([uid, value]) => [place.get(uid) as number, value])));
        const moved = compute({ ...input, stakeRao: move(input.stakeRao), weights: moveRows(input.weights), bonds: moveRows(input.bonds), pendingCommitBlocks: move(input.pendingCommitBlocks ?? []) });
        const { bonds, fractions, ...expected } = compute(input);
        for (const [name, list] of Object.entries(expected)) expect(moved[name as keyof typeof expected]).toEqual(move<unknown>(list));
        for (const [name, list] of Object.entries(fractions)) expect(moved.fractions[name as keyof typeof fractions]).toEqual(move(list));
        expect(moved.bonds).toEqual(moveRows(bonds));
      }),
    );
  });

  it('does not depend on the scale of stake, nor of a row of weights', () => {
    fc.assert(
      fc.property(SOUND, fc.integer({ min: 1, max: 15 }), fc.bigInt(1n, 1_000_000n), (input, factor, stakeFactor) => {
        const small = input.weights.map((row) => row.map(([uid, value]) => [uid, value >> 4] as const));
        const large = small.map((row) => row.map(([uid, value]) => [uid, value * factor] as const));
        const stakeRao = input.stakeRao.map((rao) => rao / 2n ** 20n);
        const scaled = compute({ ...input, stakeRao: stakeRao.map((rao) => rao * stakeFactor), weights: large });
        expect(scaled).toEqual(compute({ ...input, stakeRao, weights: small }));
      }),
    );
  });

  it('gives nothing for splitting stake over two validators with the same weights', () => {
    // Classic bonds are weights times stake, so the parts earn what the whole did. Yuma3's are per pair and not of stake: there it does not hold.
    fc.assert(
      fc.property(SOUND, fc.nat(11), fc.integer({ min: 10, max: 90 }), (sound, choice, percent) => {
        const uid = choice % sound.stakeRao.length;
        // No entry so small that the cut of one bit shows, and no weight on oneself, which only one of the parts would lose.
        const weights = sound.weights.map((row, from) => row.filter(([to]) => from !== uid || to !== uid).map(([to, value]) => [to, value === 0 ? 0 : Math.max(1_000, value)] as const));
        const stakeRao = sound.stakeRao.map((rao) => 2n ** 40n + (rao >> 18n));
        const whole: YumaInput = { ...sound, yuma3: false, stakeRao, weights, bonds: weights.map(() => []), bondsMovingAverage: 900_000, commitRevealWeightsEnabled: false };
        const { fractions: before } = compute(whole);
        const { fractions: after } = compute(splitValidator(whole, uid, percent));
        // A majority that hangs on the last bits of stake may fall either way.
        fc.pre(before.consensus.every((value, index) => value === after.consensus[index]));
        const gained = (after.dividends[uid] as number) + (after.dividends.at(-1) as number) - (before.dividends[uid] as number);
        expect(Math.abs(gained)).toBeLessThan(1e-3);
        before.incentive.forEach((share, index) => expect(Math.abs((after.incentive[index] as number) - share)).toBeLessThan(1e-3));
      }),
    );
  });

  it('refuses what no chain holds', () => {
    const mutations: ((input: YumaInput) => object)[] = [
      ({ lastUpdate }) => ({ lastUpdate: lastUpdate.slice(1) }),
      ({ blockAtRegistration }) => ({ blockAtRegistration: [...blockAtRegistration, 1] }),
      () => ({ validatorPermit: [] }),
      ({ validatorPermit }) => ({ validatorPermit: validatorPermit.map(Number) }),
      ({ weights }) => ({ weights: weights.slice(1) }),
      ({ bonds }) => ({ bonds: [...bonds, []] }),
      () => ({ weights: undefined }),
      ({ weights, stakeRao }) => ({ weights: [[[stakeRao.length, 1]], ...weights.slice(1)] }),
      ({ weights }) => ({ weights: [[[-1, 1]], ...weights.slice(1)] }),
      ({ weights }) => ({ weights: [[[0.5, 1]], ...weights.slice(1)] }),
      ({ weights }) => ({ weights: [[[0, 1], [0, 2]], ...weights.slice(1)] }),
      ({ weights }) => ({ weights: [[[0, 65_536]], ...weights.slice(1)] }),
      ({ weights }) => ({ weights: [[[0, Number.NaN]], ...weights.slice(1)] }),
      ({ weights }) => ({ weights: [[[0, 5n]], ...weights.slice(1)] }),
      ({ weights }) => ({ weights: [[undefined], ...weights.slice(1)] }),
      ({ weights }) => ({ weights: [7, ...weights.slice(1)] }),
      ({ bonds }) => ({ bonds: [[[0, -1]], ...bonds.slice(1)] }),
      ({ bonds }) => ({ bonds: [[[0, 1.5]], ...bonds.slice(1)] }),
      ({ bonds }) => ({ bonds: [[[0, 1], [0, 1]], ...bonds.slice(1)] }),
      ({ stakeRao }) => ({ stakeRao: stakeRao.map(() => -1n) }),
      ({ stakeRao }) => ({ stakeRao: stakeRao.map(() => 2n ** 63n) }),
      ({ stakeRao }) => ({ stakeRao: stakeRao.map(Number) }),
      () => ({ stakeRao: undefined }),
      () => ({ stakeFraction: [] }),
      ({ stakeRao }) => ({ stakeFraction: stakeRao.map(() => 2n ** 64n) }),
      ({ stakeRao }) => ({ pendingCommitBlocks: stakeRao.map(() => -1) }),
      ({ stakeRao }) => ({ ownerUid: stakeRao.length }),
      () => ({ kappa: 65_536 }),
      () => ({ block: 1.5 }),
      () => ({ lastMechanismStepBlock: 2 ** 53 }),
      () => ({ bondsMovingAverage: -1 }),
      () => ({ alphaSigmoidSteepness: 32_768 }),
      () => ({ emissionRao: 2n ** 64n }),
      () => ({ emissionRao: 5 }),
      () => ({ stakeThresholdRao: -1n }),
      () => ({ yuma3: 1 }),
    ];
    const [input] = fc.sample(SOUND, { numRuns: 1, seed: 425 });
    const accepted = mutations.filter((mutate) => errorOf(() => compute({ ...input, ...mutate(input as YumaInput) } as YumaInput)) !== 'bad-value');
    expect(accepted.map(String)).toEqual([]);
  });

  it('needs no neurons', () => {
    const [input] = fc.sample(SOUND, { numRuns: 1, seed: 425 });
    const none = { stakeRao: [], stakeFraction: [], lastUpdate: [], blockAtRegistration: [], validatorPermit: [], weights: [], bonds: [], pendingCommitBlocks: [] };
    expect(compute({ ...(input as YumaInput), ...none })).toMatchObject({ incentive: [], bonds: [], emissionRao: [] });
  });
});

describe('mechanisms', () => {
  it('splits all of the emission', () => {
    const split = fc.array(fc.nat(4_095), { minLength: 1, maxLength: 16 });
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.option(split, { nil: undefined }), fc.integer({ min: 1, max: 16 }), (emissionRao, shares, count) => {
        const parts = splitEmission({ emissionRao, mechanismCount: shares?.length ?? count, split: shares });
        expect(parts.reduce((total, part) => total + part, 0n)).toBe(emissionRao);
      }),
    );
  });

  it('refuses what does not fit together', () => {
    const [input] = fc.sample(SOUND, { numRuns: 1, seed: 1 });
    const result = computeYuma(input as YumaInput);
    const longer = { ...result, active: [...result.active, true] };
    const actions = [
      () => combineMechanisms([], []),
      () => combineMechanisms([result], []),
      () => combineMechanisms([result, longer], [1n, 1n]),
      () => splitEmission({ emissionRao: -1n, mechanismCount: 1 }),
      () => splitEmission({ emissionRao: 1n, mechanismCount: 0 }),
      () => splitEmission({ emissionRao: 1n, mechanismCount: 17 }),
      () => splitEmission({ emissionRao: 1n, mechanismCount: 2, split: [65_535, 1] }),
      () => splitEmission({ emissionRao: 1n, mechanismCount: 2, split: [0.5] }),
      () => splitEmission({ emissionRao: 1n, mechanismCount: 2, split: [-1] }),
    ];
    expect(actions.filter((action) => errorOf(action) !== 'bad-value').map(String)).toEqual([]);
  });
});

describe('activityCutoffBlocks', () => {
  it('is a multiple of the tempo in thousandths, at least 1', () => {
    expect(activityCutoffBlocks({ tempo: 360, factorMilli: 13_889 })).toBe(5_000);
    expect(activityCutoffBlocks({ tempo: 0, factorMilli: 13_889 })).toBe(1);
    expect(activityCutoffBlocks({ tempo: 50_400, factorMilli: 50_000 })).toBe(2_520_000);
  });
});

function ascending(rows: readonly YumaRow[]): YumaRow[] {
  return rows.map((row) => [...row].sort(([a], [b]) => a - b));
}

/** The same subnet with a new neuron that takes over a part of the stake of `uid` and weighs as it does. */
function splitValidator(input: YumaInput, uid: number, percent: number): YumaInput {
  const part = ((input.stakeRao[uid] as bigint) * BigInt(percent)) / 100n;
  return {
    ...input,
    stakeRao: [...input.stakeRao.map((rao, index) => (index === uid ? rao - part : rao)), part],
    stakeFraction: [...input.stakeRao, part].map(() => 0n),
    lastUpdate: [...input.lastUpdate, 9_999],
    blockAtRegistration: [...input.blockAtRegistration, 1],
    validatorPermit: [...input.validatorPermit, true],
    weights: [...input.weights, input.weights[uid] as YumaRow],
    bonds: [...input.bonds, []],
    pendingCommitBlocks: [...input.stakeRao, part].map(() => undefined),
    maxAllowedValidators: input.stakeRao.length + 1,
  };
}

function errorOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return isChainError(error) ? error.code : String(error);
  }
  return undefined;
}
