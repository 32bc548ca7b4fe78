/**
 * One client's conversation: requests in, answers and notifications out.
 * @module
 * @see https://www.jsonrpc.org/specification
 */
import { archiveSubscriptions } from './archive-methods.ts';
import { chainHeadMethods } from './chain-head/methods.ts';
import type { Connection, ConnectionMethod } from './connection.ts';
import { controlMethods, type ControlContext } from './localnet-methods.ts';
import { methods } from './methods.ts';
import { RPC_CODES, RpcFailure, toFailure } from './failure.ts';
import type { Reply } from './rpc-method.ts';
import type { Subscription } from './subscription.ts';
import { subscriptions, unsubscriptions } from './subscriptions.ts';
import { transactionMethods } from './transaction-methods.ts';

/** Requests in one batch, and subscriptions of one client. */
const MAX_BATCH = 1000;
const MAX_SUBSCRIPTIONS = 1024;
/** One answer, or those of a batch together: what a Substrate node sends at most (`--rpc-max-response-size`). */
const MAX_ANSWER_BYTES = 15 * 1024 * 1024;
/** Lists and objects within one another in a message; real requests have less than ten. */
const MAX_DEPTH = 128;

/** Methods whose requests refer to one another. */
const connectionMethods: Readonly<Record<string, ConnectionMethod>> = Object.assign(Object.create(null) as Record<string, ConnectionMethod>, chainHeadMethods, transactionMethods, archiveSubscriptions);

/** `rpc_methods`, sorted. */
const METHOD_NAMES: readonly string[] = [...Object.keys(methods), ...Object.keys(connectionMethods), ...Object.keys(controlMethods), ...Object.keys(subscriptions), ...unsubscriptions, 'rpc_methods'].sort();

interface Answer {
  /** JSON. */
  readonly text: string;
  /** To be called once the answer has been sent. */
  readonly begin?: () => void;
}

type SoonAnswer = Answer | Promise<Answer>;

/** What a session needs. */
export interface SessionOptions {
  readonly context: ControlContext;
  /** Sends a notification; without it (HTTP) there are no subscriptions. */
  readonly send?: (text: string) => void;
}

/** A client's session. */
export class RpcSession {
  readonly #context: ControlContext;
  readonly #send: ((text: string) => void) | undefined;
  readonly #active = new Map<string, () => void>();
  readonly #connection: Connection;
  #nextId = 1;
  #lastRequestMs = 0;

  constructor({ context, send }: SessionOptions) {
    this.#context = context;
    this.#send = send;
    this.#connection = {
      node: context.view,
      follows: new Map(),
      broadcasts: new Map(),
      subscribe: (make) => this.#subscribe(make),
      unsubscribe: (id) => this.#unsubscribe(id),
      nextId: () => `local${this.#nextId++}`,
    };
  }

  /** Answers a message, at once unless it asks for something that takes time; some need no answer. Never throws. */
  handle(text: string, reply: (text: string) => void): void | Promise<void> {
    this.#lastRequestMs = performance.now();
    const message = parse(text);
    if (message === undefined) return reply(failed(null, new RpcFailure(RPC_CODES.parse, 'Parse error')));
    const isBatch = Array.isArray(message) && message.length > 0;
    const answers = this.#answer(message);
    const finish = (done: readonly Answer[]): void => {
      const texts = done.map((answer) => answer.text);
      if (texts.length > 0) reply(isBatch ? batchOf(texts) : (texts[0] as string));
      for (const { begin } of done) begin?.();
    };
    if (answers.some((answer) => answer instanceof Promise)) return Promise.all(answers).then(finish);
    finish(answers as Answer[]);
  }

  /** Ends all that goes on. */
  close(): void {
    for (const broadcast of this.#connection.broadcasts.values()) broadcast.stop();
    this.#connection.broadcasts.clear();
    for (const end of this.#active.values()) end();
    this.#active.clear();
  }

  #answer(message: unknown): SoonAnswer[] {
    if (!Array.isArray(message)) return this.#one(message);
    if (message.length === 0 || message.length > MAX_BATCH) {
      return [{ text: failed(null, new RpcFailure(RPC_CODES.request, 'Invalid Request', `a batch has 1 to ${MAX_BATCH} requests`)) }];
    }
    return this.#batch(message);
  }

  /** What stands behind the answer that is one too many is not looked at. */
  #batch(requests: readonly unknown[]): SoonAnswer[] {
    const answers: SoonAnswer[] = [];
    let size = 0;
    for (const request of requests) {
      if (size > MAX_ANSWER_BYTES) break;
      for (const answer of this.#one(request)) {
        answers.push(answer);
        if (!(answer instanceof Promise)) size += answer.text.length;
      }
    }
    return answers;
  }

  #one(request: unknown): SoonAnswer[] {
    const { id, method, params = [] } = (typeof request === 'object' && request !== null ? request : {}) as Record<string, unknown>;
    const known = id === undefined || id === null || typeof id === 'string' || typeof id === 'number';
    if (typeof method !== 'string' || !known || !Array.isArray(params)) {
      return [{ text: failed(known && id !== undefined ? id : null, new RpcFailure(RPC_CODES.request, 'Invalid Request')) }];
    }
    const answer = method.startsWith('localnet_') ? this.#call(id ?? null, method, params) : this.#faulty(id ?? null, method, params);
    return id === undefined ? [] : [answer];
  }

  /** Calls a method of a node as its faults have it. */
  #faulty(id: unknown, method: string, params: readonly unknown[]): SoonAnswer {
    const { failMethods = {}, delayMs = 0, delayMethods } = this.#context.view.faults.settings;
    const error = Object.hasOwn(failMethods, method) ? failMethods[method] : undefined;
    const answer = error === undefined ? this.#call(id, method, params) : { text: failed(id, new RpcFailure(error.code, error.message, error.data)) };
    const late = delayMs > 0 && (delayMethods === undefined || delayMethods.includes(method));
    return late ? new Promise((resolve) => setTimeout(() => resolve(answer), delayMs)) : answer;
  }

  #call(id: unknown, method: string, params: readonly unknown[]): SoonAnswer {
    try {
      const result = this.#run(id, method, params);
      if (!(result instanceof Promise)) return result;
      return result.catch((error: unknown) => ({ text: failed(id, toFailure(error)) }));
    } catch (error) {
      return { text: failed(id, toFailure(error)) };
    }
  }

  #run(id: unknown, method: string, params: readonly unknown[]): SoonAnswer {
    const { view } = this.#context;
    const subscribe = subscriptions[method];
    if (subscribe !== undefined) return answered(id, this.#subscribe(() => subscribe(view, params)));
    const stateful = connectionMethods[method];
    if (stateful !== undefined) return answered(id, stateful(this.#connection, params));
    if (unsubscriptions.has(method)) return { text: succeeded(id, this.#unsubscribe(params[0])) };
    if (method === 'rpc_methods') return { text: succeeded(id, { methods: METHOD_NAMES }) };
    const result = this.#result(method, params);
    return result instanceof Promise ? result.then((value) => ({ text: succeeded(id, value) })) : { text: succeeded(id, result) };
  }

  #result(method: string, params: readonly unknown[]): unknown {
    const control = controlMethods[method];
    if (control !== undefined) return control(this.#context, params);
    const run = methods[method];
    if (run !== undefined) return run(this.#context.view, params);
    throw new RpcFailure(RPC_CODES.method, 'Method not found', method.slice(0, 100));
  }

  #subscribe(make: () => Subscription): Reply {
    const send = this.#send;
    if (send === undefined) throw new RpcFailure(RPC_CODES.method, 'Method not found', 'subscriptions need a WebSocket');
    if (this.#active.size >= MAX_SUBSCRIPTIONS) throw new RpcFailure(-32006, 'Too many subscriptions', `at most ${MAX_SUBSCRIPTIONS}`);
    const { notification, start } = make();
    const id = this.#connection.nextId();
    const notify = (result: unknown): void => send(JSON.stringify({ jsonrpc: '2.0', method: notification, params: { subscription: id, result } }));
    this.#active.set(id, () => undefined);
    return { result: id, begin: () => this.#start(id, () => start({ id, send: notify, idleMs: () => performance.now() - this.#lastRequestMs })) };
  }

  #start(subscription: string, start: () => () => void): void {
    if (!this.#active.has(subscription)) return;
    const end = start();
    if (this.#active.has(subscription)) this.#active.set(subscription, end);
    else end();
  }

  #unsubscribe(id: unknown): boolean {
    if (typeof id !== 'string') return false;
    this.#active.get(id)?.();
    return this.#active.delete(id);
  }
}

function parse(text: string): unknown {
  try {
    return isTooDeep(text) ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** Looked at before parsing, because what is nested without end takes many times its size in memory. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inText = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inText) {
      if (code === BACKSLASH) index += 1;
      else if (code === QUOTE) inText = false;
    } else if (code === QUOTE) inText = true;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) depth += 1;
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d] as const;

function answered(id: unknown, { result, begin }: Reply): Answer {
  return { text: succeeded(id, result), ...(begin === undefined ? {} : { begin }) };
}

function succeeded(id: unknown, result: unknown): string {
  const text = JSON.stringify({ jsonrpc: '2.0', result, id });
  return text.length <= MAX_ANSWER_BYTES ? text : failed(id, new RpcFailure(RPC_CODES.answerTooBig, 'Response is too big', `Exceeded max limit of ${MAX_ANSWER_BYTES}`));
}

function failed(id: unknown, { code, message, data }: RpcFailure): string {
  return JSON.stringify({ jsonrpc: '2.0', error: data === undefined ? { code, message } : { code, message, data }, id });
}

/** A list of texts, or an error in their place. */
function batchOf(texts: readonly string[]): string {
  const size = texts.reduce((sum, { length }) => sum + length, 0);
  return size <= MAX_ANSWER_BYTES ? `[${texts.join(',')}]` : failed(null, new RpcFailure(RPC_CODES.batchTooBig, 'The batch response was too large', `Exceeded max limit of ${MAX_ANSWER_BYTES}`));
}
