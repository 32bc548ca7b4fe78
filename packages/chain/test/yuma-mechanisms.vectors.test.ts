import { describe, expect, it } from 'vitest';
import { computeYuma } from '../src/yuma/exact.ts';
import { computeYumaFast } from '../src/yuma/fast.ts';
import type { YumaInput, YumaRow } from '../src/yuma/input.ts';
import { combineMechanisms, splitEmission } from '../src/yuma/mechanisms.ts';
import { aggregatedCase, mechanismCases, type MechanismCase } from './yuma-mechanisms.ts';

const EMISSION_RAO = 1_000_000_000n;

/** The input of a mechanism; parameters of the tests' mock of the runtime, tests/mock.rs:186. */
function inputOf({ permits, weights }: MechanismCase, mechanism: number, emissionRao: bigint): YumaInput {
  const each = <T>(value: T): T[] => permits.map(() => value);
  return {
    block: 1,
    tempo: 1,
    lastMechanismStepBlock: 0,
    stakeRao: permits.map((_, uid) => (uid < 2 ? 1_000_000_000n : 0n)),
    lastUpdate: each(2),
    blockAtRegistration: each(1),
    validatorPermit: permits,
    weights: weights[mechanism] as readonly YumaRow[],
    bonds: each([]),
    kappa: 32_767,
    stakeThresholdRao: 0n,
    maxAllowedValidators: 100,
    activityCutoffBlocks: 13,
    commitRevealWeightsEnabled: false,
    bondsMovingAverage: 900_000,
    bondsPenalty: 65_535,
    yuma3: false,
    liquidAlpha: false,
    alphaLow: 45_875,
    alphaHigh: 58_982,
    alphaSigmoidSteepness: 1_000,
    emissionRao,
  };
}

/** To the tests' 1. */
function near(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1);
}

describe.each([
  ['computeYuma', computeYuma],
  ['computeYumaFast', computeYumaFast],
])('%s, for each mechanism', (_, compute) => {
  it.each(mechanismCases)('$name', (scenario) => {
    const results = scenario.weights.map((__, mechanism) => compute(inputOf(scenario, mechanism, EMISSION_RAO / 2n)));
    scenario.incentive?.forEach((incentive, mechanism) => {
      incentive.forEach((share, uid) => expect(Math.abs((results[mechanism]?.incentive[uid] as number) - share)).toBeLessThanOrEqual(scenario.within ?? 0));
    });
    expect(scenario.bonds === undefined ? undefined : results.map(({ bonds }) => bonds)).toEqual(scenario.bonds);
  });

  it(aggregatedCase.name, () => {
    const parts = splitEmission({ emissionRao: EMISSION_RAO, mechanismCount: 2, split: aggregatedCase.split });
    const weights = parts.map((part) => Number(part) / Number(EMISSION_RAO));
    expect(Math.abs((weights[0] as number) - 0.25)).toBeLessThanOrEqual(0.0001);
    expect(Math.abs((weights[1] as number) - 0.75)).toBeLessThanOrEqual(0.0001);
    const results = parts.map((part, mechanism) => compute(inputOf(aggregatedCase, mechanism, part)));
    const combined = combineMechanisms(results, parts);
    for (const uid of [0, 1, 2]) {
      const each = (figure: (result: (typeof results)[number]) => number | bigint | undefined): number[] => results.map((result) => Number(figure(result)));
      const weighted = (figure: (result: (typeof results)[number]) => number | bigint | undefined): number => Math.floor(each(figure).reduce((sum, value, index) => sum + value * (weights[index] as number), 0));
      for (const name of ['consensus', 'dividends', 'validatorTrust', 'emissionRao'] as const) near(Number(combined[name][uid]), weighted((result) => result[name][uid]));
      for (const name of ['serverEmissionRao', 'validatorEmissionRao'] as const) near(Number(combined[name][uid]), each((result) => result[name][uid]).reduce((sum, value) => sum + value, 0));
      for (const name of ['active', 'validatorPermit'] as const) expect(combined[name][uid]).toBe(results.some((result) => result[name][uid]));
    }
    expect(results.map(({ bonds }) => bonds[0]?.length)).toEqual([2, 2]);
  });

  it('epoch_mechanism_emergency_mode_distributes_by_stake (:1487)', () => {
    const scenario: MechanismCase = { name: '', permits: [true, true, true, false], weights: [[[], [], [], []]] };
    const result = compute({ ...inputOf(scenario, 0, 1_000_000n), stakeRao: [10n, 30n, 60n, 0n], tempo: 5, activityCutoffBlocks: 69, lastUpdate: [1, 1, 1, 1] });
    expect(result.serverEmissionRao).toEqual([0n, 0n, 0n, 0n]);
    expect(result.validatorEmissionRao[3]).toBe(0n);
    [100_000, 300_000, 600_000].forEach((rao, uid) => expect(Math.abs(Number(result.validatorEmissionRao[uid]) - rao)).toBeLessThanOrEqual(2));
    expect(Math.abs(Number(result.validatorEmissionRao.reduce((sum, rao) => sum + rao, 0n)) - 1_000_000)).toBeLessThanOrEqual(2);
  });
});
