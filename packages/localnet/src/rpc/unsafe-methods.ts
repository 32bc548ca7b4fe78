/**
 * Methods that a Substrate node knows and refuses to clients from outside; so does this one, which has no keystore, peers or logs to change.
 * @module
 * @see substrate/client/rpc-api/src/policy.rs
 */
import { RPC_CODES, RpcFailure } from './failure.ts';

const NAMES = [
  'author_hasKey',
  'author_hasSessionKeys',
  'author_insertKey',
  'author_removeExtrinsic',
  'author_rotateKeys',
  'offchain_localStorageGet',
  'offchain_localStorageSet',
  'system_addLogFilter',
  'system_addReservedPeer',
  'system_removeReservedPeer',
  'system_resetLogFilter',
];

function refuse(): never {
  throw new RpcFailure(RPC_CODES.method, 'RPC call is unsafe to be called externally');
}

/** The methods by name. */
export const unsafeMethods: Readonly<Record<string, () => never>> = Object.fromEntries(NAMES.map((name) => [name, refuse] as const));
