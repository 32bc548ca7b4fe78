/**
 * The runtime's version, as `Core_version` and `state_getRuntimeVersion` give it.
 * @module
 */
import { blake2AsU8a } from '@polkadot/util-crypto';
import { apis } from './pallets/apis.ts';
import type { TypeOf } from './scale/type-of.ts';

/** The rules follow spec 425 of opentensor/subtensor (14bc6f9f9), which the names and numbers say. */
export const runtimeVersion: TypeOf<'RuntimeVersion'> = {
  spec_name: 'node-subtensor',
  impl_name: 'node-subtensor',
  authoring_version: 1,
  spec_version: 425,
  impl_version: 1,
  apis: Object.entries(apis).map(([name, api]) => [blake2AsU8a(new TextEncoder().encode(name), 64), api.version] as const),
  transaction_version: 1,
  system_version: 1,
};
