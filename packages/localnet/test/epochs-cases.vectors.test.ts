/** Subtensor's own tests of the epoch, step by step on the runtime: calls, registrations and epochs, and every figure that they assert of what is stored. */
import { describe, expect, it } from 'vitest';
import { checkFigures, EPOCH_RAO, epochCases, type EpochCase, type EpochFigures, type EpochStep } from '../../chain/test/yuma-epochs.ts';
import { runEpoch } from '../src/runtime/run-epoch.ts';
import { increaseStake } from '../src/runtime/share-pool.ts';
import { account, Runtime } from './runtime-support.ts';

const NETUID = 1;
/** Block 0 of the tests. */
const START = 100;
const OWNER = account(1);

/** The owner's hotkey, without stake, is uid 0; the tests' uids follow it, but where the owner is one of them. */
const firstOf = ({ ownerUid }: EpochCase): number => (ownerUid === undefined ? 1 : 0);

/** Parameters of the tests' mock of the runtime, tests/mock.rs:186. */
function setUp(scenario: EpochCase): Runtime {
  const { stakeRao, tempo, block = 1, registeredAt = block, maxAllowedValidators = 100, stakeThresholdRao = 0, yuma3 = false } = scenario;
  const first = firstOf(scenario);
  const runtime = new Runtime({ blockNumber: START + registeredAt });
  runtime.subnet({ neurons: stakeRao.length + first - 1 });
  const { subtensor } = runtime;
  subtensor.Tempo.set(NETUID, tempo);
  subtensor.Kappa.set(NETUID, 32_767);
  subtensor.BondsPenalty.set(NETUID, 65_535);
  subtensor.BondsMovingAverage.set(NETUID, 900_000n);
  subtensor.MaxAllowedValidators.set(NETUID, maxAllowedValidators);
  subtensor.StakeThreshold.set(BigInt(stakeThresholdRao));
  subtensor.Yuma3On.set(NETUID, yuma3);
  subtensor.MinAllowedWeights.set(NETUID, 0);
  subtensor.MaxAllowedUids.set(NETUID, stakeRao.length + first);
  subtensor.ImmunityPeriod.set(NETUID, 0);
  subtensor.MinNonImmuneUids.set(NETUID, 0);
  stakeRao.forEach((rao, uid) => addStake(runtime, first + uid, rao));
  if (scenario.lastUpdate !== undefined) setLastUpdate(runtime, first, scenario.lastUpdate);
  if (scenario.permits !== undefined) subtensor.ValidatorPermit.set(NETUID, [...owner(first, false), ...scenario.permits]);
  runtime.jump(START + block);
  return runtime;
}

function owner<T>(first: number, value: T): T[] {
  return first === 1 ? [value] : [];
}

function setLastUpdate(runtime: Runtime, first: number, blocks: readonly number[]): void {
  runtime.subtensor.LastUpdate.set(NETUID, [...owner(first, 0), ...blocks].map((block) => BigInt(START + block)));
}

function addStake(runtime: Runtime, uid: number, rao: number): void {
  if (rao > 0) increaseStake(runtime.execution, runtime.subtensor.Keys.get(NETUID, uid), OWNER, { netuid: NETUID, amount: BigInt(rao) });
}

/** What a step does, epochs aside. */
function move(runtime: Runtime, first: number, { block, tempo, weigh = [], rows = {}, lastUpdate, stake = {}, replace }: EpochStep): void {
  if (block !== undefined) runtime.jump(START + block);
  if (tempo !== undefined) runtime.subtensor.Tempo.set(NETUID, tempo);
  if (lastUpdate !== undefined) setLastUpdate(runtime, first, lastUpdate);
  for (const { uids, dests, values: weights } of weigh) {
    for (const uid of uids) runtime.expect(runtime.call(runtime.subtensor.Keys.get(NETUID, first + uid), 'set_weights', { netuid: NETUID, dests: dests.map((to) => first + to), weights, version_key: 0n }));
  }
  for (const [uid, row] of Object.entries(rows)) runtime.subtensor.Weights.set(NETUID, first + Number(uid), row.map(([to, value]) => [first + to, value] as const));
  for (const [uid, rao] of Object.entries(stake)) addStake(runtime, first + Number(uid), rao);
  if (replace === undefined) return;
  const hotkey = account(0x400 + runtime.execution.blockNumber);
  runtime.expect(runtime.call(OWNER, 'burned_register', { netuid: NETUID, hotkey }));
  expect(runtime.subtensor.Uids.get(NETUID, hotkey)).toBe(first + replace);
}

function bondsOf({ subtensor }: Runtime, first: number): EpochFigures['bonds'] {
  const uids = Array.from({ length: subtensor.SubnetworkN.get(NETUID) - first }, (_, uid) => uid);
  return uids.map((uid) => subtensor.Bonds.get(NETUID, first + uid).map(([to, value]) => [to - first, value] as const));
}

/** An epoch of an emission that is not paid out, as the tests run it; what it stored, the owner left out. */
function epoch(runtime: Runtime, first: number): EpochFigures {
  const { serverEmissionRao, validatorEmissionRao } = runEpoch(runtime.execution, NETUID, EPOCH_RAO);
  const { Active, ValidatorPermit, StakeWeight, Consensus, ValidatorTrust, Incentive, Dividends, Emission } = runtime.subtensor;
  return {
    active: Active.get(NETUID).slice(first),
    validatorPermit: ValidatorPermit.get(NETUID).slice(first),
    stakeWeight: StakeWeight.get(NETUID).slice(first),
    consensus: Consensus.get(NETUID).slice(first),
    validatorTrust: ValidatorTrust.get(NETUID).slice(first),
    incentive: Incentive.get(NETUID).slice(first),
    dividends: Dividends.get(NETUID).slice(first),
    emissionRao: Emission.get(NETUID).slice(first),
    serverEmissionRao: serverEmissionRao.slice(first),
    validatorEmissionRao: validatorEmissionRao.slice(first),
    bonds: bondsOf(runtime, first),
  };
}

// Those of 512 neurons differ from the others in size alone; the pure function has them.
const small = epochCases.filter(({ stakeRao }) => stakeRao.length <= 10);

describe('the chain’s own tests', () => {
  it.each(small)('$name', (scenario) => {
    expect.hasAssertions();
    const runtime = setUp(scenario);
    const first = firstOf(scenario);
    for (const step of scenario.steps) {
      move(runtime, first, step);
      const before = bondsOf(runtime, first);
      if (step.epoch !== undefined) checkFigures(epoch(runtime, first), step.epoch, before);
    }
  });

  it('are 41 cases', () => {
    expect(small).toHaveLength(41);
  });
});
