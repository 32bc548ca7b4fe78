/**
 * A hashing thread seen from outside: requests are answered in order. Bytes move to it and back in two buffers: one is filled while the other is hashed.
 * @module
 */
import { Worker } from 'node:worker_threads';
import { CommitRevealError } from '../errors.ts';
import type { FileRange } from './file-pieces.ts';
import type { Hasher } from './hasher.ts';

/** What a thread is asked. */
export type HashRequest =
  | ({ readonly kind: 'file' } & FileRange)
  /** Bytes of a `SharedArrayBuffer`, used in place. */
  | { readonly kind: 'shared'; readonly data: Uint8Array }
  /** The first `length` bytes of a buffer that moves to the thread, and back with the answer. */
  | { readonly kind: 'piece'; readonly buffer: ArrayBuffer; readonly length: number }
  /** The digest of the pieces since the last end. */
  | { readonly kind: 'end' };

/** What it answers. */
export interface HashReply {
  readonly digest?: Uint8Array;
  readonly buffer?: ArrayBuffer;
  readonly error?: { readonly message: string; readonly code?: string; readonly path?: string };
}

interface Waiting {
  readonly resolve: (reply: HashReply) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts a thread. What is not in shared memory is copied into its buffers. @param entry another worker file than the package's, in tests */
export function openHashThread(bufferBytes: number, entry: URL): Hasher {
  const worker = new Worker(entry, { workerData: { bufferBytes } });
  const request = watch(worker);
  const digestOf = async (message: HashRequest): Promise<Uint8Array> => (await request(message)).digest as Uint8Array;
  const buffers = Array.from({ length: 2 }, async () => new ArrayBuffer(bufferBytes));
  const hashPiece = async (piece: Uint8Array, buffer: ArrayBuffer): Promise<ArrayBuffer> => {
    new Uint8Array(buffer).set(piece);
    return (await request({ kind: 'piece', buffer, length: piece.length }, [buffer])).buffer as ArrayBuffer;
  };
  const digestChunks: Hasher['digestChunks'] = async (chunks) => {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += bufferBytes) {
        const back = hashPiece(chunk.subarray(at, at + bufferBytes), await (buffers.shift() as Promise<ArrayBuffer>));
        // It is awaited before it is filled again, or never where the stream fails first.
        back.catch(() => undefined);
        buffers.push(back);
      }
    }
    return digestOf({ kind: 'end' });
  };
  return {
    digestFile: (range) => digestOf({ kind: 'file', ...range }),
    digestBytes: (data) => (data.buffer instanceof SharedArrayBuffer ? digestOf({ kind: 'shared', data }) : digestChunks([data])),
    digestChunks,
    close: () => worker.terminate(),
  };
}

/** Pairs answers with requests, which a thread takes in order. A thread that dies rejects what is under way and all that comes. */
function watch(worker: Worker): (message: HashRequest, moved?: readonly ArrayBuffer[]) => Promise<HashReply> {
  const waiting: Waiting[] = [];
  let dead: CommitRevealError | undefined;
  const die = (cause?: unknown): void => {
    dead ??= new CommitRevealError('hash-thread', `a hashing thread has ended${cause instanceof Error ? `: ${cause.message}` : ''}; try again`, {}, cause);
    for (const { reject } of waiting.splice(0)) reject(dead);
  };
  worker.on('message', ({ error, ...reply }: HashReply) => {
    const { resolve, reject } = waiting.shift() as Waiting;
    if (error === undefined) resolve(reply);
    else reject(error.code === 'bad-stream' ? new CommitRevealError('bad-stream', error.message) : Object.assign(new Error(error.message), error));
  });
  worker.on('error', die);
  worker.on('exit', () => die());
  return (message, moved = []) =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) return reject(dead);
      waiting.push({ resolve, reject });
      worker.postMessage(message, moved);
    });
}
