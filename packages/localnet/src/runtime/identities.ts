/**
 * Identities: what coldkeys and subnets say of themselves.
 * @module
 * @see pallets/subtensor/src/utils/identity.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { TypeOf } from '../scale/type-of.ts';
import { ensure, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { ZERO_ACCOUNT } from './execution.ts';

/** Bytes of each field at most. */
const IDENTITY_LIMITS = { name: 256, url: 256, github_repo: 256, image: 1024, discord: 256, description: 1024, additional: 1024 } as const;
const SUBNET_IDENTITY_LIMITS = { subnet_name: 256, github_repo: 1024, subnet_contact: 1024, subnet_url: 1024, discord: 256, description: 1024, logo_url: 1024, additional: 1024 } as const;

/** The pallet's calls. */
export const identityCalls: Pick<CallHandlers<'SubtensorModule'>, 'set_identity' | 'set_subnet_identity'> = {
  set_identity: (execution, origin, identity) => {
    const coldkey = ensureSigned(origin);
    const { OwnedHotkeys, IsNetworkMember, IdentitiesV2 } = execution.storage.SubtensorModule;
    const isRegistered = OwnedHotkeys.get(coldkey).some((hotkey) => IsNetworkMember.entries(hotkey).some(([, member]) => member));
    ensure(isRegistered, 'SubtensorModule', 'HotKeyNotRegisteredInNetwork');
    ensure(fits(identity, IDENTITY_LIMITS), 'SubtensorModule', 'InvalidIdentity');
    IdentitiesV2.set(coldkey, identity);
    execution.deposit('SubtensorModule', 'ChainIdentitySet', [coldkey]);
  },
  set_subnet_identity: (execution, origin, { netuid, ...identity }) => {
    const coldkey = ensureSigned(origin);
    const owner = execution.storage.SubtensorModule.SubnetOwner.get(netuid);
    ensure(owner !== ZERO_ACCOUNT && owner === coldkey, 'SubtensorModule', 'NotSubnetOwner');
    setSubnetIdentity(execution, netuid, identity);
  },
};

/** Stores what a subnet says of itself. */
export function setSubnetIdentity(execution: Execution, netuid: number, identity: TypeOf<'SubnetIdentityV3'>): void {
  ensure(fits(identity, SUBNET_IDENTITY_LIMITS), 'SubtensorModule', 'InvalidIdentity');
  execution.storage.SubtensorModule.SubnetIdentitiesV3.set(netuid, identity);
  execution.deposit('SubtensorModule', 'SubnetIdentitySet', [netuid]);
}

function fits<K extends string>(fields: Readonly<Record<K, Uint8Array>>, limits: Readonly<Record<K, number>>): boolean {
  return (Object.keys(limits) as K[]).every((name) => fields[name].length <= limits[name]);
}
