import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { modelDirectory } from '../src/index.ts';

const readJson = (path: string | URL) => JSON.parse(readFileSync(path, 'utf8'));
const tokenizer = new Tokenizer(readJson(join(modelDirectory, 'tokenizer.json')), readJson(join(modelDirectory, 'tokenizer_config.json')));
const { vectors, end }: { vectors: { text: string; ids: number[] }[]; end: { token: string; id: number } } = readJson(
  new URL('vectors/encodings.json', import.meta.url),
);

describe('@huggingface/tokenizers against the Rust library', () => {
  it.each(vectors)('encodes $text', ({ text, ids }) => {
    expect(tokenizer.encode(text).ids).toEqual(ids);
  });

  it('decodes to the same text', () => {
    // decode refuses an empty list.
    for (const { text, ids } of vectors.filter((vector) => vector.ids.length > 0)) expect(tokenizer.decode(ids, { skip_special_tokens: false })).toBe(text);
  });

  it('ends a document with token 0', () => {
    expect(end).toEqual({ token: '<|endoftext|>', id: 0 });
    expect(tokenizer.token_to_id(end.token)).toBe(0);
  });
});
