/**
 * The table of hyperparameters: which call sets each, what holds it, who may set it, and within what bounds.
 * @see pallets/admin-utils/src/lib.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { SubtensorItem } from './internal/runtime-items.ts';

/** An integer that goes on chain; `bigint` for u64 above 2^53. */
export type Integer = number | bigint;

/** What can be set, and to what. Units as on chain: blocks, rao, or fractions of 65535. */
export interface Hyperparameters {
  readonly servingRateLimit: Integer;
  readonly maxDifficulty: Integer;
  readonly weightsVersionKey: Integer;
  readonly weightsSetRateLimit: Integer;
  readonly adjustmentAlpha: Integer;
  readonly adjustmentInterval: Integer;
  readonly immunityPeriod: Integer;
  readonly minAllowedWeights: Integer;
  readonly maxAllowedUids: Integer;
  readonly minAllowedUids: Integer;
  readonly kappa: Integer;
  readonly rho: Integer;
  readonly activityCutoff: Integer;
  readonly activityCutoffFactorMilli: Integer;
  readonly networkRegistrationAllowed: boolean;
  readonly targetRegistrationsPerInterval: Integer;
  readonly minBurn: Integer;
  readonly maxBurn: Integer;
  readonly burnHalfLife: Integer;
  /** 1 to 3. */
  readonly burnIncreaseMult: number;
  readonly maxAllowedValidators: Integer;
  readonly maxRegistrationsPerBlock: Integer;
  readonly bondsMovingAverage: Integer;
  readonly bondsPenalty: Integer;
  readonly bondsResetEnabled: boolean;
  readonly tempo: Integer;
  readonly commitRevealWeightsEnabled: boolean;
  readonly commitRevealWeightsInterval: Integer;
  readonly commitRevealWeightsVersion: Integer;
  readonly subtokenEnabled: boolean;
  readonly transfersEnabled: boolean;
  readonly recycleOrBurn: 'recycle' | 'burn';
  readonly ownerCutEnabled: boolean;
  readonly subnetEmissionEnabled: boolean;
  readonly ownerImmuneNeuronLimit: Integer;
  readonly minNonImmuneUids: Integer;
  readonly yuma3Enabled: boolean;
  readonly liquidAlphaEnabled: boolean;
  /** Low and high, fractions of 65535. */
  readonly alphaValues: readonly [low: number, high: number];
  readonly alphaSigmoidSteepness: Integer;
  /** Least that child keys keep of their parents' dividends, of 65535. */
  readonly minChildkeyTake: Integer;
  readonly mechanismCount: Integer;
  /** Shares of 65535 by mechanism, or `even`. */
  readonly mechanismEmissionSplit: readonly number[] | 'even';
  readonly networkRateLimit: Integer;
  readonly networkMinLockCost: Integer;
  readonly subnetLimit: Integer;
  readonly stakeThreshold: Integer;
  readonly adminFreezeWindow: Integer;
  readonly ownerHyperparamRateLimit: Integer;
  readonly startCallDelay: Integer;
}

/** Name of a hyperparameter. */
export type HyperparameterName = keyof Hyperparameters;

/** What reading one gives: integers are `bigint`. */
export type HyperparameterValue<N extends HyperparameterName = HyperparameterName> = N extends HyperparameterName ? (bigint extends Hyperparameters[N] ? bigint : Hyperparameters[N]) : never;

/** How one is set. */
export interface HyperparameterRow {
  readonly pallet: 'AdminUtils' | 'SubtensorModule';
  readonly call: string;
  /** Item of SubtensorModule that holds it. */
  readonly storage: SubtensorItem;
  /** `network` ones hold for all subnets and take no netuid. */
  readonly scope: 'subnet' | 'network';
  /** Who may set it: the subnet's owner too, or only the chain's sudo key. */
  readonly access: 'owner' | 'root';
  readonly type: 'bool' | 'integer' | 'signed' | 'fixed' | 'alpha-values' | 'recycle-or-burn' | 'emission-split';
  /** What the chain counts the owner's changes of it by; undefined where it does not. */
  readonly rateLimit?: RateLimit;
  /** Smallest and largest that can be set, with the error that says so. */
  readonly bounds?: readonly [least: bigint, most: bigint, reason: string];
  /** Whether the bounds are the owner's alone; else they are the sudo key's too. */
  readonly isBoundFree?: boolean;
  /** Whether the freeze window before an epoch binds the sudo key too; an owner it binds always. */
  readonly isFrozen?: boolean;
  /** Added by a runtime later than spec 393. */
  readonly isLater?: boolean;
}

/** A variant of the runtime's `Hyperparameter`, or a number of its `TransactionType`. */
type RateLimit = { readonly variant: string } | { readonly transaction: number; readonly blocks: 'version-key' | 'tempo' | number };

const owner = (call: string, storage: SubtensorItem, variant: string, more: Partial<HyperparameterRow> = {}): HyperparameterRow => ({
  pallet: 'AdminUtils',
  call,
  storage,
  scope: 'subnet',
  access: 'owner',
  type: 'integer',
  rateLimit: { variant },
  isFrozen: true,
  ...more,
});
const root = (call: string, storage: SubtensorItem, more: Partial<HyperparameterRow> = {}): HyperparameterRow => ({ pallet: 'AdminUtils', call, storage, scope: 'subnet', access: 'root', type: 'integer', ...more });
const network = (call: string, storage: SubtensorItem): HyperparameterRow => root(call, storage, { scope: 'network' });

/** `MIN_TEMPO` and `MAX_TEMPO`, which bound the owner only. */
const OWNER_TEMPO: NonNullable<HyperparameterRow['bounds']> = [360n, 50_400n, 'TempoOutOfBounds'];
/** `MechanismCountSetRateLimit` and `MechanismEmissionRateLimit`: a day. */
const DAY_BLOCKS = 7200;

/** The table. */
export const HYPERPARAMETERS: Readonly<Record<HyperparameterName, HyperparameterRow>> = Object.freeze({
  servingRateLimit: owner('sudo_set_serving_rate_limit', 'ServingRateLimit', 'ServingRateLimit'),
  maxDifficulty: owner('sudo_set_max_difficulty', 'MaxDifficulty', 'MaxDifficulty'),
  weightsVersionKey: owner('sudo_set_weights_version_key', 'WeightsVersionKey', '', { rateLimit: { transaction: 4, blocks: 'version-key' } }),
  weightsSetRateLimit: root('sudo_set_weights_set_rate_limit', 'WeightsSetRateLimit'),
  adjustmentAlpha: owner('sudo_set_adjustment_alpha', 'AdjustmentAlpha', 'AdjustmentAlpha'),
  adjustmentInterval: root('sudo_set_adjustment_interval', 'AdjustmentInterval'),
  immunityPeriod: owner('sudo_set_immunity_period', 'ImmunityPeriod', 'ImmunityPeriod'),
  minAllowedWeights: owner('sudo_set_min_allowed_weights', 'MinAllowedWeights', 'MinAllowedWeights'),
  maxAllowedUids: owner('sudo_set_max_allowed_uids', 'MaxAllowedUids', 'MaxAllowedUids', { bounds: [0n, 256n, 'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids'] }),
  minAllowedUids: root('sudo_set_min_allowed_uids', 'MinAllowedUids', { isFrozen: true }),
  kappa: root('sudo_set_kappa', 'Kappa'),
  rho: owner('sudo_set_rho', 'Rho', 'Rho'),
  activityCutoff: owner('sudo_set_activity_cutoff', 'ActivityCutoff', 'ActivityCutoff'),
  activityCutoffFactorMilli: owner('set_activity_cutoff_factor', 'ActivityCutoffFactorMilli', 'ActivityCutoffFactorMilli', {
    pallet: 'SubtensorModule',
    bounds: [1000n, 50_000n, 'ActivityCutoffFactorMilliOutOfBounds'],
    isFrozen: false,
    isLater: true,
  }),
  networkRegistrationAllowed: root('sudo_set_network_registration_allowed', 'NetworkRegistrationAllowed', { type: 'bool' }),
  targetRegistrationsPerInterval: root('sudo_set_target_registrations_per_interval', 'TargetRegistrationsPerInterval', { isFrozen: true }),
  minBurn: owner('sudo_set_min_burn', 'MinBurn', 'MinBurn', { bounds: [0n, 999_999_999n, 'ValueNotInBounds'] }),
  maxBurn: owner('sudo_set_max_burn', 'MaxBurn', 'MaxBurn', { bounds: [100_000_001n, 2n ** 64n - 1n, 'ValueNotInBounds'] }),
  burnHalfLife: owner('sudo_set_burn_half_life', 'BurnHalfLife', 'BurnHalfLife', { bounds: [1n, 36_100n, 'InvalidValue'], isLater: true }),
  burnIncreaseMult: owner('sudo_set_burn_increase_mult', 'BurnIncreaseMult', 'BurnIncreaseMult', { type: 'fixed', isLater: true }),
  maxAllowedValidators: root('sudo_set_max_allowed_validators', 'MaxAllowedValidators', { isFrozen: true }),
  maxRegistrationsPerBlock: root('sudo_set_max_registrations_per_block', 'MaxRegistrationsPerBlock', { isFrozen: true }),
  bondsMovingAverage: owner('sudo_set_bonds_moving_average', 'BondsMovingAverage', 'BondsMovingAverage', { bounds: [0n, 975_000n, 'BondsMovingAverageMaxReached'], isBoundFree: true }),
  bondsPenalty: owner('sudo_set_bonds_penalty', 'BondsPenalty', 'BondsPenalty'),
  bondsResetEnabled: owner('sudo_set_bonds_reset_enabled', 'BondsResetOn', 'BondsResetEnabled', { type: 'bool' }),
  tempo: root('sudo_set_tempo', 'Tempo', { isFrozen: true }),
  commitRevealWeightsEnabled: owner('sudo_set_commit_reveal_weights_enabled', 'CommitRevealWeightsEnabled', 'CommitRevealEnabled', { type: 'bool' }),
  commitRevealWeightsInterval: owner('sudo_set_commit_reveal_weights_interval', 'RevealPeriodEpochs', 'WeightCommitInterval', { bounds: [1n, 100n, 'RevealPeriodTooLarge'] }),
  commitRevealWeightsVersion: network('sudo_set_commit_reveal_version', 'CommitRevealWeightsVersion'),
  subtokenEnabled: root('sudo_set_subtoken_enabled', 'SubtokenEnabled', { type: 'bool', isFrozen: true }),
  transfersEnabled: owner('sudo_set_toggle_transfer', 'TransferToggle', 'TransferEnabled', { type: 'bool' }),
  recycleOrBurn: owner('sudo_set_recycle_or_burn', 'RecycleOrBurn', 'RecycleOrBurn', { type: 'recycle-or-burn' }),
  ownerCutEnabled: root('sudo_set_owner_cut_enabled', 'OwnerCutEnabled', { access: 'owner', type: 'bool', isFrozen: true, isLater: true }),
  subnetEmissionEnabled: root('sudo_set_subnet_emission_enabled', 'SubnetEmissionEnabled', { type: 'bool', isLater: true }),
  ownerImmuneNeuronLimit: owner('sudo_set_owner_immune_neuron_limit', 'ImmuneOwnerUidsLimit', 'ImmuneNeuronLimit', { bounds: [1n, 10n, 'InvalidValue'] }),
  minNonImmuneUids: root('sudo_set_min_non_immune_uids', 'MinNonImmuneUids'),
  yuma3Enabled: owner('sudo_set_yuma3_enabled', 'Yuma3On', 'Yuma3Enabled', { type: 'bool' }),
  liquidAlphaEnabled: owner('sudo_set_liquid_alpha_enabled', 'LiquidAlphaOn', 'LiquidAlphaEnabled', { type: 'bool' }),
  alphaValues: owner('sudo_set_alpha_values', 'AlphaValues', 'AlphaValues', { type: 'alpha-values' }),
  alphaSigmoidSteepness: owner('sudo_set_alpha_sigmoid_steepness', 'AlphaSigmoidSteepness', 'AlphaSigmoidSteepness', { type: 'signed', bounds: [0n, 32_767n, 'NegativeSigmoidSteepness'], isBoundFree: true }),
  minChildkeyTake: owner('sudo_set_min_childkey_take_per_subnet', 'MinChildkeyTakePerSubnet', 'MinChildkeyTake', { isLater: true }),
  mechanismCount: owner('sudo_set_mechanism_count', 'MechanismCountCurrent', '', { rateLimit: { transaction: 7, blocks: DAY_BLOCKS } }),
  mechanismEmissionSplit: owner('sudo_set_mechanism_emission_split', 'MechanismEmissionSplit', '', { type: 'emission-split', rateLimit: { transaction: 8, blocks: DAY_BLOCKS } }),
  networkRateLimit: network('sudo_set_network_rate_limit', 'NetworkRateLimit'),
  networkMinLockCost: network('sudo_set_network_min_lock_cost', 'NetworkMinLockCost'),
  subnetLimit: network('sudo_set_subnet_limit', 'SubnetLimit'),
  stakeThreshold: network('sudo_set_stake_threshold', 'StakeThreshold'),
  adminFreezeWindow: network('sudo_set_admin_freeze_window', 'AdminFreezeWindow'),
  ownerHyperparamRateLimit: network('sudo_set_owner_hparam_rate_limit', 'OwnerHyperparamRateLimit'),
  startCallDelay: network('sudo_set_start_call_delay', 'StartCallDelay'),
});

/** How the owner sets the tempo where the runtime lets it (spec 407 on): a call of its own. */
export const OWNER_TEMPO_ROW: HyperparameterRow = { ...owner('set_tempo', 'Tempo', '', { rateLimit: { transaction: 11, blocks: Number(OWNER_TEMPO[0]) }, bounds: OWNER_TEMPO, isLater: true }), pallet: 'SubtensorModule' };

/** The names of all hyperparameters. */
export const HYPERPARAMETER_NAMES: readonly HyperparameterName[] = Object.freeze(Object.keys(HYPERPARAMETERS) as HyperparameterName[]);
