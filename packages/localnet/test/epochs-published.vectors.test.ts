/** The runtime's epoch, from calls to what is stored, against the tables of Subtensor's own multi-epoch tests. */
import { describe, expect, it } from 'vitest';
import { checkPublished, PUBLISHED_PARAMETERS, published, type PublishedCase } from '../../chain/test/yuma-published.ts';
import { runEpoch } from '../src/runtime/run-epoch.ts';
import { increaseStake } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

/** The owner's hotkey, without stake, is uid 0 here; the tests' uids follow it. */
const FIRST = 1;

/** `setup_yuma_3_scenario`, epoch.rs:2721; the first epoch gives permits. */
function setUp({ stakeRao, liquidAlpha }: PublishedCase): Runtime {
  const runtime = new Runtime();
  runtime.subnet({ neurons: stakeRao.length });
  const { subtensor } = runtime;
  const { alphaSigmoidSteepness, alphaLow, alphaHigh, bondsMovingAverage, bondsPenalty, kappa, yuma3 } = PUBLISHED_PARAMETERS;
  subtensor.Tempo.set(1, 1);
  subtensor.BondsPenalty.set(1, bondsPenalty);
  subtensor.AlphaSigmoidSteepness.set(1, alphaSigmoidSteepness);
  subtensor.BondsMovingAverage.set(1, BigInt(bondsMovingAverage));
  subtensor.Kappa.set(1, kappa);
  subtensor.LiquidAlphaOn.set(1, liquidAlpha);
  subtensor.AlphaValues.set(1, [alphaLow, alphaHigh]);
  subtensor.Yuma3On.set(1, yuma3);
  subtensor.MaxAllowedValidators.set(1, 3);
  subtensor.BondsResetOn.set(1, true);
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
      if (round === scenario.reset) runtime.expect(runtime.call(account(100 + 3), 'Commitments.set_commitment', { netuid: 1, info: { fields: [{ type: 'ResetBondsFlag' }] } }));
      epoch(runtime);
      expect(runtime.subtensor.ValidatorPermit.get(1).slice(0, 5)).toEqual([true, true, true, true, false]);
      const { Dividends, Bonds, SubnetworkN } = runtime.subtensor;
      const bonds = Array.from({ length: SubnetworkN.get(1) }, (_, uid) => Bonds.get(1, uid));
      checkPublished(scenario, round, { figures: { dividends: Dividends.get(1), bonds }, first: FIRST });
    });
    expect(subtensor.SubnetworkN.get(1)).toBe(scenario.stakeRao.length + FIRST);
  });
});
