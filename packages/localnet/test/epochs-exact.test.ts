/** Epoch after epoch, what the chain stores and pays is compared, without tolerance, with the pure function of what stood in storage before. */
import { activityCutoffBlocks, computeYuma, type YumaInput, type YumaResult } from '@connito/chain/yuma';
import { describe, expect, it } from 'vitest';
import { account, Runtime, TAO } from './runtime-support.ts';

const NETUID = 1;
const TEMPO = 10;
const U64_MAX = (1n << 64n) - 1n;

/** A u64 as a fraction, U96F32. */
const part = (proportion: bigint): bigint => (proportion << 32n) / U64_MAX;

/** Stake weight in 2^-64 rao, read here from storage anew: own less lent plus borrowed, alpha and weighed TAO. */
function stakeBits({ subtensor }: Runtime, hotkey: string): bigint {
  const inherited = (of: number): bigint => {
    const own = subtensor.TotalHotkeyAlpha.get(hotkey, of) << 32n;
    let lent = 0n;
    let borrowed = 0n;
    for (const [proportion] of subtensor.ChildKeys.get(hotkey, NETUID)) lent += subtensor.TotalHotkeyAlpha.get(hotkey, of) * part(proportion);
    for (const [proportion, parent] of subtensor.ParentKeys.get(hotkey, NETUID)) borrowed += subtensor.TotalHotkeyAlpha.get(parent, of) * part(proportion);
    return ((own > lent ? own - lent : 0n) + borrowed) >> 32n;
  };
  return (inherited(NETUID) << 64n) + ((inherited(0) * part(subtensor.TaoWeight.get())) << 32n);
}

/** What the epoch of the next block will see; its emission is what would be pending if that block had no epoch. */
function inputOfNextBlock(runtime: Runtime): YumaInput {
  const { subtensor } = runtime;
  const uids = Array.from({ length: subtensor.SubnetworkN.get(NETUID) }, (_, uid) => uid);
  const stakes = uids.map((uid) => stakeBits(runtime, subtensor.Keys.get(NETUID, uid)));
  const owner = subtensor.Uids.get(NETUID, subtensor.SubnetOwnerHotkey.get(NETUID));
  const tempo = subtensor.Tempo.get(NETUID);
  const oldest = subtensor.SubnetEpochIndex.get(NETUID) + 1n - subtensor.RevealPeriodEpochs.get(NETUID);
  const [alphaLow, alphaHigh] = subtensor.AlphaValues.get(NETUID);
  return {
    block: runtime.execution.blockNumber + 1,
    tempo,
    lastMechanismStepBlock: Number(subtensor.LastMechansimStepBlock.get(NETUID)),
    stakeRao: stakes.map((bits) => bits >> 64n),
    stakeFraction: stakes.map((bits) => BigInt.asUintN(64, bits)),
    lastUpdate: uids.map((uid) => Number(subtensor.LastUpdate.get(NETUID)[uid])),
    blockAtRegistration: uids.map((uid) => Number(subtensor.BlockAtRegistration.get(NETUID, uid))),
    validatorPermit: uids.map((uid) => subtensor.ValidatorPermit.get(NETUID)[uid] ?? false),
    ownerUid: owner,
    weights: uids.map((uid) => subtensor.Weights.get(NETUID, uid)),
    bonds: uids.map((uid) => subtensor.Bonds.get(NETUID, uid)),
    kappa: subtensor.Kappa.get(NETUID),
    stakeThresholdRao: subtensor.StakeThreshold.get(),
    maxAllowedValidators: subtensor.MaxAllowedValidators.get(NETUID),
    activityCutoffBlocks: activityCutoffBlocks({ tempo, factorMilli: subtensor.ActivityCutoffFactorMilli.get(NETUID) }),
    commitRevealWeightsEnabled: subtensor.CommitRevealWeightsEnabled.get(NETUID),
    pendingCommitBlocks: uids.map((uid) => {
      const first = subtensor.WeightCommits.get(NETUID, subtensor.Keys.get(NETUID, uid))?.find(([, epoch]) => epoch >= oldest);
      return first === undefined ? undefined : Number(first[2]);
    }),
    bondsMovingAverage: Number(subtensor.BondsMovingAverage.get(NETUID)),
    bondsPenalty: subtensor.BondsPenalty.get(NETUID),
    yuma3: subtensor.Yuma3On.get(NETUID),
    liquidAlpha: subtensor.LiquidAlphaOn.get(NETUID),
    alphaLow,
    alphaHigh,
    alphaSigmoidSteepness: subtensor.AlphaSigmoidSteepness.get(NETUID),
    emissionRao: pendingWithoutEpoch(runtime),
  };
}

function pendingWithoutEpoch(runtime: Runtime): bigint {
  const { execution } = runtime;
  execution.overlay.begin();
  runtime.subtensor.Tempo.set(NETUID, 50_400);
  runtime.blocks();
  const { PendingServerEmission, PendingValidatorEmission, PendingRootAlphaDivs } = runtime.subtensor;
  const pending = PendingServerEmission.get(NETUID) + PendingValidatorEmission.get(NETUID) + PendingRootAlphaDivs.get(NETUID);
  execution.overlay.rollback();
  runtime.execution = execution;
  return pending;
}

type Stored = Omit<YumaResult, 'fractions' | 'serverEmissionRao' | 'validatorEmissionRao'>;

function stored({ subtensor }: Runtime): Stored {
  return {
    active: subtensor.Active.get(NETUID),
    validatorPermit: subtensor.ValidatorPermit.get(NETUID),
    stakeWeight: subtensor.StakeWeight.get(NETUID),
    consensus: subtensor.Consensus.get(NETUID),
    validatorTrust: subtensor.ValidatorTrust.get(NETUID),
    incentive: subtensor.Incentive.get(NETUID),
    dividends: subtensor.Dividends.get(NETUID),
    emissionRao: subtensor.Emission.get(NETUID),
    bonds: subtensor.Consensus.get(NETUID).map((_, uid) => subtensor.Bonds.get(NETUID, uid)),
  };
}

/** Goes on to the block of the next epoch and compares. */
function checkEpoch(runtime: Runtime): Stored {
  const due = Number(runtime.subtensor.LastEpochBlock.get(NETUID)) + runtime.subtensor.Tempo.get(NETUID);
  while (runtime.execution.blockNumber < due - 1) runtime.blocks();
  const { fractions: _, serverEmissionRao, validatorEmissionRao: __, ...expected } = computeYuma(inputOfNextBlock(runtime));
  runtime.events();
  runtime.blocks();
  expect(runtime.subtensor.LastEpochBlock.get(NETUID)).toBe(BigInt(due));
  expect(stored(runtime)).toEqual(expected);
  expect(runtime.records().find(({ event }) => event === 'IncentiveAlphaEmittedToMiners')?.data).toEqual({ netuid: NETUID, emissions: serverEmissionRao });
  return stored(runtime);
}

const validator = (n: number): string => account(100 + n);

/** Four validators and four miners of one coldkey, TAO on root, and a delegate. */
function openSubnet(yuma3: boolean): Runtime {
  const runtime = new Runtime();
  runtime.subnet({ neurons: 4 });
  const { subtensor } = runtime;
  subtensor.Tempo.set(NETUID, TEMPO);
  subtensor.Yuma3On.set(NETUID, yuma3);
  subtensor.SubnetEmissionEnabled.set(NETUID, true);
  runtime.fund(account(0x50), 1_000_000n * TAO);
  for (let n = 0; n < 4; n++) {
    runtime.expect(runtime.call(account(0x50), 'burned_register', { netuid: NETUID, hotkey: account(0x200 + n) }));
    runtime.expect(runtime.call(account(1), 'add_stake', { hotkey: validator(n), netuid: NETUID, amount_staked: BigInt(37 + 53 * n) * TAO }));
  }
  runtime.expect(runtime.call(account(0x50), 'add_stake', { hotkey: validator(0), netuid: 0, amount_staked: 777n * TAO }));
  return runtime;
}

function weigh(runtime: Runtime, round: number): void {
  for (let n = 0; n < 4; n++) {
    const uid = runtime.subtensor.Uids.get(NETUID, validator(n));
    if (uid === undefined || runtime.subtensor.ValidatorPermit.get(NETUID)[uid] !== true) continue;
    const weights = [5, 6, 7, 8].map((to) => ((to * (n + 1) * 7 + round * (n + 3)) % 11) * 997);
    runtime.expect(runtime.call(validator(n), 'set_weights', { netuid: NETUID, dests: [5, 6, 7, 8], weights, version_key: 0n }));
  }
}

/** What happens before which epoch. */
const MOVES: Readonly<Record<number, (runtime: Runtime) => void>> = {
  3: ({ subtensor }) => subtensor.LiquidAlphaOn.set(NETUID, true),
  5: ({ subtensor }) => subtensor.Kappa.set(NETUID, 50_000),
  6: (runtime) => runtime.expect(runtime.call(account(0x50), 'add_stake', { hotkey: validator(2), netuid: NETUID, amount_staked: 400n * TAO })),
  7: ({ subtensor }) => subtensor.LiquidAlphaOn.set(NETUID, false),
  8: ({ subtensor }) => {
    subtensor.ChildKeys.set(validator(3), NETUID, [[U64_MAX / 3n, validator(1)]]);
    subtensor.ParentKeys.set(validator(1), NETUID, [[U64_MAX / 3n, validator(3)]]);
  },
  9: replaceNeuron,
  11: ({ subtensor }) => subtensor.Tempo.set(NETUID, 17),
  12: ({ subtensor }) => subtensor.MaxAllowedValidators.set(NETUID, 3),
  13: ({ subtensor }) => subtensor.Yuma3On.set(NETUID, !subtensor.Yuma3On.get(NETUID)),
  15: ({ subtensor }) => subtensor.MaxAllowedValidators.set(NETUID, 64),
  16: (runtime) => runtime.expect(runtime.call(account(1), 'burned_register', { netuid: NETUID, hotkey: account(0x300) })),
  18: ({ subtensor }) => subtensor.BondsPenalty.set(NETUID, 20_000),
  19: ({ subtensor }) => subtensor.RecycleOrBurn.set(NETUID, { type: 'Recycle' }),
  20: ({ subtensor }) => subtensor.StakeThreshold.set(60n * TAO),
  22: commitWeights,
  23: replaceNeuron,
};

/** A full subnet gives the place of a miner to a new one, on which older weights and bonds do not count. */
function replaceNeuron(runtime: Runtime): void {
  const { subtensor } = runtime;
  subtensor.MaxAllowedUids.set(NETUID, subtensor.SubnetworkN.get(NETUID));
  subtensor.ImmunityPeriod.set(NETUID, 0);
  subtensor.MinNonImmuneUids.set(NETUID, 0);
  const before = Array.from({ length: subtensor.SubnetworkN.get(NETUID) }, (_, uid) => subtensor.Keys.get(NETUID, uid));
  runtime.expect(runtime.call(account(0x50), 'burned_register', { netuid: NETUID, hotkey: account(0x400 + runtime.execution.blockNumber) }));
  expect(before.filter((hotkey) => !subtensor.Uids.has(NETUID, hotkey))).toHaveLength(1);
  subtensor.MaxAllowedUids.set(NETUID, 256);
}

function commitWeights(runtime: Runtime): void {
  runtime.subtensor.CommitRevealWeightsEnabled.set(NETUID, true);
  for (const n of [1, 2]) runtime.expect(runtime.call(validator(n), 'commit_weights', { netuid: NETUID, commit_hash: account(7 + n) }));
}

describe('26 epochs, each equal to the pure function of the state before', () => {
  it.each([true, false])('while weights, validators, neurons and parameters change (begun with Yuma3 %s)', (yuma3) => {
    const runtime = openSubnet(yuma3);
    checkEpoch(runtime);
    const seen = new Set<string>();
    let dividends: number[] = [];
    for (let round = 1; round <= 26; round++) {
      MOVES[round]?.(runtime);
      if (round % 3 !== 0 && round < 22) weigh(runtime, round);
      const after = checkEpoch(runtime);
      dividends = [...dividends, Math.max(...after.dividends)];
      seen.add(JSON.stringify([after.incentive, after.dividends, after.emissionRao.map(String)]));
    }
    expect(seen.size).toBe(26);
    expect(dividends.slice(1)).not.toContain(0);
  });
});
