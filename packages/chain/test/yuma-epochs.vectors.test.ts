import { describe, expect, it } from 'vitest';
import { maxUpscale } from '../src/weight-vector.ts';
import { computeYuma } from '../src/yuma/exact.ts';
import { computeYumaFast } from '../src/yuma/fast.ts';
import { activityCutoffBlocks, type YumaInput, type YumaRow } from '../src/yuma/input.ts';
import { checkFigures, EPOCH_RAO, epochCases, type EpochCase, type EpochStep } from './yuma-epochs.ts';

/** Parameters of the tests' mock of the runtime, tests/mock.rs:186. */
function subnetOf(scenario: EpochCase): YumaInput {
  const { stakeRao, tempo, block = 1, registeredAt = block } = scenario;
  const each = <T>(value: T): T[] => stakeRao.map(() => value);
  return {
    block,
    tempo,
    lastMechanismStepBlock: 0,
    stakeRao: stakeRao.map(BigInt),
    lastUpdate: scenario.lastUpdate ?? each(registeredAt),
    blockAtRegistration: each(registeredAt),
    validatorPermit: scenario.permits ?? each(false),
    ownerUid: scenario.ownerUid,
    weights: each([]),
    bonds: each([]),
    kappa: 32_767,
    stakeThresholdRao: BigInt(scenario.stakeThresholdRao ?? 0),
    maxAllowedValidators: scenario.maxAllowedValidators ?? 100,
    activityCutoffBlocks: cutoffOf(tempo),
    commitRevealWeightsEnabled: false,
    bondsMovingAverage: 900_000,
    bondsPenalty: 65_535,
    yuma3: scenario.yuma3 ?? false,
    liquidAlpha: false,
    alphaLow: 45_875,
    alphaHigh: 58_982,
    alphaSigmoidSteepness: 1_000,
    emissionRao: EPOCH_RAO,
  };
}

/** `INITIAL_ACTIVITY_CUTOFF_FACTOR_MILLI` */
function cutoffOf(tempo: number): number {
  return activityCutoffBlocks({ tempo, factorMilli: 13_889 });
}

const put = <T>(list: readonly T[], uid: number, value: T): T[] => list.map((old, index) => (index === uid ? value : old));

/** The state after what a step does, epochs aside. */
function move(input: YumaInput, { block, tempo, weigh = [], rows = {}, lastUpdate, stake = {}, replace }: EpochStep): YumaInput {
  let next: YumaInput = { ...input, block: block ?? input.block, lastUpdate: lastUpdate ?? input.lastUpdate };
  if (tempo !== undefined) next = { ...next, tempo, activityCutoffBlocks: cutoffOf(tempo) };
  for (const { uids, dests, values } of weigh) {
    const stored = maxUpscale(values);
    const row = dests.map((to, index) => [to, stored[index] as number] as const);
    for (const uid of uids) next = { ...next, weights: put(next.weights, uid, row), lastUpdate: put(next.lastUpdate, uid, next.block) };
  }
  for (const [uid, row] of Object.entries(rows)) next = { ...next, weights: put(next.weights, Number(uid), row) };
  for (const [uid, rao] of Object.entries(stake)) next = { ...next, stakeRao: put(next.stakeRao, Number(uid), (next.stakeRao[Number(uid)] as bigint) + BigInt(rao)) };
  return replace === undefined ? next : replaceNeuron(next, replace);
}

/** A neuron without stake takes the uid; weights on it become 0, bonds on it stay. @see `clear_neuron`, subnets/uids.rs:22 */
function replaceNeuron(input: YumaInput, uid: number): YumaInput {
  const { block, stakeRao, lastUpdate, blockAtRegistration, validatorPermit, weights, bonds } = input;
  return {
    ...input,
    stakeRao: put(stakeRao, uid, 0n),
    lastUpdate: put(lastUpdate, uid, block),
    blockAtRegistration: put(blockAtRegistration, uid, block),
    validatorPermit: put(validatorPermit, uid, false),
    weights: put(weights, uid, []).map((row) => row.map(([to, value]) => [to, to === uid ? 0 : value] as const)),
    bonds: put<YumaRow>(bonds, uid, []),
  };
}

describe.each([
  ['computeYuma', computeYuma],
  ['computeYumaFast', computeYumaFast],
])('%s gives the figures of the chain’s own tests', (_, compute) => {
  it.each(epochCases)('$name', (scenario) => {
    expect.hasAssertions();
    let input = subnetOf(scenario);
    for (const step of scenario.steps) {
      input = move(input, step);
      if (step.epoch === undefined) continue;
      const result = compute(input);
      checkFigures(result, step.epoch, input.bonds);
      input = { ...input, bonds: result.bonds, validatorPermit: result.validatorPermit };
    }
  });
});

it('holds 47 cases of 22 tests, each with a figure', () => {
  expect(epochCases.filter(({ steps }) => steps.every(({ epoch = {} }) => Object.keys(epoch).length === 0)).map(({ name }) => name)).toEqual([]);
  expect(new Set(epochCases.map(({ line, file }) => `${file}:${line}`)).size).toBe(22);
  expect(epochCases).toHaveLength(47);
});
