/**
 * The header of a compressed update: which rule made it, what it is for, and where each tensor's bits are. Everything that a decoder allocates or
 * loops over is known and checked once the header is read. UPDATE-FORMAT.md beside the README is the specification.
 * @module
 */
import type { ByteSource } from '../safetensors/byte-source.ts';
import { MoeError } from '../errors.ts';
import { compareCodePoints } from '../internal/code-points.ts';
import { quote } from '../internal/quote.ts';
import { MAX_TENSOR_NAME_LENGTH, MAX_TENSOR_RANK } from '../safetensors/safetensors-limits.ts';
import type { SafetensorsMetadata } from '../safetensors/safetensors-writer.ts';
import { countElements } from '../safetensors/tensor.ts';

/** Bits of a kept value: its sign and the index of a level, or the float32 itself (32). */
export type ValueBits = 1 | 2 | 4 | 8 | 32;

/** How much of an update is kept, and how exactly. */
export interface CompressionRule {
  /** Elements of a chunk, 1 to 65,536; a tensor is cut row-major, its last chunk may be shorter. */
  readonly chunkSize: number;
  /** Most values kept of a whole chunk, 1 to `chunkSize`; of a shorter one its share, rounded up. */
  readonly keep: number;
  readonly valueBits: ValueBits;
}

/** One tensor of a compressed update, without its values. */
export interface CompressedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Values that are not zero. */
  readonly kept: number;
  /** Bytes of its gaps. Its values follow, `⌈kept · valueBits / 8⌉` bytes. */
  readonly indexBytes: number;
  /** Golomb-Rice parameter of the gaps: a gap g takes `⌊g / 2^r⌋ + 1 + r` bits. */
  readonly riceParameter: number;
  /** Magnitudes of the values, ascending; empty where the values are float32. */
  readonly levels: Float32Array;
}

/** What a compressed update says of itself. */
export interface CompressedUpdateHeader {
  readonly rule: CompressionRule;
  /** In code point order of the keys. */
  readonly metadata: ReadonlyMap<string, string>;
  /** In code point order of the names, as in the data. */
  readonly tensors: readonly CompressedTensor[];
  /** Where the data begins. */
  readonly dataOffset: number;
}

/** ASCII; the last character is the version. */
export const UPDATE_MAGIC = 'MOEUPD01';

/** Magic and length of the header. */
export const UPDATE_PREFIX_BYTES = 12;

/** A header of about 150,000 tensors: all experts of a 256-expert model with 61 layers take a third of it. */
export const MAX_UPDATE_HEADER_BYTES = 16_777_216;

/** Gaps have 16 bits. */
export const MAX_CHUNK_SIZE = 65_536;

const VALUE_BITS: readonly number[] = [1, 2, 4, 8, 32];

/** Most values that a chunk of `length` elements keeps: `⌈keep · length / chunkSize⌉`. */
export function chunkQuota({ keep, chunkSize }: CompressionRule, length: number): number {
  return Math.ceil((keep * length) / chunkSize);
}

/** Bytes of a tensor's values. */
export function valueBytes(rule: CompressionRule, kept: number): number {
  return Math.ceil((kept * rule.valueBits) / 8);
}

/**
 * Refuses a rule that the format cannot say.
 * @throws update-invalid
 */
export function assertCompressionRule({ chunkSize, keep, valueBits }: CompressionRule): void {
  const field = !isWithin(chunkSize, MAX_CHUNK_SIZE) ? 'chunkSize' : !isWithin(keep, chunkSize) ? 'keep' : !VALUE_BITS.includes(valueBits) ? 'valueBits' : undefined;
  if (field === undefined) return;
  throw new MoeError('update-invalid', {
    message: `compression, ${field}: expected chunkSize from 1 to ${MAX_CHUNK_SIZE}, keep from 1 to chunkSize and valueBits of ${VALUE_BITS.join(', ')}, got ${chunkSize}, ${keep} and ${valueBits}`,
    context: { field },
  });
}

/**
 * Reads the header of a compressed update and checks it against the size of the file, without reading the data.
 * @throws update-file-unknown, update-file-too-large, update-file-truncated, update-file-trailing-bytes, update-file-header-invalid, source-short-read
 * @example
 * const { rule, tensors } = await inspectCompressedUpdate(fromBytes(bytes));
 * console.log(rule.keep / rule.chunkSize, tensors.map(({ name, kept }) => `${name}: ${kept}`));
 */
export async function inspectCompressedUpdate(source: ByteSource): Promise<CompressedUpdateHeader> {
  const { sizeBytes } = source;
  if (sizeBytes < UPDATE_PREFIX_BYTES) throw unknownFile(sizeBytes);
  const dataOffset = parsePrefix(await source.read(0, UPDATE_PREFIX_BYTES), sizeBytes);
  return parseHeader(await source.read(0, dataOffset), sizeBytes);
}

/**
 * The same of bytes in memory.
 * @throws the codes of {@link inspectCompressedUpdate} but source-short-read
 */
export function parseCompressedUpdateHeader(bytes: Uint8Array): CompressedUpdateHeader {
  const dataOffset = parsePrefix(bytes, bytes.byteLength);
  return parseHeader(bytes.subarray(0, dataOffset), bytes.byteLength);
}

/** Prefix and header, ready for the data to follow. */
export function encodeUpdateHeader(header: Omit<CompressedUpdateHeader, 'dataOffset' | 'metadata'>, metadata: SafetensorsMetadata): Uint8Array {
  const pairs = sortedPairs(metadata);
  const parts: Uint8Array[] = [integers(4, header.rule.chunkSize, header.rule.keep), integers(1, header.rule.valueBits), integers(2, pairs.length)];
  for (const pair of pairs) parts.push(...pair.map((text) => encodeText(text, 'metadata')));
  parts.push(integers(4, header.tensors.length));
  for (const tensor of header.tensors) parts.push(...encodeTensor(tensor));
  const headerBytes = parts.reduce((size, part) => size + part.byteLength, 0);
  if (headerBytes > MAX_UPDATE_HEADER_BYTES) throw tooLarge('the header', { actual: headerBytes, limit: MAX_UPDATE_HEADER_BYTES });
  return concatenate([new TextEncoder().encode(UPDATE_MAGIC), integers(4, headerBytes), ...parts]);
}

/** Byte arrays one after the other. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

/** The error for sizes over a cap. */
export function tooLarge(what: string, { actual, limit }: { readonly actual: number; readonly limit: number }): MoeError<'update-file-too-large'> {
  return new MoeError('update-file-too-large', { message: `compressed update: ${what} has ${actual} bytes, the limit is ${limit}`, context: { what, actual, limit } });
}

function sortedPairs(metadata: SafetensorsMetadata): [string, string][] {
  const pairs = metadata instanceof Map ? [...(metadata as ReadonlyMap<string, string>)] : Object.entries(metadata as Readonly<Record<string, string>>);
  if (pairs.length > 0xff_ff) throw invalidInput('metadata', `at most ${0xff_ff} pairs fit, got ${pairs.length}`);
  return pairs.sort(([a], [b]) => compareCodePoints(a, b));
}

function encodeTensor({ name, shape, kept, indexBytes, riceParameter, levels }: CompressedTensor): Uint8Array[] {
  if (name.length > MAX_TENSOR_NAME_LENGTH) throw invalidInput('name', `the tensor name ${quote(name)} has ${name.length} characters, the limit is ${MAX_TENSOR_NAME_LENGTH}`);
  if (shape.length > MAX_TENSOR_RANK || !shape.every((size) => size === 0 || isWithin(size, 0xff_ff_ff_ff))) throw invalidInput('shape', `tensor ${quote(name)}: at most ${MAX_TENSOR_RANK} dimensions below 2^32 fit`);
  const scales = new Uint8Array(levels.slice().buffer);
  return [encodeText(name, 'name'), integers(1, shape.length), integers(4, ...shape, kept, indexBytes), integers(1, riceParameter, levels.length), scales];
}

function encodeText(text: string, field: string): Uint8Array {
  // With the u flag a surrogate pair is one code point, so this finds lone ones only.
  if (typeof text !== 'string' || /\p{Surrogate}/u.test(text)) throw invalidInput(field, 'expected text without lone surrogates');
  const utf8 = new TextEncoder().encode(text);
  if (utf8.byteLength > 0xff_ff) throw invalidInput(field, `at most ${0xff_ff} bytes of UTF-8 fit into one text, got ${utf8.byteLength}`);
  return concatenate([integers(2, utf8.byteLength), utf8]);
}

/** Unsigned integers of `width` bytes, little-endian. */
function integers(width: 1 | 2 | 4, ...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(width * values.length);
  values.forEach((value, at) => {
    for (let i = 0; i < width; i++) bytes[at * width + i] = value >>> (8 * i);
  });
  return bytes;
}

/** The offset of the data. */
function parsePrefix(bytes: Uint8Array, sizeBytes: number): number {
  if (sizeBytes < UPDATE_PREFIX_BYTES) throw unknownFile(sizeBytes);
  for (let i = 0; i < UPDATE_MAGIC.length; i++) if (bytes[i] !== UPDATE_MAGIC.charCodeAt(i)) throw unknownFile(sizeBytes);
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(UPDATE_MAGIC.length, true);
  if (headerBytes > MAX_UPDATE_HEADER_BYTES) throw tooLarge('the header', { actual: headerBytes, limit: MAX_UPDATE_HEADER_BYTES });
  const dataOffset = UPDATE_PREFIX_BYTES + headerBytes;
  if (dataOffset > sizeBytes) throw truncated(dataOffset, sizeBytes);
  return dataOffset;
}

interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offset: number;
}

function parseHeader(bytes: Uint8Array, sizeBytes: number): CompressedUpdateHeader {
  const cursor: Cursor = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: UPDATE_PREFIX_BYTES };
  const rule = parseRule(cursor);
  const metadata = parseMetadata(cursor);
  const tensors = parseTensors(cursor, rule);
  if (cursor.offset !== bytes.byteLength) throw invalidHeader(cursor, 'tensors');
  const expectedBytes = tensors.reduce((size, { kept, indexBytes }) => size + indexBytes + valueBytes(rule, kept), bytes.byteLength);
  if (expectedBytes > sizeBytes) throw truncated(expectedBytes, sizeBytes);
  if (expectedBytes < sizeBytes) {
    throw new MoeError('update-file-trailing-bytes', {
      message: `compressed update: its tensors end at ${expectedBytes}, the file has ${sizeBytes} bytes`,
      context: { expectedBytes, actualBytes: sizeBytes },
    });
  }
  return { rule, metadata, tensors, dataOffset: bytes.byteLength };
}

function parseRule(cursor: Cursor): CompressionRule {
  const chunkSize = readInteger(cursor, { width: 4, field: 'chunkSize' });
  if (!isWithin(chunkSize, MAX_CHUNK_SIZE)) throw invalidHeader(cursor, 'chunkSize');
  const keep = readInteger(cursor, { width: 4, field: 'keep' });
  if (!isWithin(keep, chunkSize)) throw invalidHeader(cursor, 'keep');
  const valueBits = readInteger(cursor, { width: 1, field: 'valueBits' });
  if (!VALUE_BITS.includes(valueBits)) throw invalidHeader(cursor, 'valueBits');
  return { chunkSize, keep, valueBits: valueBits as ValueBits };
}

function parseMetadata(cursor: Cursor): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  const count = readInteger(cursor, { width: 2, field: 'metadata' });
  let previous: string | undefined;
  for (let i = 0; i < count; i++) {
    const key = readText(cursor, 'metadata');
    assertAscending(cursor, { field: 'metadata', previous, text: key });
    metadata.set(key, readText(cursor, 'metadata'));
    previous = key;
  }
  return metadata;
}

function parseTensors(cursor: Cursor, rule: CompressionRule): CompressedTensor[] {
  const tensors: CompressedTensor[] = [];
  const count = readInteger(cursor, { width: 4, field: 'tensors' });
  // A hostile count ends the loop at the end of the header, whose size is capped: nothing is allocated for it.
  for (let i = 0; i < count; i++) {
    const tensor = parseTensor(cursor, rule);
    assertAscending(cursor, { field: 'name', previous: tensors.at(-1)?.name, text: tensor.name });
    tensors.push(tensor);
  }
  return tensors;
}

function parseTensor(cursor: Cursor, rule: CompressionRule): CompressedTensor {
  const name = readText(cursor, 'name');
  if (name.length > MAX_TENSOR_NAME_LENGTH) throw invalidHeader(cursor, 'name');
  const rank = readInteger(cursor, { width: 1, field: 'rank' });
  if (rank > MAX_TENSOR_RANK) throw invalidHeader(cursor, 'rank');
  const shape = Array.from({ length: rank }, () => readInteger(cursor, { width: 4, field: 'shape' }));
  const elements = countElements(shape);
  if (elements === undefined) throw invalidHeader(cursor, 'shape');
  const kept = readInteger(cursor, { width: 4, field: 'kept' });
  if (kept > largestKept(rule, elements)) throw invalidHeader(cursor, 'kept');
  const indexBytes = readInteger(cursor, { width: 4, field: 'indexBytes' });
  // Every chunk takes a bit, and so does every gap: a short stream cannot stand for many.
  if (Math.ceil(elements / rule.chunkSize) + kept > indexBytes * 8) throw invalidHeader(cursor, 'indexBytes');
  const riceParameter = readInteger(cursor, { width: 1, field: 'riceParameter' });
  if (riceParameter > 16) throw invalidHeader(cursor, 'riceParameter');
  return { name, shape, kept, indexBytes, riceParameter, levels: readLevels(cursor, rule, kept) };
}

function largestKept(rule: CompressionRule, elements: number): number {
  const whole = Math.floor(elements / rule.chunkSize);
  return whole * rule.keep + chunkQuota(rule, elements - whole * rule.chunkSize);
}

function readLevels(cursor: Cursor, rule: CompressionRule, kept: number): Float32Array {
  const count = readInteger(cursor, { width: 1, field: 'levels' });
  const most = rule.valueBits === 32 ? 0 : Math.min(kept, 2 ** (rule.valueBits - 1));
  if (count > most || (count === 0 && most > 0)) throw invalidHeader(cursor, 'levels');
  const levels = new Float32Array(count);
  let previous = 0;
  for (let i = 0; i < count; i++) {
    const level = cursor.view.getFloat32(advance(cursor, { bytes: 4, field: 'levels' }), true);
    if (!(level > previous && level < Number.POSITIVE_INFINITY)) throw invalidHeader(cursor, 'levels');
    levels[i] = level;
    previous = level;
  }
  return levels;
}

function readInteger(cursor: Cursor, { width, field }: { readonly width: 1 | 2 | 4; readonly field: string }): number {
  const offset = advance(cursor, { bytes: width, field });
  return width === 1 ? cursor.view.getUint8(offset) : width === 2 ? cursor.view.getUint16(offset, true) : cursor.view.getUint32(offset, true);
}

function readText(cursor: Cursor, field: string): string {
  const bytes = readInteger(cursor, { width: 2, field });
  const start = advance(cursor, { bytes, field });
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(cursor.bytes.subarray(start, start + bytes));
  } catch (cause) {
    throw invalidHeader(cursor, field, cause);
  }
}

/** Claims bytes of the header; the offset where they begin. */
function advance(cursor: Cursor, { bytes, field }: { readonly bytes: number; readonly field: string }): number {
  const start = cursor.offset;
  if (start + bytes > cursor.bytes.byteLength) throw invalidHeader(cursor, field);
  cursor.offset += bytes;
  return start;
}

function assertAscending(cursor: Cursor, { field, previous, text }: { readonly field: string; readonly previous: string | undefined; readonly text: string }): void {
  if (previous !== undefined && compareCodePoints(previous, text) >= 0) throw invalidHeader(cursor, field);
}

function isWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}

function invalidHeader({ offset }: Cursor, field: string, cause?: unknown): MoeError<'update-file-header-invalid'> {
  return new MoeError('update-file-header-invalid', {
    message: `compressed update: ${field}, before offset ${offset}, is out of its range or order, or cut off; see UPDATE-FORMAT.md`,
    context: { field, offset },
    cause,
  });
}

function truncated(expectedBytes: number, actualBytes: number): MoeError<'update-file-truncated'> {
  return new MoeError('update-file-truncated', {
    message: `compressed update: the header claims ${expectedBytes} bytes, the file has ${actualBytes}; it is truncated`,
    context: { expectedBytes, actualBytes },
  });
}

function unknownFile(sizeBytes: number): MoeError<'update-file-unknown'> {
  return new MoeError('update-file-unknown', { message: `expected a compressed update, which begins with ${UPDATE_MAGIC}; these ${sizeBytes} bytes do not`, context: { sizeBytes } });
}

function invalidInput(field: string, message: string): MoeError<'update-invalid'> {
  return new MoeError('update-invalid', { message: `compression, ${field}: ${message}`, context: { field } });
}
