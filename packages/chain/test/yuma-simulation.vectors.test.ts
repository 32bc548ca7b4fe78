import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { computeYuma } from '../src/yuma/exact.ts';
import type { YumaInput, YumaRow } from '../src/yuma/input.ts';
import { PUBLISHED_PARAMETERS } from './yuma-published.ts';

interface Epoch {
  readonly weights: readonly (readonly number[])[];
  readonly stakeRao: readonly number[];
  /** Of the servers. */
  readonly incentive: readonly number[];
  /** Of the validators. */
  readonly dividends: readonly number[];
  readonly bonds: readonly (readonly number[])[];
}

interface SimulatedCase {
  readonly name: string;
  readonly liquidAlpha: boolean;
  readonly epochs: readonly Epoch[];
}

const { cases } = JSON.parse(gunzipSync(readFileSync(new URL('vectors/yuma-simulation.json.gz', import.meta.url))).toString()) as { readonly cases: readonly SimulatedCase[] };

/** Validators from uid 0 on, servers behind them; all have been there long, and all validators have permits. */
function subnetInput({ weights, stakeRao, incentive }: Epoch, liquidAlpha: boolean, bonds: readonly YumaRow[] | undefined): YumaInput {
  const validators = stakeRao.length;
  const uids = Array.from({ length: validators + incentive.length }, (_, uid) => uid);
  return {
    // The simulation asks for half of the stake or more, as they do.
    ...PUBLISHED_PARAMETERS,
    block: 1_000,
    tempo: 360,
    lastMechanismStepBlock: 640,
    stakeRao: uids.map((uid) => BigInt(stakeRao[uid] ?? 0)),
    lastUpdate: uids.map(() => 900),
    blockAtRegistration: uids.map(() => 1),
    validatorPermit: uids.map((uid) => uid < validators),
    weights: uids.map((uid) => (weights[uid] ?? []).map((value, server) => [validators + server, value] as const)),
    bonds: bonds ?? uids.map(() => []),
    maxAllowedValidators: 64,
    liquidAlpha,
  };
}

interface Departures {
  readonly incentive: number;
  readonly dividends: number;
  readonly bonds: number;
}

/**
 * The largest differences of a case's epochs, bonds carried on by each side itself; up to the first epoch without any consensus where alpha is liquid: there the
 * runtime's alpha is not liquid (run_epoch.rs:1382), the simulation's is.
 */
function departures({ epochs, liquidAlpha }: SimulatedCase): Departures {
  const worst = { incentive: 0, dividends: 0, bonds: 0 };
  const note = (figure: keyof Departures, ours: number, theirs: number): void => {
    worst[figure] = Math.max(worst[figure], Math.abs(ours / 65_535 - theirs));
  };
  let stored: readonly YumaRow[] | undefined;
  for (const epoch of comparable({ epochs, liquidAlpha })) {
    const { incentive, dividends, bonds } = computeYuma(subnetInput(epoch, liquidAlpha, stored));
    stored = bonds;
    const validators = epoch.stakeRao.length;
    epoch.incentive.forEach((share, server) => note('incentive', incentive[validators + server] as number, share));
    epoch.dividends.forEach((share, uid) => note('dividends', dividends[uid] as number, share));
    // Without stake a validator has no permit, and the runtime empties its row.
    epoch.bonds.forEach((row, uid) => epoch.stakeRao[uid] !== 0 && row.forEach((bond, server) => note('bonds', new Map(bonds[uid]).get(validators + server) ?? 0, bond)));
  }
  return worst;
}

function comparable({ epochs, liquidAlpha }: Pick<SimulatedCase, 'epochs' | 'liquidAlpha'>): readonly Epoch[] {
  const parting = epochs.findIndex(({ incentive }) => incentive.every((share) => share === 0));
  return liquidAlpha && parting !== -1 ? epochs.slice(0, parting) : epochs;
}

it('compares all epochs but some of one case', () => {
  const partly = cases.filter((scenario) => comparable(scenario).length < 40);
  expect(partly.map(({ name }) => name)).toEqual(['Case 21 - 3 servers Client-side WTA']);
  expect(cases).toHaveLength(44);
});

// Bonds here are kept as u16 from epoch to epoch, cut off; there as floats. Measured: incentive 1.5e-5, dividends 1.8e-4, bonds 2.4e-4 at most.
describe('yuma-simulation’s cases under Yuma3, 40 epochs each', () => {
  it.each(cases)('$name, liquid alpha $liquidAlpha', (scenario) => {
    expect(scenario.epochs).toHaveLength(40);
    const worst = departures(scenario);
    expect(worst.incentive).toBeLessThan(2e-5);
    expect(worst.dividends).toBeLessThan(2e-4);
    expect(worst.bonds).toBeLessThan(2.5e-4);
  });
});
