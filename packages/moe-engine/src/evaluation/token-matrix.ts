/**
 * Rows of token ids as callers hand them over, checked once at the edge.
 *
 * @module
 */
import { MoeEngineError } from '../error.ts';

/** Token ids, row-major `[N, S]`. */
export type TokenMatrix = Int32Array | Uint16Array | Uint32Array;

/** What a matrix is checked against. */
export interface TokenMatrixOptions {
  /** S */
  readonly sequenceLength: number;
  /** V */
  readonly vocabularySize: number;
}

/**
 * Copies token ids to `int32`.
 *
 * @throws {bad-shape} no rows, not whole rows, or an id outside `[0, V)`
 */
export function toTokenIds(tokens: TokenMatrix, { sequenceLength, vocabularySize }: TokenMatrixOptions): Int32Array {
  if (tokens.length === 0 || tokens.length % sequenceLength !== 0) {
    throw badTokens(`a positive multiple of the sequence length ${sequenceLength}`, `${tokens.length} ids`);
  }
  for (let index = 0; index < tokens.length; index++) {
    const id = tokens[index]!;
    if (id >= 0 && id < vocabularySize) continue;
    throw badTokens(`ids from 0 to ${vocabularySize - 1}`, `${id} in row ${Math.floor(index / sequenceLength)}, position ${index % sequenceLength}`);
  }
  return Int32Array.from(tokens);
}

function badTokens(expected: string, actual: string): MoeEngineError {
  return new MoeEngineError('bad-shape', `tokens: expected ${expected}, got ${actual}: prepare the rows with the model's own tokenizer`, { name: 'tokens', expected, actual });
}
