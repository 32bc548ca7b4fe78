/**
 * AdminUtils: setters of hyperparameters, in one table of who may call, what must hold and what is written.
 *
 * A subnet's owner may call `owner` setters outside the freeze window before an epoch, each once per
 * `OwnerHyperparamRateLimit` tempos; root may call all.
 * @module
 * @see pallets/admin-utils/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, ensureRoot, type ArgumentsOf, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { ensureWindowOpen, noteOwnerChange, ownerMayChange, type Hyperparameter, type OwnerChange } from './owner-limits.ts';
import { ensureOwnerOrRoot, subnetExists } from './subnet-lookup.ts';
import { applyTempo } from './tempo-control.ts';

type SetterName = keyof CallHandlers<'AdminUtils'>;

interface Setter<A> {
  /** The hyperparameter that the owner may change; without it the call is root's. */
  readonly owner?: Hyperparameter | 'WeightsVersionKey';
  /** Root setters of a subnet that must wait for the freeze window to pass, too. */
  readonly window?: true;
  readonly check?: (execution: Execution, args: A, byOwner: boolean) => void;
  readonly apply: (execution: Execution, args: A) => void;
}

type Setters = { readonly [C in SetterName]: Setter<ArgumentsOf<'AdminUtils', C>> };

const setters: Setters = {
  sudo_set_serving_rate_limit: {
    owner: 'ServingRateLimit',
    apply: (execution, { netuid, serving_rate_limit: limit }) => {
      execution.storage.SubtensorModule.ServingRateLimit.set(netuid, limit);
      execution.deposit('SubtensorModule', 'ServingRateLimitSet', [netuid, limit]);
    },
  },
  sudo_set_weights_version_key: {
    owner: 'WeightsVersionKey',
    apply: (execution, { netuid, weights_version_key: key }) => {
      execution.storage.SubtensorModule.WeightsVersionKey.set(netuid, key);
      execution.deposit('SubtensorModule', 'WeightsVersionKeySet', [netuid, key]);
    },
  },
  sudo_set_weights_set_rate_limit: {
    apply: (execution, { netuid, weights_set_rate_limit: limit }) => {
      execution.storage.SubtensorModule.WeightsSetRateLimit.set(netuid, limit);
      execution.deposit('SubtensorModule', 'WeightsSetRateLimitSet', [netuid, limit]);
    },
  },
  sudo_set_immunity_period: {
    owner: 'ImmunityPeriod',
    apply: (execution, { netuid, immunity_period: blocks }) => {
      execution.storage.SubtensorModule.ImmunityPeriod.set(netuid, blocks);
      execution.deposit('SubtensorModule', 'ImmunityPeriodSet', [netuid, blocks]);
    },
  },
  sudo_set_min_allowed_weights: {
    owner: 'MinAllowedWeights',
    apply: (execution, { netuid, min_allowed_weights: count }) => {
      execution.storage.SubtensorModule.MinAllowedWeights.set(netuid, count);
      execution.deposit('SubtensorModule', 'MinAllowedWeightSet', [netuid, count]);
    },
  },
  sudo_set_max_allowed_uids: {
    owner: 'MaxAllowedUids',
    check: (execution, { netuid, max_allowed_uids: max }) => {
      const { MinAllowedUids, SubnetworkN } = execution.storage.SubtensorModule;
      ensure(max >= MinAllowedUids.get(netuid), 'AdminUtils', 'MaxAllowedUidsLessThanMinAllowedUids');
      ensure(SubnetworkN.get(netuid) <= max, 'AdminUtils', 'MaxAllowedUIdsLessThanCurrentUIds');
      ensure(max <= 256, 'AdminUtils', 'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids');
    },
    apply: (execution, { netuid, max_allowed_uids: max }) => {
      execution.storage.SubtensorModule.MaxAllowedUids.set(netuid, max);
      execution.deposit('SubtensorModule', 'MaxAllowedUidsSet', [netuid, max]);
    },
  },
  sudo_set_kappa: {
    apply: (execution, { netuid, kappa }) => {
      execution.storage.SubtensorModule.Kappa.set(netuid, kappa);
      execution.deposit('SubtensorModule', 'KappaSet', [netuid, kappa]);
    },
  },
  sudo_set_activity_cutoff: {
    owner: 'ActivityCutoff',
    check: (execution, { activity_cutoff: blocks }) =>
      ensure(blocks >= execution.storage.SubtensorModule.MinActivityCutoff.get(), 'SubtensorModule', 'ActivityCutoffTooLow'),
    apply: (execution, { netuid, activity_cutoff: blocks }) => {
      execution.storage.SubtensorModule.ActivityCutoff.set(netuid, blocks);
      execution.deposit('SubtensorModule', 'ActivityCutoffSet', [netuid, blocks]);
    },
  },
  sudo_set_network_registration_allowed: {
    apply: (execution, { netuid, registration_allowed: allowed }) => {
      execution.storage.SubtensorModule.NetworkRegistrationAllowed.set(netuid, allowed);
      execution.deposit('SubtensorModule', 'RegistrationAllowed', [netuid, allowed]);
    },
  },
  sudo_set_min_burn: {
    owner: 'MinBurn',
    check: (execution, { netuid, min_burn: rao }) => {
      ensure(rao < 1_000_000_000n, 'AdminUtils', 'ValueNotInBounds');
      ensure(rao < execution.storage.SubtensorModule.MaxBurn.get(netuid), 'AdminUtils', 'ValueNotInBounds');
    },
    apply: (execution, { netuid, min_burn: rao }) => {
      execution.storage.SubtensorModule.MinBurn.set(netuid, rao);
      execution.deposit('SubtensorModule', 'MinBurnSet', [netuid, rao]);
    },
  },
  sudo_set_max_burn: {
    owner: 'MaxBurn',
    check: (execution, { netuid, max_burn: rao }) => {
      ensure(rao > 100_000_000n, 'AdminUtils', 'ValueNotInBounds');
      ensure(rao > execution.storage.SubtensorModule.MinBurn.get(netuid), 'AdminUtils', 'ValueNotInBounds');
    },
    apply: (execution, { netuid, max_burn: rao }) => {
      execution.storage.SubtensorModule.MaxBurn.set(netuid, rao);
      execution.deposit('SubtensorModule', 'MaxBurnSet', [netuid, rao]);
    },
  },
  sudo_set_max_allowed_validators: {
    window: true,
    check: (execution, { netuid, max_allowed_validators: max }) =>
      ensure(max <= execution.storage.SubtensorModule.MaxAllowedUids.get(netuid), 'AdminUtils', 'MaxValidatorsLargerThanMaxUIds'),
    apply: (execution, { netuid, max_allowed_validators: max }) => {
      execution.storage.SubtensorModule.MaxAllowedValidators.set(netuid, max);
      execution.deposit('SubtensorModule', 'MaxAllowedValidatorsSet', [netuid, max]);
    },
  },
  sudo_set_bonds_moving_average: {
    owner: 'BondsMovingAverage',
    check: (_execution, { bonds_moving_average: ppm }, byOwner) =>
      ensure(!byOwner || ppm <= 975_000n, 'AdminUtils', 'BondsMovingAverageMaxReached'),
    apply: (execution, { netuid, bonds_moving_average: ppm }) => {
      execution.storage.SubtensorModule.BondsMovingAverage.set(netuid, ppm);
      execution.deposit('SubtensorModule', 'BondsMovingAverageSet', [netuid, ppm]);
    },
  },
  sudo_set_subnet_owner_cut: {
    apply: (execution, { subnet_owner_cut: share }) => {
      execution.storage.SubtensorModule.SubnetOwnerCut.set(share);
      execution.deposit('SubtensorModule', 'SubnetOwnerCutSet', [share]);
    },
  },
  sudo_set_network_rate_limit: {
    apply: (execution, { rate_limit: blocks }) => {
      execution.storage.SubtensorModule.NetworkRateLimit.set(blocks);
      execution.deposit('SubtensorModule', 'NetworkRateLimitSet', [blocks]);
    },
  },
  sudo_set_tempo: {
    window: true,
    apply: (execution, { netuid, tempo }) => {
      applyTempo(execution, netuid, tempo);
    },
  },
  sudo_set_network_min_lock_cost: {
    apply: (execution, { lock_cost: rao }) => {
      execution.storage.SubtensorModule.NetworkMinLockCost.set(rao);
      execution.deposit('SubtensorModule', 'NetworkMinLockCostSet', [rao]);
    },
  },
  sudo_set_subnet_limit: {
    apply: (execution, { max_subnets: max }) => {
      execution.storage.SubtensorModule.SubnetLimit.set(max);
      execution.deposit('SubtensorModule', 'SubnetLimitSet', [max]);
    },
  },
  sudo_set_stake_threshold: {
    apply: (execution, { min_stake: rao }) => {
      execution.storage.SubtensorModule.StakeThreshold.set(rao);
      execution.deposit('SubtensorModule', 'StakeThresholdSet', [rao]);
    },
  },
  sudo_set_commit_reveal_weights_enabled: {
    owner: 'CommitRevealEnabled',
    apply: (execution, { netuid, enabled }) => {
      execution.storage.SubtensorModule.CommitRevealWeightsEnabled.set(netuid, enabled);
      execution.deposit('SubtensorModule', 'CommitRevealEnabled', [netuid, enabled]);
    },
  },
  sudo_set_commit_reveal_weights_interval: {
    owner: 'WeightCommitInterval',
    check: (_execution, { interval }) => {
      ensure(interval <= 100n, 'SubtensorModule', 'RevealPeriodTooLarge');
      ensure(interval >= 1n, 'SubtensorModule', 'RevealPeriodTooSmall');
    },
    apply: (execution, { netuid, interval }) => {
      execution.storage.SubtensorModule.RevealPeriodEpochs.set(netuid, interval);
      execution.deposit('SubtensorModule', 'CommitRevealPeriodsSet', [netuid, interval]);
    },
  },
  sudo_set_subtoken_enabled: {
    window: true,
    apply: (execution, { netuid, subtoken_enabled }) => execution.storage.SubtensorModule.SubtokenEnabled.set(netuid, subtoken_enabled),
  },
  sudo_set_admin_freeze_window: {
    apply: (execution, { window: blocks }) => {
      execution.storage.SubtensorModule.AdminFreezeWindow.set(blocks);
      execution.deposit('SubtensorModule', 'AdminFreezeWindowSet', [blocks]);
    },
  },
  sudo_set_owner_hparam_rate_limit: {
    apply: (execution, { epochs }) => {
      execution.storage.SubtensorModule.OwnerHyperparamRateLimit.set(epochs);
      execution.deposit('SubtensorModule', 'OwnerHyperparamRateLimitSet', [epochs]);
    },
  },
  sudo_set_start_call_delay: {
    apply: (execution, { delay: blocks }) => {
      execution.storage.SubtensorModule.StartCallDelay.set(blocks);
      execution.deposit('SubtensorModule', 'StartCallDelaySet', [blocks]);
    },
  },
};

/** The pallet's calls. */
export const adminUtilsCalls: CallHandlers<'AdminUtils'> = Object.fromEntries(
  Object.entries(setters).map(([name, setter]) => [name, handler(setter as Setter<SubnetArguments>)]),
) as unknown as CallHandlers<'AdminUtils'>;

interface SubnetArguments {
  readonly netuid?: number;
}

/** Origin, rate limit, freeze window, existence, the setter's own checks, the write, the owner's rate limit: in the chain's order. */
function handler(setter: Setter<SubnetArguments>): (execution: Execution, origin: Origin, args: SubnetArguments) => void {
  return (execution, origin, args) => {
    const owner = setter.owner === undefined ? asRoot(origin) : asOwnerOrRoot(execution, origin, { netuid: args.netuid as number, hyperparameter: setter.owner });
    if (args.netuid !== undefined && (setter.owner !== undefined || setter.window)) ensureWindowOpen(execution, args.netuid);
    if (args.netuid !== undefined) ensure(subnetExists(execution, args.netuid), 'AdminUtils', 'SubnetDoesNotExist');
    setter.check?.(execution, args, owner !== undefined);
    setter.apply(execution, args);
    if (owner !== undefined) noteOwnerChange(execution, owner, { netuid: args.netuid as number, hyperparameter: setter.owner as Hyperparameter });
  };
}

function asRoot(origin: Origin): undefined {
  ensureRoot(origin);
}

/** The owner's account, or `undefined` for root. */
function asOwnerOrRoot(execution: Execution, origin: Origin, change: OwnerChange): string | undefined {
  const owner = ensureOwnerOrRoot(execution, origin, change.netuid);
  ensure(owner === undefined || ownerMayChange(execution, owner, change), 'SubtensorModule', 'TxRateLimitExceeded');
  return owner;
}
