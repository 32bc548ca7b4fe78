/**
 * Instruction data: prompts and what should follow them.
 *
 * A `.jsonl` file has one pair a line, `{"prompt": "…", "completion": "…"}`; further fields are ignored, blank lines skipped, text is cleaned like that of documents. Prompt and
 * completion are joined without anything between them: a template's markers belong to the text.
 *
 * @see the prompt-completion format of TRL's `SFTTrainer`
 * @module
 */
import { cleanText, decodeUtf8, MAX_TEXT_BYTES } from './documents.ts';
import { DatasetError } from './error.ts';
import { readCapped } from './internal/files.ts';
import { parseJsonLines } from './internal/json-lines.ts';
import type { Tokenizer } from './tokenizer.ts';

/** One pair of texts. */
export interface Instruction {
  readonly prompt: string;
  readonly completion: string;
}

/** A pair in tokens. */
export interface EncodedInstruction {
  /** Prompt, completion, end of text. */
  readonly tokens: readonly number[];
  /** 0 for the prompt, 1 for what is to be learnt. */
  readonly labelMask: readonly number[];
}

/**
 * Reads the pairs of one file; those without a visible completion teach nothing and are left out.
 *
 * @throws {DatasetError} `not-found`, `unsupported-file`, `malformed-text` (with file and line), `too-large`, `io`
 */
export async function readInstructions(path: string): Promise<Instruction[]> {
  if (!/\.jsonl$/i.test(path)) throw new DatasetError('unsupported-file', `expected a .jsonl file, got ${path}`, { path });
  const text = decodeUtf8(await readCapped(path, MAX_TEXT_BYTES), path);
  const pairs = parseJsonLines(text, path, {
    expected: '{"prompt": "…", "completion": "…"}',
    read: ({ prompt, completion }) => (typeof prompt === 'string' && typeof completion === 'string' ? { prompt: cleanText(prompt), completion: cleanText(completion) } : undefined),
  });
  return pairs.filter(({ completion }) => /\S/.test(completion));
}

/** Tokens of a pair. The two are encoded apart, so that no token belongs to both. */
export function encodeInstruction({ prompt, completion }: Instruction, tokenizer: Pick<Tokenizer, 'encode' | 'endOfTextId'>): EncodedInstruction {
  const [before, after] = [tokenizer.encode(prompt), [...tokenizer.encode(completion), tokenizer.endOfTextId]];
  return { tokens: [...before, ...after], labelMask: [...before.map(() => 0), ...after.map(() => 1)] };
}
