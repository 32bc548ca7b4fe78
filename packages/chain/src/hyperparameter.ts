/**
 * Hyperparameters of subnets and of the whole chain: reading and setting them, and what speaks against a change.
 *
 * An owner may change each one once in `OwnerHyperparamRateLimit` epochs, and not in the last `AdminFreezeWindow` blocks before an epoch; both are looked
 * at before a call is sent, and so is what the value has to fit to. The chain's sudo key may change one as often as it likes, and alone may set those with `access: 'root'`; the window and most bounds bind it too where
 * an owner may set the same. That the account is the sudo key, and that there is such a subnet, is looked at as well.
 * @see pallets/admin-utils/src/lib.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { epochStateOf, EPOCH_ITEMS, nextEpochBlock, type EpochState } from './epoch-schedule.ts';
import { createCall, hasCall, sudo, type Inclusion, type SendOptions } from './extrinsic.ts';
import { HYPERPARAMETER_NAMES, OWNER_TEMPO_ROW, type HyperparameterName, type HyperparameterRow, type Hyperparameters, type HyperparameterValue } from './hyperparameter-table.ts';
import { constraintChecks, constraintQueries } from './hyperparameter-constraints.ts';
import { argumentsOf, decodeValue, isInteger, rowOf } from './hyperparameter-value.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid } from './identifier.ts';
import { openState } from './internal/block-state.ts';
import type { Runtime } from './internal/runtime.ts';
import { hasStorage, readPresent, readStorage, subtensor, toBoolean, toBytes, toNumber, type StorageQuery } from './internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from './plan.ts';
import { ownershipChecks, ownershipQueries } from './subnet.ts';

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
  const [stored, ...others] = await readPresent(await openState(chain), [queryOf(row, netuid), ...constraintQueries(name, netuid)]);
  const current = decodeValue(row, stored);
  const change = { row, netuid, account, value: args[0], fits: constraintChecks(name, value, others) };
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
 * Reads hyperparameters in one request: those of `names`, all by default. Those that the runtime lacks are left out.
 * @throws bad-value (unknown name), and as `Chain.request`
 * @example const { tempo } = await readHyperparameters(chain, { netuid: 1, names: ['tempo'] });
 */
export async function readHyperparameters<N extends HyperparameterName = HyperparameterName>(
  chain: Chain,
  { netuid, names = HYPERPARAMETER_NAMES as readonly N[], at }: { readonly netuid: number; readonly names?: readonly N[] | undefined } & ReadOptions,
): Promise<{ readonly [K in N]: HyperparameterValue<K> }> {
  const id = parseNetuid(netuid);
  const state = await openState(chain, at);
  const present = names.filter((name) => hasStorage(state.runtime, queryOf(rowOf(name), id)));
  const values = await readStorage(state, present.map((name) => queryOf(rowOf(name), id)));
  const entries = present.map((name, index) => [name, decodeValue(rowOf(name), values[index])]);
  return Object.fromEntries(entries) as { readonly [K in N]: HyperparameterValue<K> };
}

function rowFor(chain: Chain, name: string, isSudo: boolean): HyperparameterRow {
  const row = rowOf(name);
  return name === 'tempo' && !isSudo && hasCall(chain, OWNER_TEMPO_ROW.pallet, OWNER_TEMPO_ROW.call) ? OWNER_TEMPO_ROW : row;
}

function queryOf({ storage, scope }: HyperparameterRow, netuid: number): StorageQuery {
  return scope === 'network' ? subtensor(storage) : subtensor(storage, netuid);
}

interface OwnerChange {
  readonly row: HyperparameterRow;
  readonly netuid: number;
  readonly account: string;
  readonly value: unknown;
  /** What it is compared with on chain. */
  readonly fits: readonly Check[];
}

/** What the chain looks at for an owner: right, rate limit, freeze window, bounds. */
async function ownerChecks(chain: Chain, { row, netuid, account, value, fits }: OwnerChange): Promise<{ checks: Check[]; allowedFromBlock: number | undefined }> {
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
    ...fits,
    ...boundChecks(row, value),
  ];
  return { checks, allowedFromBlock: Math.max(freeFrom, window.opens, number + 1) };
}

/** What the chain looks at for its sudo key: that it is the one, the subnet, and where an owner may set the same, the freeze window and the bounds. */
async function sudoChecks(chain: Chain, { row, netuid, account, value, fits }: OwnerChange): Promise<{ checks: Check[]; allowedFromBlock: number | undefined }> {
  const { number, hash } = await chain.finalisedHead();
  const state = await openState(chain, hash);
  const [key, exists, freeze, ...epochs] = await readPresent(state, [{ pallet: 'Sudo', item: 'Key' }, subtensor('NetworksAdded', netuid), subtensor('AdminFreezeWindow'), ...EPOCH_ITEMS.map((item) => subtensor(item, netuid))]);
  const isKey = key !== undefined && hotkeyFromBytes(toBytes(key)) === account;
  const window = row.isFrozen === true ? windowChecks(epochStateOf(state, { netuid, blockNumber: number, values: epochs }), toNumber(freeze)) : undefined;
  const checks: Check[] = [
    [!isKey, 'RequireSudo', key === undefined ? 'this chain has no sudo key' : `the chain's sudo key is ${hotkeyFromBytes(toBytes(key))}`],
    ...(window?.checks ?? []),
    [row.scope === 'subnet' && !toBoolean(exists), 'SubnetDoesNotExist', `there is no subnet ${netuid}`],
    ...fits,
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
