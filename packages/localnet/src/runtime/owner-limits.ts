/**
 * Limits on owners' changes: each hyperparameter once per `OwnerHyperparamRateLimit` tempos, none in the last `AdminFreezeWindow` blocks
 * before an epoch.
 * @module
 * @see pallets/subtensor/src/utils/misc.rs:20 (`ensure_admin_window_open`), utils/rate_limiting.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { TypeOf } from '../scale/type-of.ts';
import { nextEpochBlock } from './epoch-schedule.ts';
import { ensure, type Execution } from './execution.ts';
import { MECHANISM_BLOCKS, noteLimited, passesLimit, TRIMMING_BLOCKS } from './rate-limits.ts';

/** What an owner changes. */
export type Hyperparameter = TypeOf<'Hyperparameter'>['type'];

/** A change of an owner. What is no hyperparameter has a limit of its own; `Unlimited` none. */
export interface OwnerChange {
  readonly netuid: number;
  readonly hyperparameter: Hyperparameter | keyof typeof KINDS | 'OwnerHotkey' | 'Unlimited';
}

const KINDS = { WeightsVersionKey: 'SetWeightsVersionKey', MechanismCount: 'MechanismCountUpdate', MechanismEmission: 'MechanismEmission', Trimming: 'MaxUidsTrimming' } as const;
/** `DefaultSetSNOwnerHotkeyRateLimit`. */
const OWNER_HOTKEY_BLOCKS = 50_400n;

/** Whether enough blocks have passed since the owner's last change of it. */
export function ownerMayChange(execution: Execution, owner: string, { netuid, hyperparameter }: OwnerChange): boolean {
  const { Tempo, WeightsVersionKeyRateLimit, OwnerHyperparamRateLimit, LastRateLimitedBlock } = execution.storage.SubtensorModule;
  if (hyperparameter === 'Unlimited') return true;
  const tempo = BigInt(Tempo.get(netuid));
  if (isKind(hyperparameter)) {
    const limit = hyperparameter === 'WeightsVersionKey' ? tempo * WeightsVersionKeyRateLimit.get() : hyperparameter === 'Trimming' ? TRIMMING_BLOCKS : MECHANISM_BLOCKS;
    return passesLimit(execution, { kind: KINDS[hyperparameter], who: owner, netuid }, limit);
  }
  const last = LastRateLimitedBlock.get(limitKey(netuid, hyperparameter));
  const limit = hyperparameter === 'OwnerHotkey' ? OWNER_HOTKEY_BLOCKS : tempo * BigInt(OwnerHyperparamRateLimit.get());
  return last === 0n || execution.block - last >= limit;
}

/** Notes the owner's change. */
export function noteOwnerChange(execution: Execution, owner: string, { netuid, hyperparameter }: OwnerChange): void {
  const { LastRateLimitedBlock } = execution.storage.SubtensorModule;
  if (hyperparameter === 'Unlimited') return;
  if (isKind(hyperparameter)) noteLimited(execution, { kind: KINDS[hyperparameter], who: owner, netuid });
  else LastRateLimitedBlock.set(limitKey(netuid, hyperparameter), execution.block);
}

function isKind(hyperparameter: OwnerChange['hyperparameter']): hyperparameter is keyof typeof KINDS {
  return hyperparameter in KINDS;
}

function limitKey(netuid: number, hyperparameter: Hyperparameter | 'OwnerHotkey'): TypeOf<'RateLimitKey'> {
  if (hyperparameter === 'OwnerHotkey') return { type: 'SetSNOwnerHotkey', value: netuid };
  return { type: 'OwnerHyperparamUpdate', value: [netuid, { type: hyperparameter }] };
}

/** Closed in the last `AdminFreezeWindow` blocks before an epoch, and while one is pending. */
export function ensureWindowOpen(execution: Execution, netuid: number): void {
  const { AdminFreezeWindow, PendingEpochAt } = execution.storage.SubtensorModule;
  const next = nextEpochBlock(execution.storage, netuid);
  const remaining = next === undefined || next < execution.block ? 0n : next - execution.block;
  const closed = next !== undefined && (PendingEpochAt.get(netuid) > execution.block || remaining < BigInt(AdminFreezeWindow.get()));
  ensure(!closed, 'SubtensorModule', 'AdminActionProhibitedDuringWeightsWindow');
}
