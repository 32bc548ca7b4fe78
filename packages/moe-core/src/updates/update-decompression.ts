/**
 * Reading a stranger's compressed update. Nothing is allocated before the header agrees with the shapes that the caller expects and with the size of the
 * file; every loop is bounded by that size; and only the one canonical encoding is accepted, so that equal updates have equal hashes.
 * @module
 */

import { chunkQuota, parseCompressedUpdateHeader, tooLarge, valueBytes, type CompressedTensor, type CompressedUpdateHeader, type CompressionRule } from './compressed-update-header.ts';
import { MoeError } from '../errors.ts';
import type { ExpertWeights } from '../experts/expert-weights.ts';
import { createBitReader, isFinished, takeBits, takeGap, type BitReader } from '../internal/bit-stream.ts';
import { countWidth } from '../internal/gap-code.ts';
import { quote } from '../internal/quote.ts';
import { assertShape, countElements, type Float32Tensor } from '../safetensors/tensor.ts';

/** A decoded update and what its header said. */
export interface DecompressedUpdate {
  readonly update: ExpertWeights;
  readonly metadata: ReadonlyMap<string, string>;
  readonly rule: CompressionRule;
}

/**
 * Decodes what `compressUpdate` encoded: the same values bit for bit, +0 where nothing was sent.
 * @param options.expected exactly these tensors with exactly these shapes are accepted, so that memory is what the caller has planned for; an update's own
 *   header, where its author is trusted, is `inspectCompressedUpdate`
 * @param options.maxBytes cap on the whole file; none by default
 * @throws update-file-unknown, update-file-too-large, update-file-truncated, update-file-trailing-bytes, update-file-header-invalid,
 *   update-file-stream-invalid, update-file-not-canonical, experts-mismatch, tensor-shape-unexpected
 * @example
 * const { update, metadata } = decompressUpdate(bytes, { expected: start, maxBytes: 1_000_000 });
 */
export function decompressUpdate(
  bytes: Uint8Array,
  options: { readonly expected: ReadonlyMap<string, { readonly shape: readonly number[] }>; readonly maxBytes?: number | undefined },
): DecompressedUpdate {
  const { expected, maxBytes = Number.POSITIVE_INFINITY } = options;
  if (bytes.byteLength > maxBytes) throw tooLarge('the file', { actual: bytes.byteLength, limit: maxBytes });
  const header = parseCompressedUpdateHeader(bytes);
  assertExpected(header, expected);
  const update = new Map<string, Float32Tensor>();
  let offset = header.dataOffset;
  for (const tensor of header.tensors) {
    update.set(tensor.name, { shape: tensor.shape, data: decodeTensor(tensor, { bytes, offset, rule: header.rule }) });
    offset += tensor.indexBytes + valueBytes(header.rule, tensor.kept);
  }
  return { update, metadata: header.metadata, rule: header.rule };
}

function assertExpected({ tensors }: CompressedUpdateHeader, expected: ReadonlyMap<string, { readonly shape: readonly number[] }>): void {
  for (const { name, shape } of tensors) {
    const wanted = expected.get(name);
    if (wanted === undefined) throw mismatch(name, 'the compressed update has this tensor, it is not expected');
    assertShape({ name, shape }, wanted.shape);
  }
  // Names of a header are different from one another, so equal counts mean equal sets.
  if (tensors.length === expected.size) return;
  const names = new Set(tensors.map(({ name }) => name));
  for (const name of expected.keys()) if (!names.has(name)) throw mismatch(name, 'the compressed update lacks this tensor');
}

interface TensorData {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly rule: CompressionRule;
}

function decodeTensor(tensor: CompressedTensor, { bytes, offset, rule }: TensorData): Float32Array {
  const positions = decodePositions(tensor, { bytes, offset, rule });
  const values = decodeValues(tensor, { bytes, offset: offset + tensor.indexBytes, rule });
  const data = new Float32Array(countElements(tensor.shape)!);
  for (let i = 0; i < positions.length; i++) data[positions[i]!] = values[i]!;
  return data;
}

function decodePositions(tensor: CompressedTensor, { bytes, offset, rule }: TensorData): Float64Array {
  const { riceParameter: r, kept, indexBytes } = tensor;
  const reader = createBitReader(bytes, offset, offset + indexBytes);
  const elements = countElements(tensor.shape)!;
  const positions = new Float64Array(kept);
  let [next, savedByNext, savedByThis] = [0, 0, 0];
  for (let chunk = 0, start = 0; start < elements; chunk++, start += rule.chunkSize) {
    const length = Math.min(rule.chunkSize, elements - start);
    const count = takeCount(reader, chunkQuota(rule, length));
    if (count < 0 || count > kept - next) throw invalidStream(tensor, chunk);
    let first = 0;
    for (const end = next + count; next < end; next++) {
      const gap = takeGap(reader, r, length - 1 - first);
      if (gap < 0) throw invalidStream(tensor, chunk);
      positions[next] = start + first + gap;
      first += gap + 1;
      savedByNext += ((gap >>> r) + 1) >>> 1;
      if (r > 0) savedByThis += ((gap >>> (r - 1)) + 1) >>> 1;
    }
  }
  if (next !== kept || !isFinished(reader)) throw invalidStream(tensor, Math.ceil(elements / rule.chunkSize));
  // The smallest of the shortest: chooseRiceParameter says why these two sums are enough.
  if (savedByNext > kept || (r > 0 && savedByThis <= kept)) throw notCanonical(tensor, 'the Rice parameter is not the smallest of the best');
  return positions;
}

/** How many a chunk keeps: a one for all of its quota, or a zero and the count. */
function takeCount(reader: BitReader, quota: number): number {
  const full = takeBits(reader, 1);
  if (full !== 0) return full < 0 ? full : quota;
  const count = takeBits(reader, countWidth(quota));
  return count < quota ? count : -1;
}

function decodeValues(tensor: CompressedTensor, { bytes, offset, rule }: TensorData): Float32Array {
  if (rule.valueBits === 32) return decodeFloats(tensor, bytes.slice(offset, offset + 4 * tensor.kept));
  const { kept, levels } = tensor;
  const reader = createBitReader(bytes, offset, offset + valueBytes(rule, kept));
  const signBit = 1 << (rule.valueBits - 1);
  const used = new Uint8Array(levels.length);
  const values = new Float32Array(kept);
  for (let i = 0; i < kept; i++) {
    const code = takeBits(reader, rule.valueBits);
    const index = code & (signBit - 1);
    if (index >= levels.length) throw notCanonical(tensor, 'a value has a level that is not there');
    used[index] = 1;
    values[i] = (code & signBit) === 0 ? levels[index]! : -levels[index]!;
  }
  if (used.includes(0)) throw notCanonical(tensor, 'a level is not used');
  if (!isFinished(reader)) throw notCanonical(tensor, 'the bits after the last value are not zero');
  return values;
}

function decodeFloats(tensor: CompressedTensor, bytes: Uint8Array): Float32Array {
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, tensor.kept);
  if (!values.every((value) => value !== 0 && Number.isFinite(value))) throw notCanonical(tensor, 'a value is zero, infinite or NaN');
  return values;
}

function mismatch(tensor: string, why: string): MoeError<'experts-mismatch'> {
  return new MoeError('experts-mismatch', { message: `tensor ${quote(tensor)}: ${why}`, context: { tensor } });
}

function invalidStream({ name }: CompressedTensor, chunk: number): MoeError<'update-file-stream-invalid'> {
  return new MoeError('update-file-stream-invalid', {
    message: `compressed update: tensor ${quote(name)}, chunk ${chunk}: the indices end early, leave the chunk, or are not as many as the header says`,
    context: { tensor: name, chunk },
  });
}

function notCanonical({ name }: CompressedTensor, rule: string): MoeError<'update-file-not-canonical'> {
  return new MoeError('update-file-not-canonical', {
    message: `compressed update: tensor ${quote(name)}: ${rule}; no encoder writes this`,
    context: { tensor: name, rule },
  });
}
