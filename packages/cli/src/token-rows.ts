/**
 * Rows of tokens from what a user has: text or prepared shards.
 *
 * @module
 */
import { CliError } from './cli-error.ts';

/** Where rows come from; exactly one of `text` and `data`. */
export interface TokenRowsSource {
  /** Directory with the tokenizer. */
  readonly model: string;
  readonly text?: readonly string[];
  readonly data?: readonly string[];
  readonly vocabularySize: number;
  /** At most so many. */
  readonly rows: number;
  /** For text; shards have their own. */
  readonly sequenceLength: number;
}

/** `tokens` — `[rows, sequenceLength]` row-major. */
export interface TokenRows {
  readonly tokens: Int32Array;
  readonly rows: number;
  readonly sequenceLength: number;
  /** Of the text that the rows come from: tokens, those that end documents included, over UTF-8 bytes. Shards do not say. */
  readonly tokensPerByte?: number;
}

/** Reads at most `rows` rows. @throws CliError `usage` or `data`, and dataset's errors */
export async function readTokenRows(source: TokenRowsSource): Promise<TokenRows> {
  if (source.data !== undefined) return readShards(source.data, source);
  if (source.text !== undefined) return readTexts(source.text, source);
  throw new CliError('usage', 'There is nothing to read: give --text with text files, or --data with prepared shards');
}

async function readShards(paths: readonly string[], { rows, vocabularySize }: TokenRowsSource): Promise<TokenRows> {
  const { openShard, takeRows } = await import('@connito/dataset');
  const parts: Int32Array[] = [];
  let sequenceLength: number | undefined;
  let left = rows;
  for (const path of paths) {
    const shard = await openShard(path, { vocabularySize, ...(sequenceLength === undefined ? {} : { sequenceLength }) });
    sequenceLength = shard.sequenceLength;
    const count = Math.min(left, shard.rows);
    parts.push(takeRows(shard, Array.from({ length: count }, (_, row) => row)));
    left -= count;
  }
  return packed(parts, sequenceLength ?? 0);
}

async function readTexts(paths: readonly string[], { model, rows, sequenceLength }: TokenRowsSource): Promise<TokenRows> {
  const { findTextFiles, openTokenizer, readTextFile } = await import('@connito/dataset');
  const tokenizer = await openTokenizer(model);
  const ids: number[] = [];
  let bytes = 0;
  for (const path of await findTextFiles(paths)) {
    for (const { text } of (await readTextFile(path)).documents) {
      if (ids.length >= rows * sequenceLength) break;
      for (const id of tokenizer.encode(text)) ids.push(id);
      ids.push(tokenizer.endOfTextId);
      bytes += Buffer.byteLength(text);
    }
  }
  const count = Math.min(rows, Math.floor(ids.length / sequenceLength));
  if (count === 0) throw new CliError('data', `The text has ${ids.length} tokens, one row takes ${sequenceLength}: give more text, or a smaller --sequence-length`);
  return { ...packed([Int32Array.from(ids.slice(0, count * sequenceLength))], sequenceLength), tokensPerByte: ids.length / bytes };
}

function packed(parts: readonly Int32Array[], sequenceLength: number): TokenRows {
  const tokens = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    tokens.set(part, offset);
    offset += part.length;
  }
  return { tokens, rows: tokens.length / sequenceLength, sequenceLength };
}
