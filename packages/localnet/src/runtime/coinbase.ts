/**
 * What happens to subnets at the start of each block: prices decay, emission accrues, epochs run and pay out.
 * @module
 * @see pallets/subtensor/src/coinbase/run_coinbase.rs (opentensor/subtensor 14bc6f9f9)
 */
import { runEpoch, type EpochInput, type EpochResult } from '../epoch.ts';
import { advanceSchedule, isEpochDue } from './epoch-schedule.ts';
import type { Execution } from './execution.ts';
import { decayPrice } from './registration.ts';
import { increaseHotkeyStake, increaseStake, stakeWeight } from './stake.ts';
import { ownerUid, subnetsOf } from './subnet-lookup.ts';
import { revealTimelockedWeights } from './timelocked-weights.ts';

/** Alpha that a subnet emits per block; the chain halves it by issuance. */
const ALPHA_PER_BLOCK_RAO = 1_000_000_000n;
/** The pallet's `block_step`. */
export function stepSubnets(execution: Execution): void {
  const subnets = subnetsOf(execution.storage);
  for (const netuid of subnets) decayPrice(execution, netuid);
  revealTimelockedWeights(execution);
  for (const netuid of subnets) accrue(execution, netuid);
  let left = execution.storage.SubtensorModule.MaxEpochsPerBlock.get();
  for (const netuid of subnets) {
    const { BlocksSinceLastStep, PendingEpochAt } = execution.storage.SubtensorModule;
    BlocksSinceLastStep.set(netuid, BlocksSinceLastStep.get(netuid) + 1n);
    if (!isEpochDue(execution, netuid)) continue;
    if (left === 0) {
      PendingEpochAt.set(netuid, execution.block + 1n);
      execution.deposit('SubtensorModule', 'EpochDeferred', { netuid, from_block: execution.block, to_block: execution.block + 1n });
    } else {
      left -= 1;
      fireEpoch(execution, netuid);
    }
  }
}

/** Adds a block's alpha to what the next epoch distributes: 18 % to the owner, the rest half to miners, half to validators. */
function accrue(execution: Execution, netuid: number): void {
  const subtensor = execution.storage.SubtensorModule;
  const emits = subtensor.FirstEmissionBlockNumber.get(netuid) !== undefined && subtensor.SubtokenEnabled.get(netuid);
  if (!emits || !subtensor.NetworkRegistrationAllowed.get(netuid)) return;
  const ownerCut = subtensor.OwnerCutEnabled.get(netuid) ? (ALPHA_PER_BLOCK_RAO * BigInt(subtensor.SubnetOwnerCut.get())) / 65535n : 0n;
  const server = (ALPHA_PER_BLOCK_RAO - ownerCut) / 2n;
  const parts = [
    [subtensor.PendingOwnerCut, ownerCut],
    [subtensor.PendingServerEmission, server],
    [subtensor.PendingValidatorEmission, ALPHA_PER_BLOCK_RAO - ownerCut - server],
    [subtensor.SubnetAlphaOut, ALPHA_PER_BLOCK_RAO],
  ] as const;
  for (const [item, amount] of parts) item.set(netuid, item.get(netuid) + amount);
  if (subtensor.SubnetAlphaOutEmission.get(netuid) !== ALPHA_PER_BLOCK_RAO) subtensor.SubnetAlphaOutEmission.set(netuid, ALPHA_PER_BLOCK_RAO);
}

function fireEpoch(execution: Execution, netuid: number): void {
  const subtensor = execution.storage.SubtensorModule;
  const pending = [subtensor.PendingServerEmission, subtensor.PendingValidatorEmission, subtensor.PendingOwnerCut] as const;
  const [server, validator, owner] = pending.map((item) => item.get(netuid)) as [bigint, bigint, bigint];
  for (const item of pending) item.set(netuid, 0n);
  const result = runEpoch(epochInput(execution, netuid, server + validator));
  storeResult(execution, netuid, result);
  distribute(execution, netuid, { result, server, validator, owner });
  subtensor.BlocksSinceLastStep.set(netuid, 0n);
  subtensor.LastMechansimStepBlock.set(netuid, execution.block);
  advanceSchedule(execution, netuid);
}

function epochInput(execution: Execution, netuid: number, emissionRao: bigint): EpochInput {
  const subtensor = execution.storage.SubtensorModule;
  const permits = subtensor.ValidatorPermit.get(netuid);
  const updates = subtensor.LastUpdate.get(netuid);
  const cutoff = Math.floor((subtensor.ActivityCutoffFactorMilli.get(netuid) * subtensor.Tempo.get(netuid)) / 1000);
  return {
    blockNumber: execution.blockNumber,
    neurons: Array.from({ length: subtensor.SubnetworkN.get(netuid) }, (_, uid) => ({
      stakeRao: stakeWeight(execution, subtensor.Keys.get(netuid, uid), netuid),
      permit: permits[uid] ?? false,
      lastUpdate: Number(updates[uid] ?? 0n),
      registeredAt: Number(subtensor.BlockAtRegistration.get(netuid, uid)),
      weights: subtensor.Weights.get(netuid, uid),
    })),
    ownerUid: ownerUid(execution, netuid),
    activityCutoffBlocks: Math.max(1, cutoff),
    kappa: subtensor.Kappa.get(netuid) / 65535,
    maxValidators: subtensor.MaxAllowedValidators.get(netuid),
    stakeThresholdRao: subtensor.StakeThreshold.get(),
    emissionRao,
  };
}

function storeResult(execution: Execution, netuid: number, result: EpochResult): void {
  const subtensor = execution.storage.SubtensorModule;
  subtensor.Active.set(netuid, result.active);
  subtensor.ValidatorPermit.set(netuid, result.permits);
  subtensor.StakeWeight.set(netuid, result.stakeWeight);
  subtensor.Consensus.set(netuid, result.consensus);
  subtensor.ValidatorTrust.set(netuid, result.validatorTrust);
  subtensor.Incentive.set(netuid, result.incentive);
  subtensor.Dividends.set(netuid, result.dividends);
  subtensor.Emission.set(netuid, result.serverEmission.map((server, uid) => server + (result.validatorEmission[uid] as bigint)));
}

interface Payout {
  readonly result: EpochResult;
  readonly server: bigint;
  readonly validator: bigint;
  readonly owner: bigint;
}

/** Pays the owner's cut, the miners' incentive (the owner's hotkeys' is burnt) and the validators' dividends, all as stake. */
function distribute(execution: Execution, netuid: number, { result, server, validator, owner }: Payout): void {
  const { SubnetOwner, SubnetOwnerHotkey, Keys, Owner, SubnetAlphaOut } = execution.storage.SubtensorModule;
  const ownerColdkey = SubnetOwner.get(netuid);
  if (owner > 0n) increaseStake(execution, SubnetOwnerHotkey.get(netuid), ownerColdkey, { netuid, amount: owner });
  result.serverEmission.forEach((amount, uid) => {
    const hotkey = Keys.get(netuid, uid);
    if (amount === 0n) return;
    if (Owner.get(hotkey) === ownerColdkey) SubnetAlphaOut.set(netuid, SubnetAlphaOut.get(netuid) - amount);
    else increaseStake(execution, hotkey, Owner.get(hotkey), { netuid, amount });
  });
  const hasIncentive = result.serverEmission.some((amount) => amount > 0n);
  payDividends(execution, netuid, { shares: result.validatorEmission, total: hasIncentive ? validator : validator + server });
}

/** Each validator keeps its take; the rest goes to all who have stake on it. */
function payDividends(execution: Execution, netuid: number, { shares, total }: { shares: readonly bigint[]; total: bigint }): void {
  const { Keys, Owner, Delegates, AlphaDividendsPerSubnet, TotalHotkeyAlpha, TotalHotkeyAlphaLastEpoch } = execution.storage.SubtensorModule;
  const sum = shares.reduce((a, b) => a + b, 0n);
  shares.forEach((share, uid) => {
    const hotkey = Keys.get(netuid, uid);
    const amount = sum === 0n ? 0n : (total * share) / sum;
    const take = (amount * BigInt(Delegates.get(hotkey))) / 65535n;
    if (take > 0n) increaseStake(execution, hotkey, Owner.get(hotkey), { netuid, amount: take });
    if (amount > take) increaseHotkeyStake(execution, hotkey, { netuid, amount: amount - take });
    if (amount === 0n && AlphaDividendsPerSubnet.get(netuid, hotkey) === 0n) return;
    AlphaDividendsPerSubnet.set(netuid, hotkey, amount - take);
    TotalHotkeyAlphaLastEpoch.set(hotkey, netuid, TotalHotkeyAlpha.get(hotkey, netuid));
  });
}
