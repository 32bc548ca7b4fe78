/**
 * Rows to train on from what a user has: text, instructions or prepared shards; documents kept apart on request.
 *
 * @module
 */
import type { TrainingDocument, TrainingRowsInput } from '@connito/moe-engine';
import { CliError } from './cli-error.ts';
import { readTokenRows, type TokenRowsSource } from './token-rows.ts';

/** Where rows come from; exactly one of `text`, `instructions` and `data`. */
export interface TrainingDataSource extends TokenRowsSource {
  /** `.jsonl` files of prompts and completions; always packed. */
  readonly instructions?: readonly string[];
  /** Keeps documents apart: they end with the end-of-text token. */
  readonly pack?: true;
}

/** `[rows, sequenceLength]` row-major. */
export interface TrainingData extends TrainingRowsInput {
  readonly rows: number;
  readonly sequenceLength: number;
  /** Positions that hold text. */
  readonly textPositions: number;
}

/** Reads at most `rows` rows. @throws CliError `usage` or `data`, and dataset's errors */
export async function readTrainingData(source: TrainingDataSource): Promise<TrainingData> {
  if (source.instructions !== undefined) return packed(readInstructionDocuments(source.instructions, source.model), source);
  if (source.text !== undefined && source.pack) return packed(readTextDocuments(source.text, source.model), source);
  const rows = await readTokenRows(source);
  const plain = { ...rows, textPositions: rows.tokens.length };
  return source.pack ? { ...plain, documents: await documentsOf(rows.tokens, { sequenceLength: rows.sequenceLength, model: source.model }) } : plain;
}

async function packed(documents: AsyncIterable<TrainingDocument>, { sequenceLength, rows, vocabularySize }: TrainingDataSource): Promise<TrainingData> {
  const { packDocuments } = await import('@connito/moe-engine');
  const taken: TrainingDocument[] = [];
  let positions = 0;
  for await (const document of documents) {
    if (positions >= rows * sequenceLength) break;
    taken.push(document);
    positions += document.tokens.length;
  }
  if (positions === 0) throw new CliError('data', 'The files hold no text to train on: give others');
  const { rows: count, ...all } = packDocuments(taken, { sequenceLength });
  if (all.tokens.some((token) => token >= vocabularySize)) throw new CliError('data', `The tokenizer gives ids beyond the model's vocabulary of ${vocabularySize}: use the model's own`);
  return { ...all, rows: count, sequenceLength };
}

async function* readTextDocuments(paths: readonly string[], model: string): AsyncGenerator<TrainingDocument> {
  const { findTextFiles, openTokenizer, readTextFile } = await import('@connito/dataset');
  const tokenizer = await openTokenizer(model);
  for (const path of await findTextFiles(paths)) {
    for (const { text } of (await readTextFile(path)).documents) yield { tokens: [...tokenizer.encode(text), tokenizer.endOfTextId] };
  }
}

async function* readInstructionDocuments(paths: readonly string[], model: string): AsyncGenerator<TrainingDocument> {
  const { encodeInstruction, openTokenizer, readInstructions } = await import('@connito/dataset');
  const tokenizer = await openTokenizer(model);
  for (const path of paths) {
    for (const pair of await readInstructions(path)) yield encodeInstruction(pair, tokenizer);
  }
}

/** Shards are documents joined by the end-of-text token, which belongs to the document that it ends. */
async function documentsOf(tokens: Int32Array, { sequenceLength, model }: { readonly sequenceLength: number; readonly model: string }): Promise<Int32Array> {
  const { openTokenizer } = await import('@connito/dataset');
  const { endOfTextId } = await openTokenizer(model);
  const documents = new Int32Array(tokens.length);
  for (let position = 1; position < tokens.length; position++) {
    if (position % sequenceLength > 0) documents[position] = documents[position - 1]! + Number(tokens[position - 1] === endOfTextId);
  }
  return documents;
}
