/**
 * Limits on owners' changes: each hyperparameter once per `OwnerHyperparamRateLimit` tempos, none in the last `AdminFreezeWindow` blocks
 * before an epoch.
 * @module
 * @see pallets/subtensor/src/utils/misc.rs:20 (`ensure_admin_window_open`), utils/rate_limiting.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { TypeOf } from '../scale/type-of.ts';
import { nextEpochBlock } from './epoch-schedule.ts';
import { ensure, type Execution } from './execution.ts';
import { noteLimited, passesLimit } from './rate-limits.ts';

/** What an owner changes. */
export type Hyperparameter = TypeOf<'Hyperparameter'>['type'];

/** A change of an owner. */
export interface OwnerChange {
  readonly netuid: number;
  readonly hyperparameter: Hyperparameter | 'WeightsVersionKey';
}

/** Whether enough tempos have passed since the owner's last change of it. */
export function ownerMayChange(execution: Execution, owner: string, { netuid, hyperparameter }: OwnerChange): boolean {
  const { Tempo, WeightsVersionKeyRateLimit, OwnerHyperparamRateLimit, LastRateLimitedBlock } = execution.storage.SubtensorModule;
  const tempo = BigInt(Tempo.get(netuid));
  if (hyperparameter === 'WeightsVersionKey') return passesLimit(execution, { kind: 'SetWeightsVersionKey', who: owner, netuid }, tempo * WeightsVersionKeyRateLimit.get());
  const last = LastRateLimitedBlock.get({ type: 'OwnerHyperparamUpdate', value: [netuid, { type: hyperparameter }] });
  return last === 0n || execution.block - last >= tempo * BigInt(OwnerHyperparamRateLimit.get());
}

/** Notes the owner's change. */
export function noteOwnerChange(execution: Execution, owner: string, { netuid, hyperparameter }: OwnerChange): void {
  const { LastRateLimitedBlock } = execution.storage.SubtensorModule;
  if (hyperparameter === 'WeightsVersionKey') noteLimited(execution, { kind: 'SetWeightsVersionKey', who: owner, netuid });
  else LastRateLimitedBlock.set({ type: 'OwnerHyperparamUpdate', value: [netuid, { type: hyperparameter }] }, execution.block);
}

/** Closed in the last `AdminFreezeWindow` blocks before an epoch, and while one is pending. */
export function ensureWindowOpen(execution: Execution, netuid: number): void {
  const { AdminFreezeWindow, PendingEpochAt } = execution.storage.SubtensorModule;
  const next = nextEpochBlock(execution.storage, netuid);
  const remaining = next === undefined || next < execution.block ? 0n : next - execution.block;
  const closed = next !== undefined && (PendingEpochAt.get(netuid) > execution.block || remaining < BigInt(AdminFreezeWindow.get()));
  ensure(!closed, 'SubtensorModule', 'AdminActionProhibitedDuringWeightsWindow');
}
