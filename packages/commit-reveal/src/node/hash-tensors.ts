/**
 * The canonical root of many tensors on several threads: one tensor a thread at a time, the largest first, from files, streams and memory.
 *
 * SHA-256 of one tensor is one sequence of steps, so a single tensor gains nothing; a checkpoint has hundreds. What lies in memory is hashed by the calling
 * thread too, between turns of its event loop, because copying it to others costs a part of hashing it; what lies in a `SharedArrayBuffer` is not copied at all.
 * Files are read by the threads themselves.
 * @module
 */
import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CommitRevealError } from '../errors.ts';
import { createTensorRoot, type HashableTensor, type TensorHeader, type TensorRootBuilder } from '../tensor-root.ts';
import { openHashThread, type HashThread } from './hash-thread.ts';
import { createSha256 } from './sha256.ts';

/** A tensor whose bytes lie in a file. */
export interface FileTensor extends TensorHeader {
  readonly path: string;
  /** Of the tensor's first byte in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A tensor whose bytes come as a stream; it is read once, when its turn comes. */
export interface StreamTensor extends TensorHeader {
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly sizeBytes: number;
}

/** A tensor, wherever its bytes are. */
export type TensorSource = HashableTensor | FileTensor | StreamTensor;

/** Options of {@link hashTensors}. */
export interface HashTensorsOptions {
  /** Threads that compute, this one included where tensors lie in memory; 1 to 1,024 (default: as many as the machine runs at once). */
  readonly threads?: number;
  /** Each thread but this one holds two buffers of this size, 4 KiB to 64 MiB (default: 1 MiB). */
  readonly bufferBytes?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_BUFFER_BYTES = 1_048_576;

/**
 * Hashes tensors in any order, and gives the builder that has their root and proofs.
 *
 * @param entry another worker file than the package's, in tests
 * @throws no-tensors (from `root()`), duplicate-tensor, bad-text, out-of-range, before anything is hashed
 * @throws bad-stream when a file or stream has fewer bytes than `sizeBytes`, or a stream more; hash-thread; errors of the file system; the signal's reason
 * @example
 * const root = (await hashTensors(headers.map((h) => ({ ...h, path, offset: h.offset, sizeBytes: h.sizeBytes })))).root();
 */
export async function hashTensors(tensors: Iterable<TensorSource>, options: HashTensorsOptions = {}, entry: URL = new URL('./node/hash-worker.js', import.meta.url)): Promise<TensorRootBuilder> {
  const { threads, bufferBytes } = checkOptions(options);
  const jobs = [...tensors].map((source) => ({ source, sizeBytes: 'data' in source ? source.data.length : source.sizeBytes }));
  assertHeaders(jobs);
  options.signal?.throwIfAborted();
  const queues = splitJobs(jobs);
  const builder = createTensorRoot({ createSha256 });
  const isHashingHere = queues.here.length > 0;
  const count = Math.min(Math.max(threads - (isHashingHere ? 1 : 0), queues.elsewhere.length > 0 ? 1 : 0), jobs.length);
  const opened = Array.from({ length: count }, () => openHashThread(bufferBytes, entry));
  const run = { queues, builder, bufferBytes, stop: new AbortController() };
  const onAbort = (): void => run.stop.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.all([...opened.map((thread) => workOff(run, thread)), ...(isHashingHere ? [workOff(run)] : [])]);
  } catch (error) {
    // The first failure ends the others at their next tensor; closing the threads ends what they have under way.
    run.stop.abort(error);
    throw options.signal?.aborted ? options.signal.reason : error;
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    await Promise.all(opened.map((thread) => thread.close()));
  }
  return builder;
}

interface Job {
  readonly source: TensorSource;
  readonly sizeBytes: number;
}

/** Jobs by size, the largest last. */
interface Queues {
  /** In memory: any thread may take them. */
  readonly here: Job[];
  /** In files and streams, and in shared memory: for the threads. */
  readonly elsewhere: Job[];
}

interface Run {
  readonly queues: Queues;
  readonly builder: TensorRootBuilder;
  readonly bufferBytes: number;
  readonly stop: AbortController;
}

async function workOff(run: Run, thread?: HashThread): Promise<void> {
  const { queues, builder, stop } = run;
  for (;;) {
    stop.signal.throwIfAborted();
    const job = thread === undefined ? queues.here.pop() : (largestOf(queues).pop() as Job | undefined);
    if (job === undefined) return;
    const { name, dtype, shape } = job.source;
    const sha256 = thread === undefined ? await digestHere(job.source as HashableTensor, run) : await abortable(digestOn(thread, job), stop.signal);
    builder.addDigest({ name, dtype, shape, sizeBytes: job.sizeBytes, sha256 });
  }
}

function largestOf({ here, elsewhere }: Queues): Job[] {
  return (here.at(-1)?.sizeBytes ?? -1) > (elsewhere.at(-1)?.sizeBytes ?? -1) ? here : elsewhere;
}

/** In pieces, so that other threads are fed meanwhile. */
async function digestHere({ data }: HashableTensor, { bufferBytes, stop }: Run): Promise<Uint8Array> {
  const hash = createSha256();
  for (let at = 0; at < data.length; at += bufferBytes) {
    stop.signal.throwIfAborted();
    hash.update(data.subarray(at, at + bufferBytes));
    await nextTurn();
  }
  return hash.digest();
}

function digestOn(thread: HashThread, { source, sizeBytes }: Job): Promise<Uint8Array> {
  if ('path' in source) return thread.digestFile(source);
  if ('chunks' in source) return thread.digestChunks(exactly(source, sizeBytes));
  return source.data.buffer instanceof SharedArrayBuffer ? thread.digestShared(source.data) : thread.digestChunks([source.data]);
}

async function* exactly({ name, chunks }: StreamTensor, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0;
  const fail = (): never => {
    throw new CommitRevealError('bad-stream', `tensor ${JSON.stringify(name)}: expected ${sizeBytes} bytes, got ${received > sizeBytes ? 'at least ' : ''}${received}`, { field: name, expected: sizeBytes, actual: received });
  };
  for await (const chunk of chunks) {
    received += chunk.length;
    if (received > sizeBytes) fail();
    yield chunk;
  }
  if (received < sizeBytes) fail();
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function splitJobs(jobs: readonly Job[]): Queues {
  const bySize = jobs.toSorted((a, b) => a.sizeBytes - b.sizeBytes);
  const isHere = ({ source }: Job): boolean => 'data' in source;
  return { here: bySize.filter(isHere), elsewhere: bySize.filter((job) => !isHere(job)) };
}

/** Refuses names, shapes and duplicates as the builder does, before any work. */
function assertHeaders(jobs: readonly Job[]): void {
  const builder = createTensorRoot();
  const sha256 = new Uint8Array(32);
  for (const { source, sizeBytes } of jobs) builder.addDigest({ name: source.name, dtype: source.dtype, shape: source.shape, sizeBytes, sha256 });
}

function checkOptions({ threads = availableParallelism(), bufferBytes = DEFAULT_BUFFER_BYTES }: HashTensorsOptions): { readonly threads: number; readonly bufferBytes: number } {
  assertBetween('threads', threads, [1, 1_024]);
  assertBetween('bufferBytes', bufferBytes, [4_096, 67_108_864]);
  return { threads, bufferBytes };
}

function assertBetween(field: string, value: number, [min, max]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new CommitRevealError('out-of-range', `${field} must be an integer from ${min} to ${max}, got ${String(value)}`, { field, expected: `${min}..${max}`, actual: String(value) });
}
