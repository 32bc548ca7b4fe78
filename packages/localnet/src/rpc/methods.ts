/**
 * The JSON-RPC methods that answer once.
 * @module
 */
import type { Block } from '../block.ts';
import { blake2, prefixed } from '../hex.ts';
import { encodeMetadata } from '../metadata.ts';
import type { NodeView } from '../node.ts';
import { decodeExtrinsic } from '../extrinsic.ts';
import { encodeScale } from '../scale/codec.ts';
import { runtimeVersion } from '../version.ts';
import { archiveMethods } from './archive-methods.ts';
import { accountParam, blockParam, bytesParam, countParam, hexListParam, hexParam, stateBlockParam } from './params.ts';
import { RpcFailure } from './failure.ts';
import { paymentMethods } from './payment-methods.ts';
import type { RpcMethod } from './rpc-method.ts';
import { callRuntime } from './runtime-calls.ts';
import { stateChangeMethods } from './state-changes.ts';
import { subtensorMethods } from './subtensor-methods.ts';
import { unsafeMethods } from './unsafe-methods.ts';
import { TransactionInvalid } from '../runtime/transaction-invalid.ts';

/** Keys that one request may ask for (`state_getKeysPaged` of Substrate: 1000). */
const MAX_KEYS_PAGE = 1000;
const MAX_KEYS_QUERY = 10_000;

/** A header as JSON. */
export function headerJson({ header }: Block): unknown {
  return {
    parentHash: prefixed(header.parentHash),
    number: `0x${header.number.toString(16)}`,
    stateRoot: prefixed(header.stateRoot),
    extrinsicsRoot: prefixed(header.extrinsicsRoot),
    digest: { logs: [] },
  };
}

/** The runtime's version as JSON. */
export function versionJson(): unknown {
  return {
    specName: runtimeVersion.spec_name,
    implName: runtimeVersion.impl_name,
    authoringVersion: runtimeVersion.authoring_version,
    specVersion: runtimeVersion.spec_version,
    implVersion: runtimeVersion.impl_version,
    apis: runtimeVersion.apis.map(([id, version]) => [prefixed(id), version]),
    transactionVersion: runtimeVersion.transaction_version,
    systemVersion: runtimeVersion.system_version,
    stateVersion: 1,
  };
}

/** The changes of keys at a block as JSON. */
export function changeSet(node: NodeView, block: Block, keys: readonly string[]): unknown {
  const changes = keys.map((key) => {
    const value = node.chain.history.get(key, block.header.number);
    return [prefixed(key), value === undefined ? null : prefixed(value)];
  });
  return { block: prefixed(block.hash), changes };
}

const chainMethods: Readonly<Record<string, RpcMethod>> = {
  chain_getBlock: (node, [hash]) => {
    const block = hash === undefined || hash === null ? node.head : node.block(hexParam(hash, 'hash'));
    if (block === undefined) return null;
    return { block: { header: headerJson(block), extrinsics: block.extrinsics.map(prefixed) }, justifications: null };
  },
  chain_getBlockHash: (node, [number]) => {
    if (number === undefined || number === null) return prefixed(node.head.hash);
    return Array.isArray(number) ? number.slice(0, MAX_KEYS_PAGE).map((one) => hashAt(node, one)) : hashAt(node, number);
  },
  chain_getHeader: (node, [hash]) => {
    const block = hash === undefined || hash === null ? node.head : node.block(hexParam(hash, 'hash'));
    return block === undefined ? null : headerJson(block);
  },
  chain_getFinalizedHead: ({ finalized }) => prefixed(finalized.hash),
};

function hashAt(node: NodeView, number: unknown): string | null {
  const value = typeof number === 'string' && /^0x[0-9a-f]{1,8}$/i.test(number) ? Number(number) : number;
  const block = node.block(countParam(value, 'number', 0xffff_ffff));
  return block === undefined ? null : prefixed(block.hash);
}

const stateMethods: Readonly<Record<string, RpcMethod>> = {
  state_getStorage: (node, [key, at]) => {
    const value = node.chain.history.get(hexParam(key, 'key'), stateBlockParam(node, at).header.number);
    return value === undefined ? null : prefixed(value);
  },
  state_getStorageHash: (node, [key, at]) => {
    const value = node.chain.history.get(hexParam(key, 'key'), stateBlockParam(node, at).header.number);
    return value === undefined ? null : prefixed(blake2(value));
  },
  state_getStorageSize: (node, [key, at]) => node.chain.history.get(hexParam(key, 'key'), stateBlockParam(node, at).header.number)?.length ?? null,
  state_getKeysPaged: (node, [prefix, count, start, at]) => {
    const number = stateBlockParam(node, at).header.number;
    const from = start === undefined || start === null ? {} : { start: hexParam(start, 'startKey') };
    const keys = node.chain.history.keys(hexParam(prefix, 'prefix'), number, { ...from, count: countParam(count, 'count', MAX_KEYS_PAGE) });
    return keys.map(prefixed);
  },
  state_getKeys: (node, [prefix, at]) => {
    const number = stateBlockParam(node, at).header.number;
    return node.chain.history.keys(hexParam(prefix, 'prefix'), number, { count: MAX_KEYS_QUERY }).map(prefixed);
  },
  state_queryStorageAt: (node, [keys, at]) => [changeSet(node, stateBlockParam(node, at), hexListParam(keys, 'keys', MAX_KEYS_QUERY))],
  state_getReadProof: (node, [keys, at]) => {
    const block = stateBlockParam(node, at);
    return { at: prefixed(block.hash), proof: node.chain.tries.prove(block.header.number, hexListParam(keys, 'keys', MAX_KEYS_QUERY)).map(prefixed) };
  },
  state_getMetadata: (node, [at]) => {
    stateBlockParam(node, at);
    return prefixed(encodeMetadata(14, node.chain.blockTimeMs));
  },
  state_getRuntimeVersion: (node, [at]) => {
    blockParam(node, at);
    return versionJson();
  },
  state_call: (node, [name, data, at]) => prefixed(callRuntime(node, { name, data: bytesParam(data, 'data'), block: stateBlockParam(node, at) })),
};

const authorMethods: Readonly<Record<string, RpcMethod>> = {
  author_submitExtrinsic: (node, [extrinsic]) => {
    const hash = node.submit(bytesParam(extrinsic, 'extrinsic'));
    node.producer.wake();
    return prefixed(hash);
  },
  author_pendingExtrinsics: ({ pool }) => pool.all().map(prefixed),
  system_accountNextIndex: ({ pool }, [account]) => pool.nextNonce(accountParam(account, 'account')),
  system_dryRun: ({ chain }, [extrinsic]) => prefixed(dryRun(chain, bytesParam(extrinsic, 'extrinsic'))),
};

/** `ApplyExtrinsicResult`: Ok(Ok(())), Ok(Err(DispatchError)), or Err(…) for a transaction that is not valid. */
function dryRun(chain: NodeView['chain'], bytes: Uint8Array): Uint8Array {
  try {
    const error = chain.dryRun(decodeExtrinsic(bytes), bytes.length);
    return error === undefined ? new Uint8Array([0, 0]) : Uint8Array.from([0, 1, ...encodeScale('DispatchError', error)]);
  } catch (failure) {
    if (failure instanceof TransactionInvalid) throw new RpcFailure(8002, 'Unable to dry run extrinsic', failure.message);
    throw failure;
  }
}

const systemMethods: Readonly<Record<string, RpcMethod>> = {
  system_chain: () => 'Connito Localnet',
  system_chainType: () => 'Development',
  system_name: () => 'Subtensor (@connito/localnet)',
  system_version: () => '0.1.0',
  system_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }),
  system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
  system_peers: () => [],
  system_reservedPeers: () => [],
  chainSpec_v1_chainName: () => 'Connito Localnet',
  chainSpec_v1_genesisHash: ({ chain }) => prefixed(chain.genesisHash),
  chainSpec_v1_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }),
  system_nodeRoles: () => ['Authority'],
  system_localPeerId: () => '12D3KooWLocalnet',
  system_localListenAddresses: () => [],
  system_syncState: ({ head }) => {
    const { number } = head.header;
    return { startingBlock: 0, currentBlock: number, highestBlock: number };
  },
};

/** All methods by name, their aliases included. */
export const methods: Readonly<Record<string, RpcMethod>> = withAliases(
  { ...chainMethods, ...stateMethods, ...authorMethods, ...systemMethods, ...stateChangeMethods, ...archiveMethods, ...paymentMethods, ...subtensorMethods, ...unsafeMethods },
  {
    chain_getHead: 'chain_getBlockHash',
    chain_getFinalisedHead: 'chain_getFinalizedHead',
    chain_getRuntimeVersion: 'state_getRuntimeVersion',
    state_getStorageAt: 'state_getStorage',
    state_getStorageHashAt: 'state_getStorageHash',
    state_getStorageSizeAt: 'state_getStorageSize',
    state_getKeysPagedAt: 'state_getKeysPaged',
    state_callAt: 'state_call',
    account_nextIndex: 'system_accountNextIndex',
    system_dryRunAt: 'system_dryRun',
  },
);

function withAliases(table: Readonly<Record<string, RpcMethod>>, aliases: Readonly<Record<string, string>>): Readonly<Record<string, RpcMethod>> {
  const more = Object.entries(aliases).map(([alias, name]) => [alias, table[name] as RpcMethod] as const);
  return Object.assign(Object.create(null) as Record<string, RpcMethod>, table, Object.fromEntries(more));
}
