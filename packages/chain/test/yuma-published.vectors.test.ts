import { describe, expect, it } from 'vitest';
import { computeYuma } from '../src/yuma/exact.ts';
import { computeYumaFast } from '../src/yuma/fast.ts';
import type { YumaInput, YumaRow } from '../src/yuma/input.ts';
import { checkPublished, PUBLISHED_PARAMETERS, published, type PublishedCase } from './yuma-published.ts';

/** No permits, weights and bonds yet. */
function emptySubnet({ stakeRao, liquidAlpha }: PublishedCase): YumaInput {
  const each = <T>(value: T): T[] => stakeRao.map(() => value);
  return {
    ...PUBLISHED_PARAMETERS,
    block: 2,
    tempo: 1,
    lastMechanismStepBlock: 0,
    stakeRao: stakeRao.map(BigInt),
    lastUpdate: each(1),
    blockAtRegistration: each(1),
    validatorPermit: each(false),
    weights: each([]),
    bonds: each([]),
    maxAllowedValidators: 3,
    liquidAlpha,
  };
}

describe.each([
  ['computeYuma', computeYuma],
  ['computeYumaFast', computeYumaFast],
])('%s gives the tables of the chain’s own tests', (_, compute) => {
  it.each(published.cases)('$name', (scenario) => {
    expect(scenario.bonds).toHaveLength(scenario.weights.length);
    let input = emptySubnet(scenario);
    let { validatorPermit } = compute(input);
    scenario.weights.forEach((rows, epoch) => {
      const weights = rows === null ? input.weights : scenario.stakeRao.map((__, uid): YumaRow => (rows[uid] ?? []).map((value, server) => [server + 3, value] as const));
      const lastUpdate = rows === null ? input.lastUpdate : scenario.stakeRao.map((__, uid) => (uid < 3 ? input.block : 1));
      const bonds = epoch === scenario.reset ? input.bonds.map((row) => row.filter(([to]) => to !== 3)) : input.bonds;
      input = { ...input, weights, bonds, lastUpdate, validatorPermit, block: input.block + 1 };
      const figures = compute(input);
      ({ validatorPermit } = figures);
      input = { ...input, bonds: figures.bonds };
      checkPublished(scenario, epoch, { figures, first: 0 });
    });
  });
});

it('holds seven tests, of six epochs and of 41', () => {
  expect(published.cases.map(({ weights }) => weights.length)).toEqual([6, 6, 6, 6, 6, 6, 41]);
});
