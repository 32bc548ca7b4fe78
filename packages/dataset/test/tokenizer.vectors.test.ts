import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isDatasetError, openTokenizer } from '../src/index.ts';
import { vectors, vectorsDirectory } from './fixtures.ts';

const directory = join(vectorsDirectory, 'tokenizer');
let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'connito-tokenizer-'));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

async function writeTokenizer(changeModel: (model: Record<string, unknown>) => void, config: unknown): Promise<void> {
  const model = JSON.parse(await readFile(join(directory, 'tokenizer.json'), 'utf8')) as Record<string, unknown>;
  changeModel(model);
  await writeFile(join(scratch, 'tokenizer.json'), JSON.stringify(model));
  await writeFile(join(scratch, 'tokenizer_config.json'), JSON.stringify(config));
}

describe('openTokenizer', () => {
  it('encodes as the Rust library does', async () => {
    const tokenizer = await openTokenizer(directory);
    expect(tokenizer.vocabularySize).toBe(vectors.vocabularySize);
    expect(tokenizer.endOfTextId).toBe(vectors.endOfTextId);
    for (const { text, ids } of vectors.encodings) expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids });
  });

  it('decodes what it encoded', async () => {
    const tokenizer = await openTokenizer(directory);
    for (const { text } of vectors.encodings) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it('reads an end-of-text token given as an object', async () => {
    await writeTokenizer(() => undefined, { eos_token: { content: '<|endoftext|>' } });
    expect((await openTokenizer(scratch)).endOfTextId).toBe(0);
  });

  it.each([{}, { eos_token: null }, { eos_token: 'not in the vocabulary' }, { eos_token: 5 }])('refuses the configuration %j without an end-of-text token', async (config) => {
    await writeTokenizer(() => undefined, config);
    await expect(openTokenizer(scratch)).rejects.toSatisfy((error) => isDatasetError(error, 'malformed-tokenizer'));
  });

  it('refuses missing and broken files', async () => {
    await expect(openTokenizer(scratch)).rejects.toSatisfy((error) => isDatasetError(error, 'not-found'));
    for (const broken of ['', 'null', '[', '7', '{}', '\u00ff']) {
      await writeFile(join(scratch, 'tokenizer.json'), broken, 'latin1');
      await writeFile(join(scratch, 'tokenizer_config.json'), '{"eos_token":"<|endoftext|>"}');
      await expect(openTokenizer(scratch)).rejects.toSatisfy((error) => isDatasetError(error, 'malformed-tokenizer'));
    }
  });

  it('refuses text without ids', async () => {
    await writeTokenizer(
      (model) => {
        const bpe = model['model'] as { vocab: Record<string, number>; unk_token: string };
        delete bpe.vocab['z'];
        bpe.unk_token = 'not in the vocabulary';
      },
      { eos_token: '<|endoftext|>' },
    );
    const tokenizer = await openTokenizer(scratch);
    expect(() => tokenizer.encode('z')).toThrow(expect.toSatisfy((error: unknown) => isDatasetError(error, 'unknown-token')));
    expect(tokenizer.vocabularySize).toBe(vectors.vocabularySize); // ids keep their gap
  });
});
