import { describe, expect, it } from 'vitest';
import { computeYuma } from '../src/yuma/exact.ts';
import { computeYumaFast } from '../src/yuma/fast.ts';
import type { YumaInput, YumaRow } from '../src/yuma/input.ts';
import { published, type PublishedCase } from './yuma-published.ts';

/** Parameters of `setup_yuma_3_scenario`, epoch.rs:2721. */
function emptySubnet({ stakeRao, liquidAlpha }: PublishedCase): YumaInput {
  const each = <T>(value: T): T[] => stakeRao.map(() => value);
  return {
    block: 2,
    tempo: 1,
    lastMechanismStepBlock: 0,
    stakeRao: stakeRao.map(BigInt),
    lastUpdate: each(1),
    blockAtRegistration: each(1),
    validatorPermit: each(false),
    weights: each([]),
    bonds: each([]),
    kappa: 32_767,
    stakeThresholdRao: 0n,
    maxAllowedValidators: 3,
    activityCutoffBlocks: 5_000,
    commitRevealWeightsEnabled: false,
    bondsMovingAverage: 975_000,
    bondsPenalty: 0,
    yuma3: true,
    liquidAlpha,
    alphaLow: 6_553,
    alphaHigh: 19_660,
    alphaSigmoidSteepness: 1_000,
    emissionRao: 1_000_000_000n,
  };
}

describe.each([
  ['computeYuma', computeYuma],
  ['computeYumaFast', computeYumaFast],
])('%s gives the tables of the chain’s own tests', (_, compute) => {
  it.each(published.cases)('$name', (scenario) => {
    expect(scenario.bonds).toHaveLength(6);
    let input = emptySubnet(scenario);
    let { validatorPermit } = compute(input);
    scenario.weights.forEach((rows, epoch) => {
      const weights = rows === null ? input.weights : scenario.stakeRao.map((__, uid): YumaRow => (rows[uid] ?? []).map((value, server) => [server + 3, value] as const));
      const lastUpdate = rows === null ? input.lastUpdate : scenario.stakeRao.map((__, uid) => (uid < 3 ? input.block : 1));
      input = { ...input, weights, lastUpdate, validatorPermit, block: input.block + 1 };
      const result = compute(input);
      ({ validatorPermit } = result);
      input = { ...input, bonds: result.bonds };
      scenario.dividends[epoch]?.forEach((dividend, uid) => expect(Math.abs((result.dividends[uid] as number) / 65_535 - dividend)).toBeLessThan(published.tolerance));
      scenario.bonds[epoch]?.forEach((row, uid) => {
        const bonds = new Map(result.bonds[uid]);
        row.forEach((bond, server) => expect(Math.abs((bonds.get(server + 3) ?? 0) / 65_535 - bond)).toBeLessThan(published.tolerance));
      });
    });
  });
});
