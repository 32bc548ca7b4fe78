/**
 * SubnetInfoRuntimeApi: what a subnet is, what its pool holds, who its neurons are.
 *
 * `network_connect` and the emission values are empty and 0, as on chain since it no longer has them.
 * @module
 * @see pallets/subtensor/src/rpc_info/subnet_info.rs, dynamic_info.rs, show_subnet.rs (opentensor/subtensor 14bc6f9f9)
 */
import { nextEpochBlock } from '../runtime/epoch-schedule.ts';
import { ROOT_NETUID } from '../runtime/stake-weight.ts';
import { subnetAccount } from '../runtime/subnet-lookup.ts';
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext, ApiHandlers } from './context.ts';
import { hyperparameterApi } from './hyperparameters.ts';
import { metagraphApi, poolFields } from './metagraph.ts';
import { neuronVectors } from './neuron-vectors.ts';
import { subnetName } from './subnet-name.ts';

/** The API's methods. */
export const subnetInfoApi: ApiHandlers<'SubnetInfoRuntimeApi'> = {
  ...hyperparameterApi,
  ...metagraphApi,
  get_subnet_info: (context, { netuid }) => subnetInfo(context, netuid),
  get_subnets_info: (context) => byNetuid(context).map((netuid) => subnetInfo(context, netuid)),
  get_subnet_info_v2: (context, { netuid }) => subnetInfoV2(context, netuid),
  get_subnets_info_v2: (context) => byNetuid(context).map((netuid) => subnetInfoV2(context, netuid)),
  get_all_dynamic_info: (context) => context.netuids().map((netuid) => dynamicInfo(context, netuid)),
  get_dynamic_info: (context, { netuid }) => dynamicInfo(context, netuid),
  get_subnet_state: (context, { netuid }) => subnetState(context, netuid),
  get_coldkey_auto_stake_hotkey: ({ subtensor }, { coldkey, netuid }) => subtensor.AutoStakeDestination.get(coldkey, netuid),
  get_subnet_to_prune: (context) => subnetToPrune(context),
  get_subnet_account_id: (context, { netuid }) => (context.exists(netuid) || netuid === ROOT_NETUID ? subnetAccount(netuid) : undefined),
  get_next_epoch_start_block: ({ storage }, { netuid }) => nextEpochBlock(storage, netuid),
};

/** Netuids of subnets that exist, ascending. */
function byNetuid(context: ApiContext): number[] {
  return context.netuids().filter((netuid) => context.exists(netuid)).sort((a, b) => a - b);
}

function subnetInfo(context: ApiContext, netuid: number): TypeOf<'SubnetInfo'> | undefined {
  const { subtensor } = context;
  if (!context.exists(netuid)) return undefined;
  return {
    netuid,
    rho: subtensor.Rho.get(netuid),
    kappa: subtensor.Kappa.get(netuid),
    difficulty: subtensor.Difficulty.get(netuid),
    immunity_period: subtensor.ImmunityPeriod.get(netuid),
    max_allowed_validators: subtensor.MaxAllowedValidators.get(netuid),
    min_allowed_weights: subtensor.MinAllowedWeights.get(netuid),
    max_weights_limit: 65_535,
    scaling_law_power: subtensor.ScalingLawPower.get(netuid),
    subnetwork_n: subtensor.SubnetworkN.get(netuid),
    max_allowed_uids: subtensor.MaxAllowedUids.get(netuid),
    blocks_since_last_step: subtensor.BlocksSinceLastStep.get(netuid),
    tempo: subtensor.Tempo.get(netuid),
    network_modality: 0,
    network_connect: [],
    emission_values: 0n,
    burn: subtensor.Burn.get(netuid),
    owner: subtensor.SubnetOwner.get(netuid),
  };
}

function subnetInfoV2(context: ApiContext, netuid: number): TypeOf<'SubnetInfov2'> | undefined {
  const first = subnetInfo(context, netuid);
  return first && { ...first, emission_value: 0n, identity: context.subtensor.SubnetIdentitiesV3.get(netuid) };
}

function dynamicInfo(context: ApiContext, netuid: number): TypeOf<'DynamicInfo'> | undefined {
  const { subtensor, block } = context;
  if (!context.exists(netuid)) return undefined;
  const lastStep = subtensor.LastMechansimStepBlock.get(netuid);
  return {
    ...poolFields(context, netuid),
    netuid,
    owner_hotkey: subtensor.SubnetOwnerHotkey.get(netuid),
    owner_coldkey: subtensor.SubnetOwner.get(netuid),
    subnet_name: [...subnetName(context, netuid)],
    token_symbol: [...subtensor.TokenSymbol.get(netuid)],
    tempo: subtensor.Tempo.get(netuid),
    last_step: lastStep,
    blocks_since_last_step: BigInt(block.header.number) - lastStep,
    emission: 0n,
    network_registered_at: subtensor.NetworkRegisteredAt.get(netuid),
    subnet_identity: subtensor.SubnetIdentitiesV3.get(netuid),
  };
}

function subnetState(context: ApiContext, netuid: number): TypeOf<'SubnetState'> | undefined {
  const { subtensor } = context;
  if (!context.exists(netuid)) return undefined;
  const vectors = neuronVectors(context, netuid);
  return {
    netuid,
    ...vectors,
    emission_history: context.netuids().map((other) => vectors.hotkeys.map((hotkey) => subtensor.LastHotkeyEmissionOnNetuid.get(hotkey, other))),
  };
}

/** `get_network_to_prune` (subnets/subnet.rs:593): the lowest moving price, the older on a tie, none that is still immune. */
function subnetToPrune(context: ApiContext): number | undefined {
  const { subtensor, block } = context;
  const immunityBlocks = subtensor.NetworkImmunityPeriod.get();
  const candidates = context
    .netuids()
    .filter((netuid) => netuid !== ROOT_NETUID && context.exists(netuid))
    .map((netuid) => ({ netuid, registeredAt: subtensor.NetworkRegisteredAt.get(netuid), price: movingPrice(context, netuid) }))
    .filter(({ registeredAt }) => BigInt(block.header.number) >= registeredAt + immunityBlocks);
  return candidates.sort((a, b) => compare(a.price, b.price) || compare(a.registeredAt, b.registeredAt))[0]?.netuid;
}

/** `get_moving_alpha_price` (staking/stake_utils.rs:24) with 32 fractional bits; 1 where alpha has no market. */
function movingPrice({ subtensor }: ApiContext, netuid: number): bigint {
  if (subtensor.SubnetMechanism.get(netuid) === 0) return 1n << 32n;
  const { bits } = subtensor.SubnetMovingPrice.get(netuid);
  return bits > 0n ? bits : 0n;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
