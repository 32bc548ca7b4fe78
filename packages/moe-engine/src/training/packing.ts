/**
 * Packing: several documents into one row, so that little of a batch is padding.
 *
 * @see Krell et al., Efficient Sequence Packing without Cross-contamination, 2021
 * @module
 */
import { MoeEngineError } from '../error.ts';
import { assertOption } from '../options.ts';
import { PADDING } from './training-rows.ts';

/** One text. */
export interface TrainingDocument {
  /** `[L]` */
  readonly tokens: ArrayLike<number>;
  /** `[L]`: 1 where predicting the token counts in the loss, 0 where it does not, a prompt say; all count where absent. */
  readonly labelMask?: ArrayLike<number> | undefined;
}

/** Rows for `trainExperts`, all `[N, S]` row-major. */
export interface PackedRows {
  readonly tokens: Int32Array;
  /** Number of the document in its row, from 0; −1 for padding. */
  readonly documents: Int32Array;
  readonly labelMask: Uint8Array;
  /** N */
  readonly rows: number;
  /** Positions that hold text. */
  readonly textPositions: number;
}

/** Options of {@link packDocuments}. */
export interface PackingOptions {
  /** S */
  readonly sequenceLength: number;
  /** Stands in padding, `0` by default; what it is makes no difference to anything. */
  readonly paddingToken?: number;
}

/**
 * Packs documents into rows: longest first, each into the fullest row that still has room for it (best fit decreasing), so the result depends on nothing but
 * the documents. A document longer than a row is cut into pieces of S tokens, each a text of its own; documents without tokens vanish.
 *
 * @throws {bad-option} {bad-shape} a mask of another length than its document, or no tokens at all
 */
export function packDocuments(documents: Iterable<TrainingDocument>, { sequenceLength, paddingToken = 0 }: PackingOptions): PackedRows {
  assertOption('sequenceLength', sequenceLength, { least: 2, whole: true });
  const pieces = [...cut(documents, sequenceLength)];
  if (pieces.length === 0) throw badDocuments('at least one token', 'none');
  const rows = place(pieces, sequenceLength);
  const size = rows.length * sequenceLength;
  const packed = { tokens: new Int32Array(size).fill(paddingToken), documents: new Int32Array(size).fill(PADDING), labelMask: new Uint8Array(size) };
  for (const [row, members] of rows.entries()) {
    let offset = row * sequenceLength;
    for (const [number, { tokens, labelMask }] of members.entries()) {
      packed.tokens.set(tokens, offset);
      packed.labelMask.set(labelMask, offset);
      offset += tokens.length;
      packed.documents.fill(number, offset - tokens.length, offset);
    }
  }
  return { ...packed, rows: rows.length, textPositions: pieces.reduce((sum, { tokens }) => sum + tokens.length, 0) };
}

interface Piece {
  readonly tokens: readonly number[];
  readonly labelMask: readonly number[];
}

function* cut(documents: Iterable<TrainingDocument>, length: number): Generator<Piece> {
  for (const { tokens, labelMask } of documents) {
    if (tokens === undefined) throw badDocuments('objects such as { tokens: [1, 2, 3] }', 'one without tokens');
    if (labelMask !== undefined && labelMask.length !== tokens.length) throw badDocuments(`a label mask of ${tokens.length} entries, as many as tokens`, `${labelMask.length}`);
    const [ids, mask] = [Array.from(tokens), labelMask === undefined ? Array.from<number>({ length: tokens.length }).fill(1) : Array.from(labelMask, (entry) => Number(entry !== 0))];
    for (let from = 0; from < ids.length; from += length) yield { tokens: ids.slice(from, from + length), labelMask: mask.slice(from, from + length) };
  }
}

/** Rows by the room they have left; a row of the least sufficient room is found by counting up from the need. */
function place(pieces: readonly Piece[], length: number): Piece[][] {
  const rows: Piece[][] = [];
  const withRoom = Array.from({ length: length + 1 }, (): number[] => []);
  for (const piece of pieces.toSorted((a, b) => b.tokens.length - a.tokens.length)) {
    let room = piece.tokens.length;
    while (room < length && withRoom[room]!.length === 0) room++;
    const row = room < length ? withRoom[room]!.pop()! : rows.push([]) - 1;
    rows[row]!.push(piece);
    withRoom[room - piece.tokens.length]!.push(row);
  }
  return rows;
}

function badDocuments(expected: string, actual: string): MoeEngineError {
  return new MoeEngineError('bad-shape', `documents: expected ${expected}, got ${actual}`, { name: 'documents', expected, actual });
}
