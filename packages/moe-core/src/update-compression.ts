/**
 * Update compression with error feedback: of each chunk only the largest values are sent, coarsely; what was not sent is kept and added to the next
 * update, so that nothing is lost for good. SparseLoCo trains 72 billion parameters over the internet so.
 * @see https://arxiv.org/abs/2508.15706 (SparseLoCo: top-64 of 4,096, 2 bits, decay 0.95)
 * @module
 */
import { assertCompressionRule, chunkQuota, concatenate, encodeUpdateHeader, type CompressedTensor, type CompressionRule } from './compressed-update-header.ts';
import { MoeError } from './errors.ts';
import { assertSameExperts, sortedNames, type ExpertWeights } from './expert-weights.ts';
import { createBitWriter, flushBits, putBits, putGap } from './internal/bit-stream.ts';
import { chooseRiceParameter, countWidth, gapBits } from './internal/gap-code.ts';
import { quote } from './internal/quote.ts';
import { INFINITY_BITS, keepLargest, listNonZero, MAGNITUDE_MASK, scanChunk, type ChunkScan } from './internal/top-k.ts';
import { chooseLevels } from './internal/value-levels.ts';
import type { SafetensorsMetadata } from './safetensors-writer.ts';
import { decompressUpdate } from './update-decompression.ts';
import { mapTensors } from './update-merge.ts';

/** How updates are compressed; SparseLoCo's numbers where left out. */
export interface CompressionOptions extends Partial<CompressionRule> {
  /** Share of the residual that is carried over, 0 to 1; 0.95 by default. */
  readonly decay?: number;
  /** What earlier updates left; zeros by default. It is copied. */
  readonly residual?: ExpertWeights | undefined;
}

/** Compresses a run's updates one after the other. */
export interface UpdateCompressor {
  /**
   * The residual that the next update meets, `undefined` before the first one without. Its arrays change with the second call after: to keep them, as for
   * a run that is to be resumed, encode or copy them.
   */
  readonly residual: ExpertWeights | undefined;
  /**
   * Compresses Δ; after a throw the residual is what it was.
   * @param metadata string pairs for the header
   * @returns a file of UPDATE-FORMAT.md
   * @throws experts-not-finite, update-invalid, experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
   */
  compress(update: ExpertWeights, metadata?: SafetensorsMetadata): Uint8Array;
}

/** One compressed update and what follows from it. */
export interface CompressedUpdate {
  /** A file of UPDATE-FORMAT.md. */
  readonly bytes: Uint8Array;
  /** What `bytes` decodes to. */
  readonly sent: ExpertWeights;
  /** `fround(e' − sent)`, for the next update. */
  readonly residual: ExpertWeights;
}

/** SparseLoCo's: 1.6 % of the values at 2 bits. */
export const DEFAULT_COMPRESSION: CompressionRule = { chunkSize: 4096, keep: 64, valueBits: 2 };

const DEFAULT_DECAY = 0.95;

/** Positions are kept as 32-bit integers. The largest expert tensor of any published model has a fortieth of it. */
const MAX_TENSOR_ELEMENTS = 0x7fff_ffff;

/**
 * Compresses one update.
 *
 *   e' = fround(fround(decay · e) + Δ)
 *   sent = the values of largest magnitude of every chunk of e', each replaced by ± the level of its magnitude
 *   residual = fround(e' − sent)
 *
 * Ties go to the lower index; zeros are never sent; decay is rounded to float32 first. Levels are means in float64, in index order, rounded to float32: the
 * bytes are the same on every machine. Where e' has no more values, and no more different magnitudes, than the rule can send, it is sent as it is.
 * @throws experts-not-finite where Δ or e' holds a NaN or an infinity
 * @throws update-invalid a rule, a decay or metadata outside of its range
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 * @example
 * const { bytes, sent, residual } = compressUpdate(computePseudoGradient(start, local), { residual: before });
 */
export function compressUpdate(update: ExpertWeights, options: CompressionOptions & { readonly metadata?: SafetensorsMetadata } = {}): CompressedUpdate {
  const compressor = createUpdateCompressor(options);
  const bytes = compressor.compress(update, options.metadata);
  return { bytes, sent: decompressUpdate(bytes, { expected: update }).update, residual: compressor.residual ?? new Map() };
}

/**
 * {@link compressUpdate} for many updates of one run, without allocating for each: two residuals take turns.
 * @throws update-invalid a rule or a decay outside of its range
 * @example
 * const compressor = createUpdateCompressor({ keep: 32 });
 * for await (const update of updates) await upload(compressor.compress(update));
 */
export function createUpdateCompressor(options: CompressionOptions = {}): UpdateCompressor {
  const { chunkSize, keep, valueBits, decay = DEFAULT_DECAY } = { ...DEFAULT_COMPRESSION, ...options };
  const rule: CompressionRule = { chunkSize, keep, valueBits };
  assertCompressionRule(rule);
  if (!(decay >= 0 && decay <= 1)) throw new MoeError('update-invalid', { message: `compression, decay: expected a number from 0 to 1, got ${decay}`, context: { field: 'decay' } });
  const scratch = { candidates: new Int32Array(chunkSize), magnitudes: new Int32Array(chunkSize) };
  let residual = options.residual && mapTensors(options.residual, (data) => data.slice());
  let spare: ExpertWeights | undefined;
  return {
    get residual() {
      return residual;
    },
    compress(update, metadata = {}) {
      const carried = residual ?? zerosLike(update);
      assertSameExperts(carried, update);
      spare ??= zerosLike(update);
      const tensors: CompressedTensor[] = [];
      const streams: Uint8Array[] = [];
      for (const name of sortedNames(update)) {
        const { shape, data } = update.get(name)!;
        const tensor = { name, shape, update: data, carried: carried.get(name)!.data, sums: spare.get(name)!.data };
        const { entry, index, values } = compressTensor(tensor, { rule, decay: Math.fround(decay), ...scratch });
        tensors.push(entry);
        streams.push(index, values);
      }
      const bytes = concatenate([encodeUpdateHeader({ rule, tensors }, metadata), ...streams]);
      [residual, spare] = [spare, carried];
      return bytes;
    },
  };
}

interface TensorToCompress {
  readonly name: string;
  readonly shape: readonly number[];
  readonly update: Float32Array;
  readonly carried: Float32Array;
  /** Receives the residual. */
  readonly sums: Float32Array;
}

interface CompressionSettings {
  readonly rule: CompressionRule;
  readonly decay: number;
  readonly candidates: Int32Array;
  readonly magnitudes: Int32Array;
}

function compressTensor(tensor: TensorToCompress, settings: CompressionSettings): { readonly entry: CompressedTensor; readonly index: Uint8Array; readonly values: Uint8Array } {
  const { name, shape, sums } = tensor;
  const { rule } = settings;
  if (sums.length > MAX_TENSOR_ELEMENTS) throw new MoeError('update-invalid', { message: `compression, shape: tensor ${quote(name)} has ${sums.length} elements, the limit is ${MAX_TENSOR_ELEMENTS}`, context: { field: 'shape' } });
  const { positions, counts } = selectPositions(tensor, settings);
  const index = encodePositions(positions, { counts, rule, elements: sums.length });
  const { levels, values } = encodeValues(sums, positions, rule);
  const entry = { name, shape, kept: positions.length, indexBytes: index.bytes.byteLength, riceParameter: index.riceParameter, levels };
  return { entry, index: index.bytes, values };
}

/** Adds up all chunks; the elements to send, ascending, and how many there are in each chunk. */
function selectPositions(tensor: TensorToCompress, settings: CompressionSettings): { readonly positions: Int32Array; readonly counts: Int32Array } {
  const { sums, carried, update } = tensor;
  const { rule, decay, candidates } = settings;
  const chunks = Math.ceil(sums.length / rule.chunkSize);
  const scan: ChunkScan = { carried, update, sums, bits: new Int32Array(sums.buffer, sums.byteOffset, sums.length), decay, start: 0, end: 0 };
  const positions = new Int32Array(Math.min(sums.length, chunks * rule.keep));
  const counts = new Int32Array(chunks);
  let [total, threshold] = [0, 1];
  for (let chunk = 0; chunk < chunks; chunk++) {
    scan.start = chunk * rule.chunkSize;
    scan.end = Math.min(scan.start + rule.chunkSize, sums.length);
    const { kept, smallest, largest } = selectFromChunk(scan, threshold, settings);
    if (largest >= INFINITY_BITS) throw notFinite(tensor.name);
    for (let i = 0; i < kept; i++) positions[total++] = candidates[i]!;
    counts[chunk] = kept;
    threshold = Math.max(1, smallest - THRESHOLD_MARGIN);
  }
  return { positions: positions.subarray(0, total), counts };
}

/**
 * Neighbouring chunks are alike: what the last one kept is a good guess of what this one will, less 6 to 12 % in magnitude (a sixteenth of a
 * binade of float32 bits). About 90 of 4,096 normal values pass it, and only these are looked at again. Where fewer pass than are wanted, every
 * value that is not zero does. The guess changes the time that it takes, never what is selected.
 */
const THRESHOLD_MARGIN = 0x080000;

function selectFromChunk(scan: ChunkScan, threshold: number, settings: CompressionSettings): { readonly kept: number; readonly smallest: number; readonly largest: number } {
  const { rule, candidates, magnitudes } = settings;
  const quota = chunkQuota(rule, scan.end - scan.start);
  let count = scanChunk(scan, candidates, threshold);
  if (count < quota && threshold > 1) count = listNonZero(scan, candidates);
  const kept = Math.min(count, quota);
  if (kept === 0) return { kept, smallest: 0, largest: 0 };
  const smallest = keepLargest(scan.bits, candidates, { count, keep: kept, scratch: magnitudes });
  let largest = 0;
  for (let i = 0; i < kept; i++) largest = Math.max(largest, scan.bits[candidates[i]!]! & MAGNITUDE_MASK);
  return { kept, smallest: kept === quota ? smallest : 0, largest };
}

interface PositionsByChunk {
  readonly counts: Int32Array;
  readonly rule: CompressionRule;
  readonly elements: number;
}

function encodePositions(positions: Int32Array, { counts, rule, elements }: PositionsByChunk): { readonly bytes: Uint8Array; readonly riceParameter: number } {
  const gaps = gapsOf(positions, counts, rule.chunkSize);
  const riceParameter = chooseRiceParameter(gaps, gaps.length);
  const quotas = Int32Array.from(counts, (_, chunk) => chunkQuota(rule, Math.min(rule.chunkSize, elements - chunk * rule.chunkSize)));
  const bits = counts.reduce((sum, count, chunk) => sum + (count === quotas[chunk] ? 1 : 1 + countWidth(quotas[chunk]!)), gapBits(gaps, gaps.length, riceParameter));
  const writer = createBitWriter(Math.ceil(bits / 8));
  let next = 0;
  for (let chunk = 0; chunk < counts.length; chunk++) {
    const count = counts[chunk]!;
    if (count === quotas[chunk]) putBits(writer, 1, 1);
    else putBits(writer, count, 1 + countWidth(quotas[chunk]!));
    for (const end = next + count; next < end; next++) putGap(writer, gaps[next]!, riceParameter);
  }
  flushBits(writer);
  return { bytes: writer.bytes, riceParameter };
}

/** Elements that are skipped before each one that is kept, from the last kept one or the start of its chunk. */
function gapsOf(positions: Int32Array, counts: Int32Array, chunkSize: number): Int32Array {
  const gaps = new Int32Array(positions.length);
  let next = 0;
  for (let chunk = 0; chunk < counts.length; chunk++) {
    let expected = chunk * chunkSize;
    for (const end = next + counts[chunk]!; next < end; next++) {
      gaps[next] = positions[next]! - expected;
      expected = positions[next]! + 1;
    }
  }
  return gaps;
}

/** Encodes what is sent, and takes it out of the sums. */
function encodeValues(sums: Float32Array, positions: Int32Array, { valueBits }: CompressionRule): { readonly levels: Float32Array; readonly values: Uint8Array } {
  const kept = new Float32Array(positions.length);
  for (let i = 0; i < kept.length; i++) kept[i] = sums[positions[i]!]!;
  if (valueBits === 32) {
    for (const position of positions) sums[position] = 0;
    return { levels: new Float32Array(0), values: new Uint8Array(kept.buffer) };
  }
  const { levels, codes } = chooseLevels(kept, 2 ** (valueBits - 1));
  const writer = createBitWriter(Math.ceil((kept.length * valueBits) / 8));
  for (let i = 0; i < kept.length; i++) {
    const value = kept[i]!;
    const level = levels[codes[i]!]!;
    putBits(writer, value < 0 ? codes[i]! | (1 << (valueBits - 1)) : codes[i]!, valueBits);
    sums[positions[i]!] = value < 0 ? value + level : value - level;
  }
  flushBits(writer);
  return { levels, values: writer.bytes };
}

function zerosLike(weights: ExpertWeights): ExpertWeights {
  return mapTensors(weights, (data) => new Float32Array(data.length));
}

function notFinite(tensor: string): MoeError<'experts-not-finite'> {
  return new MoeError('experts-not-finite', { message: `tensor ${quote(tensor)}: the update, or its sum with the residual, holds a NaN or an infinity`, context: { tensor } });
}
