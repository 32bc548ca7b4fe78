/**
 * The header of a safetensors file: `u64 LE N | N bytes of UTF-8 JSON | data`. Every rule of the reference reader is kept, and some
 * that `JSON.parse` would hide from it are added: duplicate keys, `__proto__`, unknown fields, non-integers, caps on names and
 * ranks. Like the reference, JSON whitespace around the object is tolerated (page-aligned files are padded so).
 * @see https://github.com/huggingface/safetensors/blob/24b0b28/safetensors/src/tensor.rs (Metadata::validate)
 * @module
 */
import { isDtype, type Dtype } from './dtype.ts';
import { MoeError } from '../errors.ts';
import { cut, quote } from '../internal/quote.ts';
import { isJsonArray, isJsonNumber, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../internal/strict-json.ts';
import { MAX_HEADER_BYTES, MAX_TENSOR_NAME_LENGTH, MAX_TENSOR_RANK } from './safetensors-limits.ts';
import { tensorSizeBytes, type TensorDescription } from './tensor.ts';

/** A tensor's place in a file. `byteOffset` counts from the start of the file. */
export interface TensorInfo extends TensorDescription {
  readonly byteOffset: number;
}

/** What the header says, checked against the size of the file. */
export interface SafetensorsHeader {
  /** Offset of the data section: 8 + N. */
  readonly dataOffset: number;
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** `__metadata__`, empty where there is none. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The length field is 8 bytes. */
export const LENGTH_FIELD_BYTES = 8;

/**
 * N of the length field, before anything of that size is allocated. It is read as a `bigint`: a `Number` would round 2^64 − 1.
 * @throws safetensors-too-small, safetensors-header-too-large, safetensors-header-truncated
 */
export function parseHeaderLength(lengthField: Uint8Array, sizeBytes: number, limitBytes: number = MAX_HEADER_BYTES): number {
  if (lengthField.byteLength < LENGTH_FIELD_BYTES) throw tooSmall(sizeBytes);
  const view = new DataView(lengthField.buffer, lengthField.byteOffset, LENGTH_FIELD_BYTES);
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > BigInt(limitBytes)) {
    throw new MoeError('safetensors-header-too-large', {
      message: `the header claims ${headerBytes} bytes, the limit is ${limitBytes}; is this a safetensors file?`,
      context: { headerBytes, limitBytes },
    });
  }
  const length = Number(headerBytes);
  if (LENGTH_FIELD_BYTES + length > sizeBytes) {
    throw new MoeError('safetensors-header-truncated', {
      message: `the header claims ${length} bytes, but only ${sizeBytes - LENGTH_FIELD_BYTES} follow its length; the file is truncated`,
      context: { headerBytes: length, sizeBytes },
    });
  }
  return length;
}

/** The error for files below 8 bytes. */
export function tooSmall(sizeBytes: number): MoeError<'safetensors-too-small'> {
  return new MoeError('safetensors-too-small', {
    message: `expected a safetensors file of at least ${LENGTH_FIELD_BYTES} bytes, got ${sizeBytes}; the file is empty or truncated`,
    context: { sizeBytes },
  });
}

/**
 * Parses and checks the JSON of a header.
 * @param header the N bytes after the length field
 * @param sizeBytes size of the whole file; the tensors must fill it to the last byte
 * @throws safetensors-header-not-utf8, safetensors-header-not-object, json-invalid, json-duplicate-key, json-forbidden-key,
 *   safetensors-entry-invalid, safetensors-unknown-field, safetensors-unknown-dtype, safetensors-number-invalid,
 *   safetensors-name-too-long, safetensors-rank-too-large, safetensors-size-overflow, safetensors-partial-byte,
 *   safetensors-size-mismatch, safetensors-offsets-reversed, safetensors-hole, safetensors-overlap,
 *   safetensors-data-truncated, safetensors-trailing-bytes, safetensors-metadata-invalid
 */
export function parseSafetensorsHeader(header: Uint8Array, sizeBytes: number): SafetensorsHeader {
  const dataOffset = LENGTH_FIELD_BYTES + header.byteLength;
  const root = parseRoot(header);
  const entries: Entry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of root) {
    if (name === '__metadata__') metadata = parseMetadata(value);
    else entries.push(parseEntry(name, value));
  }
  // The data is claimed front to back; empty tensors come before the tensor that begins where they stand.
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  assertContiguous(entries, sizeBytes - dataOffset);
  const tensors = new Map<string, TensorInfo>();
  for (const entry of entries) {
    const { name, dtype, shape, begin, end } = entry;
    tensors.set(name, { name, dtype, shape, byteOffset: dataOffset + begin, sizeBytes: end - begin });
  }
  return { dataOffset, tensors, metadata };
}

interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseRoot(header: Uint8Array): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch (cause) {
    throw new MoeError('safetensors-header-not-utf8', {
      message: `the header of ${header.byteLength} bytes is not UTF-8; is this a safetensors file?`,
      context: { headerBytes: header.byteLength },
      cause,
    });
  }
  if (!/^[ \t\r\n]*\{/.test(text)) {
    throw new MoeError('safetensors-header-not-object', {
      message: `the header begins with ${JSON.stringify(text.slice(0, 8))}, expected "{"; is this a safetensors file?`,
      context: { headerBytes: header.byteLength },
    });
  }
  return parseStrictJson(text, 'the safetensors header') as JsonObject;
}

function parseMetadata(value: JsonValue): ReadonlyMap<string, string> {
  if (!isJsonObject(value)) throw invalidMetadata('');
  const metadata = new Map<string, string>();
  for (const [key, text] of value) {
    if (typeof text !== 'string') throw invalidMetadata(key);
    metadata.set(key, text);
  }
  return metadata;
}

function invalidMetadata(key: string): MoeError<'safetensors-metadata-invalid'> {
  return new MoeError('safetensors-metadata-invalid', {
    message: `__metadata__ must map strings to strings${key === '' ? '' : `, ${quote(key)} does not`}`,
    context: { key },
  });
}

function parseEntry(name: string, value: JsonValue): Entry {
  assertName(name);
  if (!isJsonObject(value)) throw invalidEntry(name, '', 'an object with dtype, shape and data_offsets');
  for (const field of value.keys()) {
    if (field === 'dtype' || field === 'shape' || field === 'data_offsets') continue;
    throw new MoeError('safetensors-unknown-field', {
      message: `tensor ${quote(name)} has the unknown field ${quote(field)}`,
      context: { tensor: name, field: cut(field) },
    });
  }
  const dtype = parseDtype(name, value.get('dtype'));
  const shape = parseIntegers(value.get('shape'), { tensor: name, field: 'shape' });
  const offsets = parseIntegers(value.get('data_offsets'), { tensor: name, field: 'data_offsets' });
  if (offsets.length !== 2) throw invalidEntry(name, 'data_offsets', 'two integers');
  const [begin, end] = offsets as [number, number];
  const entry = { name, dtype, shape, begin, end };
  assertSize(entry);
  return entry;
}

/**
 * Refuses names beyond the cap.
 * @throws safetensors-name-too-long
 */
export function assertName(name: string): void {
  if (name.length <= MAX_TENSOR_NAME_LENGTH) return;
  throw new MoeError('safetensors-name-too-long', {
    message: `the tensor name ${quote(name)} has ${name.length} characters, the limit is ${MAX_TENSOR_NAME_LENGTH}`,
    context: { length: name.length, limit: MAX_TENSOR_NAME_LENGTH },
  });
}

function parseDtype(tensor: string, value: JsonValue | undefined): Dtype {
  if (typeof value !== 'string') throw invalidEntry(tensor, 'dtype', 'a string');
  if (isDtype(value)) return value;
  throw new MoeError('safetensors-unknown-dtype', {
    message: `tensor ${quote(tensor)} has the unknown dtype ${quote(value)}`,
    context: { tensor, dtype: cut(value) },
  });
}

function parseIntegers(value: JsonValue | undefined, at: { readonly tensor: string; readonly field: string }): number[] {
  if (!isJsonArray(value)) throw invalidEntry(at.tensor, at.field, 'an array of integers');
  assertRank(at.tensor, value.length);
  return value.map((item) => {
    if (!isJsonNumber(item)) throw invalidEntry(at.tensor, at.field, 'an array of integers');
    const number = Number(item.numberText);
    // The text decides: 1.0, 1e3 and -0 are numbers of JSON, but not sizes.
    if (/^\d+$/.test(item.numberText) && Number.isSafeInteger(number)) return number;
    throw new MoeError('safetensors-number-invalid', {
      message: `tensor ${quote(at.tensor)}: ${at.field} holds ${quote(item.numberText)}, expected an integer from 0 to 2^53 - 1`,
      context: { ...at, text: cut(item.numberText) },
    });
  });
}

function assertRank(tensor: string, rank: number): void {
  if (rank <= MAX_TENSOR_RANK) return;
  throw new MoeError('safetensors-rank-too-large', {
    message: `tensor ${quote(tensor)} has ${rank} dimensions, the limit is ${MAX_TENSOR_RANK}`,
    context: { tensor, rank, limit: MAX_TENSOR_RANK },
  });
}

function assertSize(entry: Entry): void {
  const { name: tensor, begin, end } = entry;
  if (end < begin) {
    throw new MoeError('safetensors-offsets-reversed', {
      message: `tensor ${quote(tensor)} ends at ${end}, before it begins at ${begin}`,
      context: { tensor, begin, end },
    });
  }
  const expectedBytes = tensorSizeBytes(entry);
  if (expectedBytes === end - begin) return;
  throw new MoeError('safetensors-size-mismatch', {
    message: `tensor ${quote(tensor)} of ${entry.dtype} [${entry.shape.join(', ')}] takes ${expectedBytes} bytes, its offsets span ${end - begin}`,
    context: { tensor, expectedBytes, actualBytes: end - begin },
  });
}

function assertContiguous(entries: readonly Entry[], dataBytes: number): void {
  let previousEnd = 0;
  for (const { name: tensor, begin, end } of entries) {
    if (begin !== previousEnd) {
      const code = begin > previousEnd ? 'safetensors-hole' : 'safetensors-overlap';
      throw new MoeError(code, {
        message: `tensor ${quote(tensor)} begins at ${begin}, but the previous one ends at ${previousEnd}: tensors must leave no holes and not overlap`,
        context: { tensor, begin, previousEnd },
      });
    }
    previousEnd = end;
  }
  if (previousEnd === dataBytes) return;
  const code = previousEnd > dataBytes ? 'safetensors-data-truncated' : 'safetensors-trailing-bytes';
  const what = previousEnd > dataBytes ? 'the file is truncated' : 'the file has bytes that belong to no tensor';
  throw new MoeError(code, {
    message: `the tensors take ${previousEnd} bytes, but ${dataBytes} follow the header; ${what}`,
    context: { expectedBytes: previousEnd, actualBytes: dataBytes },
  });
}

function invalidEntry(tensor: string, field: string, expected: string): MoeError<'safetensors-entry-invalid'> {
  return new MoeError('safetensors-entry-invalid', {
    message: `tensor ${quote(tensor)}${field === '' ? '' : `, field ${quote(field)}`}: expected ${expected}`,
    context: { tensor, field },
  });
}
