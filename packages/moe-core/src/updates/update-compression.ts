/**
 * Update compression with error feedback: of each chunk only the largest values are sent, coarsely; what was not sent is kept and added to the next
 * update, so that nothing is lost for good. SparseLoCo trains 72 billion parameters over the internet so.
 * @see https://arxiv.org/abs/2508.15706 (SparseLoCo: top-64 of 4,096, 2 bits, decay 0.95)
 * @module
 */
import { assertCompressionRule, chunkQuota, concatenate, encodeUpdateHeader, type CompressedTensor, type CompressionRule } from './compressed-update-header.ts';
import { MoeError } from '../errors.ts';
import { assertSameExperts, sortedNames, type ExpertWeights } from '../experts/expert-weights.ts';
import { createBitWriter, flushBits, putBits, putGaps } from '../internal/bit-stream.ts';
import { chooseRiceParameter, countWidth, gapBits } from '../internal/gap-code.ts';
import { quote } from '../internal/quote.ts';
import { createPlainSelector, place, type ChunkSelector, type KeptElements, type PlacedValues } from '../internal/top-k.ts';
import { createWasmSelector } from '../internal/top-k-wasm.ts';
import { chooseLevels } from '../internal/value-levels.ts';
import type { SafetensorsMetadata } from '../safetensors/safetensors-writer.ts';
import type { Float32Tensor } from '../safetensors/tensor.ts';
import { decompressUpdate } from './update-decompression.ts';
import { mapTensors } from './update-merge.ts';

/** How updates are compressed; SparseLoCo's numbers where left out. */
export interface CompressionOptions extends Partial<CompressionRule> {
  /** Share of the residual that is carried over, 0 to 1; 0.95 by default. */
  readonly decay?: number;
  /** What earlier updates left; zeros by default. It is copied. */
  readonly residual?: ExpertWeights | undefined;
  /** Forces a kernel. By default WebAssembly where the host has it with SIMD and lets it be compiled, TypeScript elsewhere; the bytes are the same. */
  readonly kernel?: 'wasm' | 'typescript' | undefined;
}

/** Compresses a run's updates one after the other. */
export interface UpdateCompressor {
  /** A copy of the residual that the next update meets, `undefined` before the first one without. */
  readonly residual: ExpertWeights | undefined;
  /**
   * Compresses Δ. A throw after the checks of names and shapes, as for a value that is not finite, costs the residual: the compressor refuses to go on.
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
 * {@link compressUpdate} for many updates of one run, with one residual that stays with the compressor.
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
  const selector = chooseSelector(rule, Math.fround(decay), options.kernel);
  let states = options.residual && startStates(options.residual, rule, selector);
  states?.forEach(({ data }, name) => data.set(options.residual!.get(name)!.data));
  let isSpent = false;
  return {
    get residual() {
      return states && mapTensors(states, (data, name) => settle(states!.get(name)!, data).slice());
    },
    compress(update, metadata = {}) {
      if (isSpent) throw new MoeError('update-invalid', { message: 'compression, residual: it was lost when an update was refused; make a compressor from the last residual that was saved', context: { field: 'residual' } });
      states ??= startStates(update, rule, selector);
      assertSameExperts(states, update);
      isSpent = true;
      const parts = sortedNames(update).map((name) => compressTensor({ name, state: states!.get(name)!, update: update.get(name)!.data }, rule, selector));
      const bytes = concatenate([encodeUpdateHeader({ rule, tensors: parts.map(({ entry }) => entry) }, metadata), ...parts.flatMap(({ streams }) => streams)]);
      isSpent = false;
      return bytes;
    },
  };
}

/** A tensor's residual between two updates. */
interface TensorState extends Float32Tensor {
  /** What it holds at the elements that were sent last, if `data` does not say so yet. */
  pending: PlacedValues;
  /** Room for what is kept next. */
  next: KeptElements;
}

/** Residuals of zeros for tensors of these names and shapes. */
function startStates(tensors: ExpertWeights, rule: CompressionRule, selector: ChunkSelector): ReadonlyMap<string, TensorState> {
  const entries = [...tensors];
  for (const [name, { data }] of entries) if (data.length > MAX_TENSOR_ELEMENTS) throw tooManyElements(name, data.length);
  const residuals = selector.allocate(entries.map(([, { data }]) => data.length));
  return new Map(entries.map(([name, { shape }], i) => [name, startState({ shape, data: residuals[i]! }, rule)]));
}

function startState({ shape, data }: Float32Tensor, rule: CompressionRule): TensorState {
  const chunks = Math.ceil(data.length / rule.chunkSize);
  const most = Math.min(data.length, chunks * rule.keep);
  const room = (): Pick<KeptElements, 'values' | 'positions'> => ({ values: new Float32Array(most), positions: new Int32Array(most) });
  return { shape, data, pending: { ...room(), count: 0 }, next: { ...room(), gaps: new Int32Array(most), counts: new Int32Array(chunks) } };
}

function settle(state: TensorState, data: Float32Array): Float32Array {
  place(state.pending, data);
  state.pending = { ...state.pending, count: 0 };
  return data;
}

function chooseSelector(rule: CompressionRule, decay: number, kernel: CompressionOptions['kernel']): ChunkSelector {
  const wasm = kernel === 'typescript' ? undefined : createWasmSelector(rule, decay);
  if (wasm === undefined && kernel === 'wasm') throw new MoeError('update-invalid', { message: 'compression, kernel: expected a host with WebAssembly SIMD for wasm, got one without', context: { field: 'kernel' } });
  return wasm ?? createPlainSelector(rule, decay);
}

interface TensorToCompress {
  readonly name: string;
  readonly state: TensorState;
  readonly update: Float32Array;
}

interface CompressedParts {
  readonly entry: CompressedTensor;
  readonly streams: readonly [Uint8Array, Uint8Array];
}

function compressTensor({ name, state, update }: TensorToCompress, rule: CompressionRule, selector: ChunkSelector): CompressedParts {
  const { shape, data, pending, next } = state;
  const count = selector.select({ update, sums: data, pending }, next);
  if (count < 0) throw notFinite(name);
  const index = encodePositions({ gaps: next.gaps.subarray(0, count), counts: next.counts }, rule, data.length);
  const { levels, bytes } = encodeValues(next.values.subarray(0, count), rule);
  state.pending = { values: next.values, positions: next.positions, count };
  state.next = { ...next, values: pending.values, positions: pending.positions };
  const entry = { name, shape, kept: count, indexBytes: index.bytes.byteLength, riceParameter: index.riceParameter, levels };
  return { entry, streams: [index.bytes, bytes] };
}

function encodePositions({ gaps, counts }: Pick<KeptElements, 'gaps' | 'counts'>, rule: CompressionRule, elements: number): { readonly bytes: Uint8Array; readonly riceParameter: number } {
  const riceParameter = chooseRiceParameter(gaps, gaps.length);
  const quotas = counts.map((_, chunk) => chunkQuota(rule, Math.min(rule.chunkSize, elements - chunk * rule.chunkSize)));
  const bits = counts.reduce((sum, count, chunk) => sum + (count === quotas[chunk] ? 1 : 1 + countWidth(quotas[chunk]!)), gapBits(gaps, gaps.length, riceParameter));
  const writer = createBitWriter(Math.ceil(bits / 8));
  let next = 0;
  for (let chunk = 0; chunk < counts.length; chunk++) {
    const count = counts[chunk]!;
    if (count === quotas[chunk]) putBits(writer, 1, 1);
    else putBits(writer, count, 1 + countWidth(quotas[chunk]!));
    putGaps(writer, gaps, { from: next, to: next + count, r: riceParameter });
    next += count;
  }
  flushBits(writer);
  return { bytes: writer.bytes, riceParameter };
}

/** Encodes values, and leaves in their place what was not sent of them. */
function encodeValues(values: Float32Array, { valueBits }: CompressionRule): { readonly levels: Float32Array; readonly bytes: Uint8Array } {
  if (valueBits === 32) {
    const bytes = new Uint8Array(values.slice().buffer);
    values.fill(0);
    return { levels: new Float32Array(0), bytes };
  }
  const { levels, codes } = chooseLevels(values, 2 ** (valueBits - 1));
  const signBit = 1 << (valueBits - 1);
  const sent = new Float32Array(2 * signBit);
  levels.forEach((level, code) => ([sent[code], sent[code | signBit]] = [level, -level]));
  const bytes = new Uint8Array(Math.ceil((values.length * valueBits) / 8));
  let packed = 0;
  for (let i = 0, bit = 0; i < values.length; i++, bit += valueBits) {
    const value = values[i]!;
    // A number and not a branch: signs are random.
    const code = codes[i]! | (Number(value < 0) << (valueBits - 1));
    values[i] = value - sent[code]!;
    // The first code of a byte is on top. Each byte is written at every code and right at its last: to read it back would take three times as long.
    packed = (packed << valueBits) | code;
    bytes[bit >> 3] = packed;
  }
  if (bytes.length > 0) bytes[bytes.length - 1]! <<= 8 * bytes.length - valueBits * values.length;
  return { levels, bytes };
}

function notFinite(tensor: string): MoeError<'experts-not-finite'> {
  return new MoeError('experts-not-finite', { message: `tensor ${quote(tensor)}: the update, or its sum with the residual, holds a NaN or an infinity`, context: { tensor } });
}

function tooManyElements(tensor: string, elements: number): MoeError<'update-invalid'> {
  return new MoeError('update-invalid', { message: `compression, shape: tensor ${quote(tensor)} has ${elements} elements, the limit is ${MAX_TENSOR_ELEMENTS}`, context: { field: 'shape' } });
}
