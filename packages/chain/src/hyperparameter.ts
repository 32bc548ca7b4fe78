/**
 * Hyperparameters of subnets and of the whole chain, by name: who may set them, when, and to what.
 *
 * An owner may change each one once in `OwnerHyperparamRateLimit` epochs, and not in the last `AdminFreezeWindow` blocks before an epoch; both are looked
 * at before a call is sent. The chain's sudo key may change one as often as it likes, and alone may set those with `access: 'root'`; the window and most bounds bind it too where
 * an owner may set the same. That the account is the sudo key, and that there is such a subnet, is looked at as well.
 * @see pallets/admin-utils/src/lib.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { epochStateOf, EPOCH_ITEMS, nextEpochBlock, type EpochState } from './epoch-schedule.ts';
import { ChainError } from './errors.ts';
import { createCall, hasCall, sudo, type Inclusion, type SendOptions } from './extrinsic.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid } from './identifier.ts';
import { openState } from './internal/block-state.ts';
import type { Runtime } from './internal/runtime.ts';
import type { SubtensorItem } from './internal/runtime-items.ts';
import { hasStorage, readPresent, readStorage, subtensor, toArray, toBoolean, toBytes, toNumber, type Codec, type StorageQuery } from './internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from './plan.ts';
import { fixedBits } from './registration.ts';
import { ownershipChecks, ownershipQueries } from './subnet.ts';

/** An integer that goes on chain; `bigint` for u64 above 2^53. */
type Integer = number | bigint;

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
  maxAllowedUids: owner('sudo_set_max_allowed_uids', 'MaxAllowedUids', 'MaxAllowedUids', { bounds: [1n, 256n, 'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids'] }),
  minAllowedUids: root('sudo_set_min_allowed_uids', 'MinAllowedUids'),
  kappa: root('sudo_set_kappa', 'Kappa'),
  rho: owner('sudo_set_rho', 'Rho', 'Rho'),
  activityCutoff: owner('sudo_set_activity_cutoff', 'ActivityCutoff', 'ActivityCutoff'),
  activityCutoffFactorMilli: owner('set_activity_cutoff_factor', 'ActivityCutoffFactorMilli', 'ActivityCutoffFactorMilli', {
    pallet: 'SubtensorModule',
    bounds: [1000n, 50_000n, 'ActivityCutoffFactorMilliOutOfBounds'],
    isLater: true,
  }),
  networkRegistrationAllowed: root('sudo_set_network_registration_allowed', 'NetworkRegistrationAllowed', { type: 'bool' }),
  targetRegistrationsPerInterval: root('sudo_set_target_registrations_per_interval', 'TargetRegistrationsPerInterval'),
  minBurn: owner('sudo_set_min_burn', 'MinBurn', 'MinBurn', { bounds: [0n, 999_999_999n, 'ValueNotInBounds'] }),
  maxBurn: owner('sudo_set_max_burn', 'MaxBurn', 'MaxBurn', { bounds: [100_000_001n, 2n ** 64n - 1n, 'ValueNotInBounds'] }),
  burnHalfLife: owner('sudo_set_burn_half_life', 'BurnHalfLife', 'BurnHalfLife', { isLater: true }),
  burnIncreaseMult: owner('sudo_set_burn_increase_mult', 'BurnIncreaseMult', 'BurnIncreaseMult', { type: 'fixed', isLater: true }),
  maxAllowedValidators: root('sudo_set_max_allowed_validators', 'MaxAllowedValidators'),
  maxRegistrationsPerBlock: root('sudo_set_max_registrations_per_block', 'MaxRegistrationsPerBlock'),
  bondsMovingAverage: owner('sudo_set_bonds_moving_average', 'BondsMovingAverage', 'BondsMovingAverage', { bounds: [0n, 975_000n, 'BondsMovingAverageMaxReached'], isBoundFree: true }),
  bondsPenalty: owner('sudo_set_bonds_penalty', 'BondsPenalty', 'BondsPenalty'),
  bondsResetEnabled: owner('sudo_set_bonds_reset_enabled', 'BondsResetOn', 'BondsResetEnabled', { type: 'bool' }),
  tempo: root('sudo_set_tempo', 'Tempo'),
  commitRevealWeightsEnabled: owner('sudo_set_commit_reveal_weights_enabled', 'CommitRevealWeightsEnabled', 'CommitRevealEnabled', { type: 'bool' }),
  commitRevealWeightsInterval: owner('sudo_set_commit_reveal_weights_interval', 'RevealPeriodEpochs', 'WeightCommitInterval', { bounds: [1n, 100n, 'RevealPeriodTooLarge'] }),
  commitRevealWeightsVersion: network('sudo_set_commit_reveal_version', 'CommitRevealWeightsVersion'),
  subtokenEnabled: root('sudo_set_subtoken_enabled', 'SubtokenEnabled', { type: 'bool' }),
  transfersEnabled: owner('sudo_set_toggle_transfer', 'TransferToggle', 'TransferEnabled', { type: 'bool' }),
  recycleOrBurn: owner('sudo_set_recycle_or_burn', 'RecycleOrBurn', 'RecycleOrBurn', { type: 'recycle-or-burn' }),
  ownerCutEnabled: { ...root('sudo_set_owner_cut_enabled', 'OwnerCutEnabled', { type: 'bool', isLater: true }), access: 'owner' },
  subnetEmissionEnabled: root('sudo_set_subnet_emission_enabled', 'SubnetEmissionEnabled', { type: 'bool', isLater: true }),
  ownerImmuneNeuronLimit: owner('sudo_set_owner_immune_neuron_limit', 'ImmuneOwnerUidsLimit', 'ImmuneNeuronLimit'),
  minNonImmuneUids: root('sudo_set_min_non_immune_uids', 'MinNonImmuneUids'),
  yuma3Enabled: owner('sudo_set_yuma3_enabled', 'Yuma3On', 'Yuma3Enabled', { type: 'bool' }),
  liquidAlphaEnabled: owner('sudo_set_liquid_alpha_enabled', 'LiquidAlphaOn', 'LiquidAlphaEnabled', { type: 'bool' }),
  alphaValues: owner('sudo_set_alpha_values', 'AlphaValues', 'AlphaValues', { type: 'alpha-values' }),
  alphaSigmoidSteepness: owner('sudo_set_alpha_sigmoid_steepness', 'AlphaSigmoidSteepness', 'AlphaSigmoidSteepness', { type: 'signed', bounds: [0n, 32_767n, 'NegativeSigmoidSteepness'], isBoundFree: true }),
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
const OWNER_TEMPO_ROW: HyperparameterRow = { ...owner('set_tempo', 'Tempo', '', { rateLimit: { transaction: 11, blocks: Number(OWNER_TEMPO[0]) }, bounds: OWNER_TEMPO, isLater: true }), pallet: 'SubtensorModule' };

/** What to change. */
export interface HyperparameterChange<N extends HyperparameterName = HyperparameterName> {
  /** Not looked at for parameters of the whole network. */
  readonly netuid: number;
  readonly name: N;
  readonly value: Hyperparameters[N];
  /** Wraps the call in `Sudo.sudo` (default false: signed as the subnet's owner). */
  readonly sudo?: boolean;
}

/** Options of {@link setHyperparameter}. */
export interface SetHyperparameterOptions<N extends HyperparameterName> extends SendOptions, HyperparameterChange<N> {}

/** What a change is judged by. */
export interface HyperparameterFigures {
  /** What it is now; undefined where it is not set. */
  readonly current: HyperparameterValue | undefined;
  /** The first block that the account may change it in, as things stand; undefined for what the sudo key may change at any time. */
  readonly allowedFromBlock: number | undefined;
}

/** A change of a hyperparameter with what speaks against it. @throws bad-address, bad-value (unknown name, wrong type), unsupported, and as `Chain.request` */
export async function planHyperparameter<N extends HyperparameterName>(chain: Chain, options: HyperparameterChange<N> & { readonly account: string }): Promise<Plan<HyperparameterFigures>> {
  const { name, value } = options;
  const account = parseHotkey(options.account);
  const row = rowFor(chain, name, options.sudo === true);
  const args = argumentsOf(name, row, value);
  const netuid = row.scope === 'network' ? 0 : parseNetuid(options.netuid);
  const inner = createCall(chain, row.pallet, row.call, row.scope === 'network' ? args : [netuid, ...args]);
  const call = options.sudo === true ? sudo(chain, inner) : inner;
  const [stored] = await readPresent(await openState(chain), [queryOf(row, netuid)]);
  const current = decodeValue(row, stored);
  const change = { row, netuid, account, value: args[0] };
  const { checks, allowedFromBlock } = await (options.sudo === true ? sudoChecks(chain, change) : ownerChecks(chain, change));
  return createPlan(chain, { call, account, figures: { current, allowedFromBlock }, checks });
}

/**
 * Sets a hyperparameter.
 * @throws bad-value (unknown name, wrong type), unsupported, refused (`NotSubnetOwner`, `BadOrigin` for what only root may set, `RequireSudo`, `SubnetDoesNotExist`, `TxRateLimitExceeded`,
 * `AdminActionProhibitedDuringWeightsWindow`, or the parameter's own bound), and as `sendCall`
 * @example await setHyperparameter(chain, { netuid: 1, name: 'tempo', value: 10, signer: alice, sudo: true });
 */
export async function setHyperparameter<N extends HyperparameterName>(chain: Chain, options: SetHyperparameterOptions<N>): Promise<Inclusion> {
  return sendPlan(chain, await planHyperparameter(chain, { ...options, account: options.signer.hotkey }), options);
}

/**
 * Reads hyperparameters in one request. Those that the runtime lacks are left out.
 * @throws bad-value (unknown name), and as `Chain.request`
 * @example const { tempo } = await readHyperparameters(chain, { netuid: 1, names: ['tempo'] });
 */
export async function readHyperparameters<N extends HyperparameterName>(
  chain: Chain,
  { netuid, names, at }: { readonly netuid: number; readonly names: readonly N[] } & ReadOptions,
): Promise<{ readonly [K in N]: HyperparameterValue<K> }> {
  const id = parseNetuid(netuid);
  const state = await openState(chain, at);
  const present = names.filter((name) => hasStorage(state.runtime, queryOf(rowOf(name), id)));
  const values = await readStorage(state, present.map((name) => queryOf(rowOf(name), id)));
  const entries = present.map((name, index) => [name, decodeValue(rowOf(name), values[index])]);
  return Object.fromEntries(entries) as { readonly [K in N]: HyperparameterValue<K> };
}

/** The names of all hyperparameters. */
export const HYPERPARAMETER_NAMES: readonly HyperparameterName[] = Object.freeze(Object.keys(HYPERPARAMETERS) as HyperparameterName[]);

/**
 * Reads a value as people write it: `true`, `12`, `1.26`, `45875,58982`, `recycle`, `even`.
 * @throws bad-value
 */
export function parseHyperparameter<N extends HyperparameterName>(name: N, text: string): Hyperparameters[N] {
  const row = rowOf(name);
  const value = parseText(row.type, text.trim());
  if (value !== undefined) return value as Hyperparameters[N];
  throw badValue(name, row, text);
}

function parseText(type: HyperparameterRow['type'], text: string): unknown {
  if (type === 'bool') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (type === 'integer') return /^\d+$/.test(text) ? BigInt(text) : undefined;
  if (type === 'signed') return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
  if (type === 'fixed') return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
  if (type === 'recycle-or-burn') return text === 'recycle' || text === 'burn' ? text : undefined;
  if (type === 'emission-split' && text === 'even') return text;
  return /^\d+(,\d+)*$/.test(text) ? text.split(',').map(Number) : undefined;
}

function rowOf(name: string): HyperparameterRow {
  if (Object.hasOwn(HYPERPARAMETERS, name)) return HYPERPARAMETERS[name as HyperparameterName];
  throw new ChainError('bad-value', `no hyperparameter ${JSON.stringify(name)}; known are ${Object.keys(HYPERPARAMETERS).join(', ')}`, { subject: 'name', actual: name });
}

function rowFor(chain: Chain, name: string, isSudo: boolean): HyperparameterRow {
  const row = rowOf(name);
  return name === 'tempo' && !isSudo && hasCall(chain, OWNER_TEMPO_ROW.pallet, OWNER_TEMPO_ROW.call) ? OWNER_TEMPO_ROW : row;
}

function queryOf({ storage, scope }: HyperparameterRow, netuid: number): StorageQuery {
  return scope === 'network' ? subtensor(storage) : subtensor(storage, netuid);
}

/** What goes into the call after the netuid. */
function argumentsOf(name: string, row: HyperparameterRow, value: unknown): unknown[] {
  const fits: Record<HyperparameterRow['type'], boolean> = {
    bool: typeof value === 'boolean',
    integer: isInteger(value) && BigInt(value) >= 0n,
    signed: isInteger(value),
    fixed: typeof value === 'number' && value >= 0 && value < 2 ** 32,
    'alpha-values': isFractions(value) && value.length === 2,
    'recycle-or-burn': value === 'recycle' || value === 'burn',
    'emission-split': value === 'even' || isFractions(value),
  };
  if (!fits[row.type]) throw badValue(name, row, value);
  if (row.type === 'alpha-values') return [...(value as readonly number[])];
  if (row.type === 'fixed') return [{ bits: BigInt(Math.round((value as number) * 2 ** 32)) << 32n }];
  if (row.type === 'recycle-or-burn') return [value === 'burn' ? 'Burn' : 'Recycle'];
  if (row.type === 'emission-split') return [value === 'even' ? null : value];
  return [value];
}

function decodeValue({ type }: HyperparameterRow, stored: Codec | undefined): HyperparameterValue | undefined {
  if (type === 'emission-split') return stored === undefined ? 'even' : toArray(stored).map(toNumber);
  if (stored === undefined) return undefined;
  if (type === 'bool') return toBoolean(stored);
  if (type === 'fixed') return Number(fixedBits(stored)) / 2 ** 64;
  if (type === 'recycle-or-burn') return String(stored).toLowerCase() as 'recycle' | 'burn';
  if (type === 'alpha-values') return toArray(stored).map(toNumber) as unknown as readonly [number, number];
  return BigInt(String(stored));
}

interface OwnerChange {
  readonly row: HyperparameterRow;
  readonly netuid: number;
  readonly account: string;
  readonly value: unknown;
}

/** What the chain looks at for an owner: right, rate limit, freeze window, bounds. */
async function ownerChecks(chain: Chain, { row, netuid, account, value }: OwnerChange): Promise<{ checks: Check[]; allowedFromBlock: number | undefined }> {
  if (row.access === 'root') return { checks: [[true, 'BadOrigin', `${row.call} is for the chain's sudo key only; a subnet's owner cannot call it`]], allowedFromBlock: undefined };
  const { number, hash } = await chain.finalisedHead();
  const state = await openState(chain, hash);
  const limit = rateQuery(state.runtime, { row, netuid, account });
  const queries = [...ownershipQueries(netuid), ...EPOCH_ITEMS.map((item) => subtensor(item, netuid)), subtensor('AdminFreezeWindow'), subtensor('OwnerHyperparamRateLimit'), subtensor('WeightsVersionKeyRateLimit')];
  const [values, [last]] = await Promise.all([readPresent(state, queries), readStorage(state, limit === undefined ? [] : [limit])]);
  const epoch = epochStateOf(state, { netuid, blockNumber: number, values: values.slice(2) });
  const [freeze, epochs, versionEpochs] = values.slice(2 + EPOCH_ITEMS.length).map(toNumber) as [number, number, number];
  const rateBlocks = rateLimitBlocks(row, { tempoBlocks: epoch.tempoBlocks, epochs, versionEpochs });
  const lastBlock = toNumber(last);
  const freeFrom = lastBlock === 0 ? 0 : lastBlock + rateBlocks;
  const window = windowChecks(epoch, freeze);
  const checks: Check[] = [
    ...ownershipChecks(values, { netuid, account }),
    [number + 1 < freeFrom, 'TxRateLimitExceeded', `it was changed in block ${lastBlock} and can be changed again from block ${freeFrom} on, ${freeFrom - number} blocks from now`],
    ...window.checks,
    ...boundChecks(row, value),
  ];
  return { checks, allowedFromBlock: Math.max(freeFrom, window.opens, number + 1) };
}

/** What the chain looks at for its sudo key: that it is the one, the subnet, and where an owner may set the same, the freeze window and the bounds. */
async function sudoChecks(chain: Chain, { row, netuid, account, value }: OwnerChange): Promise<{ checks: Check[]; allowedFromBlock: number | undefined }> {
  const { number, hash } = await chain.finalisedHead();
  const state = await openState(chain, hash);
  const [key, exists, freeze, ...epochs] = await readPresent(state, [{ pallet: 'Sudo', item: 'Key' }, subtensor('NetworksAdded', netuid), subtensor('AdminFreezeWindow'), ...EPOCH_ITEMS.map((item) => subtensor(item, netuid))]);
  const isKey = key !== undefined && hotkeyFromBytes(toBytes(key)) === account;
  const isFrozen = row.scope === 'subnet' && row.rateLimit !== undefined && 'variant' in row.rateLimit;
  const window = isFrozen ? windowChecks(epochStateOf(state, { netuid, blockNumber: number, values: epochs }), toNumber(freeze)) : undefined;
  const checks: Check[] = [
    [!isKey, 'RequireSudo', key === undefined ? 'this chain has no sudo key' : `the chain's sudo key is ${hotkeyFromBytes(toBytes(key))}`],
    ...(window?.checks ?? []),
    [row.scope === 'subnet' && !toBoolean(exists), 'SubnetDoesNotExist', `there is no subnet ${netuid}`],
    ...(row.isBoundFree === true ? [] : boundChecks(row, value)),
  ];
  return { checks, allowedFromBlock: window?.opens };
}

function windowChecks(epoch: EpochState, freezeBlocks: number): { readonly checks: readonly Check[]; readonly opens: number } {
  const opens = windowOpens(epoch, freezeBlocks);
  const reason = 'AdminActionProhibitedDuringWeightsWindow';
  const checks: Check[] = [
    [epoch.tempoBlocks !== 0 && freezeBlocks > epoch.tempoBlocks, reason, `the freeze window of ${freezeBlocks} blocks is longer than the epoch of ${epoch.tempoBlocks}: nothing can be changed until the sudo key shortens it (adminFreezeWindow)`],
    [opens > epoch.blockNumber + 1, reason, `subnets are frozen in the last ${freezeBlocks} blocks before an epoch; the next chance is block ${opens}`],
  ];
  return { checks, opens };
}

function boundChecks({ bounds }: HyperparameterRow, value: unknown): Check[] {
  if (bounds === undefined || !isInteger(value)) return [];
  const [least, most, reason] = bounds;
  return [[BigInt(value) < least || BigInt(value) > most, reason, `it can be set to ${least} to ${most}, not to ${String(value)}`]];
}

/** The first block after the state's that is not in the freeze window; the next block where it is not. */
function windowOpens(state: EpochState, freezeBlocks: number): number {
  const soonest = state.blockNumber + 1;
  const next = nextEpochBlock(state);
  if (next === undefined || freezeBlocks === 0) return soonest;
  if (state.schedule !== undefined && state.schedule.pendingEpochAt > soonest) return state.schedule.pendingEpochAt;
  // In the block of an epoch itself, the epoch has already run when calls are executed. The formula counts from the block before the epoch, the state from the epoch.
  const remaining = next - soonest - (state.schedule === undefined ? 1 : 0);
  return next === soonest || remaining >= freezeBlocks ? soonest : next;
}

function rateQuery({ registry }: Runtime, { row, netuid, account }: Pick<OwnerChange, 'row' | 'netuid' | 'account'>): StorageQuery | undefined {
  const limit = row.rateLimit;
  if (limit === undefined) return undefined;
  if ('transaction' in limit) return subtensor('TransactionKeyLastBlock', account, netuid, limit.transaction);
  // A runtime that has no such variant does not count it by this name: then the chain alone tells.
  const variants = registry.lookup.types.find(({ type }) => type.path.at(-1)?.toString() === 'Hyperparameter')?.type.def.asVariant.variants;
  const isKnown = variants?.some(({ name }) => name.toString() === limit.variant) === true;
  return isKnown ? subtensor('LastRateLimitedBlock', { OwnerHyperparamUpdate: [netuid, limit.variant] }) : undefined;
}

function rateLimitBlocks({ rateLimit }: HyperparameterRow, { tempoBlocks, epochs, versionEpochs }: { readonly tempoBlocks: number; readonly epochs: number; readonly versionEpochs: number }): number {
  if (rateLimit === undefined) return 0;
  if ('variant' in rateLimit) return tempoBlocks * epochs;
  if (rateLimit.blocks === 'version-key') return tempoBlocks * versionEpochs;
  return rateLimit.blocks === 'tempo' ? tempoBlocks : rateLimit.blocks;
}

function isInteger(value: unknown): value is Integer {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
}

function isFractions(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((part) => Number.isInteger(part) && part >= 0 && part <= 65535);
}

const WANTED: Readonly<Record<HyperparameterRow['type'], string>> = {
  bool: 'true or false',
  integer: 'an integer from 0 on',
  signed: 'an integer',
  fixed: 'a number from 0 on',
  'alpha-values': 'two integers from 0 to 65535, low and high',
  'recycle-or-burn': 'recycle or burn',
  'emission-split': 'integers from 0 to 65535, one for each mechanism, or even',
};

function badValue(name: string, { type }: HyperparameterRow, value: unknown): ChainError {
  return new ChainError('bad-value', `${name} takes ${WANTED[type]}, got ${typeof value} ${String(value)}`, { subject: name, expected: WANTED[type], actual: String(value) });
}

