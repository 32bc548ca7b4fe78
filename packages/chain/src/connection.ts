/**
 * The connection to a chain: one or several nodes of it, of which one is in use, and another as soon as that one is lost, silent or behind.
 *
 * Subscriptions outlive the node that they were made on. A node whose block 0 is another is never used. polkadot-js' API sits on top, and is made anew when the chain's runtime is
 * upgraded.
 * @module
 */
import { ApiPromise } from '@polkadot/api';
import { fromHex } from '@connito/commit-reveal';
import type { ConnectionStatus } from './connection-status.ts';
import { ChainError, isChainError } from './errors.ts';
import { decodeAnswer } from './internal/answer.ts';
import { createApiProvider, type ApiProvider } from './internal/api-provider.ts';
import { Failover, type HealthOptions, type Subscription } from './internal/failover.ts';
import { readHeader, type Answering } from './internal/header.ts';
import { badNode, readFinalisedNumber, withDeadline } from './internal/node-link.ts';
import { pause } from './internal/persist.ts';
import { wrapRpcError } from './internal/rpc.ts';
import { NETWORKS, parseEndpoints, type Network, type NetworkName } from './network.ts';
import { parseDuration } from './unsigned.ts';

export type { HealthOptions, Subscription } from './internal/failover.ts';

/** Options of {@link connectChain}: one of `endpoint`, `endpoints` and `network`. */
export interface ConnectOptions {
  /** `ws://` or `wss://`. */
  readonly endpoint?: string;
  /** Several nodes of one chain, in order of preference. */
  readonly endpoints?: readonly string[];
  /** A name of {@link NETWORKS}, or what `parseNetwork` made. */
  readonly network?: NetworkName | Network;
  /** For each connection and for its first answers (default 10 s). */
  readonly timeoutMs?: number;
  /** For each later request (default 60 s). */
  readonly requestTimeoutMs?: number;
  /** Refuses a node whose block 0 has another hash. 32 bytes. */
  readonly expectedGenesis?: Uint8Array;
  /** When a node counts as gone or behind. */
  readonly health?: Partial<HealthOptions>;
  /** Hears of every connection, loss and failure, also of those while connecting. Must not throw. */
  readonly onStatus?: (status: ConnectionStatus) => void;
}

/** A finalised block. */
export interface FinalisedBlock {
  readonly number: number;
  /** `0x` and 64 hex digits. */
  readonly hash: string;
  /** `Timestamp.Now` after the block, Unix milliseconds. */
  readonly timestampMs: number;
}

/** One node: its requests fail once another is in use. What two requests say about block numbers belongs together only if one node answered both. */
export interface ChainNode {
  readonly endpoint: string;
  /** @throws as `Chain.request` */
  request<T>(method: string, params?: readonly unknown[]): Promise<T>;
  /** Whether the node has finalised the block of a number. @throws as `Chain.request` */
  hasFinalised(number: number): Promise<boolean>;
  /** Has another node used from now on, if there is one. */
  leave(reason: string): void;
}

/** An open connection. */
export interface Chain {
  /** The endpoint in use, or the one that was used last. */
  readonly endpoint: string;
  /** All endpoints, in order of preference. */
  readonly endpoints: readonly string[];
  /** Hash of block 0, 32 bytes. */
  readonly genesisHash: Uint8Array;
  /** polkadot-js' API over the same connection, for what this package does not offer. Another one after an upgrade of the runtime: do not keep it. */
  readonly api: ApiPromise;
  isConnected(): boolean;
  /**
   * One JSON-RPC request to the node in use. State that it has forgotten is asked for at the other endpoints.
   * @throws disconnected, timeout, rpc-failed, state-unavailable, closed
   */
  request<T>(method: string, params?: readonly unknown[]): Promise<T>;
  /** The node in use. @throws disconnected, closed */
  node(): ChainNode;
  /** A JSON-RPC subscription, renewed after every reconnection. Returns how to end it. @throws as `request` */
  subscribe<T>(subscription: Subscription, listener: (value: T) => void): Promise<() => Promise<void>>;
  /** Called after every reconnection. Returns how to stop it. */
  onReconnect(listener: () => void): () => void;
  /** Called with whatever happens to the connection. Must not throw. Returns how to stop it. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void;
  /** Whether the node in use offers a JSON-RPC method (`rpc_methods`). */
  hasMethod(method: string): boolean;
  /** The newest finalised block. @throws as `request` */
  finalisedHead(): Promise<FinalisedBlock>;
  /** The newest block, which may still be replaced by another: for display, never for decisions. @throws as `request` */
  bestHead(): Promise<FinalisedBlock>;
  /** Ends the connection and every subscription. Can be called twice. */
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;
/** Of Subtensor's blocks of 12 s, five are a minute. */
const DEFAULT_HEALTH: HealthOptions = { pingMs: 15_000, checkMs: 15_000, stallMs: 60_000, compareMs: 300_000, maxLagBlocks: 5 };

/**
 * Connects to a chain.
 *
 * @throws unreachable when nothing listens there or nothing answers in time; bad-node when what answers is no Substrate node;
 * wrong-chain when its block 0 is not the expected one; bad-value for another kind of URL. Of several endpoints, when none can be used: the message names each
 * @example const chain = await connectChain({ endpoint: 'ws://127.0.0.1:9944' });
 */
export async function connectChain(options: ConnectOptions): Promise<Chain> {
  const timeoutMs = parseDuration('timeoutMs', options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const requestTimeoutMs = parseDuration('requestTimeoutMs', options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS);
  const { endpoints, genesisHash } = placeOf(options);
  const listeners = new Set(options.onStatus === undefined ? [] : [options.onStatus]);
  const onStatus = (status: ConnectionStatus): void => {
    for (const listener of listeners) listener(status);
  };
  const health = healthOf(options.health);
  const failover = await Failover.open({ endpoints, timeoutMs, requestTimeoutMs, genesisHash, health, onStatus });
  try {
    const provider = createApiProvider(failover);
    const api = await withDeadline(openApi(provider, failover.endpoint), Math.max(timeoutMs, requestTimeoutMs), () => badNode(failover.endpoint, 'no metadata in time'));
    const connection = new Connection({ failover, provider, api, listeners, endpoints });
    await connection.watchRuntime();
    return connection;
  } catch (error) {
    failover.close();
    throw error;
  }
}

function healthOf(given: ConnectOptions['health'] = {}): HealthOptions {
  const { pingMs, checkMs, stallMs, compareMs, maxLagBlocks } = DEFAULT_HEALTH;
  return {
    pingMs: parseDuration('health.pingMs', given.pingMs ?? pingMs),
    checkMs: parseDuration('health.checkMs', given.checkMs ?? checkMs),
    stallMs: given.stallMs ?? stallMs,
    compareMs: given.compareMs ?? compareMs,
    maxLagBlocks: given.maxLagBlocks ?? maxLagBlocks,
  };
}

function placeOf({ endpoint, endpoints, network, expectedGenesis }: ConnectOptions): { readonly endpoints: readonly string[]; readonly genesisHash: Uint8Array | undefined } {
  const given = [endpoint, endpoints, network].filter((place) => place !== undefined);
  if (given.length !== 1) throw new ChainError('bad-value', `expected one of endpoint, endpoints and network, got ${given.length}`, { expected: 1, actual: given.length });
  if (typeof network === 'string' && !Object.hasOwn(NETWORKS, network)) throw new ChainError('bad-value', `expected one of the networks ${Object.keys(NETWORKS).join(', ')}, got ${JSON.stringify(network)}`, { actual: String(network) });
  if (expectedGenesis !== undefined && !(expectedGenesis instanceof Uint8Array && expectedGenesis.length === 32)) throw new ChainError('bad-value', 'expected expectedGenesis to be the 32 bytes of the hash of block 0', { subject: 'expectedGenesis' });
  const known = typeof network === 'string' ? NETWORKS[network] : network;
  return { endpoints: parseEndpoints(known?.endpoints ?? endpoints ?? [endpoint as string]), genesisHash: expectedGenesis ?? known?.genesisHash };
}

interface ConnectionParts {
  readonly failover: Failover;
  readonly provider: ApiProvider;
  readonly api: ApiPromise;
  readonly listeners: Set<(status: ConnectionStatus) => void>;
  readonly endpoints: readonly string[];
}

const RUNTIME_VERSION: Subscription = { notification: 'state_runtimeVersion', method: 'state_subscribeRuntimeVersion', unsubscribe: 'state_unsubscribeRuntimeVersion' };

class Connection implements Chain {
  readonly endpoints: readonly string[];
  readonly genesisHash: Uint8Array;
  readonly #failover: Failover;
  readonly #provider: ApiProvider;
  readonly #listeners: Set<(status: ConnectionStatus) => void>;
  readonly #blocks = new Map<string, FinalisedBlock>();
  #api: ApiPromise;
  #isUpgrading = false;
  #isClosed = false;

  constructor({ failover, provider, api, listeners, endpoints }: ConnectionParts) {
    this.endpoints = endpoints;
    this.genesisHash = fromHex(api.genesisHash.toHex());
    this.#failover = failover;
    this.#provider = provider;
    this.#listeners = listeners;
    this.#api = api;
  }

  get endpoint(): string {
    return this.#failover.endpoint;
  }

  get api(): ApiPromise {
    return this.#api;
  }

  isConnected(): boolean {
    return this.#failover.link !== undefined && !this.#isClosed;
  }

  async request<T>(method: string, params: readonly unknown[] = []): Promise<T> {
    const { endpoint } = this;
    try {
      return (await this.#guard(method, endpoint, () => this.#failover.request(method, params))) as T;
    } catch (error) {
      const elsewhere = isChainError(error, 'state-unavailable') ? await this.#failover.requestElsewhere(method, params) : undefined;
      if (elsewhere === undefined) throw error;
      return elsewhere.answer as T;
    }
  }

  node(): ChainNode {
    this.#assertOpen('node');
    const { link } = this.#failover;
    if (link === undefined) throw new ChainError('disconnected', `${this.endpoint} was lost, and a node is being looked for`, { endpoint: this.endpoint });
    return {
      endpoint: link.endpoint,
      request: async <T>(method: string, params: readonly unknown[] = []) => (await this.#guard(method, link.endpoint, () => this.#failover.requestFrom(link, method, params))) as T,
      hasFinalised: async (number) => number <= link.finalisedNumber || number <= (await this.#guard('chain_getFinalizedHead', link.endpoint, () => readFinalisedNumber(link))),
      leave: (reason) => this.#failover.leave(link, reason),
    };
  }

  async subscribe<T>(subscription: Subscription, listener: (value: T) => void): Promise<() => Promise<void>> {
    return this.#guard(subscription.method, this.endpoint, () => this.#failover.subscribe(subscription, listener as (value: unknown) => void));
  }

  onReconnect(listener: () => void): () => void {
    return this.#failover.onConnected(listener);
  }

  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  hasMethod(method: string): boolean {
    return this.#failover.methods.has(method);
  }

  finalisedHead(): Promise<FinalisedBlock> {
    return this.#head('chain_getFinalizedHead');
  }

  bestHead(): Promise<FinalisedBlock> {
    return this.#head('chain_getBlockHash');
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listeners.clear();
    await this.#api.disconnect().catch(() => {});
    this.#failover.close();
  }

  /** Follows upgrades of the runtime. */
  async watchRuntime(): Promise<void> {
    await this.subscribe<{ specVersion: number }>(RUNTIME_VERSION, ({ specVersion }) => {
      if (specVersion === this.#specVersion || this.#isUpgrading) return;
      this.#isUpgrading = true;
      void this.#upgrade();
    });
  }

  get #specVersion(): number {
    return this.#api.runtimeVersion.specVersion.toNumber();
  }

  /** Another API in place of the present one. A version that comes meanwhile is told again with the next node, or by the chain's next upgrade. */
  async #upgrade(): Promise<void> {
    while (this.#isUpgrading && !this.#isClosed) {
      try {
        const api = await openApi(this.#provider, this.endpoint);
        await this.#api.disconnect();
        this.#api = api;
        this.#isUpgrading = false;
      } catch {
        await pause(1_000); // lost in between: the same again on the next node
      }
    }
    for (const listener of this.#listeners) listener({ type: 'upgraded', endpoint: this.endpoint, specVersion: this.#specVersion });
  }

  async #head(method: string): Promise<FinalisedBlock> {
    const node = this.node();
    const hash = await node.request<string>(method);
    const known = this.#blocks.get(hash);
    if (known !== undefined) return known;
    const [{ number }, timestampMs] = await Promise.all([readHeader(node, hash), readTimestamp(node, hash)]);
    const block = { number, hash, timestampMs };
    this.#blocks.set(hash, block);
    for (const old of this.#blocks.keys()) if (this.#blocks.size > 8) this.#blocks.delete(old);
    return block;
  }

  async #guard<T>(subject: string, endpoint: string, work: () => Promise<T>): Promise<T> {
    this.#assertOpen(subject);
    try {
      return await work();
    } catch (error) {
      this.#assertOpen(subject);
      throw wrapRpcError(error, subject, endpoint);
    }
  }

  #assertOpen(subject: string): void {
    if (this.#isClosed) throw new ChainError('closed', `the connection to ${this.endpoint} was closed`, { endpoint: this.endpoint, subject });
  }
}

/** `Timestamp.Now` at a block, Unix milliseconds. @throws as `Chain.request` */
export async function readTimestamp(chain: Answering, blockHash: string): Promise<number> {
  // twox128("Timestamp") ‖ twox128("Now"): the same on every Substrate chain.
  const value = await chain.request<string | null>('state_getStorage', ['0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb', blockHash]);
  if (value === null) return 0;
  return decodeAnswer({ endpoint: chain.endpoint, subject: 'Timestamp.Now' }, () => Number(new DataView(fromHex(value).buffer).getBigUint64(0, true)));
}

async function openApi(provider: ApiProvider, endpoint: string): Promise<ApiPromise> {
  // noInitWarn: the runtime's own transaction extensions carry no data, so "treating them as no-effect" is right and not worth a warning.
  const api = new ApiPromise({ provider, noInitWarn: true, throwOnConnect: true });
  api.isReady.catch(() => {});
  try {
    return await api.isReadyOrError;
  } catch (cause) {
    throw badNode(endpoint, cause instanceof Error ? cause.message : String(cause), cause);
  }
}
