/**
 * Neurons: burned registration with its price, uids, pruning.
 * @module
 * @see pallets/subtensor/src/subnets/registration.rs, uids.rs (opentensor/subtensor 14bc6f9f9)
 */
import { mul32, ONE_32 } from '../fixed.ts';
import { freeBalance } from './balances.ts';
import { recycleAlpha } from './emission.ts';
import { isEpochDue } from './epoch-schedule.ts';
import { ensure, ensureSigned, moduleFailure, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { MAX_PRICE_RAO, swapTaoForAlpha } from './pools.ts';
import { payIntoSubnet, recordFlow } from './stake.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { createHotkey, mechanismIndexes, ownerUid, ownsHotkey, subnetExists, withElement } from './subnet-lookup.ts';

type RegistrationNames = 'register' | 'burned_register' | 'register_limit' | 'root_register' | 'try_associate_hotkey';

/** The pallet's registration calls. `register` burns as `burned_register` does: its proof of work counts for nothing since spec 375. */
export const registrationCalls: Pick<CallHandlers<'SubtensorModule'>, RegistrationNames> = {
  register: (execution, origin, { netuid, hotkey }) => register(execution, origin, netuid, hotkey),
  burned_register: (execution, origin, { netuid, hotkey }) => register(execution, origin, netuid, hotkey),
  root_register: (execution, origin, { hotkey }) => registerOnRoot(execution, origin, hotkey),
  try_associate_hotkey: (execution, origin, { hotkey }) => createHotkey(execution, ensureSigned(origin), hotkey),
  register_limit: (execution, origin, { netuid, hotkey, limit_price }) => {
    ensureSigned(origin);
    ensure(netuid !== ROOT_NETUID, 'SubtensorModule', 'RegistrationNotPermittedOnRootSubnet');
    ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
    ensure(execution.storage.SubtensorModule.Burn.get(netuid) <= limit_price, 'SubtensorModule', 'RegistrationPriceLimitExceeded');
    register(execution, origin, netuid, hotkey);
  },
};

function register(execution: Execution, origin: Origin, netuid: number, hotkey: string): void {
  const coldkey = ensureSigned(origin);
  const { NetworkRegistrationAllowed, Uids, Burn, RegistrationsThisBlock, RAORecycledForRegistration } = execution.storage.SubtensorModule;
  ensure(netuid !== ROOT_NETUID, 'SubtensorModule', 'RegistrationNotPermittedOnRootSubnet');
  ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  ensure(NetworkRegistrationAllowed.get(netuid), 'SubtensorModule', 'SubNetRegistrationDisabled');
  ensure(!Uids.has(netuid, hotkey), 'SubtensorModule', 'HotKeyAlreadyRegisteredInSubNet');
  const cost = Burn.get(netuid);
  ensure(cost <= freeBalance(execution, coldkey), 'SubtensorModule', 'NotEnoughBalanceToStake');
  createHotkey(execution, coldkey, hotkey);
  ensure(ownsHotkey(execution, coldkey, hotkey), 'SubtensorModule', 'NonAssociatedColdKey');
  const uid = freeUid(execution, netuid);
  buyAndBurn(execution, { netuid, coldkey, cost });
  seatNeuron(execution, netuid, uid, hotkey);
  bumpPrice(execution, netuid);
  RegistrationsThisBlock.set(netuid, RegistrationsThisBlock.get(netuid) + 1);
  RAORecycledForRegistration.set(netuid, RAORecycledForRegistration.get(netuid) + cost);
  execution.deposit('SubtensorModule', 'NeuronRegistered', [netuid, uid, hotkey]);
}

/** The price buys alpha from the pool, which is gone for good. */
function buyAndBurn(execution: Execution, { netuid, coldkey, cost }: { netuid: number; coldkey: string; cost: bigint }): void {
  const paid = payIntoSubnet(execution, netuid, coldkey, cost);
  const { paidOut } = swapTaoForAlpha(execution, netuid, { amount: paid, limitRao: MAX_PRICE_RAO });
  recycleAlpha(execution, netuid, paidOut);
  recordFlow(execution, netuid, paid);
}

/** Root takes the hotkeys with the most stake: a new one in place of that with the least. @see coinbase/root.rs:75 */
function registerOnRoot(execution: Execution, origin: Origin, hotkey: string): void {
  const coldkey = ensureSigned(origin);
  const { RegistrationsThisBlock, MaxRegistrationsPerBlock, RegistrationsThisInterval, TargetRegistrationsPerInterval, Uids, Delegates } = execution.storage.SubtensorModule;
  ensure(subnetExists(execution, ROOT_NETUID), 'SubtensorModule', 'RootNetworkDoesNotExist');
  ensure(RegistrationsThisBlock.get(ROOT_NETUID) < MaxRegistrationsPerBlock.get(ROOT_NETUID), 'SubtensorModule', 'TooManyRegistrationsThisBlock');
  ensure(RegistrationsThisInterval.get(ROOT_NETUID) < TargetRegistrationsPerInterval.get(ROOT_NETUID) * 3, 'SubtensorModule', 'TooManyRegistrationsThisInterval');
  ensure(!Uids.has(ROOT_NETUID, hotkey), 'SubtensorModule', 'HotKeyAlreadyRegisteredInSubNet');
  createHotkey(execution, coldkey, hotkey);
  const uid = rootUid(execution, hotkey);
  seatNeuron(execution, ROOT_NETUID, uid, hotkey);
  if (!Delegates.has(hotkey)) Delegates.set(hotkey, Delegates.get(hotkey));
  for (const count of [RegistrationsThisInterval, RegistrationsThisBlock]) count.set(ROOT_NETUID, count.get(ROOT_NETUID) + 1);
  execution.deposit('SubtensorModule', 'NeuronRegistered', [ROOT_NETUID, uid, hotkey]);
}

function rootUid(execution: Execution, hotkey: string): number {
  const { SubnetworkN, MaxAllowedUids, Keys, TotalHotkeyAlpha } = execution.storage.SubtensorModule;
  const count = SubnetworkN.get(ROOT_NETUID);
  if (count < MaxAllowedUids.get(ROOT_NETUID)) return count;
  const stakes = Array.from({ length: count }, (_, uid) => ({ uid, stake: TotalHotkeyAlpha.get(Keys.get(ROOT_NETUID, uid), ROOT_NETUID) }));
  const least = stakes.reduce((a, b) => (b.stake < a.stake ? b : a));
  ensure(least.stake < TotalHotkeyAlpha.get(hotkey, ROOT_NETUID), 'SubtensorModule', 'StakeTooLowForRoot');
  return least.uid;
}

/** The next uid, or that of the neuron to prune. */
function freeUid(execution: Execution, netuid: number): number {
  const { SubnetworkN, MaxAllowedUids } = execution.storage.SubtensorModule;
  const max = MaxAllowedUids.get(netuid);
  const count = SubnetworkN.get(netuid);
  const uid = max === 0 ? undefined : count < max ? count : neuronToPrune(execution, netuid);
  if (uid === undefined) throw moduleFailure('SubtensorModule', 'NoNeuronIdAvailable');
  return uid;
}

interface Candidate {
  readonly uid: number;
  readonly emission: bigint;
  readonly registered: bigint;
}

/** Lowest emission, then oldest, then lowest uid; immune ones only when too few others are left; the owner's hotkeys never. */
function neuronToPrune(execution: Execution, netuid: number): number | undefined {
  const { SubnetworkN, Emission, BlockAtRegistration, ImmunityPeriod, MinNonImmuneUids } = execution.storage.SubtensorModule;
  const emissions = Emission.get(netuid);
  const safe = ownerUids(execution, netuid);
  const candidates = Array.from({ length: SubnetworkN.get(netuid) }, (_, uid): Candidate => {
    return { uid, emission: emissions[uid] ?? 0n, registered: BlockAtRegistration.get(netuid, uid) };
  }).filter(({ uid }) => !safe.has(uid));
  const isImmune = ({ registered }: Candidate): boolean => execution.block - registered < BigInt(ImmunityPeriod.get(netuid));
  const others = candidates.filter((candidate) => !isImmune(candidate));
  const pool = others.length > MinNonImmuneUids.get(netuid) ? others : candidates.filter(isImmune);
  return pool.sort(byWorth)[0]?.uid;
}

function byWorth(a: Candidate, b: Candidate): number {
  if (a.emission !== b.emission) return a.emission < b.emission ? -1 : 1;
  if (a.registered !== b.registered) return a.registered < b.registered ? -1 : 1;
  return a.uid - b.uid;
}

/** The owner hotkey and the owner's oldest other neurons, `ImmuneOwnerUidsLimit` in all. */
export function ownerUids(execution: Execution, netuid: number): ReadonlySet<number> {
  const { SubnetOwner, OwnedHotkeys, Uids, BlockAtRegistration, ImmuneOwnerUidsLimit } = execution.storage.SubtensorModule;
  const owned = OwnedHotkeys.get(SubnetOwner.get(netuid))
    .map((hotkey) => Uids.get(netuid, hotkey))
    .filter((uid) => uid !== undefined)
    .sort((a, b) => Number(BlockAtRegistration.get(netuid, a) - BlockAtRegistration.get(netuid, b)) || a - b);
  const limit = ImmuneOwnerUidsLimit.get(netuid);
  const immune = owned.slice(0, limit);
  const owner = ownerUid(execution, netuid);
  if (owner !== undefined && !immune.includes(owner)) immune.unshift(owner);
  return new Set(immune.slice(0, limit));
}

/** Puts a hotkey on a uid: behind the last one, or in place of the neuron that has it. */
export function seatNeuron(execution: Execution, netuid: number, uid: number, hotkey: string): void {
  const { SubnetworkN, Keys, Uids, BlockAtRegistration, IsNetworkMember, LastUpdate } = execution.storage.SubtensorModule;
  if (uid < SubnetworkN.get(netuid)) unseatNeuron(execution, netuid, uid);
  else SubnetworkN.set(netuid, uid + 1);
  clearFigures(execution, netuid, uid);
  Keys.set(netuid, uid, hotkey);
  Uids.set(netuid, hotkey, uid);
  BlockAtRegistration.set(netuid, uid, execution.block);
  IsNetworkMember.set(hotkey, netuid, true);
  for (const index of mechanismIndexes(execution, netuid)) LastUpdate.set(index, withElement(LastUpdate.get(index), uid, execution.block, 0n));
}

function unseatNeuron(execution: Execution, netuid: number, uid: number): void {
  const { Keys, Uids, IsNetworkMember, Axons, NeuronCertificates, Prometheus, Weights, Bonds } = execution.storage.SubtensorModule;
  const old = Keys.get(netuid, uid);
  Uids.remove(netuid, old);
  IsNetworkMember.remove(old, netuid);
  for (const served of [Axons, NeuronCertificates, Prometheus]) served.remove(netuid, old);
  for (const index of mechanismIndexes(execution, netuid)) {
    Bonds.remove(index, uid);
    Weights.remove(index, uid);
    for (const [[, row], weights] of Weights.entries(index)) {
      if (weights.some(([to]) => to === uid)) Weights.set(index, row, weights.map(([to, weight]) => [to, to === uid ? 0 : weight] as const));
    }
  }
}

function clearFigures(execution: Execution, netuid: number, uid: number): void {
  const { Active, Emission, Consensus, Incentive, Dividends, StakeWeight, ValidatorTrust, ValidatorPermit } = execution.storage.SubtensorModule;
  Active.set(netuid, withElement(Active.get(netuid), uid, true, false));
  Emission.set(netuid, withElement(Emission.get(netuid), uid, 0n, 0n));
  ValidatorPermit.set(netuid, withElement(ValidatorPermit.get(netuid), uid, false, false));
  for (const item of [Consensus, Dividends, ValidatorTrust]) item.set(netuid, withElement(item.get(netuid), uid, 0, 0));
  for (const index of mechanismIndexes(execution, netuid)) Incentive.set(index, withElement(Incentive.get(index), uid, 0, 0));
  if (uid < StakeWeight.get(netuid).length) StakeWeight.set(netuid, withElement(StakeWeight.get(netuid), uid, 0, 0));
}

function bumpPrice(execution: Execution, netuid: number): void {
  const { Burn, BurnIncreaseMult } = execution.storage.SubtensorModule;
  const factor = BurnIncreaseMult.get(netuid).bits;
  const one = 1n << 64n;
  Burn.set(netuid, clampPrice(execution, netuid, (Burn.get(netuid) * (factor > one ? factor : one)) >> 64n));
}

/** At the start of each block the price falls by 2^(−1/BurnHalfLife), and the counts of registrations begin anew. */
export function decayPrice(execution: Execution, netuid: number): void {
  const { Burn, BurnHalfLife, RegistrationsThisBlock, RegistrationsThisInterval } = execution.storage.SubtensorModule;
  const burn = Burn.get(netuid);
  const factor = execution.blockNumber > 1 ? decayFactor(BurnHalfLife.get(netuid)) : ONE_32;
  const next = clampPrice(execution, netuid, mul32(burn, factor));
  if (next !== burn) Burn.set(netuid, next);
  if (RegistrationsThisBlock.get(netuid) !== 0) RegistrationsThisBlock.set(netuid, 0);
  const isNewInterval = netuid === ROOT_NETUID && isEpochDue(execution, netuid);
  if (isNewInterval && RegistrationsThisInterval.get(netuid) !== 0) RegistrationsThisInterval.set(netuid, 0);
}

const decayFactors = new Map<number, bigint>();

/** The greatest factor of 32 fractional bits whose power, cut off at each step, is no more than a half after `halfLife` blocks. */
function decayFactor(halfLife: number): bigint {
  if (halfLife === 0) return ONE_32;
  const known = decayFactors.get(halfLife);
  if (known !== undefined) return known;
  let [low, high] = [0n, ONE_32];
  while (low + 1n < high) {
    const middle = (low + high) >> 1n;
    if (power32(middle, halfLife) > ONE_32 / 2n) high = middle;
    else low = middle;
  }
  decayFactors.set(halfLife, low);
  return low;
}

/** Powers by squaring, each product cut off. */
function power32(base: bigint, exponent: number): bigint {
  let [result, factor] = [ONE_32, base];
  for (let left = exponent; left > 0; left >>= 1) {
    if ((left & 1) === 1) result = mul32(result, factor);
    factor = mul32(factor, factor);
  }
  return result;
}

function clampPrice(execution: Execution, netuid: number, price: bigint): bigint {
  const min = execution.storage.SubtensorModule.MinBurn.get(netuid);
  const max = execution.storage.SubtensorModule.MaxBurn.get(netuid);
  return price < min ? min : price > max ? max : price;
}
