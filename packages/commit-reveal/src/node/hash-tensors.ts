/**
 * The canonical root of many tensors on several threads: one tensor a thread at a time, the largest first, from files, streams and memory.
 *
 * SHA-256 of one tensor is one sequence of steps, so a single tensor gains nothing; a checkpoint has hundreds. The calling thread hashes too, between turns of
 * its event loop: it need not wait for the others to start, and what lies in its memory must be copied for others unless it is a `SharedArrayBuffer`.
 * Threads read files themselves, the calling one a MiB between turns: a disk that stalls holds it up.
 * @module
 */
import { availableParallelism } from 'node:os';
import { CommitRevealError } from '../errors.ts';
import { abortable } from '../internal/abortable.ts';
import { assertChunk } from '../internal/blocks.ts';
import { assertBytes, assertUnsigned } from '../internal/bytes.ts';
import { createTensorRoot, type HashableTensor, type TensorHeader, type TensorRootBuilder } from '../tensor-root.ts';
import type { FileRange } from './file-pieces.ts';
import { hashHere } from './hash-here.ts';
import { openHashThread } from './hash-thread.ts';
import type { Hasher } from './hasher.ts';

/** A tensor whose bytes lie in a file. */
export interface FileTensor extends TensorHeader, FileRange {}

/** A tensor whose bytes come as a stream; it is read once, when its turn comes. */
export interface StreamTensor extends TensorHeader {
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly sizeBytes: number;
}

/** A tensor, wherever its bytes are. */
export type TensorSource = HashableTensor | FileTensor | StreamTensor;

/** Options of {@link hashTensors}. */
export interface HashTensorsOptions {
  /** Threads that compute, this one included; 1 to 1,024 (default: one for every 16 MiB, and at most as many as the machine runs at once). */
  readonly threads?: number;
  /** Each thread holds up to three buffers of this size, 4 KiB to 64 MiB (default: 1 MiB). */
  readonly bufferBytes?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_BUFFER_BYTES = 1_048_576;
/** Less than this is hashed here before another thread has started. */
const WORTH_A_THREAD_BYTES = 16_777_216;

/**
 * Hashes tensors in any order, and gives the builder that has their root and proofs.
 *
 * @param entry another worker file than the package's, in tests
 * @throws no-tensors (from `root()`), duplicate-tensor, bad-text, bad-length, out-of-range, before anything is hashed
 * @throws bad-stream when a file or stream has fewer bytes than `sizeBytes`, a stream more or something else than bytes; hash-thread; errors of the file system; the signal's reason
 * @example
 * const root = (await hashTensors(headers.map((h) => ({ ...h, path, offset: h.offset, sizeBytes: h.sizeBytes })))).root();
 */
export async function hashTensors(tensors: Iterable<TensorSource>, options: HashTensorsOptions = {}, entry: URL = new URL('./node/hash-worker.js', import.meta.url)): Promise<TensorRootBuilder> {
  const queue = queueBySize(tensors);
  const { threads, bufferBytes } = checkOptions(options, queue);
  options.signal?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const run = { queue, builder: createTensorRoot(), signal: stop.signal };
  const others = Array.from({ length: Math.max(Math.min(threads, queue.length) - 1, 0) }, () => openHashThread(bufferBytes, entry));
  try {
    await Promise.all([hashHere(bufferBytes, stop.signal), ...others].map((hasher) => workOff(run, hasher)));
  } catch (error) {
    // The first failure ends the others at their next tensor; closing the threads ends what they have under way.
    stop.abort(error);
    throw options.signal?.aborted ? options.signal.reason : error;
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    await Promise.all(others.map((thread) => thread.close()));
  }
  return run.builder;
}

interface Job {
  readonly source: TensorSource;
  readonly sizeBytes: number;
}

interface Run {
  /** By size, the largest last. */
  readonly queue: Job[];
  readonly builder: TensorRootBuilder;
  readonly signal: AbortSignal;
}

async function workOff({ queue, builder, signal }: Run, hasher: Hasher): Promise<void> {
  for (let job = queue.pop(); job !== undefined; job = queue.pop()) {
    signal.throwIfAborted();
    const { name, dtype, shape } = job.source;
    const sha256 = await abortable(digest(hasher, job), signal);
    builder.addDigest({ name, dtype, shape, sizeBytes: job.sizeBytes, sha256 });
  }
}

function digest(hasher: Hasher, { source, sizeBytes }: Job): Promise<Uint8Array> {
  if ('path' in source) return hasher.digestFile(source);
  return 'chunks' in source ? hasher.digestChunks(exactly(source, sizeBytes)) : hasher.digestBytes(source.data);
}

async function* exactly({ name, chunks }: StreamTensor, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0;
  const fail = (): never => {
    throw new CommitRevealError('bad-stream', `tensor ${JSON.stringify(name)}: expected ${sizeBytes} bytes, got ${received > sizeBytes ? 'at least ' : ''}${received}`, { field: name, expected: sizeBytes, actual: received });
  };
  for await (const chunk of chunks) {
    assertChunk(chunk);
    received += chunk.length;
    if (received > sizeBytes) fail();
    yield chunk;
  }
  if (received < sizeBytes) fail();
}

/** Refuses names, shapes and duplicates as the builder does, before any work. */
function queueBySize(tensors: Iterable<TensorSource>): Job[] {
  const jobs = [...tensors].map((source) => ({ source, sizeBytes: 'data' in source ? assertBytes(`data of tensor ${JSON.stringify(source.name)}`, source.data).length : source.sizeBytes }));
  const builder = createTensorRoot();
  const sha256 = new Uint8Array(32);
  for (const { source } of jobs) if ('path' in source) assertUnsigned(`offset of tensor ${JSON.stringify(source.name)}`, source.offset, 64);
  for (const { source, sizeBytes } of jobs) builder.addDigest({ name: source.name, dtype: source.dtype, shape: source.shape, sizeBytes, sha256 });
  return jobs.sort((a, b) => a.sizeBytes - b.sizeBytes);
}

function checkOptions({ threads, bufferBytes = DEFAULT_BUFFER_BYTES }: HashTensorsOptions, queue: readonly Job[]): { readonly threads: number; readonly bufferBytes: number } {
  if (threads !== undefined) assertBetween('threads', threads, [1, 1_024]);
  assertBetween('bufferBytes', bufferBytes, [4_096, 67_108_864]);
  return { threads: threads ?? worthwhileThreads(queue), bufferBytes };
}

function worthwhileThreads(queue: readonly Job[]): number {
  const totalBytes = queue.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return Math.min(Math.ceil(totalBytes / WORTH_A_THREAD_BYTES), availableParallelism());
}

function assertBetween(field: string, value: number, [min, max]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new CommitRevealError('out-of-range', `${field} must be an integer from ${min} to ${max}, got ${String(value)}`, { field, expected: `${min}..${max}`, actual: String(value) });
}
