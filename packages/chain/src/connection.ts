/**
 * The connection to a node: made once with a clear error, then kept.
 *
 * polkadot-js' `WsProvider` is told not to reconnect by itself, because it then writes a line to stderr at every attempt; this module
 * does it instead, with growing pauses, and renews the subscriptions.
 * @module
 */
import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import { fromHex, toHex } from '@connito/commit-reveal';
import { ChainError } from './errors.ts';
import { wrapRpcError } from './internal/rpc.ts';

/** Options of {@link connectChain}. */
export interface ConnectOptions {
  /** `ws://` or `wss://`. */
  readonly endpoint: string;
  /** For the connection and for the first answers (default 10 s). */
  readonly timeoutMs?: number;
  /** For each later request (default 60 s). */
  readonly requestTimeoutMs?: number;
  /** Refuses a node whose block 0 has another hash. 32 bytes. */
  readonly expectedGenesis?: Uint8Array;
}

/** A finalised block. */
export interface FinalisedBlock {
  readonly number: number;
  /** `0x` and 64 hex digits. */
  readonly hash: string;
  /** `Timestamp.Now` after the block, Unix milliseconds. */
  readonly timestampMs: number;
}

/** An open connection. */
export interface Chain {
  readonly endpoint: string;
  /** Hash of block 0, 32 bytes. */
  readonly genesisHash: Uint8Array;
  /** polkadot-js' API over the same connection, for what this package does not offer. */
  readonly api: ApiPromise;
  isConnected(): boolean;
  /** One JSON-RPC request. @throws disconnected, timeout, rpc-failed, state-unavailable, closed */
  request<T>(method: string, params?: readonly unknown[]): Promise<T>;
  /** A JSON-RPC subscription, renewed after every reconnection. Returns how to end it. @throws as `request` */
  subscribe<T>(subscription: Subscription, listener: (value: T) => void): Promise<() => Promise<void>>;
  /** Called after every reconnection. Returns how to stop it. */
  onReconnect(listener: () => void): () => void;
  /** Whether the node offers a JSON-RPC method (`rpc_methods`). */
  hasMethod(method: string): boolean;
  /** The newest finalised block. @throws as `request` */
  finalisedHead(): Promise<FinalisedBlock>;
  /** Ends the connection and every subscription. Can be called twice. */
  close(): Promise<void>;
}

/** The three names of a JSON-RPC subscription. */
export interface Subscription {
  readonly notification: string;
  readonly method: string;
  readonly unsubscribe: string;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Connects to a node.
 *
 * @throws unreachable when nothing listens there or nothing answers in time; bad-node when what answers is no Substrate node;
 * wrong-chain when its block 0 is not `expectedGenesis`; bad-value for another kind of URL
 * @example const chain = await connectChain({ endpoint: 'ws://127.0.0.1:9944' });
 */
export async function connectChain(options: ConnectOptions): Promise<Chain> {
  const { endpoint, timeoutMs = DEFAULT_TIMEOUT_MS, requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = options;
  if (!/^wss?:\/\/[^\s/]/.test(endpoint)) throw new ChainError('bad-value', `expected an endpoint such as ws://127.0.0.1:9944, got ${JSON.stringify(endpoint)}`, { endpoint });
  const provider = new WsProvider(endpoint, false, {}, requestTimeoutMs);
  try {
    await withDeadline(openSocket(provider, endpoint), timeoutMs, () => unreachable(endpoint, `no answer within ${timeoutMs / 1000} s`));
    const { genesis, methods } = await withDeadline(greet(provider, endpoint), timeoutMs, () => badNode(endpoint, `no answer within ${timeoutMs / 1000} s`));
    assertGenesis(endpoint, genesis, options.expectedGenesis);
    const api = await withDeadline(openApi(provider, endpoint), Math.max(timeoutMs, requestTimeoutMs), () => badNode(endpoint, 'no metadata in time'));
    return new Connection({ endpoint, provider, api, genesisHash: fromHex(genesis), methods });
  } catch (error) {
    await provider.disconnect().catch(() => {});
    throw error;
  }
}

interface ConnectionParts {
  readonly endpoint: string;
  readonly provider: WsProvider;
  readonly api: ApiPromise;
  readonly genesisHash: Uint8Array;
  readonly methods: ReadonlySet<string>;
}

interface OwnSubscription extends Subscription {
  readonly listener: (value: unknown) => void;
  /** Undefined while it does not stand. */
  id: number | string | undefined;
}

class Connection implements Chain {
  readonly endpoint: string;
  readonly genesisHash: Uint8Array;
  readonly api: ApiPromise;
  readonly #provider: WsProvider;
  readonly #methods: ReadonlySet<string>;
  readonly #reconnectListeners = new Set<() => void>();
  readonly #subscriptions = new Set<OwnSubscription>();
  readonly #blocks = new Map<string, FinalisedBlock>();
  #pauseMs = FIRST_PAUSE_MS;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({ endpoint, provider, api, genesisHash, methods }: ConnectionParts) {
    this.endpoint = endpoint;
    this.genesisHash = genesisHash;
    this.api = api;
    this.#provider = provider;
    this.#methods = methods;
    provider.on('disconnected', () => this.#disconnected());
    provider.on('connected', () => this.#reconnected());
    if (!provider.isConnected) this.#disconnected();
  }

  isConnected(): boolean {
    return this.#provider.isConnected;
  }

  async request<T>(method: string, params: readonly unknown[] = []): Promise<T> {
    this.#assertOpen(method);
    try {
      return await this.#provider.send<T>(method, [...params]);
    } catch (error) {
      this.#assertOpen(method);
      throw wrapRpcError(error, method, this.endpoint);
    }
  }

  async subscribe<T>(subscription: Subscription, listener: (value: T) => void): Promise<() => Promise<void>> {
    this.#assertOpen(subscription.method);
    const own: OwnSubscription = { ...subscription, listener: listener as (value: unknown) => void, id: undefined };
    try {
      await this.#start(own);
    } catch (error) {
      throw wrapRpcError(error, subscription.method, this.endpoint);
    }
    this.#subscriptions.add(own);
    return async () => {
      this.#subscriptions.delete(own);
      await this.#stop(own);
    };
  }

  onReconnect(listener: () => void): () => void {
    this.#reconnectListeners.add(listener);
    return () => this.#reconnectListeners.delete(listener);
  }

  hasMethod(method: string): boolean {
    return this.#methods.has(method);
  }

  async finalisedHead(): Promise<FinalisedBlock> {
    const hash = await this.request<string>('chain_getFinalizedHead');
    const known = this.#blocks.get(hash);
    if (known !== undefined) return known;
    const [header, timestampMs] = await Promise.all([this.request<{ number: string }>('chain_getHeader', [hash]), readTimestamp(this, hash)]);
    const block = { number: Number(header.number), hash, timestampMs };
    this.#blocks.clear();
    this.#blocks.set(hash, block);
    return block;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#reconnectListeners.clear();
    const gone = new Promise<void>((resolve) => {
      if (!this.#provider.isConnected) resolve();
      else this.#provider.on('disconnected', () => resolve());
    });
    await this.api.disconnect().catch(() => {});
    await Promise.race([gone, pause(1_000)]);
  }

  #assertOpen(subject: string): void {
    if (this.#isClosed) throw new ChainError('closed', `the connection to ${this.endpoint} was closed`, { endpoint: this.endpoint, subject });
  }

  async #start(own: OwnSubscription): Promise<void> {
    own.id = await this.#provider.subscribe(own.notification, own.method, [], (error, value: unknown) => {
      if (error === null) own.listener(value);
    });
  }

  async #stop(own: OwnSubscription): Promise<void> {
    const { id } = own;
    own.id = undefined;
    if (id !== undefined && !this.#isClosed) await this.#provider.unsubscribe(own.notification, own.unsubscribe, id).catch(() => false);
  }

  /** After a reconnection, until it holds. */
  async #restart(own: OwnSubscription): Promise<void> {
    try {
      await this.#start(own);
      if (!this.#subscriptions.has(own)) await this.#stop(own);
    } catch {
      // Lost again: the next reconnection comes here too. Refused by a node that is up: try once more in a while.
      if (!this.#isClosed && this.#provider.isConnected) setTimeout(() => void (own.id ?? this.#restart(own)), LONGEST_PAUSE_MS).unref();
    }
  }

  #disconnected(): void {
    if (this.#isClosed) return;
    // The provider would renew subscriptions itself, but forgets those whose renewal is cut short.
    for (const own of this.#subscriptions) void this.#stop(own);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      // A failed attempt ends in another 'disconnected' event, or throws because a socket is already there.
      if (!this.#isClosed) this.#provider.connect().catch(() => {});
    }, this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  #reconnected(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    for (const own of this.#subscriptions) void this.#restart(own);
    for (const listener of this.#reconnectListeners) listener();
  }
}

/** `Timestamp.Now` at a block, Unix milliseconds. @throws as `Chain.request` */
export async function readTimestamp(chain: Pick<Chain, 'request' | 'api'>, blockHash: string): Promise<number> {
  // twox128("Timestamp") ‖ twox128("Now"): the same on every Substrate chain.
  const value = await chain.request<string | null>('state_getStorage', ['0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb', blockHash]);
  if (value === null) return 0;
  return Number(new DataView(fromHex(value).buffer).getBigUint64(0, true));
}

async function openSocket(provider: WsProvider, endpoint: string): Promise<void> {
  const connected = new Promise<void>((resolve, reject) => {
    provider.on('connected', () => resolve());
    provider.on('error', (event) => reject(unreachable(endpoint, reasonOf(event), event)));
    provider.on('disconnected', () => reject(unreachable(endpoint, 'the connection was closed at once')));
  });
  connected.catch(() => {});
  await provider.connect().catch((cause: unknown) => {
    throw unreachable(endpoint, reasonOf(cause), cause);
  });
  await connected;
}

async function greet(provider: WsProvider, endpoint: string): Promise<{ genesis: string; methods: ReadonlySet<string> }> {
  try {
    const [genesis, answer] = await Promise.all([provider.send<unknown>('chain_getBlockHash', [0]), provider.send<{ methods?: unknown }>('rpc_methods', [])]);
    if (typeof genesis !== 'string' || !/^0x[0-9a-f]{64}$/.test(genesis)) throw badNode(endpoint, 'it has no block 0');
    return { genesis, methods: new Set(Array.isArray(answer.methods) ? answer.methods.map(String) : []) };
  } catch (cause) {
    throw badNode(endpoint, reasonOf(cause), cause);
  }
}

async function openApi(provider: WsProvider, endpoint: string): Promise<ApiPromise> {
  // noInitWarn: the runtime's own transaction extensions carry no data, so "treating them as no-effect" is right and not worth a warning.
  // The cast: WsProvider's own type of `ttl` is not that of the interface under exactOptionalPropertyTypes.
  const api = new ApiPromise({ provider: provider as NonNullable<ApiOptions['provider']>, noInitWarn: true, throwOnConnect: true });
  api.isReady.catch(() => {});
  try {
    return await api.isReadyOrError;
  } catch (cause) {
    throw badNode(endpoint, reasonOf(cause), cause);
  }
}

function assertGenesis(endpoint: string, genesis: string, expected: Uint8Array | undefined): void {
  if (expected === undefined || genesis === `0x${toHex(expected)}`) return;
  throw new ChainError('wrong-chain', `expected the chain with genesis 0x${toHex(expected)} at ${endpoint}, got ${genesis}; check the endpoint`, {
    endpoint,
    expected: `0x${toHex(expected)}`,
    actual: genesis,
  });
}

async function withDeadline<T>(work: Promise<T>, timeoutMs: number, late: () => ChainError): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}

function unreachable(endpoint: string, reason: string, cause?: unknown): ChainError {
  return new ChainError('unreachable', `cannot reach a node at ${endpoint}: ${reason}. Is it running, and is the address right?`, { endpoint, reason }, cause);
}

function badNode(endpoint: string, reason: string, cause?: unknown): ChainError {
  return new ChainError('bad-node', `${endpoint} answers, but not as a Subtensor node does: ${reason}`, { endpoint, reason }, cause);
}

function reasonOf(cause: unknown): string {
  if (typeof cause === 'object' && cause !== null && 'message' in cause && typeof cause.message === 'string' && cause.message !== '') return cause.message;
  return 'the connection failed';
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs).unref();
  });
}
