/**
 * Cuts a stream of chunks of any size into blocks of one size, holding back the last: whether a block is the last is known only
 * when nothing follows.
 * @module
 */
import { CommitRevealError } from '../errors.ts';
import { kindOf } from './bytes.ts';

/** Takes chunks, gives blocks; holds one block. */
export interface BlockCutter {
  /** Every block after which more bytes are known to come. A block is valid until the next one is asked for. */
  push(chunk: Uint8Array): Generator<Uint8Array, void, undefined>;
  /** What is left at the end: 0 to `blockBytes` bytes. */
  rest(): Uint8Array;
}

/** That a stream gives bytes. Bytes themselves, taken for a stream, give numbers, which have no length: nothing would be read of them, and nothing said. @throws bad-stream */
export function assertChunk(chunk: Uint8Array): void {
  if (chunk instanceof Uint8Array) return;
  throw new CommitRevealError('bad-stream', `expected a stream of Uint8Array chunks, got a chunk that is ${kindOf(chunk)}; give bytes as [bytes]`, { expected: 'Uint8Array', actual: kindOf(chunk) });
}

export function createBlockCutter(blockBytes: number): BlockCutter {
  const block = new Uint8Array(blockBytes);
  let filled = 0;
  return {
    *push(chunk) {
      assertChunk(chunk);
      for (let at = 0; at < chunk.length; ) {
        if (filled === blockBytes) {
          yield block;
          filled = 0;
        }
        const part = chunk.subarray(at, at + blockBytes - filled);
        block.set(part, filled);
        filled += part.length;
        at += part.length;
      }
    },
    rest: () => block.subarray(0, filled),
  };
}
