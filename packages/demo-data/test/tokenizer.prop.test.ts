import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { modelDirectory } from '../src/index.ts';

const readJson = (name: string) => JSON.parse(readFileSync(join(modelDirectory, name), 'utf8'));
const tokenizer = new Tokenizer(readJson('tokenizer.json'), readJson('tokenizer_config.json'));

it('loses no text, whatever the characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (text) => {
      const { ids } = tokenizer.encode(text);
      expect(tokenizer.decode(ids, { skip_special_tokens: false })).toBe(text);
      expect(ids.every((id: number) => id >= 1 && id < 1024)).toBe(true);
    }),
  );
});

it('keeps every digit a token of its own', () => {
  fc.assert(
    fc.property(fc.nat(), (value) => {
      expect(tokenizer.encode(String(value)).tokens).toEqual([...String(value)]);
    }),
  );
});
