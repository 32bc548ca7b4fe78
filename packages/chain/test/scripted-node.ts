/**
 * A node that a test plays: real finney metadata behind a WebSocket, with blocks, storage and answers that the test sets.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { connectChain, type Chain } from '../src/index.ts';

const METADATA = new URL('../../../../shared/data/subtensor/finney-393.scale', import.meta.url);

/** Whether the real metadata is there; says so, loudly, where it is not. */
export const HAS_METADATA: boolean = existsSync(METADATA);
if (!HAS_METADATA) console.warn('SKIPPED: ../shared/data/subtensor/finney-393.scale is absent; nothing is tested against real metadata');

export const TIMESTAMP_KEY = '0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb';

/** What every call costs here. */
export const SCRIPTED_FEE_RAO = 1000n;

export interface ScriptedBlock {
  readonly number: number;
  readonly hash: string;
  readonly storage: Map<string, string>;
  readonly extrinsics: string[];
  /** What stands in its state. */
  readonly code: ScriptedCode;
}

/** A runtime. */
export interface ScriptedCode {
  readonly specVersion: number;
  /** As hex. Default: finney's. */
  readonly metadata?: string;
}

export interface ScriptedNode {
  readonly endpoint: string;
  readonly blocks: ScriptedBlock[];
  /** Storage of the next block; blocks copy it. */
  readonly storage: Map<string, string>;
  /** Extrinsics that came in. */
  readonly submitted: string[];
  /** Every request, by method. */
  readonly requests: Map<string, number>;
  /** Every request, in order. */
  readonly log: { readonly method: string; readonly params: readonly unknown[] }[];
  /** Overrides of answers; a thrown object becomes the JSON-RPC error. */
  readonly answers: Map<string, (params: readonly unknown[]) => unknown>;
  /** Answers to `state_call` by function; SCALE as hex. */
  readonly runtime: Map<string, (input: string) => string>;
  /** The runtime of the next block on. */
  upgrade(code: ScriptedCode): void;
  /** Makes the next block, with the pool's extrinsics if asked for. */
  seal(timestampMs: number, extrinsics?: readonly string[]): ScriptedBlock;
  /** Cuts every connection. */
  cut(): void;
  /** Tells every client something of a subscription. */
  notify(method: string, subscription: string, result: unknown): void;
  close(): Promise<void>;
}

/** A storage item as polkadot-js decorates it. */
export type StorageEntry = NonNullable<NonNullable<Chain['api']['query'][string]>[string]>;

const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** By its names in the metadata. */
export function entryOf(chain: Chain, pallet: string, item: string): StorageEntry {
  const entry = chain.api.query[lower(pallet)]?.[lower(item)];
  if (entry === undefined) throw new Error(`no storage ${pallet}.${item}`);
  return entry;
}

export function u64Hex(value: number | bigint): string {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** An answer that never comes. */
export const SILENCE: unique symbol = Symbol('silence');

/** A scripted node with its first block, and a connection to it; whoever opens them closes both. */
export async function openScriptedChain(): Promise<{ node: ScriptedNode; chain: Chain }> {
  const node = await startScriptedNode();
  node.seal(0);
  return { node, chain: await connectChain({ endpoint: node.endpoint }) };
}

export async function startScriptedNode(port = 0): Promise<ScriptedNode> {
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  await new Promise((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  const node = {
    endpoint: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    blocks: [] as ScriptedBlock[],
    storage: new Map<string, string>(),
    submitted: [] as string[],
    requests: new Map<string, number>(),
    log: [] as ScriptedNode['log'],
    answers: new Map<string, (params: readonly unknown[]) => unknown>(),
    // Weight 0, class Normal, fee.
    runtime: new Map([['TransactionPaymentApi_query_info', () => `0x000000${u64Hex(SCRIPTED_FEE_RAO).slice(2)}`]]),
  };
  const followers = new Map<WebSocket, string>();
  let code: ScriptedCode = { specVersion: 393 };
  const seal = (timestampMs: number, extrinsics: readonly string[] = []): ScriptedBlock => {
    const number = node.blocks.length;
    node.storage.set(TIMESTAMP_KEY, u64Hex(timestampMs));
    const block = { number, hash: hashOf(number), storage: new Map(node.storage), extrinsics: ['0x280402000b', ...extrinsics], code };
    node.blocks.push(block);
    for (const [socket, id] of followers) socket.send(notification(id, block));
    return block;
  };
  server.on('connection', (socket) => {
    socket.on('close', () => followers.delete(socket));
    socket.on('message', (data) => {
      const { id, method, params } = JSON.parse(String(data)) as { id: number; method: string; params: unknown[] };
      node.requests.set(method, (node.requests.get(method) ?? 0) + 1);
      node.log.push({ method, params });
      try {
        const result = (node.answers.get(method) ?? ((p: readonly unknown[]) => answer(node, method, p)))(params);
        if (result === SILENCE) return;
        socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
        if (method === 'chain_subscribeFinalizedHeads') {
          followers.set(socket, String(result));
          socket.send(notification(String(result), node.blocks.at(-1) as ScriptedBlock));
        }
      } catch (error) {
        socket.send(JSON.stringify({ jsonrpc: '2.0', id, error: error instanceof Error ? { code: -32603, message: error.message } : error }));
      }
    });
  });
  const cut = (): void => {
    for (const socket of server.clients) socket.terminate();
  };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      cut();
      server.close(() => resolve());
    });
  const notify = (method: string, subscription: string, result: unknown): void => {
    for (const socket of server.clients) socket.send(JSON.stringify({ jsonrpc: '2.0', method, params: { subscription, result } }));
  };
  const upgrade = (next: ScriptedCode): void => void (code = next);
  return { ...node, seal, upgrade, cut, close, notify };
}

function notification(subscription: string, block: ScriptedBlock): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'chain_finalizedHead', params: { subscription, result: headerOf(block) } });
}

function hashOf(number: number): string {
  return `0x${(number + 0xb10c).toString(16).padStart(64, '0')}`;
}

function headerOf({ number }: ScriptedBlock): Record<string, unknown> {
  const zero = `0x${'0'.repeat(64)}`;
  return { number: `0x${number.toString(16)}`, parentHash: number === 0 ? zero : hashOf(number - 1), stateRoot: zero, extrinsicsRoot: zero, digest: { logs: [] } };
}

type State = Pick<ScriptedNode, 'blocks' | 'submitted' | 'runtime'>;

const METHODS = ['rpc_methods', 'chain_getBlockHash', 'state_queryStorageAt', 'author_submitExtrinsic', 'system_accountNextIndex', 'chain_subscribeFinalizedHeads'];
let metadataHex: string | undefined;

/** Finney's metadata, as hex. */
export function readMetadata(): string {
  metadataHex ??= readFileSync(METADATA).toString('hex');
  return metadataHex;
}

function answer(node: State, method: string, params: readonly unknown[]): unknown {
  const head = node.blocks.at(-1) as ScriptedBlock;
  const at = (hash: unknown): ScriptedBlock => {
    const block = hash === undefined || hash === null ? head : node.blocks.find((candidate) => candidate.hash === hash);
    if (block === undefined) throw Object.assign(new Error('UnknownBlock: State already discarded'));
    return block;
  };
  switch (method) {
    case 'rpc_methods':
      return { methods: METHODS };
    case 'chain_getBlockHash':
      return (params[0] === undefined ? head : node.blocks[Number(params[0])])?.hash ?? null;
    case 'chain_getFinalizedHead':
      return head.hash;
    case 'chain_getHeader':
      return headerOf(at(params[0]));
    case 'chain_getBlock':
      return { block: { header: headerOf(at(params[0])), extrinsics: at(params[0]).extrinsics }, justifications: null };
    case 'chain_subscribeFinalizedHeads':
      return `heads${Math.random()}`;
    case 'state_getStorage':
      return at(params[1]).storage.get(String(params[0])) ?? null;
    case 'state_queryStorageAt':
      return [{ block: at(params[1]).hash, changes: (params[0] as string[]).map((key) => [key, at(params[1]).storage.get(key) ?? null]) }];
    case 'state_getKeysPaged':
      return keysOf(at(params[3]), params);
    case 'author_submitExtrinsic':
      node.submitted.push(String(params[0]));
      return `0x${'0'.repeat(64)}`;
    case 'system_accountNextIndex':
      return 7;
    case 'state_call':
      return node.runtime.get(String(params[0]))?.(String(params[1])) ?? answerOfCode(method, params, at(params[2]).code);
    case 'state_getRuntimeVersion':
    case 'state_getMetadata':
      return answerOfCode(method, params, at(params[0]).code);
    default:
      return answerAtStart(method);
  }
}

function keysOf({ storage }: ScriptedBlock, [prefix, count, start]: readonly unknown[]): string[] {
  const keys = [...storage.keys()].filter((key) => key.startsWith(String(prefix))).toSorted();
  return keys.filter((key) => start === null || start === undefined || key > String(start)).slice(0, Number(count));
}

/** Questions about a runtime. */
function answerOfCode(method: string, [name]: readonly unknown[], { specVersion, metadata = readMetadata() }: ScriptedCode): unknown {
  // The one runtime API: Metadata, version 2.
  if (method === 'state_getRuntimeVersion') return { specName: 'node-subtensor', implName: 'node-subtensor', authoringVersion: 1, specVersion, implVersion: 1, apis: [['0x37e397fc7c91f5e4', 2]], transactionVersion: 1, stateVersion: 1 };
  if (method === 'state_getMetadata') return `0x${metadata}`;
  if (name === 'Metadata_metadata_versions') return '0x0410000000';
  if (name !== 'Metadata_metadata_at_version') throw new Error(`Exported method ${String(name)} is not found`);
  return `0x01${compact(metadata.length / 2)}${metadata}`;
}

/** What polkadot-js asks for when it connects. */
function answerAtStart(method: string): unknown {
  switch (method) {
    case 'system_chain':
      return 'Scripted';
    case 'system_properties':
      return { ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' };
    case 'system_health':
      return { peers: 0, isSyncing: false, shouldHavePeers: false };
    case 'state_subscribeRuntimeVersion':
      return 'version';
    default:
      throw new Error(`Method not found: ${method}`);
  }
}

/** SCALE compact of a length between 2^14 and 2^30. */
function compact(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value * 4 + 2);
  return bytes.toString('hex');
}
