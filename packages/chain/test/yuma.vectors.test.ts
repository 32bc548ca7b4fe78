import { describe, expect, it } from 'vitest';
import { computeYuma } from '../src/yuma/exact.ts';
import { computeYumaFast } from '../src/yuma/fast.ts';
import type { YumaResult } from '../src/yuma/result.ts';
import { combineMechanisms, splitEmission } from '../src/yuma/mechanisms.ts';
import { readYumaCases, toYumaInput, type StoredOutput, type YumaCase } from './yuma-vectors.ts';

/** What the runtime would have stored, in the form of the vectors. */
function runSubnet({ input }: YumaCase, compute: typeof computeYuma): StoredOutput {
  const parts = splitEmission({ emissionRao: BigInt(input.emissionRao), mechanismCount: input.mechanisms.length, split: input.split ?? undefined });
  const results = input.mechanisms.map((mechanism, index) => compute(toYumaInput(input, mechanism, parts[index] as bigint)));
  const all = combineMechanisms(results, parts);
  return {
    active: all.active,
    permits: all.validatorPermit,
    stakeWeight: all.stakeWeight,
    consensus: all.consensus,
    validatorTrust: all.validatorTrust,
    dividends: all.dividends,
    emission: all.emissionRao.map(String),
    serverTotal: all.serverEmissionRao.map(String),
    validatorTotal: all.validatorEmissionRao.map(String),
    mechanisms: results.map(({ incentive, serverEmissionRao, bonds }: YumaResult) => ({ incentive, serverEmission: serverEmissionRao.map(String), bonds })),
  };
}

const cases = readYumaCases();

describe.each([
  ['computeYuma', computeYuma],
  ['computeYumaFast', computeYumaFast],
])('%s', (_, compute) => {
  it.each(['small', 'middle', 'chain', 'mechanisms', 'full'])('stores what the runtime stores, bit for bit: %s', (name) => {
    const chosen = cases.filter((candidate) => candidate.name === name);
    expect(chosen.length).toBeGreaterThan(5);
    for (const candidate of chosen) expect(runSubnet(candidate, compute)).toEqual(candidate.output);
  });
});

it('gives the same figures before they are cut to u16 in both forms', () => {
  for (const { input } of cases) {
    const epoch = toYumaInput(input, input.mechanisms[0] as never, BigInt(input.emissionRao));
    expect(computeYumaFast(epoch)).toEqual(computeYuma(epoch));
  }
});
