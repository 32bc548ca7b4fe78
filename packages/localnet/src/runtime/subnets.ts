/**
 * Subnets: creation with its lock cost and rate limit, and the owner's start call.
 * @module
 * @see pallets/subtensor/src/subnets/subnet.rs (opentensor/subtensor 14bc6f9f9)
 */
import { div64, ONE_64 } from '../fixed.ts';
import { TOKEN_SYMBOLS } from '../token-symbols.ts';
import { freeBalance } from './balances.ts';
import { scheduleChildren } from './children.ts';
import { dissolveNetwork } from './dissolution.ts';
import { emissionAt, movingPrice } from './emission.ts';
import { beginSchedule } from './epoch-schedule.ts';
import { DispatchFailure, ensure, ensureRoot, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { setSubnetIdentity } from './identities.ts';
import { alphaPrice, notePool } from './pools.ts';
import { seatNeuron } from './registration.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { payIntoSubnet } from './stake.ts';
import { createHotkey, ensureOwnerOrRoot, hotkeyExists, isSubnetAccount, ownsHotkey, subnetExists, subnetsOf } from './subnet-lookup.ts';

const NETWORK_LAST_REGISTERED = { type: 'NetworkLastRegistered' } as const;
/** `DefaultNeuronBurnCost`: 1 TAO. */
const FIRST_BURN_RAO = 1_000_000_000n;
const DEFAULT_TEMPO = 360;

type SubnetNames = 'register_network' | 'register_network_with_identity' | 'start_call' | 'dissolve_network' | 'root_dissolve_network' | 'update_symbol';

/** The pallet's calls on subnets. */
export const subnetCalls: Pick<CallHandlers<'SubtensorModule'>, SubnetNames> = {
  register_network: (execution, origin, { hotkey }) => void registerNetwork(execution, ensureSigned(origin), hotkey),
  register_network_with_identity: (execution, origin, { hotkey, identity }) => {
    const netuid = registerNetwork(execution, ensureSigned(origin), hotkey);
    if (identity !== undefined) setSubnetIdentity(execution, netuid, identity);
  },
  start_call: (execution, origin, { netuid }) => {
    const { SubnetOwner, FirstEmissionBlockNumber, SubtokenEnabled, NetworkRegisteredAt, StartCallDelay } = execution.storage.SubtensorModule;
    ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
    if (SubnetOwner.get(netuid) !== ensureSigned(origin)) throw new DispatchFailure({ type: 'BadOrigin' });
    ensure(FirstEmissionBlockNumber.get(netuid) === undefined, 'SubtensorModule', 'FirstEmissionBlockNumberAlreadySet');
    const due = NetworkRegisteredAt.get(netuid) + StartCallDelay.get();
    ensure(execution.block >= due, 'SubtensorModule', 'NeedWaitingMoreBlocksToStarCall');
    FirstEmissionBlockNumber.set(netuid, execution.block + 1n);
    SubtokenEnabled.set(netuid, true);
    execution.deposit('SubtensorModule', 'FirstEmissionBlockNumberSet', [netuid, execution.block + 1n]);
  },
  // The coldkey counts for nothing: it is root's call, too.
  dissolve_network: (execution, origin, { netuid }) => {
    ensureRoot(origin);
    dissolveNetwork(execution, netuid);
  },
  root_dissolve_network: (execution, origin, { netuid }) => {
    ensureRoot(origin);
    dissolveNetwork(execution, netuid);
  },
  update_symbol: (execution, origin, { netuid, symbol }) => {
    ensureOwnerOrRoot(execution, origin, netuid);
    const text = new TextDecoder().decode(symbol);
    ensure(TOKEN_SYMBOLS.includes(text), 'SubtensorModule', 'SymbolDoesNotExist');
    ensure(!usedSymbols(execution).has(text), 'SubtensorModule', 'SymbolAlreadyInUse');
    execution.storage.SubtensorModule.TokenSymbol.set(netuid, symbol);
    execution.deposit('SubtensorModule', 'SymbolUpdated', { netuid, symbol });
  },
};

function registerNetwork(execution: Execution, coldkey: string, hotkey: string): number {
  const { NetworkRegistrationStartBlock, SubnetLimit } = execution.storage.SubtensorModule;
  ensure(!hotkeyExists(execution, hotkey) || ownsHotkey(execution, coldkey, hotkey), 'SubtensorModule', 'NonAssociatedColdKey');
  ensure(!isSubnetAccount(hotkey), 'SubtensorModule', 'CannotUseSystemAccount');
  ensure(execution.block >= NetworkRegistrationStartBlock.get(), 'SubtensorModule', 'SubNetRegistrationDisabled');
  ensure(passesNetworkRateLimit(execution), 'SubtensorModule', 'NetworkTxRateLimitExceeded');
  const isFull = subnetsOf(execution.storage).length >= SubnetLimit.get();
  const pruned = isFull ? networkToPrune(execution) : undefined;
  ensure(!isFull || pruned !== undefined, 'SubtensorModule', 'SubnetLimitReached');
  const lockRao = networkLockCost(execution);
  ensure(lockRao <= freeBalance(execution, coldkey), 'SubtensorModule', 'CannotAffordLockCost');
  if (pruned !== undefined) dissolveNetwork(execution, pruned);
  const netuid = pruned ?? nextNetuid(execution);
  createSubnet(execution, { netuid, coldkey, hotkey, lockRao });
  return netuid;
}

function nextNetuid(execution: Execution): number {
  const { NetworksAdded } = execution.storage.SubtensorModule;
  let netuid = 1;
  while (NetworksAdded.has(netuid)) netuid += 1;
  return netuid;
}

/** The subnet out of its immunity whose alpha has the lowest moving price, the oldest of equals. */
export function networkToPrune(execution: Execution): number | undefined {
  const { NetworkRegisteredAt, NetworkImmunityPeriod } = execution.storage.SubtensorModule;
  const candidates = subnetsOf(execution.storage)
    .map((netuid) => ({ netuid, registered: NetworkRegisteredAt.get(netuid), price: movingPrice(execution, netuid) }))
    .filter(({ registered }) => execution.block >= registered + NetworkImmunityPeriod.get());
  const isWorse = (a: (typeof candidates)[number], b: (typeof candidates)[number]): boolean => a.price < b.price || (a.price === b.price && a.registered < b.registered);
  return candidates.reduce<(typeof candidates)[number] | undefined>((least, candidate) => (least === undefined || isWorse(candidate, least) ? candidate : least), undefined)?.netuid;
}

function usedSymbols(execution: Execution): ReadonlySet<string> {
  return new Set(execution.storage.SubtensorModule.TokenSymbol.entries().map(([, symbol]) => new TextDecoder().decode(symbol)));
}

/** The netuid's own symbol, or the first that no subnet has. */
function freeSymbol(execution: Execution, netuid: number): string {
  const used = usedSymbols(execution);
  const own = TOKEN_SYMBOLS[netuid] ?? (TOKEN_SYMBOLS[0] as string);
  return used.has(own) ? (TOKEN_SYMBOLS.find((symbol) => !used.has(symbol)) ?? (TOKEN_SYMBOLS[0] as string)) : own;
}

/** Whether a network may be registered again (`NetworkRateLimit`, for all coldkeys together). */
export function passesNetworkRateLimit(execution: Execution): boolean {
  const { LastRateLimitedBlock, NetworkRateLimit } = execution.storage.SubtensorModule;
  const last = LastRateLimitedBlock.get(NETWORK_LAST_REGISTERED);
  return last === 0n || execution.block - last >= NetworkRateLimit.get();
}

/** Twice the last lock, falling linearly over the reduction interval, never below the minimum. In rao. */
export function networkLockCost(execution: Execution): bigint {
  const { LastRateLimitedBlock, NetworkLastLockCost, NetworkMinLockCost, NetworkLockReductionInterval } = execution.storage.SubtensorModule;
  const lastBlock = LastRateLimitedBlock.get(NETWORK_LAST_REGISTERED);
  const last = NetworkLastLockCost.get();
  const interval = (NetworkLockReductionInterval.get() * emissionAt(execution.storage.SubtensorModule.TotalIssuance.get())) / 1_000_000_000n;
  const fallen = (interval === 0n ? 0n : last / interval) * (execution.block - lastBlock);
  const cost = last * (lastBlock === 0n ? 1n : 2n) - fallen;
  const min = NetworkMinLockCost.get();
  return cost < min ? min : cost;
}

interface NewSubnet {
  readonly netuid: number;
  readonly coldkey: string;
  readonly hotkey: string;
  readonly lockRao: bigint;
}

function createSubnet(execution: Execution, { netuid, coldkey, hotkey, lockRao }: NewSubnet): void {
  const subtensor = execution.storage.SubtensorModule;
  const price = medianPrice(execution);
  initializeSubnet(execution, netuid);
  const paid = payIntoSubnet(execution, netuid, coldkey, lockRao);
  subtensor.NetworkLastLockCost.set(paid);
  subtensor.LastRateLimitedBlock.set(NETWORK_LAST_REGISTERED, execution.block);
  createHotkey(execution, coldkey, hotkey);
  seatNeuron(execution, netuid, 0, hotkey);
  subtensor.SubnetMechanism.set(netuid, 1);
  subtensor.NetworkRegisteredAt.set(netuid, execution.block);
  subtensor.RegisteredSubnetCounter.set(netuid, subtensor.RegisteredSubnetCounter.get(netuid) + 1n);
  subtensor.TokenSymbol.set(netuid, new TextEncoder().encode(freeSymbol(execution, netuid)));
  fillPool(execution, netuid, { paid, price });
  subtensor.SubnetOwner.set(netuid, coldkey);
  subtensor.SubnetOwnerHotkey.set(netuid, hotkey);
  execution.deposit('SubtensorModule', 'SubnetOwnerHotkeySet', [netuid, hotkey]);
  subtensor.SubnetLocked.set(netuid, paid);
  adoptRootValidators(execution, netuid, hotkey);
  execution.deposit('SubtensorModule', 'NetworkAdded', [netuid, 1]);
  subtensor.SubnetEmissionEnabled.set(netuid, false);
}

/** The lock is the pool's TAO, and as much alpha goes in as makes its price the median of the subnets that are. */
function fillPool(execution: Execution, netuid: number, { paid, price }: { paid: bigint; price: bigint }): void {
  const { SubnetTAO, SubnetAlphaIn, SubnetAlphaOut, SubnetVolume, RAORecycledForRegistration, NetworkMinLockCost, TotalStake } = execution.storage.SubtensorModule;
  const min = NetworkMinLockCost.get();
  const tao = paid > min ? paid : min;
  SubnetTAO.set(netuid, tao);
  SubnetAlphaIn.set(netuid, div64(tao << 64n, price) >> 64n);
  SubnetAlphaOut.set(netuid, 0n);
  SubnetVolume.set(netuid, 0n);
  RAORecycledForRegistration.set(netuid, 0n);
  TotalStake.set(TotalStake.get() + tao);
  notePool(execution, netuid);
}

/** The median of the pools' prices, U64F64; 1 where there is none. */
function medianPrice(execution: Execution): bigint {
  const prices = subnetsOf(execution.storage).map((netuid) => alphaPrice(execution, netuid)).filter((price) => price > 0n);
  const sorted = prices.sort((a, b) => (a < b ? -1 : 1));
  const [lower, upper] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return lower === undefined || upper === undefined ? ONE_64 : (lower + upper) / 2n;
}

/** Root validators that allow it lend their stake to the new subnet's owner. */
function adoptRootValidators(execution: Execution, netuid: number, ownerHotkey: string): void {
  const { Keys, Owner, AutoParentDelegationEnabled } = execution.storage.SubtensorModule;
  for (const [, hotkey] of Keys.entries(ROOT_NETUID)) {
    if (hotkey === ownerHotkey || !AutoParentDelegationEnabled.get(hotkey)) continue;
    execution.attempt(() => scheduleChildren(execution, Owner.get(hotkey), { hotkey, netuid, children: [[U64_MAX, ownerHotkey]] }));
  }
}

const U64_MAX: bigint = (1n << 64n) - 1n;

/** `init_new_network`: what a new subnet does not leave at the storage defaults. */
function initializeSubnet(execution: Execution, netuid: number): void {
  const subtensor = execution.storage.SubtensorModule;
  subtensor.SubnetworkN.set(netuid, 0);
  subtensor.NetworksAdded.set(netuid, true);
  subtensor.Tempo.set(netuid, DEFAULT_TEMPO);
  beginSchedule(execution, netuid);
  subtensor.TotalNetworks.set(subtensor.TotalNetworks.get() + 1);
  subtensor.NetworkRegistrationAllowed.set(netuid, true);
  execution.deposit('SubtensorModule', 'RegistrationAllowed', [netuid, true]);
  subtensor.MaxAllowedUids.set(netuid, 256);
  execution.deposit('SubtensorModule', 'MaxAllowedUidsSet', [netuid, 256]);
  subtensor.MaxAllowedValidators.set(netuid, 64);
  execution.deposit('SubtensorModule', 'MaxAllowedValidatorsSet', [netuid, 64]);
  subtensor.MinAllowedWeights.set(netuid, 1);
  execution.deposit('SubtensorModule', 'MinAllowedWeightSet', [netuid, 1]);
  subtensor.ImmunityPeriod.set(netuid, 5000);
  execution.deposit('SubtensorModule', 'ImmunityPeriodSet', [netuid, 5000]);
  subtensor.Yuma3On.set(netuid, true);
  subtensor.Burn.set(netuid, FIRST_BURN_RAO);
  if (execution.commitRevealDefault === false) subtensor.CommitRevealWeightsEnabled.set(netuid, false);
}
