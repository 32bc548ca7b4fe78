/**
 * A hashing thread seen from outside: requests are answered in order, and memory is two buffers that are filled and hashed in turn.
 * @module
 */
import { Worker } from 'node:worker_threads';
import { CommitRevealError } from '../errors.ts';

/** Buffers of a thread: one is filled while the other is hashed. */
export const SLOTS = 2;

/** What a thread is asked. */
export type HashRequest =
  | { readonly kind: 'file'; readonly path: string; readonly offset: number; readonly sizeBytes: number }
  /** Bytes of a `SharedArrayBuffer`, used in place. */
  | { readonly kind: 'shared'; readonly data: Uint8Array }
  | { readonly kind: 'slot'; readonly slot: number; readonly length: number }
  /** The digest of the slots since the last end. */
  | { readonly kind: 'end' };

/** What it answers. */
export interface HashReply {
  readonly digest?: Uint8Array;
  readonly error?: { readonly message: string; readonly code?: string; readonly path?: string };
}

/** A thread that computes SHA-256. */
export interface HashThread {
  digestFile(file: { readonly path: string; readonly offset: number; readonly sizeBytes: number }): Promise<Uint8Array>;
  digestShared(data: Uint8Array): Promise<Uint8Array>;
  /** Copies chunks into the thread's buffers. */
  digestChunks(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array>;
  close(): Promise<unknown>;
}

interface Waiting {
  readonly resolve: (reply: HashReply) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts a thread. @param entry another worker file than the package's, in tests */
export function openHashThread(bufferBytes: number, entry: URL): HashThread {
  const memory = new SharedArrayBuffer(SLOTS * bufferBytes);
  const slots = Array.from({ length: SLOTS }, (_, index) => new Uint8Array(memory, index * bufferBytes, bufferBytes));
  const worker = new Worker(entry, { workerData: { memory, bufferBytes } });
  const request = watch(worker);
  const digestOf = async (message: HashRequest): Promise<Uint8Array> => (await request(message)).digest as Uint8Array;
  return {
    digestFile: ({ path, offset, sizeBytes }) => digestOf({ kind: 'file', path, offset, sizeBytes }),
    digestShared: (data) => digestOf({ kind: 'shared', data }),
    async digestChunks(chunks) {
      const busy: Promise<unknown>[] = slots.map(() => Promise.resolve());
      let turn = 0;
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.length; at += bufferBytes) {
          await busy[turn];
          const part = chunk.subarray(at, at + bufferBytes);
          (slots[turn] as Uint8Array).set(part);
          const hashed = request({ kind: 'slot', slot: turn, length: part.length });
          // It is awaited before its slot is used again, or never where the stream fails first.
          hashed.catch(() => undefined);
          busy[turn] = hashed;
          turn = (turn + 1) % SLOTS;
        }
      }
      await Promise.all(busy);
      return digestOf({ kind: 'end' });
    },
    close: () => worker.terminate(),
  };
}

/** Pairs answers with requests, which a thread takes in order. A thread that dies rejects what is under way and all that comes. */
function watch(worker: Worker): (message: HashRequest) => Promise<HashReply> {
  const waiting: Waiting[] = [];
  let dead: CommitRevealError | undefined;
  const die = (cause?: unknown): void => {
    dead ??= new CommitRevealError('hash-thread', `a hashing thread has ended${cause instanceof Error ? `: ${cause.message}` : ''}; try again`, {}, cause);
    for (const { reject } of waiting.splice(0)) reject(dead);
  };
  worker.on('message', ({ error, ...reply }: HashReply) => {
    const { resolve, reject } = waiting.shift() as Waiting;
    if (error === undefined) resolve(reply);
    else reject(error.code === 'short' ? new CommitRevealError('bad-stream', error.message) : Object.assign(new Error(error.message), error));
  });
  worker.on('error', die);
  worker.on('exit', () => die());
  return (message) =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) return reject(dead);
      waiting.push({ resolve, reject });
      worker.postMessage(message, []);
    });
}
