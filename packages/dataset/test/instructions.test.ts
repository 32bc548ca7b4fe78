import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeInstruction, readInstructions } from '@connito/dataset';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'connito-instructions-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(text: string | Uint8Array, name = 'pairs.jsonl'): ReturnType<typeof readInstructions> {
  await writeFile(join(folder, name), text);
  return readInstructions(join(folder, name));
}

describe('readInstructions', () => {
  it('reads pairs, cleaned, without those that teach nothing', async () => {
    const lines = ['{"prompt": "Q:\\r\\n", "completion": " A\\u0000", "source": 3}', '', '{"prompt": "no answer", "completion": " \\n"}', '{"prompt": "", "completion": "text"}'];
    expect(await read(lines.join('\n'))).toEqual([
      { prompt: 'Q:\n', completion: ' A' },
      { prompt: '', completion: 'text' },
    ]);
  });

  it.each([
    ['{"prompt": "a"}', /expected \{"prompt": "…", "completion": "…"\} at \S+pairs\.jsonl:1, got \{"prompt": "a"\}/],
    ['\n{"prompt": 1, "completion": "b"}', /pairs\.jsonl:2/],
    ['["prompt"]', /got \["prompt"\]/],
    ['null', /got null/],
    ['{"prompt"', /invalid JSON/],
  ])('refuses %s', async (line, message) => {
    await expect(read(line)).rejects.toMatchObject({ code: 'malformed-text', message: expect.stringMatching(message) as string });
  });

  it('refuses other files, other bytes and no file', async () => {
    await expect(read('{}', 'pairs.json')).rejects.toMatchObject({ code: 'unsupported-file' });
    await expect(read(Uint8Array.of(0xff, 0xfe))).rejects.toMatchObject({ code: 'malformed-text' });
    await expect(readInstructions(join(folder, 'none.jsonl'))).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('encodeInstruction', () => {
  it('learns the completion and the end of text, not the prompt', () => {
    const tokenizer = { encode: (text: string) => Array.from(text, (character) => character.codePointAt(0)!), endOfTextId: 0 };
    expect(encodeInstruction({ prompt: 'ab', completion: 'c' }, tokenizer)).toEqual({ tokens: [97, 98, 99, 0], labelMask: [0, 0, 1, 1] });
  });
});
