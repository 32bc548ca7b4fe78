/**
 * Which node is in use: the first that can be, another when it is lost, silent or behind, and the subscriptions that live through all of it.
 * @module
 */
import { fromHex } from '@connito/commit-reveal';
import type { ConnectionStatus } from '../connection-status.ts';
import { ChainError } from '../errors.ts';
import { openLink, readFinalisedNumber, type NodeLink } from './node-link.ts';
import { pause } from './persist.ts';
import { AnswerLate } from './rpc-socket.ts';

/** How to hold a connection. */
export interface FailoverOptions {
  /** In order of preference. */
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly genesisHash: Uint8Array | undefined;
  readonly health: HealthOptions;
  readonly onStatus: (status: ConnectionStatus) => void;
}

/** When a node counts as gone or behind. */
export interface HealthOptions {
  /** Between pings; a ping that is not answered before the next ends the connection (default 15 s). */
  readonly pingMs: number;
  /** Between two looks at the finalised head, where there is another endpoint to go to (default 15 s). */
  readonly checkMs: number;
  /** A finalised head that stands still for so long is compared with the other endpoints' (default 60 s). */
  readonly stallMs: number;
  /** It is compared so often in any case (default 5 min). */
  readonly compareMs: number;
  /** A node whose finalised head is more blocks than this behind another's is left (default 5). */
  readonly maxLagBlocks: number;
}

/** The three names of a JSON-RPC subscription. */
export interface Subscription {
  readonly notification: string;
  readonly method: string;
  readonly unsubscribe: string;
  readonly params?: readonly unknown[];
}

interface OwnSubscription extends Subscription {
  readonly listener: (value: unknown) => void;
  /** Where it stands, if it does. */
  at: { readonly link: NodeLink; readonly id: string } | undefined;
  isRenewing: boolean;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** Answers that may be late in a row before a node is given up. */
const MAX_LATE = 3;
/** How long a node that was asked besides stays connected. */
const SIDE_LINK_MS = 60_000;

/** Holds one link and finds the next. */
export class Failover {
  readonly #options: FailoverOptions;
  readonly #subscriptions = new Set<OwnSubscription>();
  readonly #connectedListeners = new Set<() => void>();
  readonly #lostListeners = new Set<() => void>();
  readonly #failures = new Map<string, string>();
  readonly #sides = new Map<string, Promise<NodeLink>>();
  #genesisHash: Uint8Array | undefined;
  #link: NodeLink | undefined;
  #latest: string;
  #methods: ReadonlySet<string> = new Set();
  #late = 0;
  #advance = { number: -1, atMs: 0, comparedAtMs: Number.NEGATIVE_INFINITY };
  #checks: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: FailoverOptions) {
    this.#options = options;
    this.#genesisHash = options.genesisHash;
    this.#latest = options.endpoints[0] as string;
  }

  /** Connects to the first endpoint that can be used. @throws unreachable, bad-node, wrong-chain: of the one endpoint, or naming each of several */
  static async open(options: FailoverOptions): Promise<Failover> {
    const failover = new Failover(options);
    const { link, failures } = await failover.#tryEach(options.endpoints);
    if (link === undefined) throw noneUsable(failures);
    failover.#genesisHash = fromHex(link.genesis);
    failover.#use(link);
    failover.#scheduleChecks();
    return failover;
  }

  /** The node in use; none between two. */
  get link(): NodeLink | undefined {
    return this.#link;
  }

  /** The endpoint in use, or the one that was used last. */
  get endpoint(): string {
    return this.#latest;
  }

  /** `rpc_methods` of the node in use, or of the last one. */
  get methods(): ReadonlySet<string> {
    return this.#methods;
  }

  /** A request to the node in use. @throws SocketLost, AnswerLate, RpcError, and disconnected between two nodes */
  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    const link = this.#link;
    if (link === undefined) throw this.#between(method);
    return this.requestFrom(link, method, params);
  }

  /** A request to one node. */
  async requestFrom(link: NodeLink, method: string, params: readonly unknown[]): Promise<unknown> {
    try {
      const answer = await link.socket.request(method, params);
      if (link === this.#link) this.#late = 0;
      return answer;
    } catch (error) {
      if (link === this.#link) this.#count(error);
      throw error;
    }
  }

  /** The same request to the other endpoints, one after the other; undefined where none can answer it. */
  async requestElsewhere(method: string, params: readonly unknown[]): Promise<{ readonly answer: unknown } | undefined> {
    for (const endpoint of this.#others()) {
      try {
        const link = await this.#side(endpoint);
        return { answer: await link.socket.request(method, params) };
      } catch {
        // Nobody's fault that matters: what the node in use said is what is told.
      }
    }
    return undefined;
  }

  /** Begins a subscription that is renewed on every node that comes into use. @throws as `request` */
  async subscribe(subscription: Subscription, listener: (value: unknown) => void): Promise<() => Promise<void>> {
    const own: OwnSubscription = { ...subscription, listener, at: undefined, isRenewing: false };
    const link = this.#link;
    if (link === undefined) throw this.#between(subscription.method);
    await this.#start(own, link);
    this.#subscriptions.add(own);
    if (this.#link !== link) void this.#renew(own);
    return async () => {
      this.#subscriptions.delete(own);
      await this.#stop(own);
    };
  }

  onConnected(listener: () => void): () => void {
    this.#connectedListeners.add(listener);
    return () => this.#connectedListeners.delete(listener);
  }

  onLost(listener: () => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  /** Gives up a node that cannot be trusted any more; does nothing if it is not in use. */
  leave(link: NodeLink, reason: string): void {
    if (link === this.#link) link.socket.close(reason);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#checks);
    this.#connectedListeners.clear();
    this.#lostListeners.clear();
    this.#link?.socket.close('it was closed');
    for (const side of this.#sides.values()) void side.then(({ socket }) => socket.close('it was closed'), () => {});
  }

  #between(method: string): ChainError {
    return new ChainError('disconnected', `no connection for ${method}: ${this.#latest} was lost, and a node is being looked for`, { endpoint: this.#latest, subject: method });
  }

  #use(link: NodeLink): void {
    this.#link = link;
    this.#latest = link.endpoint;
    this.#methods = link.methods;
    this.#late = 0;
    this.#failures.clear();
    this.#advance = { number: -1, atMs: performance.now(), comparedAtMs: Number.NEGATIVE_INFINITY };
    this.#options.onStatus({ type: 'connected', endpoint: link.endpoint });
    link.socket.onLost((reason) => this.#lost(link, reason));
    for (const own of this.#subscriptions) void this.#renew(own);
    for (const listener of this.#connectedListeners) listener();
  }

  #lost(link: NodeLink, reason: string): void {
    if (link !== this.#link || this.#isClosed) return;
    this.#link = undefined;
    this.#options.onStatus({ type: 'lost', endpoint: link.endpoint, reason });
    for (const listener of this.#lostListeners) listener();
    void this.#reconnect(link.endpoint);
  }

  /** Round after round, beginning with the endpoints after the lost one; the pauses grow and are jittered, so that many clients of one node do not come back in step. */
  async #reconnect(lost: string): Promise<void> {
    const { endpoints } = this.#options;
    const start = endpoints.indexOf(lost) + 1;
    const order = [...endpoints.slice(start), ...endpoints.slice(0, start)];
    for (let pauseMs = FIRST_PAUSE_MS; !this.#isClosed; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      await pause(pauseMs * (0.5 + Math.random() / 2));
      const { link } = await this.#tryEach(order);
      if (link === undefined) continue;
      if (this.#isClosed) link.socket.close('it was closed');
      else this.#use(link);
      return;
    }
  }

  /** The first that can be used, or what is wrong with each. */
  async #tryEach(endpoints: readonly string[]): Promise<{ readonly link?: NodeLink; readonly failures: readonly ChainError[] }> {
    const failures: ChainError[] = [];
    for (const endpoint of endpoints) {
      if (this.#isClosed) break;
      try {
        return { link: await this.#open(endpoint), failures };
      } catch (error) {
        failures.push(error as ChainError);
        this.#tellFailure(endpoint, error as ChainError);
      }
    }
    return { failures };
  }

  /** Once for as long as it is the same: a node may be away for days. */
  #tellFailure(endpoint: string, { context, message }: ChainError): void {
    const reason = context.reason ?? message;
    if (this.#failures.get(endpoint) === reason) return;
    this.#failures.set(endpoint, reason);
    this.#options.onStatus({ type: 'failed', endpoint, reason });
  }

  #open(endpoint: string): Promise<NodeLink> {
    const { timeoutMs, requestTimeoutMs, health } = this.#options;
    return openLink({ endpoint, timeoutMs, requestTimeoutMs, pingMs: health.pingMs, genesisHash: this.#genesisHash });
  }

  #others(): string[] {
    const others = this.#options.endpoints.filter((endpoint) => endpoint !== this.#latest);
    // What is called an archive is the likeliest to have old state; then what is connected already.
    const rank = (endpoint: string): number => (/archive/i.test(endpoint) ? 0 : this.#sides.has(endpoint) ? 1 : 2);
    return others.sort((a, b) => rank(a) - rank(b));
  }

  /** A second connection, for single questions. */
  #side(endpoint: string): Promise<NodeLink> {
    const known = this.#sides.get(endpoint);
    if (known !== undefined) return known;
    const side = this.#openSide(endpoint);
    this.#sides.set(endpoint, side);
    side.catch(() => this.#sides.delete(endpoint));
    return side;
  }

  async #openSide(endpoint: string): Promise<NodeLink> {
    const link = await this.#open(endpoint);
    link.socket.onLost(() => this.#sides.delete(endpoint));
    setTimeout(() => link.socket.close('it was not needed any more'), SIDE_LINK_MS).unref();
    if (this.#isClosed) link.socket.close('it was closed');
    return link;
  }

  #count(error: unknown): void {
    if (!(error instanceof AnswerLate)) return;
    this.#late++;
    if (this.#late >= MAX_LATE && this.#link !== undefined) this.leave(this.#link, `${MAX_LATE} answers in a row were late`);
  }

  async #start(own: OwnSubscription, link: NodeLink): Promise<void> {
    const id = await link.socket.subscribe(own.method, own.params ?? [], own.listener);
    own.at = { link, id };
  }

  async #stop({ at, unsubscribe }: OwnSubscription): Promise<void> {
    if (at === undefined || at.link !== this.#link || this.#isClosed) return;
    at.link.socket.forget(at.id);
    await at.link.socket.request(unsubscribe, [at.id]).catch(() => false);
  }

  /** Until it stands on the node in use. Submissions are not sent again here: who sent them sees to that. */
  async #renew(own: OwnSubscription): Promise<void> {
    if (own.isRenewing || own.method.startsWith('author_')) return;
    own.isRenewing = true;
    // Without a node, the next one brings this here again.
    for (let link = this.#link; link !== undefined && this.#subscriptions.has(own) && own.at?.link !== link && !this.#isClosed; link = this.#link) {
      try {
        await this.#start(own, link);
        if (!this.#subscriptions.has(own)) await this.#stop(own);
      } catch {
        if (link === this.#link) await pause(LONGEST_PAUSE_MS);
      }
    }
    own.isRenewing = false;
  }

  #scheduleChecks(): void {
    if (this.#options.endpoints.length < 2) return;
    let isRunning = false;
    this.#checks = setInterval(() => {
      if (isRunning) return;
      isRunning = true;
      void this.#check().finally(() => (isRunning = false));
    }, this.#options.health.checkMs);
    this.#checks.unref();
  }

  /** Looks whether the finalised head moves, and whether others are ahead. */
  async #check(): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    const { stallMs, compareMs } = this.#options.health;
    const number = await readFinalisedNumber(link).catch((error: unknown) => {
      this.#count(error);
      return -1;
    });
    const nowMs = performance.now();
    if (number > this.#advance.number) this.#advance = { ...this.#advance, number, atMs: nowMs };
    if (nowMs - this.#advance.atMs < stallMs && nowMs - this.#advance.comparedAtMs < compareMs) return;
    this.#advance = { ...this.#advance, comparedAtMs: nowMs };
    await this.#compare(link);
  }

  async #compare(link: NodeLink): Promise<void> {
    const peers = await Promise.all(this.#others().map((endpoint) => this.#probe(endpoint)));
    const best = peers.reduce<NodeLink | undefined>((a, b) => (b !== undefined && (a === undefined || b.finalisedNumber > a.finalisedNumber) ? b : a), undefined);
    const lagBlocks = best === undefined ? 0 : best.finalisedNumber - Math.max(this.#advance.number, link.finalisedNumber);
    const isBetter = best !== undefined && lagBlocks > this.#options.health.maxLagBlocks && link === this.#link && !this.#isClosed;
    for (const peer of peers) if (peer !== undefined && !(isBetter && peer === best)) peer.socket.close('it was only compared');
    if (isBetter) this.#switch(link, best, `it is ${lagBlocks} blocks behind ${best.endpoint}`);
  }

  async #probe(endpoint: string): Promise<NodeLink | undefined> {
    try {
      const link = await this.#open(endpoint);
      await readFinalisedNumber(link).catch(() => link.socket.close('it did not answer'));
      return link.socket.isOpen ? link : undefined;
    } catch {
      return undefined;
    }
  }

  #switch(from: NodeLink, to: NodeLink, reason: string): void {
    this.#link = undefined;
    this.#options.onStatus({ type: 'left', endpoint: from.endpoint, reason });
    for (const listener of this.#lostListeners) listener();
    from.socket.close(reason);
    this.#use(to);
  }
}

function noneUsable(failures: readonly ChainError[]): ChainError {
  const [only] = failures;
  if (failures.length === 1 && only !== undefined) return only;
  const list = failures.map(({ message }) => `\n  ${message}`).join('');
  const codes = new Set(failures.map(({ code }) => code));
  const code = codes.size === 1 && only !== undefined ? only.code : 'unreachable';
  return new ChainError(code, `none of ${failures.length} endpoints can be used:${list}`, { endpoint: failures.map(({ context }) => context.endpoint).join(', ') }, new AggregateError(failures));
}
