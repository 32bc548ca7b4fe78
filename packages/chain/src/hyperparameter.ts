/**
 * Setters of hyperparameters (pallet AdminUtils), by name.
 * @module
 */
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { createCall, sendCall, sudo, type Inclusion, type SendOptions } from './extrinsic.ts';
import { parseNetuid } from './identifier.ts';
import { readStorage, type StorageQuery } from './internal/storage.ts';

/** An integer that goes on chain; `bigint` for u64 above 2^53. */
type Integer = number | bigint;

/** What can be set, and to what. Units as on chain: blocks, rao, or fractions of 65535. */
export interface Hyperparameters {
  readonly servingRateLimit: Integer;
  readonly weightsVersionKey: Integer;
  readonly weightsSetRateLimit: Integer;
  readonly immunityPeriod: Integer;
  readonly minAllowedWeights: Integer;
  readonly maxAllowedUids: Integer;
  readonly kappa: Integer;
  readonly activityCutoff: Integer;
  readonly networkRegistrationAllowed: boolean;
  readonly minBurn: Integer;
  readonly maxBurn: Integer;
  readonly maxAllowedValidators: Integer;
  readonly maxRegistrationsPerBlock: Integer;
  readonly bondsMovingAverage: Integer;
  readonly tempo: Integer;
  readonly commitRevealWeightsEnabled: boolean;
  readonly commitRevealWeightsInterval: Integer;
  readonly subtokenEnabled: boolean;
  readonly yuma3Enabled: boolean;
  readonly liquidAlphaEnabled: boolean;
  readonly bondsPenalty: Integer;
  readonly networkRateLimit: Integer;
  readonly networkMinLockCost: Integer;
  readonly subnetLimit: Integer;
  readonly stakeThreshold: Integer;
  readonly adminFreezeWindow: Integer;
  readonly startCallDelay: Integer;
}

/** Name of a hyperparameter. */
export type HyperparameterName = keyof Hyperparameters;

/** How one is set. */
export interface HyperparameterRow {
  /** Call of AdminUtils. */
  readonly call: string;
  /** Item of SubtensorModule that holds it. */
  readonly storage: string;
  /** `network` ones hold for all subnets and take no netuid. */
  readonly scope: 'subnet' | 'network';
  /** Who may set it: the subnet's owner too, or only the chain's sudo key. */
  readonly access: 'owner' | 'root';
  readonly type: 'bool' | 'integer';
}

const owner = (call: string, storage: string, type: HyperparameterRow['type'] = 'integer'): HyperparameterRow => ({ call, storage, scope: 'subnet', access: 'owner', type });
const root = (call: string, storage: string, type: HyperparameterRow['type'] = 'integer'): HyperparameterRow => ({ call, storage, scope: 'subnet', access: 'root', type });
const network = (call: string, storage: string): HyperparameterRow => ({ call, storage, scope: 'network', access: 'root', type: 'integer' });

/** The table. */
export const HYPERPARAMETERS: Readonly<Record<HyperparameterName, HyperparameterRow>> = Object.freeze({
  servingRateLimit: owner('sudo_set_serving_rate_limit', 'ServingRateLimit'),
  weightsVersionKey: owner('sudo_set_weights_version_key', 'WeightsVersionKey'),
  weightsSetRateLimit: root('sudo_set_weights_set_rate_limit', 'WeightsSetRateLimit'),
  immunityPeriod: owner('sudo_set_immunity_period', 'ImmunityPeriod'),
  minAllowedWeights: owner('sudo_set_min_allowed_weights', 'MinAllowedWeights'),
  maxAllowedUids: owner('sudo_set_max_allowed_uids', 'MaxAllowedUids'),
  kappa: root('sudo_set_kappa', 'Kappa'),
  activityCutoff: owner('sudo_set_activity_cutoff', 'ActivityCutoff'),
  networkRegistrationAllowed: root('sudo_set_network_registration_allowed', 'NetworkRegistrationAllowed', 'bool'),
  minBurn: owner('sudo_set_min_burn', 'MinBurn'),
  maxBurn: owner('sudo_set_max_burn', 'MaxBurn'),
  maxAllowedValidators: root('sudo_set_max_allowed_validators', 'MaxAllowedValidators'),
  maxRegistrationsPerBlock: root('sudo_set_max_registrations_per_block', 'MaxRegistrationsPerBlock'),
  bondsMovingAverage: owner('sudo_set_bonds_moving_average', 'BondsMovingAverage'),
  tempo: root('sudo_set_tempo', 'Tempo'),
  commitRevealWeightsEnabled: owner('sudo_set_commit_reveal_weights_enabled', 'CommitRevealWeightsEnabled', 'bool'),
  commitRevealWeightsInterval: owner('sudo_set_commit_reveal_weights_interval', 'RevealPeriodEpochs'),
  subtokenEnabled: root('sudo_set_subtoken_enabled', 'SubtokenEnabled', 'bool'),
  yuma3Enabled: owner('sudo_set_yuma3_enabled', 'Yuma3On', 'bool'),
  liquidAlphaEnabled: owner('sudo_set_liquid_alpha_enabled', 'LiquidAlphaOn', 'bool'),
  bondsPenalty: owner('sudo_set_bonds_penalty', 'BondsPenalty'),
  networkRateLimit: network('sudo_set_network_rate_limit', 'NetworkRateLimit'),
  networkMinLockCost: network('sudo_set_network_min_lock_cost', 'NetworkMinLockCost'),
  subnetLimit: network('sudo_set_subnet_limit', 'SubnetLimit'),
  stakeThreshold: network('sudo_set_stake_threshold', 'StakeThreshold'),
  adminFreezeWindow: network('sudo_set_admin_freeze_window', 'AdminFreezeWindow'),
  startCallDelay: network('sudo_set_start_call_delay', 'StartCallDelay'),
});

/** Options of {@link setHyperparameter}. */
export interface SetHyperparameterOptions<N extends HyperparameterName> extends SendOptions {
  /** Not looked at for parameters of the whole network. */
  readonly netuid: number;
  readonly name: N;
  readonly value: Hyperparameters[N];
  /** Wraps the call in `Sudo.sudo` (default false: signed as the subnet's owner). */
  readonly sudo?: boolean;
}

/**
 * Sets a hyperparameter.
 * @throws bad-value (unknown name, wrong type), unsupported, and as `sendCall`: dispatch-failed `BadOrigin` without the right,
 * `TxRateLimitExceeded`, `AdminActionProhibitedDuringWeightsWindow`
 * @example await setHyperparameter(chain, { netuid: 1, name: 'tempo', value: 10, signer: alice, sudo: true });
 */
export async function setHyperparameter<N extends HyperparameterName>(chain: Chain, options: SetHyperparameterOptions<N>): Promise<Inclusion> {
  const { netuid, name, value } = options;
  const row = rowOf(name);
  if ((typeof value === 'boolean') !== (row.type === 'bool')) {
    throw new ChainError('bad-value', `${name} takes ${row.type === 'bool' ? 'true or false' : 'an integer'}, got ${typeof value} ${String(value)}`, { subject: name, actual: String(value) });
  }
  const call = createCall(chain, 'AdminUtils', row.call, row.scope === 'network' ? [value] : [parseNetuid(netuid), value]);
  return sendCall(chain, options.sudo === true ? sudo(chain, call) : call, options);
}

/**
 * Reads hyperparameters at a block hash or now, in one request.
 * @throws bad-value (unknown name), unsupported, and as `Chain.request`
 * @example const { tempo } = await readHyperparameters(chain, { netuid: 1, names: ['tempo'] });
 */
export async function readHyperparameters<N extends HyperparameterName>(
  chain: Chain,
  { netuid, names, at }: { readonly netuid: number; readonly names: readonly N[]; readonly at?: string },
): Promise<{ readonly [K in N]: boolean | bigint }> {
  const queries = names.map((name): StorageQuery => {
    const { storage, scope } = rowOf(name);
    return { pallet: 'SubtensorModule', item: storage, args: scope === 'network' ? [] : [parseNetuid(netuid)] };
  });
  const values = await readStorage(chain, at, queries);
  const entries = names.map((name, index) => [name, rowOf(name).type === 'bool' ? String(values[index]) === 'true' : BigInt(String(values[index]))]);
  return Object.fromEntries(entries) as { readonly [K in N]: boolean | bigint };
}

function rowOf(name: string): HyperparameterRow {
  if (Object.hasOwn(HYPERPARAMETERS, name)) return HYPERPARAMETERS[name as HyperparameterName];
  throw new ChainError('bad-value', `no hyperparameter ${JSON.stringify(name)}; known are ${Object.keys(HYPERPARAMETERS).join(', ')}`, { subject: 'name', actual: name });
}
