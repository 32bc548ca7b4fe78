/**
 * Hashing on the calling thread, in turns short enough that its other work, such as feeding the hashing threads, goes on in between.
 * @module
 */
import { open, type FileHandle } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CommitRevealError } from '../errors.ts';
import type { IncrementalHash } from '../sha256.ts';
import { describeShortFile, type FileRange, type Hasher } from './hasher.ts';
import { createSha256 } from './sha256.ts';

/** Bytes of one turn: some 0.2 ms of hashing. */
const TURN_BYTES = 262_144;

/** @param bufferBytes files are read into two buffers of this size: one is filled while the other is hashed */
export function hashHere(bufferBytes: number, signal: AbortSignal): Hasher {
  let buffers: readonly [Uint8Array, Uint8Array] | undefined;
  const update = async (hash: IncrementalHash, data: Uint8Array): Promise<void> => {
    for (let at = 0; at < data.length; at += TURN_BYTES) {
      signal.throwIfAborted();
      hash.update(data.subarray(at, at + TURN_BYTES));
      await nextTurn();
    }
  };
  const digestChunks: Hasher['digestChunks'] = async (chunks) => {
    const hash = createSha256();
    for await (const chunk of chunks) await update(hash, chunk);
    return hash.digest();
  };
  return {
    digestChunks,
    digestBytes: (data) => digestChunks([data]),
    async digestFile(range) {
      buffers ??= [new Uint8Array(bufferBytes), new Uint8Array(bufferBytes)];
      const file = await open(range.path, 'r');
      try {
        return await digestChunks(readAhead(file, range, buffers));
      } finally {
        await file.close();
      }
    },
    close: () => Promise.resolve(),
  };
}

/** Pieces of a file; the next one is read while the consumer has the last. */
async function* readAhead(file: FileHandle, range: FileRange, buffers: readonly [Uint8Array, Uint8Array]): AsyncGenerator<Uint8Array, void, undefined> {
  const { offset, sizeBytes } = range;
  let turn = 0;
  const readAt = (done: number): Promise<Uint8Array> => {
    const buffer = buffers[turn++ % 2] as Uint8Array;
    const reading = file.read(buffer, 0, Math.min(buffer.length, sizeBytes - done), offset + done).then(({ bytesRead }) => buffer.subarray(0, bytesRead));
    // Where the consumer stops first nobody awaits it; otherwise it is awaited below.
    reading.catch(() => undefined);
    return reading;
  };
  for (let done = 0, next = readAt(0); done < sizeBytes; ) {
    const piece = await next;
    if (piece.length === 0) throw new CommitRevealError('bad-stream', describeShortFile(range, done));
    done += piece.length;
    if (done < sizeBytes) next = readAt(done);
    yield piece;
  }
}
