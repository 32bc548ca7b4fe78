/**
 * A subnet made smaller at once: the neurons with the lowest emission go, and those that stay move together to the lowest uids.
 * @module
 * @see pallets/subtensor/src/subnets/uids.rs:139 (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, type Execution } from './execution.ts';
import { ownerUids } from './registration.ts';
import { mechanismIndexes, subnetExists } from './subnet-lookup.ts';

/** `MaxImmuneUidsPercentage`, which immune neurons must stay below. */
const MAX_IMMUNE_PERCENT = 80;

/** Sets `MaxAllowedUids`, and takes out as many neurons as stand above it. */
export function trimUids(execution: Execution, netuid: number, max: number): void {
  const { MinAllowedUids, MaxAllowedUids, SubnetworkN } = execution.storage.SubtensorModule;
  ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  ensure(max >= MinAllowedUids.get(netuid) && max <= MaxAllowedUids.get(netuid), 'SubtensorModule', 'InvalidValue');
  MaxAllowedUids.set(netuid, max);
  if (SubnetworkN.get(netuid) <= max) return;
  const removed = uidsToRemove(execution, netuid, max);
  for (const uid of removed) removeNeuron(execution, netuid, uid);
  const kept = Array.from({ length: SubnetworkN.get(netuid) }, (_, uid) => uid).filter((uid) => !removed.has(uid));
  compressVectors(execution, netuid, kept);
  moveNeurons(execution, netuid, kept);
  SubnetworkN.set(netuid, max);
}

/** Of those that are neither the owner's nor new, the lowest emission first, of equals the highest uid. */
function uidsToRemove(execution: Execution, netuid: number, max: number): ReadonlySet<number> {
  const { SubnetworkN, Emission, BlockAtRegistration, ImmunityPeriod } = execution.storage.SubtensorModule;
  const owners = ownerUids(execution, netuid);
  const uids = Array.from({ length: SubnetworkN.get(netuid) }, (_, uid) => uid);
  const isImmune = (uid: number): boolean => owners.has(uid) || execution.block - BlockAtRegistration.get(netuid, uid) < BigInt(ImmunityPeriod.get(netuid));
  const percent = max === 0 ? 100 : Math.floor((uids.filter(isImmune).length * 100) / max);
  ensure(percent < MAX_IMMUNE_PERCENT, 'SubtensorModule', 'TrimmingWouldExceedMaxImmunePercentage');
  const emissions = Emission.get(netuid);
  const emissionOf = (uid: number): bigint => emissions[uid] ?? 0n;
  const worstFirst = uids.filter((uid) => !isImmune(uid)).sort((a, b) => (emissionOf(a) === emissionOf(b) ? b - a : emissionOf(a) < emissionOf(b) ? -1 : 1));
  return new Set(worstFirst.slice(0, uids.length - max));
}

function removeNeuron(execution: Execution, netuid: number, uid: number): void {
  const subtensor = execution.storage.SubtensorModule;
  const hotkey = subtensor.Keys.get(netuid, uid);
  for (const item of [subtensor.Uids, subtensor.AlphaDividendsPerSubnet, subtensor.Axons, subtensor.NeuronCertificates, subtensor.Prometheus]) item.remove(netuid, hotkey);
  for (const item of [subtensor.IsNetworkMember, subtensor.LastHotkeyEmissionOnNetuid]) item.remove(hotkey, netuid);
  for (const item of [subtensor.Keys, subtensor.BlockAtRegistration]) item.remove(netuid, uid);
  for (const index of mechanismIndexes(execution, netuid)) for (const item of [subtensor.Weights, subtensor.Bonds]) item.remove(index, uid);
}

/** The figures of those that stay, in the order of their uids. */
function compressVectors(execution: Execution, netuid: number, kept: readonly number[]): void {
  const { Emission, Active, ValidatorPermit, Consensus, Dividends, ValidatorTrust, StakeWeight, Incentive, LastUpdate } = execution.storage.SubtensorModule;
  const pick = <T>(figures: readonly T[], none: T): T[] => kept.map((uid) => figures[uid] ?? none);
  Emission.set(netuid, pick(Emission.get(netuid), 0n));
  for (const item of [Active, ValidatorPermit]) item.set(netuid, pick(item.get(netuid), false));
  for (const item of [Consensus, Dividends, ValidatorTrust, StakeWeight]) item.set(netuid, pick(item.get(netuid), 0));
  for (const index of mechanismIndexes(execution, netuid)) {
    Incentive.set(index, pick(Incentive.get(index), 0));
    LastUpdate.set(index, pick(LastUpdate.get(index), 0n));
  }
}

/** Their keys, and their weights and bonds, in which those that are gone are left out. */
function moveNeurons(execution: Execution, netuid: number, kept: readonly number[]): void {
  const { Keys, Uids, BlockAtRegistration, Weights, Bonds } = execution.storage.SubtensorModule;
  const newUids = new Map(kept.map((uid, index) => [uid, index]));
  Uids.clear(netuid);
  for (const [from, to] of newUids) {
    const [hotkey, registered] = [Keys.get(netuid, from), BlockAtRegistration.get(netuid, from)];
    for (const item of [Keys, BlockAtRegistration]) item.remove(netuid, from);
    Keys.set(netuid, to, hotkey);
    Uids.set(netuid, hotkey, to);
    BlockAtRegistration.set(netuid, to, registered);
    for (const index of mechanismIndexes(execution, netuid)) {
      for (const item of [Weights, Bonds]) {
        const row = item.get(index, from).flatMap(([target, value]) => (newUids.has(target) ? [[newUids.get(target) as number, value] as const] : []));
        item.remove(index, from);
        item.set(index, to, row);
      }
    }
  }
}
