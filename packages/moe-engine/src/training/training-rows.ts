/**
 * The rows that a run trains on, checked once at the edge, and which of their tokens count in the loss.
 *
 * @module
 */
import { MoeEngineError } from '../error.ts';
import { toTokenIds, type TokenMatrix, type TokenMatrixOptions } from '../evaluation/token-matrix.ts';

/** Document number of positions that hold no text. */
export const PADDING = -1;

/** Rows as callers hand them over, all `[N, S]` row-major. {@link packDocuments} makes them. */
export interface TrainingRowsInput {
  readonly tokens: TokenMatrix;
  /**
   * The document of each position, −1 for padding. Attention stays inside a document, its positions start at 0, and its first token is not predicted. Numbers need only
   * differ within a row. Absent: every row is one text.
   */
  readonly documents?: Int32Array;
  /** 1 where predicting this token counts in the loss, 0 where it does not (prompts, padding). Absent: all count. */
  readonly labelMask?: Uint8Array;
}

/** Checked rows. N rows of S positions. */
export interface TrainingRows {
  /** `[N, S]` */
  readonly tokens: Int32Array;
  /** `[N, S]` */
  readonly documents: Int32Array | undefined;
  /** `[N, S]` */
  readonly labelMask: Uint8Array | undefined;
}

/**
 * Checks and copies rows.
 *
 * @throws {bad-shape} an id outside `[0, V)`, arrays of different lengths, numbers out of range, or no token that counts
 */
export function toTrainingRows({ tokens, documents, labelMask }: TrainingRowsInput, options: TokenMatrixOptions): TrainingRows {
  const rows = { tokens: toTokenIds(tokens, options), documents: documents?.slice(), labelMask: labelMask?.slice() };
  assertMarks('documents', documents, { count: tokens.length, least: PADDING, most: 2 ** 31 - 1 });
  assertMarks('labelMask', labelMask, { count: tokens.length, least: 0, most: 1 });
  if (countTargets(rows, options.sequenceLength).every((count) => count === 0)) throw badMarks('labelMask', 'at least one token that counts in the loss', 'none');
  return rows;
}

/** Which predicted tokens count: `[N, S − 1]`, entry `[n, s]` is that of token `s + 1`. */
export function isTarget({ documents, labelMask }: Pick<TrainingRows, 'documents' | 'labelMask'>, position: number): boolean {
  if (labelMask?.[position] === 0) return false;
  return documents === undefined || (documents[position] !== PADDING && documents[position] === documents[position - 1]);
}

/**
 * How many tokens of each row count: `[N]`. With bags of s tokens a row is `S · s` of them, which may be several of the rows that the caller gave; what is left over makes none,
 * and bags are what is counted.
 */
export function countTargets(rows: TrainingRows, sequenceLength: number, bag = 1): Uint32Array {
  const width = sequenceLength * bag;
  return Uint32Array.from({ length: Math.floor(rows.tokens.length / width) }, (_, row) => {
    let count = 0;
    for (let position = row * width + bag; position < (row + 1) * width; position += bag) count += Number(isTarget(rows, position));
    return count;
  });
}

function assertMarks(name: string, marks: Int32Array | Uint8Array | undefined, { count, least, most }: { readonly count: number; readonly least: number; readonly most: number }): void {
  if (marks === undefined) return;
  if (marks.length !== count) throw badMarks(name, `${count} entries, one for each token`, `${marks.length}`);
  const wrong = marks.findIndex((entry) => !(entry >= least && entry <= most));
  if (wrong !== -1) throw badMarks(name, `entries from ${least} to ${most}`, `${marks[wrong]} at ${wrong}`);
}

function badMarks(name: string, expected: string, actual: string): MoeEngineError {
  return new MoeEngineError('bad-shape', `${name}: expected ${expected}, got ${actual}`, { name, expected, actual });
}
