/**
 * A shard: a safetensors file with one tensor `tokens`, `[rows, sequenceLength]` row-major, U16 where the vocabulary fits, else I32.
 * Shards come from other parties, so {@link openShard} takes nothing for granted.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { encodeSafetensors, fromBytes, openSafetensors, type SafetensorsFile, type Tensor } from '@connito/moe-core';
import { DatasetError } from './error.ts';
import { readCapped } from './internal/files.ts';

/** Largest shard file read; a million rows of 128 tokens in U16. */
export const MAX_SHARD_BYTES = 268_435_456;

/** Vocabularies up to this size are stored as U16. */
const U16_VOCABULARY = 65_536;

/** Packed rows of token ids. */
export interface Shard {
  /** `[rows · sequenceLength]` row-major, every id below the vocabulary size. */
  readonly tokens: Uint16Array | Int32Array;
  readonly rows: number;
  readonly sequenceLength: number;
}

/** What a shard is checked against. */
export interface OpenShardOptions {
  readonly vocabularySize: number;
  /** Expected SHA-256 of the file, lowercase hexadecimal. */
  readonly sha256?: string;
  /** Expected tokens per row. */
  readonly sequenceLength?: number;
  /** Cap on the file; default {@link MAX_SHARD_BYTES}. */
  readonly maxBytes?: number;
}

/**
 * Reads and checks a shard.
 *
 * @param source a path, or the bytes of the file
 * @throws {DatasetError} `malformed-shard`, `hash-mismatch`, `too-large`, `not-found`, `io`
 */
export async function openShard(source: string | Uint8Array, options: OpenShardOptions): Promise<Shard> {
  const maxBytes = options.maxBytes ?? MAX_SHARD_BYTES;
  const label = typeof source === 'string' ? source : 'the given bytes';
  const bytes = typeof source === 'string' ? await readCapped(source, maxBytes) : source;
  if (bytes.length > maxBytes) throw new DatasetError('too-large', `expected a shard of at most ${maxBytes} bytes, got ${bytes.length} in ${label}`);
  assertHash(bytes, options.sha256, label);
  const tensor = await readTokens(bytes, label);
  const [rows, sequenceLength] = assertShape(tensor, options, label);
  const tokens = toTokens(tensor, label);
  assertIds(tokens, options.vocabularySize, label);
  return { tokens, rows, sequenceLength };
}

/**
 * Writes a shard. The same rows give the same bytes.
 *
 * @param tokens `[rows · sequenceLength]`
 * @throws {DatasetError} `malformed-shard` where the ids do not fit or rows are not whole
 */
export function encodeShard({ tokens, sequenceLength, vocabularySize, split }: EncodeShardOptions): Uint8Array {
  if (tokens.length === 0 || tokens.length % sequenceLength !== 0) throw malformed(`a whole number of rows of ${sequenceLength} tokens, got ${tokens.length} tokens`, split);
  assertIds(tokens, vocabularySize, split);
  const isU16 = vocabularySize <= U16_VOCABULARY;
  const elements = isU16 ? Uint16Array.from(tokens) : Int32Array.from(tokens);
  const shape = [tokens.length / sequenceLength, sequenceLength];
  const tensor: Tensor = { name: 'tokens', dtype: isU16 ? 'U16' : 'I32', shape, data: toLittleEndian(elements) };
  return encodeSafetensors([tensor], new Map([['format', 'connito/tokens/v1'], ['split', split]]));
}

/** Rows to be written as a shard. */
export interface EncodeShardOptions {
  readonly tokens: Int32Array | Uint16Array;
  readonly sequenceLength: number;
  readonly vocabularySize: number;
  /** Name of the split, kept in the file's metadata. */
  readonly split: string;
}

/**
 * Copies rows of a shard, in the order given: what an evaluator is fed with after a draw.
 *
 * @returns `[rows.length · sequenceLength]`
 * @throws {DatasetError} `invalid-option` where a row does not exist
 */
export function takeRows(shard: Shard, rows: readonly number[]): Int32Array {
  const taken = new Int32Array(rows.length * shard.sequenceLength);
  rows.forEach((row, index) => {
    if (!Number.isInteger(row) || row < 0 || row >= shard.rows) {
      throw new DatasetError('invalid-option', `expected rows from 0 to ${shard.rows - 1}, got ${row}`, { option: 'rows' });
    }
    taken.set(shard.tokens.subarray(row * shard.sequenceLength, (row + 1) * shard.sequenceLength), index * shard.sequenceLength);
  });
  return taken;
}

function assertHash(bytes: Uint8Array, expected: string | undefined, label: string): void {
  if (expected === undefined) return;
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== expected) throw new DatasetError('hash-mismatch', `expected a shard with SHA-256 ${expected}, got ${actual} in ${label}; fetch or prepare it again`);
}

async function readTokens(bytes: Uint8Array, label: string): Promise<Tensor> {
  const file = await openBytes(bytes, label);
  const names = [...file.tensors.keys()];
  if (names.length !== 1 || names[0] !== 'tokens') throw malformed(`exactly one tensor "tokens", got ${names.length}: ${names.slice(0, 5).join(', ').slice(0, 200)}`, label);
  const dtype = file.tensors.get('tokens')?.dtype;
  if (dtype !== 'U16' && dtype !== 'I32') throw malformed(`"tokens" in U16 or I32, got ${String(dtype)}`, label);
  return file.read('tokens');
}

async function openBytes(bytes: Uint8Array, label: string): Promise<SafetensorsFile> {
  try {
    return await openSafetensors(fromBytes(bytes));
  } catch (cause) {
    throw malformed(`a safetensors file (${cause instanceof Error ? cause.message : String(cause)})`, label, cause);
  }
}

function assertShape({ shape }: Tensor, options: OpenShardOptions, label: string): [rows: number, sequenceLength: number] {
  const [rows, sequenceLength] = shape;
  if (shape.length !== 2 || rows === undefined || sequenceLength === undefined || rows < 1 || sequenceLength < 2) {
    throw malformed(`"tokens" of shape [rows ≥ 1, sequenceLength ≥ 2], got [${shape.join(', ')}]`, label);
  }
  if (options.sequenceLength !== undefined && sequenceLength !== options.sequenceLength) {
    throw malformed(`rows of ${options.sequenceLength} tokens, got ${sequenceLength}`, label);
  }
  return [rows, sequenceLength];
}

function toTokens({ dtype, data }: Tensor, label: string): Uint16Array | Int32Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (dtype === 'U16') return Uint16Array.from({ length: data.length / 2 }, (_, i) => view.getUint16(i * 2, true));
  const tokens = Int32Array.from({ length: data.length / 4 }, (_, i) => view.getInt32(i * 4, true));
  if (tokens.some((id) => id < 0)) throw malformed('token ids of at least 0, got a negative one', label);
  return tokens;
}

function assertIds(tokens: Uint16Array | Int32Array, vocabularySize: number, label: string): void {
  for (let at = 0; at < tokens.length; at++) {
    const id = tokens[at] ?? -1;
    if (id < 0 || id >= vocabularySize) throw malformed(`token ids below ${vocabularySize}, got ${id} at position ${at}`, label);
  }
}

function toLittleEndian(elements: Uint16Array | Int32Array): Uint8Array {
  const bytes = new Uint8Array(elements.byteLength);
  const view = new DataView(bytes.buffer);
  elements.forEach((value, i) => (elements instanceof Uint16Array ? view.setUint16(i * 2, value, true) : view.setInt32(i * 4, value, true)));
  return bytes;
}

function malformed(expected: string, label: string, cause?: unknown): DatasetError {
  return new DatasetError('malformed-shard', `expected ${expected} in ${label}`, { path: label }, cause);
}
