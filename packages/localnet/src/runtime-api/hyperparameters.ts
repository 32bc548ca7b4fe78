/**
 * Hyperparameters of a subnet, in the three forms that the chain answers with.
 * @module
 * @see pallets/subtensor/src/rpc_info/subnet_info.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext, ApiHandlers } from './context.ts';

/** What `get_max_weight_limit` always says now. */
const MAX_WEIGHT_LIMIT = 65_535;

type Hyperparameters = TypeOf<'SubnetHyperparams'>;
type HyperparametersV2 = TypeOf<'SubnetHyperparamsV2'>;
type HyperparameterMethods = 'get_subnet_hyperparams' | 'get_subnet_hyperparams_v2' | 'get_subnet_hyperparams_v3';

/** The API's methods on hyperparameters. */
export const hyperparameterApi: Pick<ApiHandlers<'SubnetInfoRuntimeApi'>, HyperparameterMethods> = {
  get_subnet_hyperparams: (context, { netuid }) => (context.exists(netuid) ? hyperparametersOf(context, netuid) : undefined),
  get_subnet_hyperparams_v2: (context, { netuid }) => (context.exists(netuid) ? hyperparametersV2(context, netuid) : undefined),
  get_subnet_hyperparams_v3: (context, { netuid }) => (context.exists(netuid) ? hyperparametersV3(context, netuid) : undefined),
};

/** The hyperparameters of the first form, which metagraphs hold too. */
export function hyperparametersOf({ subtensor }: ApiContext, netuid: number): Hyperparameters {
  const [alphaLow, alphaHigh] = subtensor.AlphaValues.get(netuid);
  return {
    rho: subtensor.Rho.get(netuid),
    kappa: subtensor.Kappa.get(netuid),
    immunity_period: subtensor.ImmunityPeriod.get(netuid),
    min_allowed_weights: subtensor.MinAllowedWeights.get(netuid),
    max_weights_limit: MAX_WEIGHT_LIMIT,
    tempo: subtensor.Tempo.get(netuid),
    min_difficulty: subtensor.MinDifficulty.get(netuid),
    max_difficulty: subtensor.MaxDifficulty.get(netuid),
    weights_version: subtensor.WeightsVersionKey.get(netuid),
    weights_rate_limit: subtensor.WeightsSetRateLimit.get(netuid),
    adjustment_interval: subtensor.AdjustmentInterval.get(netuid),
    activity_cutoff: activityCutoffBlocks(subtensor.ActivityCutoffFactorMilli.get(netuid), subtensor.Tempo.get(netuid)),
    registration_allowed: subtensor.NetworkRegistrationAllowed.get(netuid),
    target_regs_per_interval: subtensor.TargetRegistrationsPerInterval.get(netuid),
    min_burn: subtensor.MinBurn.get(netuid),
    max_burn: subtensor.MaxBurn.get(netuid),
    bonds_moving_avg: subtensor.BondsMovingAverage.get(netuid),
    max_regs_per_block: subtensor.MaxRegistrationsPerBlock.get(netuid),
    serving_rate_limit: subtensor.ServingRateLimit.get(netuid),
    max_validators: subtensor.MaxAllowedValidators.get(netuid),
    adjustment_alpha: subtensor.AdjustmentAlpha.get(netuid),
    difficulty: subtensor.Difficulty.get(netuid),
    commit_reveal_period: subtensor.RevealPeriodEpochs.get(netuid),
    commit_reveal_weights_enabled: subtensor.CommitRevealWeightsEnabled.get(netuid),
    alpha_high: alphaHigh,
    alpha_low: alphaLow,
    liquid_alpha_enabled: subtensor.LiquidAlphaOn.get(netuid),
  };
}

/** `get_activity_cutoff_blocks` (utils/misc.rs:614). */
function activityCutoffBlocks(factorMilli: number, tempo: number): bigint {
  const blocks = (BigInt(factorMilli) * BigInt(tempo)) / 1000n;
  return blocks > 0n ? blocks : 1n;
}

function hyperparametersV2(context: ApiContext, netuid: number): HyperparametersV2 {
  const { subtensor } = context;
  return {
    ...hyperparametersOf(context, netuid),
    alpha_sigmoid_steepness: { bits: BigInt(subtensor.AlphaSigmoidSteepness.get(netuid)) << 32n },
    yuma_version: subtensor.Yuma3On.get(netuid) ? 3 : 2,
    subnet_is_active: subtensor.SubtokenEnabled.get(netuid),
    transfers_enabled: subtensor.TransferToggle.get(netuid),
    bonds_reset_enabled: subtensor.BondsResetOn.get(netuid),
    user_liquidity_enabled: false,
  };
}

type Value = TypeOf<'HyperparamValue'>;

/** How the third form writes the parameters of the second one, in its order. */
const V3_TYPES = {
  kappa: 'U16',
  immunity_period: 'U16',
  min_allowed_weights: 'U16',
  max_weights_limit: 'U16',
  tempo: 'U16',
  weights_version: 'U64',
  weights_rate_limit: 'U64',
  activity_cutoff: 'U64',
  activity_cutoff_factor: 'U32',
  registration_allowed: 'Bool',
  target_regs_per_interval: 'U16',
  min_burn: 'TaoBalance',
  max_burn: 'TaoBalance',
  burn_half_life: 'U16',
  burn_increase_mult: 'U64F64',
  bonds_moving_avg: 'U64',
  max_regs_per_block: 'U16',
  serving_rate_limit: 'U64',
  max_validators: 'U16',
  commit_reveal_period: 'U64',
  commit_reveal_weights_enabled: 'Bool',
  alpha_high: 'U16',
  alpha_low: 'U16',
  liquid_alpha_enabled: 'Bool',
  alpha_sigmoid_steepness: 'I32F32',
  yuma_version: 'U16',
  subnet_is_active: 'Bool',
  transfers_enabled: 'Bool',
  bonds_reset_enabled: 'Bool',
  user_liquidity_enabled: 'Bool',
  owner_cut_enabled: 'Bool',
  owner_cut_auto_lock_enabled: 'Bool',
  min_childkey_take: 'U16',
} as const satisfies Readonly<Record<string, Value['type']>>;

function hyperparametersV3(context: ApiContext, netuid: number): TypeOf<'Vec<HyperparamEntry>'> {
  const { subtensor } = context;
  const values: Readonly<Record<keyof typeof V3_TYPES, unknown>> = {
    ...hyperparametersV2(context, netuid),
    activity_cutoff_factor: subtensor.ActivityCutoffFactorMilli.get(netuid),
    burn_half_life: subtensor.BurnHalfLife.get(netuid),
    burn_increase_mult: subtensor.BurnIncreaseMult.get(netuid),
    owner_cut_enabled: subtensor.OwnerCutEnabled.get(netuid),
    owner_cut_auto_lock_enabled: subtensor.OwnerCutAutoLockEnabled.get(netuid),
    min_childkey_take: Math.max(subtensor.MinChildkeyTake.get(), subtensor.MinChildkeyTakePerSubnet.get(netuid)),
  };
  return Object.entries(V3_TYPES).map(([name, type]) => ({
    name: new TextEncoder().encode(name),
    value: { type, value: values[name as keyof typeof V3_TYPES] } as Value,
  }));
}
