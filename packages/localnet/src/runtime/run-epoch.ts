/**
 * A subnet's epoch: Yuma Consensus over what stands in storage, for each mechanism, and what it leaves there.
 * @module
 * @see pallets/subtensor/src/epoch/run_epoch.rs:566, subnets/mechanism.rs:287 (opentensor/subtensor 14bc6f9f9)
 */
import { activityCutoffBlocks, combineMechanisms, computeYuma, splitEmission, type SubnetResult, type YumaInput, type YumaResult } from '@connito/chain/yuma';
import { currentEpoch } from './epoch-schedule.ts';
import type { Execution } from './execution.ts';
import { stakeWeightParts } from './stake-weight.ts';
import { mechanismIndex, ownerUid } from './subnet-lookup.ts';

/** Runs the epoch, stores its figures, and returns what each neuron is to be paid. */
export function runEpoch(execution: Execution, netuid: number, emissionRao: bigint): SubnetResult {
  const { MechanismCountCurrent, MechanismEmissionSplit } = execution.storage.SubtensorModule;
  const parts = splitEmission({ emissionRao, mechanismCount: MechanismCountCurrent.get(netuid), split: MechanismEmissionSplit.get(netuid) });
  const common = subnetInput(execution, netuid);
  const results = parts.map((part, mechanism) => {
    const result = computeYuma({ ...common, ...mechanismInput(execution, netuid, mechanism), emissionRao: part });
    storeMechanism(execution, mechanismIndex(netuid, mechanism), result);
    return result;
  });
  const combined = combineMechanisms(results, parts);
  storeSubnet(execution, netuid, combined);
  return combined;
}

type MechanismInput = Pick<YumaInput, 'lastUpdate' | 'weights' | 'bonds' | 'pendingCommitBlocks'>;
type SubnetInput = Omit<YumaInput, keyof MechanismInput | 'emissionRao'>;

function subnetInput(execution: Execution, netuid: number): SubnetInput {
  const subtensor = execution.storage.SubtensorModule;
  const uids = uidsOf(execution, netuid);
  const stakes = uids.map((uid) => stakeWeightParts(execution, subtensor.Keys.get(netuid, uid), netuid));
  const permits = subtensor.ValidatorPermit.get(netuid);
  const [alphaLow, alphaHigh] = subtensor.AlphaValues.get(netuid);
  const tempo = subtensor.Tempo.get(netuid);
  return {
    block: execution.blockNumber,
    tempo,
    lastMechanismStepBlock: Number(subtensor.LastMechansimStepBlock.get(netuid)),
    stakeRao: stakes.map(({ total }) => total),
    stakeFraction: stakes.map(({ fraction }) => fraction),
    blockAtRegistration: uids.map((uid) => Number(subtensor.BlockAtRegistration.get(netuid, uid))),
    validatorPermit: uids.map((uid) => permits[uid] ?? false),
    ownerUid: ownerUid(execution, netuid),
    kappa: subtensor.Kappa.get(netuid),
    stakeThresholdRao: subtensor.StakeThreshold.get(),
    maxAllowedValidators: subtensor.MaxAllowedValidators.get(netuid),
    activityCutoffBlocks: activityCutoffBlocks({ tempo, factorMilli: subtensor.ActivityCutoffFactorMilli.get(netuid) }),
    commitRevealWeightsEnabled: subtensor.CommitRevealWeightsEnabled.get(netuid),
    bondsMovingAverage: Number(subtensor.BondsMovingAverage.get(netuid)),
    bondsPenalty: subtensor.BondsPenalty.get(netuid),
    yuma3: subtensor.Yuma3On.get(netuid),
    liquidAlpha: subtensor.LiquidAlphaOn.get(netuid),
    alphaLow,
    alphaHigh,
    alphaSigmoidSteepness: subtensor.AlphaSigmoidSteepness.get(netuid),
  };
}

function uidsOf(execution: Execution, netuid: number): number[] {
  return Array.from({ length: execution.storage.SubtensorModule.SubnetworkN.get(netuid) }, (_, uid) => uid);
}

function mechanismInput(execution: Execution, netuid: number, mechanism: number): MechanismInput {
  const { LastUpdate, Weights, Bonds } = execution.storage.SubtensorModule;
  const index = mechanismIndex(netuid, mechanism);
  const uids = uidsOf(execution, netuid);
  const updates = LastUpdate.get(index);
  return {
    lastUpdate: uids.map((uid) => Number(updates[uid] ?? 0n)),
    weights: uids.map((uid) => Weights.get(index, uid)),
    bonds: uids.map((uid) => Bonds.get(index, uid)),
    pendingCommitBlocks: pendingCommitBlocks(execution, netuid, index),
  };
}

/** The block of each neuron's earliest commit that is neither revealed nor expired. */
function pendingCommitBlocks(execution: Execution, netuid: number, index: number): (number | undefined)[] {
  const { CommitRevealWeightsEnabled, WeightCommits, TimelockedWeightCommits, RevealPeriodEpochs, Uids } = execution.storage.SubtensorModule;
  const blocks: (number | undefined)[] = uidsOf(execution, netuid).map(() => undefined);
  if (!CommitRevealWeightsEnabled.get(netuid)) return blocks;
  const oldest = currentEpoch(execution, netuid) - RevealPeriodEpochs.get(netuid);
  const note = (hotkey: string, block: bigint): void => {
    const uid = Uids.get(netuid, hotkey);
    if (uid !== undefined) blocks[uid] = Math.min(blocks[uid] ?? Number.POSITIVE_INFINITY, Number(block));
  };
  for (const [[, hotkey], commits] of WeightCommits.entries(index)) {
    const first = commits.find(([, epoch]) => epoch >= oldest);
    if (first !== undefined) note(hotkey, first[2]);
  }
  for (const [[, epoch], commits] of TimelockedWeightCommits.entries(index)) {
    if (epoch >= oldest) for (const [hotkey, block] of commits) note(hotkey, block);
  }
  return blocks;
}

function storeMechanism(execution: Execution, index: number, { incentive, serverEmissionRao, bonds }: YumaResult): void {
  const { Incentive, Bonds } = execution.storage.SubtensorModule;
  Incentive.set(index, incentive);
  execution.deposit('SubtensorModule', 'IncentiveAlphaEmittedToMiners', { netuid: index, emissions: serverEmissionRao });
  bonds.forEach((row, uid) => Bonds.set(index, uid, row));
}

function storeSubnet(execution: Execution, netuid: number, result: SubnetResult): void {
  const subtensor = execution.storage.SubtensorModule;
  subtensor.Active.set(netuid, result.active);
  subtensor.Emission.set(netuid, result.emissionRao);
  subtensor.Consensus.set(netuid, result.consensus);
  subtensor.Dividends.set(netuid, result.dividends);
  subtensor.ValidatorTrust.set(netuid, result.validatorTrust);
  subtensor.ValidatorPermit.set(netuid, result.validatorPermit);
  subtensor.StakeWeight.set(netuid, result.stakeWeight);
}
