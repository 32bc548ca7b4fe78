/**
 * AdminUtils: setters of hyperparameters, in one table of who may call, what must hold and what is written.
 *
 * A subnet's owner may call `owner` setters outside the freeze window before an epoch, each once per
 * `OwnerHyperparamRateLimit` tempos; root may call all.
 * @module
 * @see pallets/admin-utils/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { Pallets } from '../pallets/index.ts';
import { ensure, ensureRoot, moduleFailure, type ArgumentsOf, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { ensureWindowOpen, noteOwnerChange, ownerMayChange, type OwnerChange } from './owner-limits.ts';
import { clearSmallNomination } from './stake.ts';
import { ensureOwnerOrRoot, isSubnetAccount, mechanismIndex, subnetExists } from './subnet-lookup.ts';
import { applyTempo } from './tempo-control.ts';
import { trimUids } from './trim-uids.ts';

type SetterName = keyof CallHandlers<'AdminUtils'>;

interface Setter<A> {
  /** What the owner may change; without it the call is root's. */
  readonly owner?: OwnerChange['hyperparameter'];
  /** The chain refuses the call, whoever makes it. */
  readonly gone?: 'POWRegistrationDisabled' | 'Deprecated';
  /** The chain does not ask here whether the subnet exists. */
  readonly unchecked?: true;
  /** Root setters of a subnet that must wait for the freeze window to pass, too. */
  readonly window?: true;
  readonly check?: (execution: Execution, args: A, byOwner: boolean) => void;
  readonly apply?: (execution: Execution, args: A) => void;
}

type Items = Execution['storage']['SubtensorModule'];
type ItemsOf<K extends readonly unknown[]> = { [I in keyof Items]: Parameters<Items[I]['get']> extends K ? (K extends Parameters<Items[I]['get']> ? I : never) : never }[keyof Items];
type EventName = keyof Pallets['SubtensorModule']['events'];
type Values = Readonly<Record<string, unknown>>;

/** A setter of root's that stores a value and tells of it. */
function simple(item: ItemsOf<[]>, event: EventName, argument: string): Setter<Values> {
  return {
    apply: (execution, args) => {
      (execution.storage.SubtensorModule[item] as { set(value: unknown): void }).set(args[argument]);
      execution.deposit('SubtensorModule', event, [args[argument]] as never);
    },
  };
}

/** The same for a value of a subnet. */
function perSubnet(item: ItemsOf<[number]>, event: EventName, argument: string, rules: Pick<Setter<Values>, 'owner' | 'window'>): Setter<Values & { readonly netuid: number }> {
  return {
    ...rules,
    apply: (execution, args) => {
      (execution.storage.SubtensorModule[item] as { set(netuid: number, value: unknown): void }).set(args.netuid, args[argument]);
      execution.deposit('SubtensorModule', event, [args.netuid, args[argument]] as never);
    },
  };
}

/** The owner's hotkey: the owner may change it once in 50,400 blocks. */
const ownerHotkey: Setter<{ readonly netuid: number; readonly hotkey: string }> = {
  owner: 'OwnerHotkey',
  apply: (execution, { netuid, hotkey }) => {
    ensure(!isSubnetAccount(hotkey), 'SubtensorModule', 'CannotUseSystemAccount');
    execution.storage.SubtensorModule.SubnetOwnerHotkey.set(netuid, hotkey);
    execution.deposit('SubtensorModule', 'SubnetOwnerHotkeySet', [netuid, hotkey]);
  },
};

/** Fewer mechanisms: what those that are gone had goes, too. The split begins anew. */
function setMechanismCount(execution: Execution, netuid: number, count: number): void {
  const { MechanismCountCurrent, MechanismEmissionSplit, Incentive, LastUpdate, Weights, Bonds, WeightCommits, TimelockedWeightCommits } = execution.storage.SubtensorModule;
  const before = MechanismCountCurrent.get(netuid);
  if (before === count) return;
  for (let mechanism = count; mechanism < before; mechanism++) {
    const index = mechanismIndex(netuid, mechanism);
    for (const item of [Incentive, LastUpdate]) item.remove(index);
    for (const item of [Weights, Bonds, WeightCommits, TimelockedWeightCommits]) item.clear(index);
  }
  MechanismCountCurrent.set(netuid, count);
  MechanismEmissionSplit.remove(netuid);
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
      const { MinAllowedUids, SubnetworkN, MechanismCountCurrent } = execution.storage.SubtensorModule;
      ensure(max >= MinAllowedUids.get(netuid), 'AdminUtils', 'MaxAllowedUidsLessThanMinAllowedUids');
      ensure(SubnetworkN.get(netuid) <= max, 'AdminUtils', 'MaxAllowedUIdsLessThanCurrentUIds');
      ensure(max <= MAX_UIDS, 'AdminUtils', 'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids');
      ensure(max * MechanismCountCurrent.get(netuid) <= MAX_UIDS, 'SubtensorModule', 'TooManyUIDsPerMechanism');
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
  sudo_set_coldkey_swap_announcement_delay: simple('ColdkeySwapAnnouncementDelay', 'ColdkeySwapAnnouncementDelaySet', 'duration'),
  sudo_set_coldkey_swap_reannouncement_delay: simple('ColdkeySwapReannouncementDelay', 'ColdkeySwapReannouncementDelaySet', 'duration'),
  sudo_set_network_pow_registration_allowed: { gone: 'POWRegistrationDisabled' },
  sudo_set_total_issuance: { gone: 'Deprecated' },
  sudo_set_dissolve_network_schedule_duration: simple('DissolveNetworkScheduleDuration', 'DissolveNetworkScheduleDurationSet', 'duration'),
  sudo_set_tao_flow_cutoff: { apply: (execution, { flow_cutoff: cutoff }) => execution.storage.SubtensorModule.TaoFlowCutoff.set(cutoff) },
  sudo_set_tao_flow_normalization_exponent: {
    check: (_execution, { exponent: { bits } }) => ensure(bits >= 1n << 64n && bits <= 2n << 64n, 'AdminUtils', 'InvalidValue'),
    apply: (execution, { exponent }) => execution.storage.SubtensorModule.FlowNormExponent.set(exponent),
  },
  sudo_set_tao_flow_smoothing_factor: { apply: (execution, { smoothing_factor: factor }) => execution.storage.SubtensorModule.FlowEmaSmoothingFactor.set(factor) },
  sudo_set_net_tao_flow_enabled: { apply: (execution, { enabled }) => execution.storage.SubtensorModule.NetTaoFlowEnabled.set(enabled) },
  sudo_set_owner_cut_auto_lock_enabled: {
    owner: 'Unlimited',
    check: (_execution, { netuid }) => ensure(netuid !== 0, 'AdminUtils', 'NotPermittedOnRootSubnet'),
    apply: (execution, { netuid, enabled }) => execution.storage.SubtensorModule.OwnerCutAutoLockEnabled.set(netuid, enabled),
  },
  sudo_set_default_take: simple('MaxDelegateTake', 'MaxDelegateTakeSet', 'default_take'),
  sudo_set_tx_rate_limit: simple('TxRateLimit', 'TxRateLimitSet', 'tx_rate_limit'),
  sudo_set_min_difficulty: perSubnet('MinDifficulty', 'MinDifficultySet', 'min_difficulty', { window: true }),
  sudo_set_max_difficulty: perSubnet('MaxDifficulty', 'MaxDifficultySet', 'max_difficulty', { owner: 'MaxDifficulty' }),
  sudo_set_adjustment_interval: perSubnet('AdjustmentInterval', 'AdjustmentIntervalSet', 'adjustment_interval', {}),
  sudo_set_adjustment_alpha: perSubnet('AdjustmentAlpha', 'AdjustmentAlphaSet', 'adjustment_alpha', { owner: 'AdjustmentAlpha' }),
  sudo_set_rho: perSubnet('Rho', 'RhoSet', 'rho', { owner: 'Rho' }),
  sudo_set_target_registrations_per_interval: perSubnet('TargetRegistrationsPerInterval', 'RegistrationPerIntervalSet', 'target_registrations_per_interval', { window: true }),
  sudo_set_difficulty: perSubnet('Difficulty', 'DifficultySet', 'difficulty', { window: true }),
  sudo_set_bonds_penalty: perSubnet('BondsPenalty', 'BondsPenaltySet', 'bonds_penalty', { owner: 'BondsPenalty' }),
  sudo_set_max_registrations_per_block: perSubnet('MaxRegistrationsPerBlock', 'MaxRegistrationsPerBlockSet', 'max_registrations_per_block', { window: true }),
  sudo_set_network_immunity_period: simple('NetworkImmunityPeriod', 'NetworkImmunityPeriodSet', 'immunity_period'),
  sudo_set_lock_reduction_interval: simple('NetworkLockReductionInterval', 'NetworkLockCostReductionIntervalSet', 'interval'),
  sudo_set_rao_recycled: perSubnet('RAORecycledForRegistration', 'RAORecycledForRegistrationSet', 'rao_recycled', {}),
  sudo_set_nominator_min_required_stake: {
    apply: (execution, { min_stake: rao }) => {
      const { NominatorMinRequiredStake, Alpha } = execution.storage.SubtensorModule;
      const rises = rao > NominatorMinRequiredStake.get();
      NominatorMinRequiredStake.set(rao);
      if (rises) for (const [[hotkey, coldkey, netuid]] of Alpha.entries()) clearSmallNomination(execution, { hotkey, coldkey, netuid });
    },
  },
  sudo_set_tx_delegate_take_rate_limit: simple('TxDelegateTakeRateLimit', 'TxDelegateTakeRateLimitSet', 'tx_rate_limit'),
  sudo_set_min_delegate_take: simple('MinDelegateTake', 'MinDelegateTakeSet', 'take'),
  sudo_set_min_childkey_take_per_subnet: {
    owner: 'MinChildkeyTake',
    check: (execution, { take }) => {
      const { MinChildkeyTake, MaxChildkeyTake } = execution.storage.SubtensorModule;
      ensure(take >= MinChildkeyTake.get() && take <= MaxChildkeyTake.get(), 'AdminUtils', 'InvalidValue');
    },
    apply: (execution, { netuid, take }) => {
      execution.storage.SubtensorModule.MinChildkeyTakePerSubnet.set(netuid, take);
      execution.deposit('SubtensorModule', 'MinChildKeyTakePerSubnetSet', { netuid, take });
    },
  },
  sudo_set_liquid_alpha_enabled: {
    owner: 'LiquidAlphaEnabled',
    unchecked: true,
    apply: (execution, { netuid, enabled }) => execution.storage.SubtensorModule.LiquidAlphaOn.set(netuid, enabled),
  },
  sudo_set_alpha_values: {
    owner: 'AlphaValues',
    unchecked: true,
    check: (execution, { netuid, alpha_low: low, alpha_high: high }) => {
      ensure(execution.storage.SubtensorModule.LiquidAlphaOn.get(netuid), 'SubtensorModule', 'LiquidAlphaDisabled');
      ensure(high >= MIN_ALPHA, 'SubtensorModule', 'AlphaHighTooLow');
      ensure(low >= MIN_ALPHA && low <= high, 'SubtensorModule', 'AlphaLowOutOfRange');
    },
    apply: (execution, { netuid, alpha_low, alpha_high }) => execution.storage.SubtensorModule.AlphaValues.set(netuid, [alpha_low, alpha_high]),
  },
  sudo_set_toggle_transfer: {
    owner: 'TransferEnabled',
    unchecked: true,
    apply: (execution, { netuid, toggle }) => {
      execution.storage.SubtensorModule.TransferToggle.set(netuid, toggle);
      execution.deposit('SubtensorModule', 'TransferToggle', [netuid, toggle]);
    },
  },
  sudo_set_recycle_or_burn: {
    owner: 'RecycleOrBurn',
    unchecked: true,
    apply: (execution, { netuid, recycle_or_burn }) => execution.storage.SubtensorModule.RecycleOrBurn.set(netuid, recycle_or_burn),
  },
  sudo_set_subnet_moving_alpha: { apply: (execution, { alpha }) => execution.storage.SubtensorModule.SubnetMovingAlpha.set(alpha) },
  sudo_set_ema_price_halving_period: {
    unchecked: true,
    apply: (execution, { netuid, ema_halving }) => execution.storage.SubtensorModule.EMAPriceHalvingBlocks.set(netuid, ema_halving),
  },
  sudo_set_alpha_sigmoid_steepness: {
    owner: 'AlphaSigmoidSteepness',
    check: (_execution, { steepness }, byOwner) => ensure(!byOwner || steepness >= 0, 'AdminUtils', 'NegativeSigmoidSteepness'),
    apply: (execution, { netuid, steepness }) => {
      execution.storage.SubtensorModule.AlphaSigmoidSteepness.set(netuid, steepness);
      execution.deposit('SubtensorModule', 'AlphaSigmoidSteepnessSet', [netuid, steepness]);
    },
  },
  sudo_set_yuma3_enabled: {
    owner: 'Yuma3Enabled',
    unchecked: true,
    apply: (execution, { netuid, enabled }) => {
      execution.storage.SubtensorModule.Yuma3On.set(netuid, enabled);
      execution.deposit('AdminUtils', 'Yuma3EnableToggled', { netuid, enabled });
    },
  },
  sudo_set_bonds_reset_enabled: {
    owner: 'BondsResetEnabled',
    unchecked: true,
    apply: (execution, { netuid, enabled }) => {
      execution.storage.SubtensorModule.BondsResetOn.set(netuid, enabled);
      execution.deposit('AdminUtils', 'BondsResetToggled', { netuid, enabled });
    },
  },
  sudo_set_sn_owner_hotkey: ownerHotkey,
  sudo_set_subnet_owner_hotkey: ownerHotkey,
  sudo_set_commit_reveal_version: simple('CommitRevealWeightsVersion', 'CommitRevealVersionSet', 'version'),
  sudo_set_owner_immune_neuron_limit: {
    owner: 'ImmuneNeuronLimit',
    unchecked: true,
    check: (_execution, { immune_neurons: count }) => ensure(count >= 1 && count <= 10, 'SubtensorModule', 'InvalidValue'),
    apply: (execution, { netuid, immune_neurons }) => execution.storage.SubtensorModule.ImmuneOwnerUidsLimit.set(netuid, immune_neurons),
  },
  sudo_set_ck_burn: { apply: (execution, { burn }) => execution.storage.SubtensorModule.CKBurn.set(burn) },
  sudo_set_mechanism_count: {
    owner: 'MechanismCount',
    unchecked: true,
    check: (execution, { netuid, mechanism_count: count }) => {
      const { MaxMechanismCount, MaxAllowedUids } = execution.storage.SubtensorModule;
      ensure(subnetExists(execution, netuid), 'SubtensorModule', 'MechanismDoesNotExist');
      ensure(count > 0 && count <= MaxMechanismCount.get(), 'SubtensorModule', 'InvalidValue');
      ensure(MaxAllowedUids.get(netuid) * count <= MAX_UIDS, 'SubtensorModule', 'TooManyUIDsPerMechanism');
    },
    apply: (execution, { netuid, mechanism_count }) => setMechanismCount(execution, netuid, mechanism_count),
  },
  sudo_set_mechanism_emission_split: {
    owner: 'MechanismEmission',
    unchecked: true,
    check: (execution, { netuid, maybe_split: split }) => {
      ensure(subnetExists(execution, netuid), 'SubtensorModule', 'MechanismDoesNotExist');
      if (split === undefined) return;
      ensure(split.length > 0 && split.length <= execution.storage.SubtensorModule.MechanismCountCurrent.get(netuid), 'SubtensorModule', 'InvalidValue');
      ensure(split.reduce((sum, part) => sum + part, 0) === 65_535, 'SubtensorModule', 'InvalidValue');
    },
    apply: (execution, { netuid, maybe_split: split }) => {
      const { MechanismEmissionSplit } = execution.storage.SubtensorModule;
      if (split === undefined) MechanismEmissionSplit.remove(netuid);
      else MechanismEmissionSplit.set(netuid, split);
    },
  },
  sudo_trim_to_max_allowed_uids: { owner: 'Trimming', unchecked: true, apply: (execution, { netuid, max_n }) => trimUids(execution, netuid, max_n) },
  sudo_set_min_allowed_uids: {
    window: true,
    check: (execution, { netuid, min_allowed_uids: min }) => {
      const { MaxAllowedUids, SubnetworkN } = execution.storage.SubtensorModule;
      ensure(min < MaxAllowedUids.get(netuid), 'AdminUtils', 'MinAllowedUidsGreaterThanMaxAllowedUids');
      ensure(min < SubnetworkN.get(netuid), 'AdminUtils', 'MinAllowedUidsGreaterThanCurrentUids');
    },
    apply: (execution, { netuid, min_allowed_uids: min }) => {
      execution.storage.SubtensorModule.MinAllowedUids.set(netuid, min);
      execution.deposit('SubtensorModule', 'MinAllowedUidsSet', [netuid, min]);
    },
  },
  sudo_set_max_mechanism_count: {
    check: (_execution, { max_mechanism_count: max }) => ensure(max > 0 && max <= 16, 'SubtensorModule', 'InvalidValue'),
    apply: (execution, { max_mechanism_count: max }) => execution.storage.SubtensorModule.MaxMechanismCount.set(max),
  },
  sudo_set_min_non_immune_uids: {
    unchecked: true,
    apply: (execution, { netuid, min }) => {
      execution.storage.SubtensorModule.MinNonImmuneUids.set(netuid, min);
      execution.deposit('SubtensorModule', 'MinNonImmuneUidsSet', [netuid, min]);
    },
  },
  sudo_set_burn_half_life: {
    owner: 'BurnHalfLife',
    check: (_execution, { netuid, burn_half_life: blocks }) => {
      ensure(netuid !== 0, 'AdminUtils', 'NotPermittedOnRootSubnet');
      ensure(blocks > 0 && blocks <= MAX_HALF_LIFE, 'AdminUtils', 'InvalidValue');
    },
    apply: (execution, { netuid, burn_half_life }) => {
      execution.storage.SubtensorModule.BurnHalfLife.set(netuid, burn_half_life);
      execution.deposit('AdminUtils', 'BurnHalfLifeSet', { netuid, burn_half_life });
    },
  },
  sudo_set_burn_increase_mult: {
    owner: 'BurnIncreaseMult',
    check: (_execution, { netuid, burn_increase_mult: { bits } }) => {
      ensure(netuid !== 0, 'AdminUtils', 'NotPermittedOnRootSubnet');
      ensure(bits >= 1n << 64n && bits <= 3n << 64n, 'AdminUtils', 'InvalidValue');
    },
    apply: (execution, { netuid, burn_increase_mult }) => {
      execution.storage.SubtensorModule.BurnIncreaseMult.set(netuid, burn_increase_mult);
      execution.deposit('AdminUtils', 'BurnIncreaseMultSet', { netuid, burn_increase_mult });
    },
  },
  sudo_set_owner_cut_enabled: {
    owner: 'Unlimited',
    check: (_execution, { netuid }) => ensure(netuid !== 0, 'AdminUtils', 'NotPermittedOnRootSubnet'),
    apply: (execution, { netuid, enabled }) => execution.storage.SubtensorModule.OwnerCutEnabled.set(netuid, enabled),
  },
  sudo_set_subnet_emission_enabled: {
    check: (_execution, { netuid }) => ensure(netuid !== 0, 'AdminUtils', 'NotPermittedOnRootSubnet'),
    apply: (execution, { netuid, enabled }) => {
      execution.storage.SubtensorModule.SubnetEmissionEnabled.set(netuid, enabled);
      execution.deposit('AdminUtils', 'SubnetEmissionEnabledSet', { netuid, enabled });
    },
  },
  sudo_set_max_epochs_per_block: {
    check: (_execution, { max_epochs_per_block: max }) => ensure(max >= 1, 'AdminUtils', 'ValueNotInBounds'),
    apply: (execution, { max_epochs_per_block: max }) => {
      execution.storage.SubtensorModule.MaxEpochsPerBlock.set(max);
      execution.deposit('SubtensorModule', 'MaxEpochsPerBlockSet', [max]);
    },
  },
};

const MIN_ALPHA = 1638;
const MAX_UIDS = 256;
/** `MaxBurnHalfLife`. */
const MAX_HALF_LIFE = 36_100;

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
    if (setter.gone !== undefined) throw moduleFailure('AdminUtils', setter.gone);
    const owner = setter.owner === undefined ? asRoot(origin) : asOwnerOrRoot(execution, origin, { netuid: args.netuid as number, hyperparameter: setter.owner });
    if (args.netuid !== undefined && ((setter.owner !== undefined && setter.owner !== 'OwnerHotkey') || setter.window)) ensureWindowOpen(execution, args.netuid);
    if (args.netuid !== undefined && setter.unchecked !== true) ensure(subnetExists(execution, args.netuid), 'AdminUtils', 'SubnetDoesNotExist');
    setter.check?.(execution, args, owner !== undefined);
    setter.apply?.(execution, args);
    if (owner !== undefined) noteOwnerChange(execution, owner, { netuid: args.netuid as number, hyperparameter: setter.owner as OwnerChange['hyperparameter'] });
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
