/**
 * One client's conversation: requests in, answers and notifications out.
 * @module
 * @see https://www.jsonrpc.org/specification
 */
import type { LocalNode } from '../node.ts';
import { methods } from './methods.ts';
import { RPC_CODES, RpcFailure, toFailure } from './failure.ts';
import { subscriptions, unsubscriptions, type Subscription } from './subscriptions.ts';

/** Requests in one batch, and subscriptions of one client. */
const MAX_BATCH = 1000;
const MAX_SUBSCRIPTIONS = 1024;

/** `rpc_methods`, sorted. */
const METHOD_NAMES: readonly string[] = [...Object.keys(methods), ...Object.keys(subscriptions), ...unsubscriptions, 'rpc_methods'].sort();

interface Answer {
  readonly body: object;
  /** To be called once the answer has been sent. */
  readonly begin?: () => void;
}

/** A client's session. */
export class RpcSession {
  readonly #node: LocalNode;
  readonly #send: ((text: string) => void) | undefined;
  readonly #active = new Map<string, () => void>();
  #nextId = 1;
  #lastRequestMs = 0;

  /** @param send - sends a notification; without it (HTTP) there are no subscriptions */
  constructor(node: LocalNode, send?: (text: string) => void) {
    this.#node = node;
    this.#send = send;
  }

  /** Answers a message; `undefined` if it needs no answer. Never throws. */
  handle(text: string, reply: (text: string) => void): void {
    this.#lastRequestMs = performance.now();
    const message = parse(text);
    if (message === undefined) return reply(JSON.stringify(failed(null, new RpcFailure(RPC_CODES.parse, 'Parse error'))));
    const answers = this.#answer(message);
    const bodies = answers.map(({ body }) => body);
    if (bodies.length > 0) reply(JSON.stringify(Array.isArray(message) && message.length > 0 ? bodies : bodies[0]));
    for (const { begin } of answers) begin?.();
  }

  /** Ends all subscriptions. */
  close(): void {
    for (const end of this.#active.values()) end();
    this.#active.clear();
  }

  #answer(message: unknown): Answer[] {
    if (!Array.isArray(message)) return this.#one(message);
    if (message.length === 0 || message.length > MAX_BATCH) {
      return [{ body: failed(null, new RpcFailure(RPC_CODES.request, 'Invalid Request', `a batch has 1 to ${MAX_BATCH} requests`)) }];
    }
    return message.flatMap((request) => this.#one(request));
  }

  #one(request: unknown): Answer[] {
    const { id, method, params = [] } = (typeof request === 'object' && request !== null ? request : {}) as Record<string, unknown>;
    const known = id === undefined || id === null || typeof id === 'string' || typeof id === 'number';
    if (typeof method !== 'string' || !known || !Array.isArray(params)) {
      return [{ body: failed(known && id !== undefined ? id : null, new RpcFailure(RPC_CODES.request, 'Invalid Request')) }];
    }
    const answer = this.#call(id ?? null, method, params);
    return id === undefined ? [] : [answer];
  }

  #call(id: unknown, method: string, params: readonly unknown[]): Answer {
    try {
      const subscribe = subscriptions[method];
      if (subscribe !== undefined) return this.#subscribe(id, () => subscribe(this.#node, params));
      if (unsubscriptions.has(method)) return { body: succeeded(id, this.#unsubscribe(params[0])) };
      if (method === 'rpc_methods') return { body: succeeded(id, { methods: METHOD_NAMES }) };
      const run = methods[method];
      if (run === undefined) throw new RpcFailure(RPC_CODES.method, 'Method not found', method.slice(0, 100));
      return { body: succeeded(id, run(this.#node, params)) };
    } catch (error) {
      return { body: failed(id, toFailure(error)) };
    }
  }

  #subscribe(id: unknown, make: () => Subscription): Answer {
    const send = this.#send;
    if (send === undefined) throw new RpcFailure(RPC_CODES.method, 'Method not found', 'subscriptions need a WebSocket');
    if (this.#active.size >= MAX_SUBSCRIPTIONS) throw new RpcFailure(-32006, 'Too many subscriptions', `at most ${MAX_SUBSCRIPTIONS}`);
    const { notification, start } = make();
    const subscription = `local${this.#nextId++}`;
    const notify = (result: unknown): void => send(JSON.stringify({ jsonrpc: '2.0', method: notification, params: { subscription, result } }));
    this.#active.set(subscription, () => undefined);
    return { body: succeeded(id, subscription), begin: () => this.#start(subscription, () => start({ send: notify, idleMs: () => performance.now() - this.#lastRequestMs })) };
  }

  #start(subscription: string, start: () => () => void): void {
    if (this.#active.has(subscription)) this.#active.set(subscription, start());
  }

  #unsubscribe(id: unknown): boolean {
    const end = this.#active.get(String(id));
    end?.();
    return this.#active.delete(String(id));
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function succeeded(id: unknown, result: unknown): object {
  return { jsonrpc: '2.0', result, id };
}

function failed(id: unknown, { code, message, data }: RpcFailure): object {
  return { jsonrpc: '2.0', error: data === undefined ? { code, message } : { code, message, data }, id };
}
