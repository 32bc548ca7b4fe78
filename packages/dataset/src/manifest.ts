/**
 * manifest.json of a prepared dataset: what was made from what, with a SHA-256 for every file, so that the manifest's hash stands for
 * all of it. Read strictly: it comes from the owner of a task.
 *
 * @module
 */
import { join } from 'node:path';
import { DatasetError } from './error.ts';
import { readCapped } from './internal/files.ts';

/** Name of the manifest in the dataset's directory. */
export const MANIFEST_FILE = 'manifest.json';

/** Value of `format`. */
const FORMAT = 'connito/dataset/v1';

/** Largest manifest read: about 100,000 shards. */
const MAX_MANIFEST_BYTES = 33_554_432;

/** Most entries of a list. */
const MAX_ENTRIES = 100_000;

/** A shard file of the dataset. */
export interface ShardEntry {
  /** File name in the manifest's directory. */
  readonly file: string;
  /** Lowercase hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly rows: number;
  /** `rows · sequenceLength` */
  readonly tokens: number;
}

/** A text file that went in. */
export interface SourceEntry {
  readonly domain: 'target' | 'general';
  /** File name without its directory. */
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Documents in it, duplicates included. */
  readonly documents: number;
}

/** What `manifest.json` says. */
export interface DatasetManifest {
  readonly format: 'connito/dataset/v1';
  readonly seed: number;
  readonly sequenceLength: number;
  readonly tokenizer: {
    readonly vocabularySize: number;
    readonly endOfTextId: number;
    /** SHA-256 by file name. */
    readonly files: { readonly 'tokenizer.json': string; readonly 'tokenizer_config.json': string };
  };
  readonly sources: readonly SourceEntry[];
  /** Documents after deduplication, and how many duplicates were dropped. */
  readonly documents: { readonly target: number; readonly general: number; readonly duplicates: number };
  readonly train: readonly ShardEntry[];
  /** One for each cycle, single use. */
  readonly heldOut: readonly ShardEntry[];
  readonly general: ShardEntry;
  readonly test: ShardEntry;
}

/** The bytes of manifest.json: keys in a fixed order, two spaces, a line end at the end. */
export function formatManifest(manifest: DatasetManifest): string {
  const { seed, sequenceLength, tokenizer, sources, documents, train, heldOut, general, test } = manifest;
  return `${JSON.stringify({ format: FORMAT, seed, sequenceLength, tokenizer, sources, documents, train, heldOut, general, test }, null, 2)}\n`;
}

/**
 * Parses manifest.json strictly: unknown fields, missing fields and file names with directories are refused.
 *
 * @throws {DatasetError} `malformed-manifest`, with the field
 */
export function parseManifest(text: string): DatasetManifest {
  const root = fieldsOf(parseJson(text), 'manifest', ['format', 'seed', 'sequenceLength', 'tokenizer', 'sources', 'documents', 'train', 'heldOut', 'general', 'test']);
  if (root['format'] !== FORMAT) throw malformed('format', `"${FORMAT}"`, root['format']);
  const sequenceLength = countOf(root['sequenceLength'], 'sequenceLength', 2);
  const shards = (field: string): ShardEntry[] => listOf(root[field], field).map((entry, i) => shardOf(entry, `${field}[${i}]`, sequenceLength));
  return {
    format: FORMAT,
    seed: countOf(root['seed'], 'seed', 0),
    sequenceLength,
    tokenizer: tokenizerOf(root['tokenizer']),
    sources: listOf(root['sources'], 'sources').map((entry, i) => sourceOf(entry, `sources[${i}]`)),
    documents: documentsOf(root['documents']),
    train: shards('train'),
    heldOut: shards('heldOut'),
    general: shardOf(root['general'], 'general', sequenceLength),
    test: shardOf(root['test'], 'test', sequenceLength),
  };
}

/**
 * Reads the manifest of a prepared dataset.
 *
 * @throws {DatasetError} `not-found`, `too-large`, `malformed-manifest`, `io`
 */
export async function readManifest(directory: string): Promise<DatasetManifest> {
  const bytes = await readCapped(join(directory, MANIFEST_FILE), MAX_MANIFEST_BYTES);
  return parseManifest(new TextDecoder().decode(bytes));
}

type Fields = Readonly<Record<string, unknown>>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DatasetError('malformed-manifest', `expected manifest.json to be JSON (${cause instanceof Error ? cause.message : ''})`, {}, cause);
  }
}

function fieldsOf(value: unknown, field: string, names: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(field, 'an object', value);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw malformed(field, `only the fields ${names.join(', ')}`, unknown);
  const missing = names.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw malformed(`${field}.${missing}`, 'a value', undefined);
  return value as Fields;
}

function tokenizerOf(value: unknown): DatasetManifest['tokenizer'] {
  const fields = fieldsOf(value, 'tokenizer', ['vocabularySize', 'endOfTextId', 'files']);
  const files = fieldsOf(fields['files'], 'tokenizer.files', ['tokenizer.json', 'tokenizer_config.json']);
  const vocabularySize = countOf(fields['vocabularySize'], 'tokenizer.vocabularySize', 1);
  const endOfTextId = countOf(fields['endOfTextId'], 'tokenizer.endOfTextId', 0);
  if (endOfTextId >= vocabularySize) throw malformed('tokenizer.endOfTextId', `a token id below ${vocabularySize}`, endOfTextId);
  return {
    vocabularySize,
    endOfTextId,
    files: {
      'tokenizer.json': hashOf(files['tokenizer.json'], 'tokenizer.files'),
      'tokenizer_config.json': hashOf(files['tokenizer_config.json'], 'tokenizer.files'),
    },
  };
}

function documentsOf(value: unknown): DatasetManifest['documents'] {
  const fields = fieldsOf(value, 'documents', ['target', 'general', 'duplicates']);
  return {
    target: countOf(fields['target'], 'documents.target', 0),
    general: countOf(fields['general'], 'documents.general', 0),
    duplicates: countOf(fields['duplicates'], 'documents.duplicates', 0),
  };
}

function sourceOf(value: unknown, field: string): SourceEntry {
  const fields = fieldsOf(value, field, ['domain', 'name', 'sha256', 'sizeBytes', 'documents']);
  const domain = fields['domain'];
  if (domain !== 'target' && domain !== 'general') throw malformed(`${field}.domain`, '"target" or "general"', domain);
  const name = fields['name'];
  if (typeof name !== 'string' || name.length === 0 || name.length > 255) throw malformed(`${field}.name`, 'a file name', name);
  return {
    domain,
    name,
    sha256: hashOf(fields['sha256'], `${field}.sha256`),
    sizeBytes: countOf(fields['sizeBytes'], `${field}.sizeBytes`, 0),
    documents: countOf(fields['documents'], `${field}.documents`, 0),
  };
}

function shardOf(value: unknown, field: string, sequenceLength: number): ShardEntry {
  const fields = fieldsOf(value, field, ['file', 'sha256', 'sizeBytes', 'rows', 'tokens']);
  const file = fields['file'];
  if (typeof file !== 'string' || !/^[a-z0-9-]{1,64}\.safetensors$/.test(file) || file.endsWith('\n')) throw malformed(`${field}.file`, 'a name like train-0000.safetensors', file);
  const rows = countOf(fields['rows'], `${field}.rows`, 1);
  const tokens = countOf(fields['tokens'], `${field}.tokens`, 1);
  if (tokens !== rows * sequenceLength) throw malformed(`${field}.tokens`, `rows · sequenceLength = ${rows * sequenceLength}`, tokens);
  return { file, sha256: hashOf(fields['sha256'], `${field}.sha256`), sizeBytes: countOf(fields['sizeBytes'], `${field}.sizeBytes`, 1), rows, tokens };
}

function listOf(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value) && value.length >= 1 && value.length <= MAX_ENTRIES) return value;
  throw malformed(field, `a list of 1 to ${MAX_ENTRIES} entries`, Array.isArray(value) ? `${value.length} entries` : value);
}

function countOf(value: unknown, field: string, minimum: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum) return value;
  throw malformed(field, `a whole number of at least ${minimum}`, value);
}

function hashOf(value: unknown, field: string): string {
  if (typeof value === 'string' && value.length === 64 && /^[0-9a-f]{64}$/.test(value)) return value;
  throw malformed(field, 'a SHA-256 as 64 lowercase hexadecimal digits', value);
}

function malformed(field: string, expected: string, actual: unknown): DatasetError {
  const shown = actual === undefined ? 'nothing' : (JSON.stringify(actual) ?? typeof actual).slice(0, 80);
  return new DatasetError('malformed-manifest', `expected ${field} to be ${expected}, got ${shown}`, { field });
}
