/**
 * Cuts a stream of chunks of any size into blocks of one size, holding back the last: whether a block is the last is known only
 * when nothing follows.
 * @module
 */

/** Takes chunks, gives blocks; holds one block. */
export interface BlockCutter {
  /** Every block after which more bytes are known to come. A block is valid until the next one is asked for. */
  push(chunk: Uint8Array): Generator<Uint8Array, void, undefined>;
  /** What is left at the end: 0 to `blockBytes` bytes. */
  rest(): Uint8Array;
}

export function createBlockCutter(blockBytes: number): BlockCutter {
  const block = new Uint8Array(blockBytes);
  let filled = 0;
  return {
    *push(chunk) {
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
