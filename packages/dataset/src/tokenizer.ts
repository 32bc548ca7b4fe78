/**
 * The tokenizer of a model: `tokenizer.json` and `tokenizer_config.json` of the Hugging Face layout, run by `@huggingface/tokenizers`
 * (pure JavaScript, so that nothing native stands between text and token ids).
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { DatasetError } from './error.ts';
import { readCapped } from './internal/files.ts';

/** Largest tokenizer.json read; the largest published ones (a million merges) are near 35 MB. */
const MAX_TOKENIZER_BYTES = 67_108_864;

/** Text to token ids and back. */
export interface Tokenizer {
  /**
   * Token ids of `text`. A special token that is spelled out in the text becomes that token, as in the Rust library.
   *
   * @param options.addSpecialTokens puts around it what the tokenizer puts around a whole text (a first token, most often); false by default, for text that is packed
   * @throws {DatasetError} `unknown-token`
   */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /** Text of `ids`, special tokens written out unless they are to be left out. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** Every id is below this number. */
  readonly vocabularySize: number;
  /** The token that ends a document: `eos_token` of tokenizer_config.json. */
  readonly endOfTextId: number;
  /** SHA-256 of the two files, lowercase hexadecimal. */
  readonly files: TokenizerFiles;
}

/** SHA-256 of a tokenizer's files, lowercase hexadecimal. */
export interface TokenizerFiles {
  readonly 'tokenizer.json': string;
  readonly 'tokenizer_config.json': string;
}

/**
 * Opens the tokenizer in a model's directory.
 *
 * @throws {DatasetError} `not-found`, `too-large`, `malformed-tokenizer`, `io`
 * @see https://github.com/huggingface/tokenizers.js (0.2.0)
 */
export async function openTokenizer(directory: string): Promise<Tokenizer> {
  const model = await readJson(join(directory, 'tokenizer.json'));
  const config = await readJson(join(directory, 'tokenizer_config.json'));
  const inner = construct(model.value, config.value, directory);
  const vocabularySize = vocabularySizeOf(inner);
  const endOfTextId = endOfText(inner, config.value, directory);
  return {
    encode: (text, { addSpecialTokens = false } = {}) => checkedIds(inner.encode(text, { add_special_tokens: addSpecialTokens }).ids, text),
    decode: (ids, { skipSpecialTokens = false } = {}) => (ids.length === 0 ? '' : inner.decode([...ids], { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: false })),
    vocabularySize,
    endOfTextId,
    files: { 'tokenizer.json': model.sha256, 'tokenizer_config.json': config.sha256 },
  };
}

interface JsonFile {
  readonly value: object;
  readonly sha256: string;
}

async function readJson(path: string): Promise<JsonFile> {
  const bytes = await readCapped(path, MAX_TOKENIZER_BYTES);
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value !== 'object' || value === null) throw new TypeError('not an object');
    return { value, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (cause) {
    throw malformed(path, 'expected a JSON object', cause);
  }
}

function construct(model: object, config: object, directory: string): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(model, config);
  } catch (cause) {
    throw malformed(directory, 'expected tokenizer files that @huggingface/tokenizers 0.2.0 reads', cause);
  }
}

function vocabularySizeOf(inner: HuggingFaceTokenizer): number {
  let largest = -1;
  for (const id of inner.get_vocab().values()) largest = Math.max(largest, id); // ids may have gaps, so the count is not the size
  return largest + 1;
}

function endOfText(inner: HuggingFaceTokenizer, config: object, directory: string): number {
  const stated: unknown = 'eos_token' in config ? config.eos_token : undefined;
  const content: unknown = typeof stated === 'object' && stated !== null && 'content' in stated ? stated.content : stated;
  const id = typeof content === 'string' ? inner.token_to_id(content) : undefined;
  if (id !== undefined) return id;
  throw malformed(directory, `expected eos_token of tokenizer_config.json to name a token of the vocabulary, got ${JSON.stringify(content)}`);
}

function checkedIds(ids: readonly (number | undefined)[], text: string): number[] {
  const at = ids.indexOf(undefined);
  if (at < 0) return ids as number[];
  throw new DatasetError('unknown-token', `expected text that the tokenizer knows, got none for token ${at} of ${JSON.stringify(text.slice(0, 60))}; the tokenizer has no unknown token`);
}

function malformed(path: string, what: string, cause?: unknown): DatasetError {
  const reason = cause instanceof Error ? ` (${cause.message})` : '';
  return new DatasetError('malformed-tokenizer', `${what} at ${path}${reason}`, { path }, cause);
}
