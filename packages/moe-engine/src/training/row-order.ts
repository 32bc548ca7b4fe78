/**
 * Which rows a training step sees: a seeded permutation per epoch, a pure function of seed and step.
 *
 * @module
 */
import { createHash } from 'node:crypto';

/** What the order depends on. */
export interface RowOrderOptions {
  /** Any text, e.g. `hotkey/cycle`; without one, rows come in their own order, again and again. */
  readonly rowSeed: string | undefined;
  readonly rows: number;
  readonly batchSize: number;
}

/**
 * Returns a function from step to the batch's row numbers. Position `p = step · batchSize + j` reads entry `p mod rows` of the
 * permutation of epoch `⌊p / rows⌋`, so every row comes once before any comes again. The permutation is a Fisher–Yates shuffle by
 * rejection-sampled 32-bit words of `SHA-256("connito/row-order/v1" ‖ 0 ‖ seed ‖ 0 ‖ epoch ‖ 0 ‖ block)`, numbers in decimal.
 */
export function createRowOrder({ rowSeed, rows, batchSize }: RowOrderOptions): (step: number) => number[] {
  let known: { readonly epoch: number; readonly order: Uint32Array } | undefined;
  const shuffled = (seed: string, epoch: number): Uint32Array => {
    if (known?.epoch !== epoch) known = { epoch, order: shuffledRows(rows, createWords(seed, epoch)) };
    return known.order;
  };
  return (step) =>
    Array.from({ length: batchSize }, (_, index) => {
      const position = step * batchSize + index;
      return rowSeed === undefined ? position % rows : shuffled(rowSeed, Math.floor(position / rows))[position % rows]!;
    });
}

/** The text that a seed counts as: bytes are their lowercase hex. */
export function formatRowSeed(seed: string | Uint8Array): string {
  return typeof seed === 'string' ? seed : Buffer.from(seed).toString('hex');
}

function shuffledRows(rows: number, nextWord: () => number): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, index) => index);
  for (let last = rows - 1; last > 0; last--) {
    const other = drawBelow(last + 1, nextWord);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** Uniform in `[0, bound)`: words at or above the largest multiple of `bound` are drawn again. */
function drawBelow(bound: number, nextWord: () => number): number {
  const limit = 2 ** 32 - (2 ** 32 % bound);
  for (;;) {
    const word = nextWord();
    if (word < limit) return word % bound;
  }
}

function createWords(seed: string, epoch: number): () => number {
  let block = 0;
  let words = new DataView(new ArrayBuffer(0));
  let offset = 0;
  return () => {
    if (offset === words.byteLength) {
      const digest = createHash('sha256').update(`connito/row-order/v1\0${seed}\0${epoch}\0${block++}`).digest();
      words = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
      offset = 0;
    }
    offset += 4;
    return words.getUint32(offset - 4, true);
  };
}
