/**
 * A subnet in the storage of a scripted node: number 3, owned and paid for by Alice, who is the chain's sudo key too, where Bob's hotkey is hers.
 * @module
 */
import { toHex } from '@connito/commit-reveal';
import { openKeypair, type Chain } from '../src/index.ts';
import { entryOf, u64Hex, type ScriptedNode } from './scripted-node.ts';

export const NETUID = 3;
export const ALICE = openKeypair('//Alice');
export const BOB = openKeypair('//Bob');
export const LOCK_COST_RAO = 1000n * 10n ** 9n;

/** Sets values of SubtensorModule, SCALE as hex. */
export type SetItem = (item: string, args: readonly unknown[], value: string) => void;

export function subtensorSetter(node: ScriptedNode, chain: Chain): SetItem {
  return (item, args, value) => void node.storage.set(entryOf(chain, 'subtensorModule', item).key(...args), value);
}

/** Puts the subnet into the next block's storage, and makes that block. */
export function setUpSubnet(node: ScriptedNode, chain: Chain): SetItem {
  const set = subtensorSetter(node, chain);
  const alice = `0x${toHex(ALICE.publicKey)}`;
  set('networksAdded', [NETUID], '0x01');
  set('subnetOwner', [NETUID], alice);
  set('subnetOwnerHotkey', [NETUID], alice);
  set('owner', [BOB.hotkey], alice);
  set('subtokenEnabled', [NETUID], '0x01');
  node.storage.set(entryOf(chain, 'sudo', 'key').key(), alice);
  setBalance(node, chain, { account: ALICE.hotkey, freeRao: 5000n * 10n ** 9n });
  node.runtime.set('SubnetRegistrationRuntimeApi_get_network_registration_cost', () => u64Hex(LOCK_COST_RAO));
  node.runtime.set('StakeInfoRuntimeApi_get_stake_info_for_hotkey_coldkey_netuid', () => '0x00');
  node.seal(0);
  return set;
}

export function setBalance(node: ScriptedNode, chain: Chain, { account, freeRao }: { readonly account: string; readonly freeRao: bigint }): void {
  const info = chain.api.registry.createType('FrameSystemAccountInfo', { data: { free: freeRao } });
  node.storage.set(entryOf(chain, 'system', 'account').key(account), info.toHex());
}
