/**
 * When epochs fall, and which one is running.
 *
 * From spec 407 on the schedule is state: `LastEpochBlock + Tempo`, or earlier at `PendingEpochAt`. Before, it was arithmetic: an
 * epoch fell on every block with `(block + netuid + 1) % (tempo + 1) = 0`, and so do clients of that time still compute. With
 * `epochModel: 'modulo'` epochs fall there, and the state is written so that it tells the same schedule: the last epoch's block
 * stands one block late, because that period is one block longer.
 * @module
 * @see pallets/subtensor/src/coinbase/run_coinbase.rs:1085, subnets/weights.rs:1265 (opentensor/subtensor 14bc6f9f9)
 */
import type { Execution } from './execution.ts';
import type { Storage } from './storage.ts';

/** After so many blocks without an epoch one runs whatever the tempo says. */
export const MAX_TEMPO = 50_400;

/** Whether an epoch of the subnet is due in this block. */
export function isEpochDue(execution: Execution, netuid: number): boolean {
  const { Tempo, PendingEpochAt, BlocksSinceLastStep, LastEpochBlock } = execution.storage.SubtensorModule;
  const tempo = BigInt(Tempo.get(netuid));
  if (tempo === 0n) return false;
  const pending = PendingEpochAt.get(netuid);
  if (pending > 0n && execution.block >= pending) return true;
  if (execution.epochModel === 'modulo') return (execution.block + BigInt(netuid) + 1n) % (tempo + 1n) === 0n;
  return BlocksSinceLastStep.get(netuid) > MAX_TEMPO || execution.block - LastEpochBlock.get(netuid) >= tempo;
}

/** The block of the next epoch; `undefined` for a subnet without tempo. */
export function nextEpochBlock(storage: Storage, netuid: number): bigint | undefined {
  const { Tempo, PendingEpochAt, LastEpochBlock } = storage.SubtensorModule;
  const tempo = Tempo.get(netuid);
  if (tempo === 0) return undefined;
  const next = LastEpochBlock.get(netuid) + BigInt(tempo);
  const pending = PendingEpochAt.get(netuid);
  return pending > 0n && pending < next ? pending : next;
}

/** The epoch that a commit of this block belongs to: in a block whose epoch is due, already the next one. */
export function currentEpoch(execution: Execution, netuid: number): bigint {
  const index = execution.storage.SubtensorModule.SubnetEpochIndex.get(netuid);
  return isEpochDue(execution, netuid) ? index + 1n : index;
}

/** Begins the schedule of a new subnet: staggered, so that not all epochs fall on one block. */
export function beginSchedule(execution: Execution, netuid: number): void {
  const { Tempo, LastEpochBlock } = execution.storage.SubtensorModule;
  if (execution.epochModel === 'modulo') return alignSchedule(execution, netuid);
  const stagger = BigInt(netuid % Math.max(1, Tempo.get(netuid)));
  LastEpochBlock.set(netuid, execution.block > stagger ? execution.block - stagger : 0n);
}

/** Begins the cycle anew after a change of the tempo. */
export function restartSchedule(execution: Execution, netuid: number): void {
  const { LastEpochBlock, PendingEpochAt } = execution.storage.SubtensorModule;
  PendingEpochAt.set(netuid, 0n);
  if (execution.epochModel === 'modulo') alignSchedule(execution, netuid);
  else LastEpochBlock.set(netuid, execution.block);
}

/** Counts the epoch that is due in this block. */
export function advanceSchedule(execution: Execution, netuid: number): void {
  const { LastEpochBlock, PendingEpochAt, SubnetEpochIndex } = execution.storage.SubtensorModule;
  LastEpochBlock.set(netuid, execution.epochModel === 'modulo' ? execution.block + 1n : execution.block);
  PendingEpochAt.set(netuid, 0n);
  SubnetEpochIndex.set(netuid, SubnetEpochIndex.get(netuid) + 1n);
}

function alignSchedule(execution: Execution, netuid: number): void {
  const { Tempo, LastEpochBlock, SubnetEpochIndex } = execution.storage.SubtensorModule;
  const period = BigInt(Tempo.get(netuid)) + 1n;
  const position = execution.block + BigInt(netuid) + 1n;
  const last = execution.block - (position % period) + 1n;
  LastEpochBlock.set(netuid, last > 0n ? last : 0n);
  SubnetEpochIndex.set(netuid, position / period);
}
