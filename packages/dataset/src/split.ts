/**
 * Documents to splits. The order of documents is a hash of seed and content, so it does not depend on files, their order or their
 * directories; splits are consecutive runs of that order, so they are disjoint by construction: equal documents were merged before,
 * and no document's tokens go to two splits.
 *
 * Rows are cut from a split's stream `document ‖ end-of-text ‖ document ‖ end-of-text ‖ …`; what does not fill a row at the end is dropped, and so is
 * the rest of the document that a split of fixed size ends in.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { DatasetError } from './error.ts';

/** A document's token ids, end-of-text included. */
export interface EncodedDocument {
  /** SHA-256 of the text, lowercase hexadecimal. */
  readonly sha256: string;
  readonly ids: Int32Array;
}

/** How the target domain is divided. */
export interface SplitPlan {
  /** Tokens per row. */
  readonly sequenceLength: number;
  /** Held-out shards, one for each cycle. */
  readonly cycles: number;
  /** Rows of each held-out shard. */
  readonly heldOutRows: number;
  readonly testRows: number;
  readonly trainShards: number;
}

/** Rows of every split, flat: `[rows · sequenceLength]`. */
export interface TargetSplits {
  readonly test: Int32Array;
  readonly heldOut: readonly Int32Array[];
  readonly train: readonly Int32Array[];
}

/**
 * Sorts documents by SHA-256("connito/dataset-order/v1" ‖ seed:u64le ‖ contentSha256:32), an order that nobody chose.
 * Documents of equal content are one; the first is kept.
 */
export function orderDocuments<T extends { readonly sha256: string }>(documents: readonly T[], seed: number): T[] {
  const keyed = new Map<string, { key: string; document: T }>();
  for (const document of documents) {
    if (!keyed.has(document.sha256)) keyed.set(document.sha256, { key: orderKey(document.sha256, seed), document });
  }
  return [...keyed.values()].sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ document }) => document);
}

/**
 * Divides ordered target documents: test rows first, then one held-out shard a cycle, then all that is left into training shards of nearly equal size
 * (each document goes to the shard with the fewest tokens so far).
 *
 * @throws {DatasetError} `text-too-small`, with what is possible
 */
export function splitTarget(documents: readonly EncodedDocument[], plan: SplitPlan): TargetSplits {
  assertEnough(documents, plan);
  const queue = { documents, next: 0 };
  const test = takeFrom(queue, plan.testRows, plan);
  const heldOut = Array.from({ length: plan.cycles }, () => takeFrom(queue, plan.heldOutRows, plan));
  const train = dealOut(queue, plan);
  return { test, heldOut, train };
}

/**
 * The first `rows` rows of ordered documents.
 *
 * @throws {DatasetError} `text-too-small`
 */
export function packRows(documents: readonly EncodedDocument[], rows: number, sequenceLength: number): Int32Array {
  const packed = fillRows({ documents, next: 0 }, rows, sequenceLength);
  if (packed !== undefined) return packed;
  const rowsPossible = Math.floor(countTokens(documents) / sequenceLength);
  const message = `expected general text for ${rows} rows of ${sequenceLength} tokens, got enough for ${rowsPossible}; add text or ask for fewer rows`;
  throw new DatasetError('text-too-small', message, { rowsNeeded: rows, rowsPossible });
}

interface Queue {
  readonly documents: readonly EncodedDocument[];
  next: number;
}

function takeFrom(queue: Queue, rows: number, plan: SplitPlan): Int32Array {
  const packed = fillRows(queue, rows, plan.sequenceLength);
  if (packed === undefined) throw tooSmall(queue.documents, plan);
  return packed;
}

/** Takes whole documents until `rows` rows are full; undefined where they run out. */
function fillRows(queue: Queue, rows: number, sequenceLength: number): Int32Array | undefined {
  const packed = new Int32Array(rows * sequenceLength);
  let filled = 0;
  while (filled < packed.length) {
    const document = queue.documents[queue.next];
    if (document === undefined) return undefined;
    queue.next += 1;
    const ids = document.ids.subarray(0, packed.length - filled);
    packed.set(ids, filled);
    filled += ids.length;
  }
  return packed;
}

function dealOut({ documents, next }: Queue, plan: SplitPlan): Int32Array[] {
  const hands = Array.from({ length: plan.trainShards }, () => ({ documents: [] as EncodedDocument[], tokens: 0 }));
  for (const document of documents.slice(next)) {
    const smallest = hands.reduce((a, b) => (b.tokens < a.tokens ? b : a));
    smallest.documents.push(document);
    smallest.tokens += document.ids.length;
  }
  return hands.map((hand) => {
    const rows = Math.floor(hand.tokens / plan.sequenceLength);
    const packed = rows > 0 ? fillRows({ documents: hand.documents, next: 0 }, rows, plan.sequenceLength) : undefined;
    if (packed === undefined) throw tooSmall(documents, plan);
    return packed;
  });
}

/** A first check on the number of tokens, so that the message can state totals; borders cost a few rows more. */
function assertEnough(documents: readonly EncodedDocument[], plan: SplitPlan): void {
  if (countTokens(documents) / plan.sequenceLength < rowsNeeded(plan)) throw tooSmall(documents, plan);
}

function rowsNeeded({ testRows, cycles, heldOutRows, trainShards }: SplitPlan): number {
  return testRows + cycles * heldOutRows + trainShards;
}

function tooSmall(documents: readonly EncodedDocument[], plan: SplitPlan): DatasetError {
  const possible = Math.floor(countTokens(documents) / plan.sequenceLength);
  const forHeldOut = Math.max(0, possible - plan.testRows - plan.trainShards);
  const cyclesPossible = Math.floor(forHeldOut / plan.heldOutRows);
  const rowsEach = Math.floor(forHeldOut / Math.max(1, plan.cycles));
  const message =
    `expected target text for more than ${rowsNeeded(plan)} rows of ${plan.sequenceLength} tokens (test ${plan.testRows}, held-out ${plan.cycles} × ${plan.heldOutRows}, at least one for each of ` +
    `${plan.trainShards} training shards), got ${possible}; possible are about ${cyclesPossible} cycles of ${plan.heldOutRows} held-out rows, or ${rowsEach} held-out rows for ${plan.cycles} cycles; add text or ask for less`;
  return new DatasetError('text-too-small', message, { rowsNeeded: rowsNeeded(plan), rowsPossible: possible, cyclesPossible });
}

function countTokens(documents: readonly EncodedDocument[]): number {
  return documents.reduce((total, document) => total + document.ids.length, 0);
}

function orderKey(sha256: string, seed: number): string {
  const seedBytes = Buffer.alloc(8);
  seedBytes.writeBigUInt64LE(BigInt(seed));
  return createHash('sha256').update('connito/dataset-order/v1').update(seedBytes).update(Buffer.from(sha256, 'hex')).digest('hex');
}
