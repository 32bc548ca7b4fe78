/**
 * The runtime's version, as `Core_version` and `state_getRuntimeVersion` give it.
 * @module
 */
import { apis } from './pallets/apis.ts';
import type { TypeOf } from './scale/type-of.ts';
import { blake2b } from './substrate-crypto.ts';

/** The rules follow spec 425 of opentensor/subtensor (14bc6f9f9), which the names and numbers say. */
export const runtimeVersion: TypeOf<'RuntimeVersion'> = {
  spec_name: 'node-subtensor',
  impl_name: 'node-subtensor',
  authoring_version: 1,
  spec_version: 425,
  impl_version: 1,
  apis: Object.entries(apis).map(([name, api]) => [blake2b(new TextEncoder().encode(name), 8), api.version] as const),
  transaction_version: 1,
  system_version: 1,
};
