/**
 * The whole way from text files to a directory of shards with a manifest. The same text, tokenizer and options give the same bytes on every
 * machine, in whatever order or directories the files lay.
 *
 * @module
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { findTextFiles, readTextFile, type Document, type TextFile } from './documents.ts';
import { DatasetError } from './error.ts';
import { atDisk } from './internal/files.ts';
import { MANIFEST_FILE, formatManifest, type DatasetManifest, type ShardEntry, type SourceEntry } from './manifest.ts';
import { encodeShard } from './shard.ts';
import { orderDocuments, packRows, splitTarget, type EncodedDocument, type TargetSplits } from './split.ts';
import { openTokenizer, type Tokenizer } from './tokenizer.ts';

/** Characters tokenized between two turns of the event loop: about 50 ms, so that a signal is heard and a view stays alive. */
const CHARACTERS_PER_TURN = 32_768;

/** What to prepare. */
export interface PrepareOptions {
  /** Text of the target domain: `.txt` and `.jsonl` files, or directories of them. */
  readonly target: readonly string[];
  /** Text of everything else, to measure forgetting on. */
  readonly general: readonly string[];
  /** Directory with tokenizer.json and tokenizer_config.json. */
  readonly tokenizer: string;
  /** Directory to write; must be absent, empty, or hold an earlier dataset, which is replaced. */
  readonly out: string;
  /** Tokens per row; default 128. */
  readonly sequenceLength?: number;
  /** Number of held-out shards, each for one cycle. */
  readonly cycles: number;
  readonly trainShards: number;
  /** Rows of each held-out shard: those of the score and of the gate together. */
  readonly heldOutRows: number;
  readonly generalRows: number;
  readonly testRows: number;
  /** Decides which documents go where; default 0. */
  readonly seed?: number;
  readonly onProgress?: (progress: PrepareProgress) => void;
  readonly signal?: AbortSignal;
}

/** Where {@link prepareDataset} is: files read, documents tokenized or shards written. */
export interface PrepareProgress {
  readonly stage: 'read' | 'tokenize' | 'write';
  readonly done: number;
  readonly total: number;
}

/**
 * Reads, cleans, deduplicates, tokenizes, splits, packs and writes.
 *
 * @returns the manifest, which also lies in `out/manifest.json`
 * @throws {DatasetError} `invalid-option`, `not-found`, `unsupported-file`, `malformed-text`, `too-large`, `malformed-tokenizer`, `unknown-token`,
 *   `text-too-small`, `output-not-empty`, `aborted`, `io`
 * @example
 * ```ts
 * import { prepareDataset } from '@connito/dataset';
 *
 * const manifest = await prepareDataset({
 *   target: ['text/target'], general: ['text/general'], tokenizer: 'model', out: 'data',
 *   cycles: 3, trainShards: 8, heldOutRows: 256, generalRows: 128, testRows: 256, seed: 7,
 * });
 * ```
 */
export async function prepareDataset(options: PrepareOptions): Promise<DatasetManifest> {
  const plan = { ...options, sequenceLength: options.sequenceLength ?? 128, seed: options.seed ?? 0 };
  assertPlan(plan);
  const out = resolve(options.out);
  await assertReplaceable(out);
  const tokenizer = await openTokenizer(options.tokenizer);
  const text = await readText(plan);
  const encoded = await encodeAll(text, tokenizer, plan);
  const splits = splitTarget(encoded.target, plan);
  const general = packRows(encoded.general, plan.generalRows, plan.sequenceLength);
  return replaceDirectory(out, (directory) => writeDataset(directory, { plan, tokenizer, text, splits, general }));
}

type Plan = PrepareOptions & { readonly sequenceLength: number; readonly seed: number };

interface Text {
  readonly sources: readonly SourceEntry[];
  readonly target: readonly Document[];
  readonly general: readonly Document[];
  readonly duplicates: number;
}

async function readText(plan: Plan): Promise<Text> {
  const paths = { target: await findTextFiles(plan.target), general: await findTextFiles(plan.general) };
  const total = paths.target.length + paths.general.length;
  const read: { domain: SourceEntry['domain']; file: TextFile }[] = [];
  for (const domain of ['target', 'general'] as const) {
    for (const path of paths[domain]) {
      assertRunning(plan.signal);
      read.push({ domain, file: await readTextFile(path) });
      plan.onProgress?.({ stage: 'read', done: read.length, total });
    }
  }
  const documentsOf = (domain: string): Document[] => read.filter((entry) => entry.domain === domain).flatMap((entry) => entry.file.documents);
  const target = orderDocuments(documentsOf('target'), plan.seed);
  const seen = new Set(target.map((document) => document.sha256));
  const general = orderDocuments(documentsOf('general'), plan.seed).filter((document) => !seen.has(document.sha256));
  const sources = read.map(({ domain, file }) => ({ domain, ...file.source })).sort(bySource);
  const all = sources.reduce((count, source) => count + source.documents, 0);
  return { sources, target, general, duplicates: all - target.length - general.length };
}

async function encodeAll(text: Text, tokenizer: Tokenizer, plan: Plan): Promise<{ target: EncodedDocument[]; general: EncodedDocument[] }> {
  const documents = [...text.target, ...text.general];
  const encoded: EncodedDocument[] = [];
  let characters = CHARACTERS_PER_TURN;
  for (const document of documents) {
    if (characters >= CHARACTERS_PER_TURN) {
      await turn(plan, encoded.length, documents.length);
      characters = 0;
    }
    characters += document.text.length;
    encoded.push({ sha256: document.sha256, ids: Int32Array.of(...tokenizer.encode(document.text), tokenizer.endOfTextId) });
  }
  await turn(plan, documents.length, documents.length);
  return { target: encoded.slice(0, text.target.length), general: encoded.slice(text.target.length) };
}

async function turn({ signal, onProgress }: Plan, done: number, total: number): Promise<void> {
  await new Promise<void>((settle) => setImmediate(settle));
  assertRunning(signal);
  onProgress?.({ stage: 'tokenize', done, total });
}

interface Prepared {
  readonly plan: Plan;
  readonly tokenizer: Tokenizer;
  readonly text: Text;
  readonly splits: TargetSplits;
  readonly general: Int32Array;
}

async function writeDataset(directory: string, { plan, tokenizer, text, splits, general }: Prepared): Promise<DatasetManifest> {
  const total = splits.train.length + splits.heldOut.length + 2;
  let done = 0;
  const write = async (name: string, split: string, tokens: Int32Array): Promise<ShardEntry> => {
    assertRunning(plan.signal);
    const bytes = encodeShard({ tokens, split, sequenceLength: plan.sequenceLength, vocabularySize: tokenizer.vocabularySize });
    await writeFlushed(join(directory, name), bytes);
    plan.onProgress?.({ stage: 'write', done: ++done, total });
    return { file: name, sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length, rows: tokens.length / plan.sequenceLength, tokens: tokens.length };
  };
  const writeAll = async (split: string, shards: readonly Int32Array[]): Promise<ShardEntry[]> => {
    const entries: ShardEntry[] = [];
    for (const [index, tokens] of shards.entries()) entries.push(await write(`${split}-${String(index).padStart(4, '0')}.safetensors`, split, tokens));
    return entries;
  };
  const manifest: DatasetManifest = {
    format: 'connito/dataset/v1',
    seed: plan.seed,
    sequenceLength: plan.sequenceLength,
    tokenizer: { vocabularySize: tokenizer.vocabularySize, endOfTextId: tokenizer.endOfTextId, files: tokenizer.files },
    sources: text.sources,
    documents: { target: text.target.length, general: text.general.length, duplicates: text.duplicates },
    train: await writeAll('train', splits.train),
    heldOut: await writeAll('held-out', splits.heldOut),
    general: await write('general.safetensors', 'general', general),
    test: await write('test.safetensors', 'test', splits.test),
  };
  await writeFlushed(join(directory, MANIFEST_FILE), Buffer.from(formatManifest(manifest)));
  return manifest;
}

/** Fills a new directory beside `out` and puts it in its place, so that `out` is never half a dataset. */
async function replaceDirectory<T>(out: string, fill: (directory: string) => Promise<T>): Promise<T> {
  const temporary = join(dirname(out), `.${basename(out)}.${randomUUID()}.part`);
  try {
    await atDisk(temporary, () => mkdir(temporary, { recursive: true }));
    const result = await fill(temporary);
    await atDisk(out, async () => {
      await rm(out, { recursive: true, force: true });
      await rename(temporary, out);
    });
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined); // the first error is the one that matters
    throw error;
  }
}

async function assertReplaceable(out: string): Promise<void> {
  const names = await readdir(out).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new DatasetError('output-not-empty', `expected ${out} to be a directory or absent`, { path: out }, error);
  });
  const foreign = names.find((name) => name !== MANIFEST_FILE && !/^(train-\d+|held-out-\d+|general|test)\.safetensors$/.test(name));
  if (foreign === undefined) return;
  throw new DatasetError('output-not-empty', `expected ${out} to be absent, empty or an earlier dataset, found ${foreign}; choose another directory`, { path: out });
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  await atDisk(path, async () => {
    const handle = await open(path, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

function assertPlan(plan: Plan): void {
  const assertCount = (option: keyof Plan, minimum: number, maximum: number): void => {
    const value = plan[option];
    if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return;
    throw new DatasetError('invalid-option', `expected ${option} to be a whole number from ${minimum} to ${maximum}, got ${String(value)}`, { option });
  };
  assertCount('sequenceLength', 2, 65_536);
  assertCount('cycles', 1, 9_999);
  assertCount('trainShards', 1, 9_999);
  for (const option of ['heldOutRows', 'generalRows', 'testRows'] as const) assertCount(option, 1, 1_000_000);
  assertCount('seed', 0, Number.MAX_SAFE_INTEGER);
  for (const option of ['target', 'general'] as const) {
    if (plan[option].length === 0) throw new DatasetError('invalid-option', `expected at least one path of ${option} text, got none`, { option });
  }
}

function assertRunning(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new DatasetError('aborted', 'the preparation was aborted by its caller', {}, signal.reason);
}

function bySource(a: SourceEntry, b: SourceEntry): number {
  const [x, y] = [a, b].map(({ domain, name, sha256 }) => `${domain === 'target' ? 0 : 1}\0${name}\0${sha256}`) as [string, string];
  return x < y ? -1 : x > y ? 1 : 0;
}
