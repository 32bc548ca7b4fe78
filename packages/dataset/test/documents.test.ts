import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_DOCUMENT_CHARACTERS, cleanText, findTextFiles, isDatasetError, readTextFile } from '../src/index.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connito-documents-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function textsOf(name: string, content: string | Uint8Array): Promise<string[]> {
  await writeFile(join(directory, name), content);
  return (await readTextFile(join(directory, name))).documents.map((document) => document.text);
}

describe('readTextFile', () => {
  it('takes a .txt file as one document, or as several between form feeds', async () => {
    expect(await textsOf('a.txt', 'one\n\nstill one\n')).toEqual(['one\n\nstill one\n']);
    expect(await textsOf('a.txt', 'one\f\f \n\ftwo')).toEqual(['one', 'two']);
    expect(await textsOf('a.TXT', '\ufeffbyte order mark')).toEqual(['byte order mark']);
    expect(await textsOf('a.txt', '')).toEqual([]);
  });

  it('takes a .jsonl line as a document and says what the file was', async () => {
    const content = '{"text":"a\\r\\nb","more":1}\r\n\n{"text":"c"}';
    expect(await textsOf('a.jsonl', content)).toEqual(['a\nb', 'c']);
    const { source } = await readTextFile(join(directory, 'a.jsonl'));
    expect(source).toEqual({ name: 'a.jsonl', sha256: createHash('sha256').update(content).digest('hex'), sizeBytes: content.length, documents: 2 });
  });

  it.each([
    ['{"text":', 2],
    ['[]', 2],
    ['"text"', 2],
    ['null', 2],
    ['{"texts":"a"}', 2],
    ['{"text":7}', 2],
  ])('names file and line of the bad line %s', async (line, number) => {
    await writeFile(join(directory, 'bad.jsonl'), `{"text":"fine"}\n${line}\n`);
    const error = await readTextFile(join(directory, 'bad.jsonl')).catch((reason: unknown) => reason);
    if (!isDatasetError(error, 'malformed-text')) throw error;
    expect(error.context.line).toBe(number);
    expect(error.message).toContain(`bad.jsonl:${number}`);
  });

  it('refuses bytes that are not UTF-8, other files and missing ones', async () => {
    await expect(textsOf('a.txt', Uint8Array.of(0x61, 0xff))).rejects.toSatisfy((error) => isDatasetError(error, 'malformed-text'));
    await expect(textsOf('a.csv', 'a')).rejects.toSatisfy((error) => isDatasetError(error, 'unsupported-file'));
    await expect(readTextFile(join(directory, 'none.txt'))).rejects.toSatisfy((error) => isDatasetError(error, 'not-found'));
    await mkdir(join(directory, 'folder.txt'));
    await expect(readTextFile(join(directory, 'folder.txt'))).rejects.toSatisfy((error) => isDatasetError(error, 'io'));
  });

  it('cuts long documents at blank lines, line ends or nowhere special, and loses nothing', async () => {
    const paragraph = `${'word '.repeat(500)}\n\n`;
    const pieces = await textsOf('book.txt', paragraph.repeat(30));
    expect(pieces.join('')).toBe(paragraph.repeat(30));
    expect(pieces.slice(0, -1).every((piece) => piece.endsWith('\n\n') && piece.length <= MAX_DOCUMENT_CHARACTERS)).toBe(true);
    const line = `${'x'.repeat(999)}\n`;
    expect((await textsOf('lines.txt', line.repeat(100))).every((piece) => piece.endsWith('\n'))).toBe(true);
    const emoji = `a${'😀'.repeat(20_000)}`;
    const cut = await textsOf('emoji.txt', emoji);
    expect(cut.join('')).toBe(emoji);
    expect(cut.some((piece) => /\p{Surrogate}/u.test(piece))).toBe(false);
  });
});

describe('findTextFiles', () => {
  it('walks directories in a fixed order and leaves other files out', async () => {
    await mkdir(join(directory, 'deep'));
    for (const name of ['b.txt', 'a.jsonl', 'picture.png', 'deep/c.txt']) await writeFile(join(directory, name), '');
    expect(await findTextFiles([directory, join(directory, 'b.txt')])).toEqual(['a.jsonl', 'b.txt', join('deep', 'c.txt'), 'b.txt'].map((name) => join(directory, name)));
  });

  it('refuses what is not there, not text, or without text', async () => {
    await expect(findTextFiles([join(directory, 'none')])).rejects.toSatisfy((error) => isDatasetError(error, 'not-found'));
    await expect(findTextFiles([directory])).rejects.toSatisfy((error) => isDatasetError(error, 'not-found'));
    await writeFile(join(directory, 'a.md'), '');
    await expect(findTextFiles([join(directory, 'a.md')])).rejects.toSatisfy((error) => isDatasetError(error, 'unsupported-file'));
  });
});

describe('cleanText', () => {
  it('is idempotent and leaves no carriage return, NUL or unpaired surrogate', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }), (text) => {
        const cleaned = cleanText(text);
        expect(cleaned).not.toMatch(/\r|\0|\p{Surrogate}/u);
        expect(cleanText(cleaned)).toBe(cleaned);
      }),
    );
  });
});
