/**
 * What happens to subnets at the start of each block: prices decay, timelocked weights are opened, emission accrues, epochs run and pay
 * out, in the chain's order.
 * @module
 * @see pallets/subtensor/src/coinbase/block_step.rs, run_coinbase.rs (opentensor/subtensor 14bc6f9f9)
 */
import { applyPendingChildren } from './children.ts';
import { emit, updateMovingPrices } from './emission.ts';
import { advanceSchedule, isEpochDue } from './epoch-schedule.ts';
import type { Execution } from './execution.ts';
import { payOut, type Pending } from './payout.ts';
import { decayPrice } from './registration.ts';
import { claimAutomatically } from './root-claims.ts';
import { runEpoch } from './run-epoch.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { subnetsOf } from './subnet-lookup.ts';
import { revealTimelockedWeights } from './timelocked-weights.ts';

/** The pallet's `block_step`. */
export function stepSubnets(execution: Execution): void {
  const subnets = subnetsOf(execution.storage);
  for (const netuid of [ROOT_NETUID, ...subnets]) decayPrice(execution, netuid);
  revealTimelockedWeights(execution);
  emit(execution, subnets);
  const due = drainPending(execution, subnets);
  for (const { netuid, pending } of due) fireEpoch(execution, netuid, pending);
  updateMovingPrices(execution, subnets);
  for (const { netuid } of due) applyPendingChildren(execution, netuid);
  claimAutomatically(execution);
}

interface DueEpoch {
  readonly netuid: number;
  readonly pending: Pending;
}

/** Takes what is pending of all subnets whose epoch is due; those above the cap of the block wait for the next. */
function drainPending(execution: Execution, subnets: readonly number[]): DueEpoch[] {
  const { BlocksSinceLastStep, PendingEpochAt, MaxEpochsPerBlock } = execution.storage.SubtensorModule;
  const due: DueEpoch[] = [];
  for (const netuid of subnets) {
    BlocksSinceLastStep.set(netuid, BlocksSinceLastStep.get(netuid) + 1n);
    if (!isEpochDue(execution, netuid)) continue;
    if (due.length >= MaxEpochsPerBlock.get()) {
      const next = execution.block + 1n;
      PendingEpochAt.set(netuid, next);
      execution.deposit('SubtensorModule', 'EpochDeferred', { netuid, from_block: execution.block, to_block: next });
      continue;
    }
    BlocksSinceLastStep.set(netuid, 0n);
    due.push({ netuid, pending: takePending(execution, netuid) });
    advanceSchedule(execution, netuid);
  }
  return due;
}

function takePending(execution: Execution, netuid: number): Pending {
  const { PendingServerEmission, PendingValidatorEmission, PendingRootAlphaDivs, PendingOwnerCut } = execution.storage.SubtensorModule;
  const [server, validator, root, ownerCut] = [PendingServerEmission, PendingValidatorEmission, PendingRootAlphaDivs, PendingOwnerCut].map((item) => {
    const amount = item.get(netuid);
    item.set(netuid, 0n);
    return amount;
  }) as [bigint, bigint, bigint, bigint];
  return { server, validator, root, ownerCut };
}

function fireEpoch(execution: Execution, netuid: number, pending: Pending): void {
  const { Keys, LastMechansimStepBlock } = execution.storage.SubtensorModule;
  const { serverEmissionRao, validatorEmissionRao } = runEpoch(execution, netuid, pending.server + pending.validator + pending.root);
  const earned = serverEmissionRao.map((incentive, uid) => ({ hotkey: Keys.get(netuid, uid), incentive, dividend: validatorEmissionRao[uid] as bigint }));
  payOut(execution, netuid, { pending, earned });
  LastMechansimStepBlock.set(netuid, execution.block);
}
