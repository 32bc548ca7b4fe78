/**
 * Hashing on the calling thread, in turns short enough that its other work, such as feeding the hashing threads, goes on in between.
 * @module
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { IncrementalHash } from '../sha256.ts';
import { readPieces } from './file-pieces.ts';
import type { Hasher } from './hasher.ts';
import { createSha256 } from './sha256.ts';

/** Bytes of one turn: some 1 ms of hashing, and of reading where a file is in memory already. */
const TURN_BYTES = 1_048_576;

/** @param bufferBytes at most so much of a file is in memory */
export function hashHere(bufferBytes: number, signal: AbortSignal): Hasher {
  let buffer: Uint8Array | undefined;
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
    digestFile: (range) => digestChunks(readPieces(range, (buffer ??= new Uint8Array(Math.min(bufferBytes, TURN_BYTES))))),
    close: () => Promise.resolve(),
  };
}
