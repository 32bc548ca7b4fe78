/** Two mechanisms in one epoch of the runtime, against Subtensor's own tests of them. */
import { splitEmission } from '@connito/chain/yuma';
import { describe, expect, it } from 'vitest';
import { aggregatedCase, mechanismCases, type MechanismCase } from '../../chain/test/yuma-mechanisms.ts';
import { runEpoch } from '../src/runtime/run-epoch.ts';
import { increaseStake } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

/** Storage indexes of the mechanisms of subnet 1. */
const INDEXES = [1, 4_097];
/** The owner's hotkey, without stake, is uid 0; the tests' uids follow it. */
const FIRST = 1;

/** An epoch after `mock_epoch_state` and `mock_3_neurons`, tests/mechanism.rs:442, with parameters of tests/mock.rs:186. */
function afterEpoch({ permits, weights }: MechanismCase, split?: readonly number[]): { readonly runtime: Runtime; readonly paidRao: readonly bigint[] } {
  const runtime = new Runtime();
  runtime.subnet({ neurons: permits.length });
  const { subtensor } = runtime;
  subtensor.MechanismCountCurrent.set(1, 2);
  if (split !== undefined) subtensor.MechanismEmissionSplit.set(1, split);
  subtensor.Tempo.set(1, 1);
  subtensor.Kappa.set(1, 32_767);
  subtensor.BondsPenalty.set(1, 65_535);
  subtensor.BondsMovingAverage.set(1, 900_000n);
  subtensor.Yuma3On.set(1, false);
  subtensor.ValidatorPermit.set(1, [true, ...permits]);
  for (const n of [0, 1]) increaseStake(runtime.execution, account(100 + n), account(1), { netuid: 1, amount: TAO });
  INDEXES.forEach((index, mechanism) => {
    subtensor.LastUpdate.set(index, [0, ...permits].map(() => 2n));
    weights[mechanism]?.forEach((row, uid) => subtensor.Weights.set(index, FIRST + uid, row.map(([to, value]) => [FIRST + to, value] as const)));
  });
  const { serverEmissionRao } = runEpoch(runtime.execution, 1, TAO);
  return { runtime, paidRao: serverEmissionRao };
}

function incentives({ subtensor }: Runtime): (readonly number[])[] {
  return INDEXES.map((index) => subtensor.Incentive.get(index));
}

describe('epoch_with_mechanisms', () => {
  it.each(mechanismCases)('$name', (scenario) => {
    const { subtensor } = afterEpoch(scenario).runtime;
    scenario.incentive?.forEach((incentive, mechanism) => {
      const stored = subtensor.Incentive.get(INDEXES[mechanism] as number);
      expect(stored).toHaveLength(incentive.length + FIRST);
      incentive.forEach((share, uid) => expect(Math.abs((stored[FIRST + uid] as number) - share)).toBeLessThanOrEqual(scenario.within ?? 0));
    });
    const bonds = INDEXES.map((index) => scenario.permits.map((_, uid) => subtensor.Bonds.get(index, FIRST + uid).map(([to, value]) => [to - FIRST, value])));
    expect(scenario.bonds === undefined ? undefined : bonds).toEqual(scenario.bonds);
  });

  it(aggregatedCase.name, () => {
    const [even, uneven] = [afterEpoch(aggregatedCase), afterEpoch(aggregatedCase, aggregatedCase.split)];
    // Emission differs, what each mechanism stores does not.
    expect(incentives(uneven.runtime)).toEqual(incentives(even.runtime));
    const parts = splitEmission({ emissionRao: TAO, mechanismCount: 2, split: aggregatedCase.split }).map((rao) => Number(rao) / 2);
    [2, 3].forEach((uid) => {
      const shares = incentives(uneven.runtime).map((incentive) => (incentive[uid] as number) / 65_535);
      // Incentive is half of each part; its u16 is cut off.
      const expected = shares.reduce((sum, share, mechanism) => sum + share * (parts[mechanism] as number), 0);
      expect(Math.abs(Number(uneven.paidRao[uid]) - expected)).toBeLessThan(Number(TAO) / 65_535);
    });
  });
});
