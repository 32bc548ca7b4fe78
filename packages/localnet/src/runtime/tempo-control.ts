/**
 * What a subnet's owner may do about its epochs: change the tempo, bring the next one forward, set when neurons count as inactive.
 * @module
 * @see pallets/subtensor/src/coinbase/tempo_control.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensureWindowOpen, noteOwnerChange, ownerMayChange } from './owner-limits.ts';
import { MAX_TEMPO, restartSchedule } from './epoch-schedule.ts';
import { DispatchFailure, ensure, ensureSigned, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { ensureLimit, noteLimited } from './rate-limits.ts';
import { ensureOwnerOrRoot } from './subnet-lookup.ts';

const MIN_TEMPO = 360;
const MIN_FACTOR_MILLI = 1_000;
const MAX_FACTOR_MILLI = 50_000;

/** The pallet's calls. */
export const tempoCalls: Pick<CallHandlers<'SubtensorModule'>, 'set_tempo' | 'set_activity_cutoff_factor' | 'trigger_epoch'> = {
  set_tempo: (execution, origin, { netuid, tempo }) => {
    const who = ensureOwner(execution, origin, netuid);
    ensure(tempo >= MIN_TEMPO && tempo <= MAX_TEMPO, 'SubtensorModule', 'TempoOutOfBounds');
    ensureWindowOpen(execution, netuid);
    const limited = { kind: 'TempoUpdate', who, netuid } as const;
    ensureLimit(execution, limited, BigInt(MIN_TEMPO));
    applyTempo(execution, netuid, tempo);
    noteLimited(execution, limited);
  },
  set_activity_cutoff_factor: (execution, origin, { netuid, factor_milli }) => {
    const owner = ensureOwnerOrRoot(execution, origin, netuid);
    ensure(factor_milli >= MIN_FACTOR_MILLI && factor_milli <= MAX_FACTOR_MILLI, 'SubtensorModule', 'ActivityCutoffFactorMilliOutOfBounds');
    const change = { netuid, hyperparameter: 'ActivityCutoffFactorMilli' } as const;
    if (owner !== undefined) {
      ensureWindowOpen(execution, netuid);
      ensure(ownerMayChange(execution, owner, change), 'SubtensorModule', 'TxRateLimitExceeded');
    }
    execution.storage.SubtensorModule.ActivityCutoffFactorMilli.set(netuid, factor_milli);
    execution.deposit('SubtensorModule', 'ActivityCutoffFactorMilliSet', { netuid, factor_milli });
    if (owner !== undefined) noteOwnerChange(execution, owner, change);
  },
  trigger_epoch: (execution, origin, { netuid }) => {
    const by = ensureOwner(execution, origin, netuid);
    const { CommitRevealWeightsEnabled, PendingEpochAt, AdminFreezeWindow, Tempo, LastEpochBlock } = execution.storage.SubtensorModule;
    ensure(!CommitRevealWeightsEnabled.get(netuid), 'SubtensorModule', 'DynamicTempoBlockedByCommitReveal');
    ensure(PendingEpochAt.get(netuid) === 0n, 'SubtensorModule', 'EpochTriggerAlreadyPending');
    const window = BigInt(AdminFreezeWindow.get());
    const tempo = Tempo.get(netuid);
    ensure(tempo === 0 || LastEpochBlock.get(netuid) + BigInt(tempo) - execution.block >= window, 'SubtensorModule', 'AutoEpochAlreadyImminent');
    const change = { netuid, hyperparameter: 'TriggerEpoch' } as const;
    ensure(ownerMayChange(execution, by, change), 'SubtensorModule', 'TxRateLimitExceeded');
    const fires_at = execution.block + window;
    PendingEpochAt.set(netuid, fires_at);
    noteOwnerChange(execution, by, change);
    execution.deposit('SubtensorModule', 'EpochTriggered', { netuid, by, fires_at });
  },
};

/** Sets the tempo, and begins the cycle anew. */
export function applyTempo(execution: Execution, netuid: number, tempo: number): void {
  execution.storage.SubtensorModule.Tempo.set(netuid, tempo);
  execution.deposit('SubtensorModule', 'TempoSet', [netuid, tempo]);
  restartSchedule(execution, netuid);
}

function ensureOwner(execution: Execution, origin: Origin, netuid: number): string {
  const who = ensureSigned(origin);
  if (execution.storage.SubtensorModule.SubnetOwner.get(netuid) !== who) throw new DispatchFailure({ type: 'BadOrigin' });
  return who;
}
