/**
 * JSON-RPC over one WebSocket: requests with a time limit, subscriptions, and a clear end.
 *
 * A socket that is half open (the other side is gone without a word) is found by pings and ended at once, without waiting for a handshake that nobody answers. That is why this is built on
 * `ws` and not on the WebSocket of the web, which can neither ping nor be torn down.
 * @module
 */
import { WebSocket } from 'ws';

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
/** Notifications that are kept for a subscription whose number is not known yet. */
const MAX_EARLY = 64;

/** A JSON-RPC error as the node told it. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  constructor({ code, message, data }: { readonly code: number; readonly message: string; readonly data?: unknown }) {
    super(`${code}: ${message}${data === undefined ? '' : `: ${typeof data === 'string' ? data : JSON.stringify(data)}`}`);
    this.code = code;
    this.data = data;
  }
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
  readonly listener: ((value: unknown) => void) | undefined;
}

/** An open socket. */
export class RpcSocket {
  readonly endpoint: string;
  readonly #socket: WebSocket;
  readonly #requestTimeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<string, (value: unknown) => void>();
  readonly #early = new Map<string, unknown[]>();
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

  /** @throws RpcError, AnswerLate, SocketLost */
  request(method: string, params: readonly unknown[], listener?: (value: unknown) => void): Promise<unknown> {
    if (this.#lostReason !== undefined) return Promise.reject(new SocketLost(this.#lostReason));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new AnswerLate(`no answer within ${this.#requestTimeoutMs / 1000} s`));
      }, this.#requestTimeoutMs);
      this.#pending.set(id, { resolve, reject, timer, listener });
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
    else if (message.params?.subscription !== undefined) this.#notify(String(message.params.subscription), message.params.result);
  }

  #answer(id: number, { result, error }: Message): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // came too late
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (error !== undefined && error !== null) return pending.reject(new RpcError(error));
    // Listened to before anybody hears of it, so that no notification slips through in between.
    if (pending.listener !== undefined) this.#listen(String(result), pending.listener);
    pending.resolve(result);
  }

  #listen(id: string, listener: (value: unknown) => void): void {
    this.#listeners.set(id, listener);
    const early = this.#early.get(id) ?? [];
    this.#early.delete(id);
    for (const value of early) listener(value);
  }

  #notify(id: string, value: unknown): void {
    const listener = this.#listeners.get(id);
    if (listener !== undefined) return listener(value);
    const early = this.#early.get(id) ?? [];
    if (early.length < MAX_EARLY && this.#early.size < MAX_EARLY) this.#early.set(id, [...early, value]);
  }
}

interface Message {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown } | null;
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

function reasonOf(cause: Error, timeoutMs: number): string {
  if (cause.message === 'Opening handshake has timed out') return `no answer within ${timeoutMs / 1000} s`;
  // Node gives several attempts (IPv4, IPv6) as one error without words.
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message || 'the connection failed';
}
