/** The runtime's epoch, from calls to what is stored, against the tables of Subtensor's own multi-epoch tests. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runEpoch } from '../src/runtime/run-epoch.ts';
import { increaseStake } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

interface PublishedCase {
  readonly name: string;
  readonly stakeRao: readonly number[];
  readonly liquidAlpha: boolean;
  readonly weights: readonly (readonly (readonly number[])[] | null)[];
  readonly bonds: readonly (readonly (readonly number[])[])[];
  readonly dividends: readonly (readonly number[])[];
}

const published = JSON.parse(readFileSync(new URL('../../chain/test/vectors/yuma-published.json', import.meta.url), 'utf8')) as { readonly tolerance: number; readonly cases: readonly PublishedCase[] };
/** The owner's hotkey, without stake, is uid 0 here; the tests' uids follow it. */
const FIRST = 1;

/** `setup_yuma_3_scenario`, epoch.rs:2721; the first epoch gives permits. */
function setUp({ stakeRao, liquidAlpha }: PublishedCase): Runtime {
  const runtime = new Runtime();
  runtime.subnet({ neurons: stakeRao.length });
  const { subtensor } = runtime;
  subtensor.Tempo.set(1, 1);
  subtensor.BondsPenalty.set(1, 0);
  subtensor.AlphaSigmoidSteepness.set(1, 1_000);
  subtensor.BondsMovingAverage.set(1, 975_000n);
  subtensor.Kappa.set(1, 32_767);
  subtensor.LiquidAlphaOn.set(1, liquidAlpha);
  subtensor.AlphaValues.set(1, [6_553, 19_660]);
  subtensor.Yuma3On.set(1, true);
  subtensor.MaxAllowedValidators.set(1, 3);
  stakeRao.forEach((amount, uid) => increaseStake(runtime.execution, account(100 + uid), account(1), { netuid: 1, amount: BigInt(amount) }));
  epoch(runtime);
  return runtime;
}

/** An epoch in the next block, of an emission that is not paid out, as the tests run it. */
function epoch(runtime: Runtime): void {
  runtime.jump(runtime.execution.blockNumber + 1);
  runEpoch(runtime.execution, 1, TAO);
}

describe('tables of the chain’s own tests', () => {
  it.each(published.cases)('$name', (scenario) => {
    const runtime = setUp(scenario);
    const { subtensor } = runtime;
    scenario.weights.forEach((rows, round) => {
      rows?.forEach((weights, uid) => {
        runtime.expect(runtime.call(account(100 + uid), 'set_weights', { netuid: 1, dests: weights.map((_, server) => FIRST + 3 + server), weights, version_key: 0n }));
      });
      epoch(runtime);
      expect(runtime.subtensor.ValidatorPermit.get(1).slice(0, 5)).toEqual([true, true, true, true, false]);
      const dividends = runtime.subtensor.Dividends.get(1);
      scenario.dividends[round]?.forEach((dividend, uid) => expect(Math.abs((dividends[FIRST + uid] as number) / 65_535 - dividend)).toBeLessThan(published.tolerance));
      scenario.bonds[round]?.forEach((row, uid) => {
        const bonds = new Map(runtime.subtensor.Bonds.get(1, FIRST + uid));
        row.forEach((bond, server) => expect(Math.abs((bonds.get(FIRST + 3 + server) ?? 0) / 65_535 - bond)).toBeLessThan(published.tolerance));
      });
    });
    expect(subtensor.SubnetworkN.get(1)).toBe(scenario.stakeRao.length + FIRST);
  });
});
