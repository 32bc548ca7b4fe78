/**
 * Pieces of a file, for threads that hash: read synchronously, since a read that waits for a pool of threads takes a core from one that hashes.
 * @module
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { CommitRevealError } from '../errors.ts';

/** Where a tensor's bytes lie in a file. */
export interface FileRange {
  readonly path: string;
  /** Of the first byte in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * The bytes of the range in order, each piece until the next is asked for.
 * @param buffer where every piece is read to
 * @throws bad-stream where the file ends too early; errors of the file system
 */
export function* readPieces({ path, offset, sizeBytes }: FileRange, buffer: Uint8Array): Generator<Uint8Array, void, undefined> {
  const file = openSync(path, 'r');
  try {
    for (let done = 0; done < sizeBytes; ) {
      const count = readSync(file, buffer, 0, Math.min(buffer.length, sizeBytes - done), offset + done);
      if (count === 0) throw new CommitRevealError('bad-stream', `${path}: expected ${sizeBytes} bytes from byte ${offset} on, got ${done}`);
      done += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(file);
  }
}
