/**
 * Text files to documents.
 *
 * - `.txt`: one document, or several separated by form feeds (U+000C).
 * - `.jsonl`: one document a line, `{"text": "…"}`; further fields are ignored, blank lines skipped.
 *
 * Cleaning keeps text as it is (no Unicode normalisation: the tokenizer decides), except that line ends become `\n`, NUL is
 * dropped and unpaired surrogates become U+FFFD. Documents without any visible character are dropped. A document of more than
 * {@link MAX_DOCUMENT_CHARACTERS} is cut at blank lines, else at line ends, so that a book can be split at all.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { DatasetError } from './error.ts';
import { atDisk, readCapped } from './internal/files.ts';
import { parseJsonLines } from './internal/json-lines.ts';

/** Longest document in UTF-16 code units; about 4,000 tokens, so that few are lost where a split's last document is cut off. */
export const MAX_DOCUMENT_CHARACTERS = 16_384;

/** Largest text file read: half of what a string can hold in V8. */
export const MAX_TEXT_BYTES = 268_435_456;

/** One piece of cleaned text, identified by its content. */
export interface Document {
  readonly text: string;
  /** SHA-256 of the cleaned text in UTF-8, lowercase hexadecimal. */
  readonly sha256: string;
}

/** A text file that documents were read from. */
export interface TextSource {
  /** File name without its directory, so that a manifest does not depend on where the text lay. */
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Documents in it, duplicates included. */
  readonly documents: number;
}

/** A file's documents and what the manifest says about it. */
export interface TextFile {
  readonly source: TextSource;
  readonly documents: readonly Document[];
}

/**
 * Finds text files: a file stands for itself, a directory for all `.txt` and `.jsonl` files below it.
 *
 * @returns paths, sorted by code unit within each given path
 * @throws {DatasetError} `not-found`, `unsupported-file`, `io`
 */
export async function findTextFiles(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const stats = await atDisk(path, () => stat(path));
    if (!stats.isDirectory()) {
      if (!isText(path)) throw new DatasetError('unsupported-file', `expected a .txt or .jsonl file, got ${path}`, { path });
      found.push(path);
      continue;
    }
    const below = await atDisk(path, () => readdir(path, { recursive: true }));
    const texts = below.filter(isText).sort(byCodeUnit);
    if (texts.length === 0) throw new DatasetError('not-found', `expected .txt or .jsonl files below ${path}, found none`, { path });
    found.push(...texts.map((name) => join(path, name)));
  }
  return found;
}

/**
 * Reads the documents of one file.
 *
 * @throws {DatasetError} `not-found`, `unsupported-file`, `malformed-text` (with file and line), `too-large`, `io`
 */
export async function readTextFile(path: string): Promise<TextFile> {
  const extension = extname(path).toLowerCase();
  if (!isText(path)) throw new DatasetError('unsupported-file', `expected a .txt or .jsonl file, got ${path}`, { path });
  const bytes = await readCapped(path, MAX_TEXT_BYTES);
  const text = decodeUtf8(bytes, path);
  const raw = extension === '.txt' ? text.split('\f') : parseJsonLines(text, path, { expected: '{"text": "…"}', read: ({ text: value }) => (typeof value === 'string' ? value : undefined) });
  const documents = raw.flatMap((piece) => cutLong(cleanText(piece))).filter(isVisible).map(toDocument);
  const source = { name: basename(path), sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length, documents: documents.length };
  return { source, documents };
}

/** Line ends to `\n`, NUL dropped, unpaired surrogates to U+FFFD. */
export function cleanText(text: string): string {
  return text.replace(/\r\n?/g, '\n').replaceAll('\0', '').replace(/\p{Surrogate}/gu, '\uFFFD');
}

function cutLong(text: string): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > MAX_DOCUMENT_CHARACTERS) {
    const at = cutPoint(rest);
    pieces.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  pieces.push(rest);
  return pieces;
}

/** Where to cut: after the last blank line, else the last line end, else at the limit but never inside a surrogate pair. */
function cutPoint(text: string): number {
  const head = text.slice(0, MAX_DOCUMENT_CHARACTERS);
  const blank = head.lastIndexOf('\n\n');
  if (blank >= MAX_DOCUMENT_CHARACTERS / 2) return blank + 2;
  const lineEnd = head.lastIndexOf('\n');
  if (lineEnd >= MAX_DOCUMENT_CHARACTERS / 2) return lineEnd + 1;
  const isHighSurrogate = (head.charCodeAt(head.length - 1) & 0xfc00) === 0xd800;
  return isHighSurrogate ? MAX_DOCUMENT_CHARACTERS - 1 : MAX_DOCUMENT_CHARACTERS;
}

/** @throws {DatasetError} `malformed-text` */
export function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DatasetError('malformed-text', `expected UTF-8 text in ${path}, got other bytes; convert the file`, { path }, cause);
  }
}

function toDocument(text: string): Document {
  return { text, sha256: createHash('sha256').update(text, 'utf8').digest('hex') };
}

function isVisible(text: string): boolean {
  return /\S/.test(text);
}

function isText(path: string): boolean {
  return /\.(txt|jsonl)$/i.test(path);
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
