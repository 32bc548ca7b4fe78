/**
 * JSON-RPC over one WebSocket: requests with a time limit, subscriptions, and a clear end.
 *
 * A socket that is half open (the other side is gone without a word) is found by pings and ended at once, without waiting for a handshake that nobody answers. That is why this is built on
 * `ws` and not on the WebSocket of the web, which can neither ping nor be torn down.
 * @module
 */
import { WebSocket } from 'ws';
import { isAnswer, isNotification, plainText } from './answer.ts';

/** Where to, and how patient to be. */
export interface SocketOptions {
  readonly endpoint: string;
  /** Until the socket stands. */
  readonly timeoutMs: number;
  /** For each answer. */
  readonly requestTimeoutMs: number;
  /** Between pings; one that is not answered before the next ends the socket. */
  readonly pingMs: number;
}

/** Longest message that is taken: the largest is metadata, about 1 MiB as hex. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** Notifications that are kept while the numbers of subscriptions are awaited. */
const MAX_EARLY = 64;

/** A JSON-RPC error as the node told it; its texts are on one line and not longer than a message takes. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: string | undefined;

  constructor(error: unknown) {
    const { code, message, data } = (typeof error === 'object' ? error : {}) as Partial<Record<string, unknown>>;
    const text = data === undefined ? undefined : textOf(data);
    super(`${textOf(code)}: ${textOf(message)}${text === undefined ? '' : `: ${text}`}`);
    this.code = typeof code === 'number' ? code : 0;
    this.data = text;
  }
}

/** An answer, but not to what was asked. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

/** The socket ended, or never stood. */
export class SocketLost extends Error {
  override readonly name = 'SocketLost';
}

/** No answer in time. */
export class AnswerLate extends Error {
  override readonly name = 'AnswerLate';
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
  readonly method: string;
  readonly listener: ((value: unknown) => void) | undefined;
}

/** An open socket. */
export class RpcSocket {
  readonly endpoint: string;
  readonly #socket: WebSocket;
  readonly #requestTimeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<string, (value: unknown) => void>();
  /** While a subscription is being asked for: what came for numbers that nobody listens to yet. */
  #early: { readonly id: string; readonly value: unknown }[] = [];
  #subscribing = 0;
  readonly #lostListeners = new Set<(reason: string) => void>();
  readonly #pings: NodeJS.Timeout;
  #lostReason: string | undefined;
  #isAnswered = true;
  #lastId = 0;

  private constructor(socket: WebSocket, { endpoint, requestTimeoutMs, pingMs }: SocketOptions) {
    this.endpoint = endpoint;
    this.#socket = socket;
    this.#requestTimeoutMs = requestTimeoutMs;
    socket.on('message', (data) => this.#receive(String(data)));
    socket.on('pong', () => (this.#isAnswered = true));
    socket.on('error', () => {}); // what matters is the end, which follows
    socket.on('close', (code) => this.close(`the node closed the connection (code ${code})`));
    this.#pings = setInterval(() => this.#ping(pingMs), pingMs);
    this.#pings.unref();
  }

  /** @throws SocketLost */
  static open(options: SocketOptions): Promise<RpcSocket> {
    const { endpoint, timeoutMs } = options;
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(endpoint, { handshakeTimeout: timeoutMs, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
      socket.once('open', () => {
        socket.removeAllListeners();
        resolve(new RpcSocket(socket, options));
      });
      socket.on('error', (cause) => reject(new SocketLost(reasonOf(cause, timeoutMs), { cause })));
      socket.once('close', () => reject(new SocketLost('the connection was closed at once')));
    });
  }

  get isOpen(): boolean {
    return this.#lostReason === undefined;
  }

  /** @throws RpcError, WrongAnswer, AnswerLate, SocketLost */
  request(method: string, params: readonly unknown[], listener?: (value: unknown) => void): Promise<unknown> {
    if (this.#lostReason !== undefined) return Promise.reject(new SocketLost(this.#lostReason));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#take(id);
        reject(new AnswerLate(`no answer within ${this.#requestTimeoutMs / 1000} s`));
      }, this.#requestTimeoutMs);
      this.#pending.set(id, { resolve, reject, timer, method, listener });
      if (listener !== undefined) this.#subscribing++;
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }), (error) => {
        if (error) this.close('the connection broke while a request was sent');
      });
    });
  }

  /** Begins a subscription; `listener` gets its values. Returns its number. @throws as `request` */
  async subscribe(method: string, params: readonly unknown[], listener: (value: unknown) => void): Promise<string> {
    return String(await this.request(method, params, listener));
  }

  /** Stops listening; telling the node is another request. */
  forget(id: string): void {
    this.#listeners.delete(id);
  }

  /** Called once, with the reason, when the socket has ended. */
  onLost(listener: (reason: string) => void): void {
    if (this.#lostReason === undefined) this.#lostListeners.add(listener);
    else listener(this.#lostReason);
  }

  /** Ends it at once: whatever is awaited fails with the reason. */
  close(reason: string): void {
    if (this.#lostReason !== undefined) return;
    this.#lostReason = reason;
    clearInterval(this.#pings);
    this.#socket.terminate();
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new SocketLost(reason));
    }
    this.#pending.clear();
    this.#listeners.clear();
    for (const listener of this.#lostListeners) listener(reason);
  }

  #ping(pingMs: number): void {
    if (!this.#isAnswered) return this.close(`no sign of life for ${pingMs / 1000} s`);
    this.#isAnswered = false;
    this.#socket.ping();
  }

  #receive(text: string): void {
    this.#isAnswered = true;
    const message = parse(text);
    if (message === undefined) return this.close('it sent something that is no JSON-RPC message');
    if (typeof message.id === 'number') this.#answer(message.id, message);
    else if (isSubscriptionId(message.params?.subscription)) this.#notify(String(message.params.subscription), message.params.result);
  }

  #answer(id: number, { result, error }: Message): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // came too late
    const { method, listener } = pending;
    const isSubscribed = listener !== undefined && isSubscriptionId(result);
    // Listened to before anybody hears of it, so that no notification slips through in between.
    if (isSubscribed) this.#listen(String(result), { method, listener });
    this.#take(id);
    if (error !== undefined && error !== null) return pending.reject(new RpcError(error));
    if (listener === undefined ? isAnswer(method, result) : isSubscribed) pending.resolve(result);
    else pending.reject(new WrongAnswer('an answer of another kind than this request has'));
  }

  /** A request that needs no answer any more. */
  #take(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    if (pending.listener !== undefined) this.#subscribing--;
    if (this.#subscribing === 0) this.#early = [];
  }

  #listen(id: string, { method, listener }: { readonly method: string; readonly listener: (value: unknown) => void }): void {
    const checked = (value: unknown): void => {
      if (isNotification(method, value)) listener(value);
      else this.close(`it sent something else than ${method} asks for`);
    };
    this.#listeners.set(id, checked);
    for (const early of this.#early) if (early.id === id) checked(early.value);
  }

  #notify(id: string, value: unknown): void {
    const listener = this.#listeners.get(id);
    if (listener !== undefined) listener(value);
    else if (this.#subscribing > 0 && this.#early.length < MAX_EARLY) this.#early.push({ id, value });
  }
}

interface Message {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly params?: { readonly subscription?: unknown; readonly result?: unknown };
}

function parse(text: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

/** Nodes number their subscriptions, or name them. */
function isSubscriptionId(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

/** Any JSON as a line; nested so deeply that it cannot be written, it is not worth a word. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return plainText(value);
  try {
    return plainText(JSON.stringify(value) ?? 'nothing');
  } catch {
    return 'something nested too deeply';
  }
}

function reasonOf(cause: Error, timeoutMs: number): string {
  if (cause.message === 'Opening handshake has timed out') return `no answer within ${timeoutMs / 1000} s`;
  // Node gives several attempts (IPv4, IPv6) as one error without words.
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message || 'the connection failed';
}
