/**
 * Routing on several threads, over shared memory: the same results, token by token, as one router gives.
 * @module
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { assertLogits } from '../internal/routing-kernel.ts';
import { createRouter, type RouterOptions, type Routing } from '../routing/routing.ts';
import { routingInvalid, type RoutingRule } from '../routing/routing-rule.ts';
import { watchThreads, type RoutingThreads } from './routing-threads.ts';

export interface RoutingPoolOptions extends RouterOptions {
  /** Threads, 1 to 1,024; by default as many as the machine runs at once. */
  readonly workers?: number | undefined;
}

/** Threads that route. They keep the process alive only while a batch is under way. */
export interface RoutingPool {
  readonly rule: RoutingRule;
  readonly workers: number;
  /**
   * What `Router.route` does. Typed arrays over a `SharedArrayBuffer` are used in place, and must not change meanwhile; others are copied once.
   * Without `into` the result lies in new shared memory. Several calls may be under way; threads take them in order.
   * @param logits `[T, E]`, fewer than 2^31 tokens
   * @throws routing-invalid sizes that do not fit
   * @throws routing-not-finite naming the first token that is refused
   * @throws routing-worker-failed a thread has died; the pool is then closed
   * @throws routing-pool-closed
   */
  route(logits: Float32Array, into?: Routing): Promise<Routing>;
  /** Ends the threads; calls under way reject with `routing-pool-closed`. May be called again. */
  close(): Promise<void>;
}

/** Logits that a thread takes at once: small enough that threads end together, large enough that taking a chunk costs nothing. */
const CHUNK_VALUES = 16_384;

/**
 * Starts the threads and resolves when all are ready.
 * @param entry another worker file than the package's, in tests
 * @throws routing-invalid a rule or options that cannot be followed
 * @throws routing-worker-failed
 * @example
 * const pool = await openRoutingPool(rule, { workers: 2 });
 * const { ids, weights } = await pool.route(logits);
 * await pool.close();
 */
export async function openRoutingPool(rule: RoutingRule, options: RoutingPoolOptions = {}, entry: URL = new URL('./node/routing-worker.js', import.meta.url)): Promise<RoutingPool> {
  const { workers = availableParallelism(), ...routerOptions } = options;
  if (!Number.isInteger(workers) || workers < 1 || workers > 1024) throw routingInvalid('workers', `an integer from 1 to 1024, got ${workers}`);
  // Refuses here what every thread would refuse.
  createRouter(rule, routerOptions);
  const threads = watchThreads(Array.from({ length: workers }, () => new Worker(entry, { workerData: { rule, options: routerOptions } })));
  await threads.ready;
  return { rule, workers, route: (logits, into) => routeOnThreads(threads, { rule, logits, into }), close: () => threads.close() };
}

async function routeOnThreads(threads: RoutingThreads, call: { rule: RoutingRule; logits: Float32Array; into: Routing | undefined }): Promise<Routing> {
  const { rule, into } = call;
  const { experts, expertsPerToken } = rule;
  const tokens = call.logits.length / experts;
  if (!Number.isInteger(tokens)) throw routingInvalid('logits', `a multiple of ${experts} values, got ${call.logits.length}`);
  const length = tokens * expertsPerToken;
  if (into !== undefined && (into.ids.length !== length || into.weights.length !== length)) {
    throw routingInvalid('into', `${length} ids and weights, got ${into.ids.length} and ${into.weights.length}`);
  }
  const logits = isShared(call.logits) ? call.logits : sharedCopy(call.logits);
  const ids = into !== undefined && isShared(into.ids) ? into.ids : new Uint16Array(new SharedArrayBuffer(2 * length));
  const weights = into !== undefined && isShared(into.weights) ? into.weights : new Float32Array(new SharedArrayBuffer(4 * length));
  const chunkTokens = Math.max(4, Math.floor(CHUNK_VALUES / experts / 4) * 4);
  const refused = await threads.run({ logits, ids, weights, next: new Int32Array(new SharedArrayBuffer(4)), chunkTokens });
  if (refused < tokens) assertLogits(logits.subarray(refused * experts, (refused + 1) * experts), refused);
  if (into === undefined) return { ids, weights };
  if (into.ids !== ids) into.ids.set(ids);
  if (into.weights !== weights) into.weights.set(weights);
  return into;
}

function isShared(array: Float32Array | Uint16Array): boolean {
  return array.buffer instanceof SharedArrayBuffer;
}

function sharedCopy(array: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}
