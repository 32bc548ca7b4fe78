/**
 * Small questions about subnets, hotkeys and neurons that several calls ask.
 * @module
 */
import { concatBytes, toHex } from '../hex.ts';
import { DispatchFailure, ensure, ZERO_ACCOUNT, type Execution, type Origin } from './execution.ts';
import type { Storage } from './storage.ts';

/** Whether the subnet exists (root does). */
export function subnetExists(execution: Execution, netuid: number): boolean {
  return execution.storage.SubtensorModule.NetworksAdded.get(netuid);
}

/** All netuids but root, in the order of their storage keys. */
export function subnetsOf(storage: Storage): number[] {
  return storage.SubtensorModule.NetworksAdded.entries().flatMap(([[netuid], added]) => (added && netuid !== 0 ? [netuid] : []));
}

/** Fails unless the subnet has the mechanism. */
export function ensureMechanismExists(execution: Execution, netuid: number, mechanism: number): void {
  const exists = subnetExists(execution, netuid) && mechanism < execution.storage.SubtensorModule.MechanismCountCurrent.get(netuid);
  ensure(exists, 'SubtensorModule', 'MechanismDoesNotExist');
}

/** Whether the hotkey has an owner, which registration gives it. */
export function hotkeyExists(execution: Execution, hotkey: string): boolean {
  return execution.storage.SubtensorModule.Owner.has(hotkey);
}

/** Creates the pairing of a hotkey that nobody owns yet. */
export function createHotkey(execution: Execution, coldkey: string, hotkey: string): void {
  ensure(!isSubnetAccount(hotkey), 'SubtensorModule', 'CannotUseSystemAccount');
  if (hotkeyExists(execution, hotkey)) return;
  const { Owner, OwnedHotkeys, StakingHotkeys } = execution.storage.SubtensorModule;
  Owner.set(hotkey, coldkey);
  for (const list of [OwnedHotkeys, StakingHotkeys]) {
    if (!list.get(coldkey).includes(hotkey)) list.set(coldkey, [...list.get(coldkey), hotkey]);
  }
}

/** Fails with `BadOrigin` unless root or the subnet's owner calls; the owner's account, if it is the owner. */
export function ensureOwnerOrRoot(execution: Execution, origin: Origin, netuid: number): string | undefined {
  if (origin.type === 'root') return undefined;
  const isOwner = origin.type === 'signed' && execution.storage.SubtensorModule.SubnetOwner.get(netuid) === origin.account;
  if (!isOwner) throw new DispatchFailure({ type: 'BadOrigin' });
  return origin.account;
}

/** Whether the coldkey owns the hotkey. */
export function ownsHotkey(execution: Execution, coldkey: string, hotkey: string): boolean {
  return execution.storage.SubtensorModule.Owner.get(hotkey) === coldkey;
}

/** The uid of the subnet owner's hotkey, if it is registered. */
export function ownerUid(execution: Execution, netuid: number): number | undefined {
  const { SubnetOwnerHotkey, Uids } = execution.storage.SubtensorModule;
  const hotkey = SubnetOwnerHotkey.get(netuid);
  return hotkey === ZERO_ACCOUNT ? undefined : Uids.get(netuid, hotkey);
}

/** The account that holds a subnet's TAO: `modl` ‖ `subtensr` ‖ netuid (u16), filled up with zeros. */
export function subnetAccount(netuid: number): string {
  const id = new Uint8Array(20);
  new DataView(id.buffer).setUint16(0, netuid, true);
  return toHex(concatBytes(new TextEncoder().encode('modlsubtensr'), id));
}

/** Whether the account is one that holds a subnet's TAO. */
export function isSubnetAccount(account: string): boolean {
  return account.startsWith(SUBNET_ACCOUNT_PREFIX) && account.endsWith('0'.repeat(36));
}

const SUBNET_ACCOUNT_PREFIX: string = toHex(new TextEncoder().encode('modlsubtensr'));

/** The key under which weights and what follows from them stand: mechanism · 4096 + netuid. */
export function mechanismIndex(netuid: number, mechanism: number): number {
  return mechanism * 4096 + netuid;
}

/** The keys of all mechanisms of a subnet. */
export function mechanismIndexes(execution: Execution, netuid: number): number[] {
  const count = execution.storage.SubtensorModule.MechanismCountCurrent.get(netuid);
  return Array.from({ length: count }, (_, mechanism) => mechanismIndex(netuid, mechanism));
}

/** The list with one element replaced, filled with `fill` up to it. */
export function withElement<T>(list: readonly T[], index: number, value: T, fill: T): T[] {
  const copy = [...list];
  while (copy.length <= index) copy.push(fill);
  copy[index] = value;
  return copy;
}
