/**
 * Update compression with error feedback: of each chunk only the largest values are sent, coarsely; what was not sent is kept and added to the next
 * update, so that nothing is lost for good. SparseLoCo trains 72 billion parameters over the internet so.
 * @see https://arxiv.org/abs/2508.15706 (SparseLoCo: top-64 of 4,096, 2 bits, decay 0.95)
 * @module
 */
import { assertCompressionRule, concatenate, encodeUpdateHeader, type CompressedTensor, type CompressionRule } from './compressed-update-header.ts';
import { MoeError } from '../errors.ts';
import { assertSameExperts, sortedNames, type ExpertWeights } from '../experts/expert-weights.ts';
import { place, type CompressionKernel, type TensorResidual } from '../internal/compression-kernel.ts';
import { createPlainKernel } from '../internal/compression-plain.ts';
import { createWasmKernel } from '../internal/compression-wasm.ts';
import { quote } from '../internal/quote.ts';
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
  const { chunkSize, keep, valueBits, decay = DEFAULT_DECAY, kernel } = { ...DEFAULT_COMPRESSION, ...options };
  const rule: CompressionRule = { chunkSize, keep, valueBits };
  assertCompressionRule(rule);
  if (!(decay >= 0 && decay <= 1)) throw new MoeError('update-invalid', { message: `compression, decay: expected a number from 0 to 1, got ${decay}`, context: { field: 'decay' } });
  const start = (tensors: ExpertWeights): CompressorState => startState(tensors, { rule, decay: Math.fround(decay), kernel });
  let state = options.residual && start(options.residual);
  state?.tensors.forEach(({ data }, name) => data.set(options.residual!.get(name)!.data));
  let isSpent = false;
  return {
    get residual() {
      return state && mapTensors(state.tensors, (data, name) => settled(state!.tensors.get(name)!.residual, data.slice(), chunkSize));
    },
    compress(update, metadata = {}) {
      if (isSpent) throw new MoeError('update-invalid', { message: 'compression, residual: it was lost when an update was refused; make a compressor from the last residual that was saved', context: { field: 'residual' } });
      state ??= start(update);
      assertSameExperts(state.tensors, update);
      isSpent = true;
      const parts = sortedNames(update).map((name) => compressTensor(state!, name, update.get(name)!.data));
      const bytes = concatenate([encodeUpdateHeader({ rule, tensors: parts.map(({ entry }) => entry) }, metadata), ...parts.flatMap(({ streams }) => streams)]);
      isSpent = false;
      return bytes;
    },
  };
}

/** What stays between two updates. */
interface CompressorState {
  readonly kernel: CompressionKernel;
  readonly tensors: ReadonlyMap<string, TensorState>;
}

interface TensorState extends Float32Tensor {
  /** `data` is the residual's. */
  readonly residual: TensorResidual;
}

/** Residuals of zeros for tensors of these names and shapes. */
function startState(tensors: ExpertWeights, options: KernelOptions): CompressorState {
  const entries = [...tensors];
  for (const [name, { data }] of entries) if (data.length > MAX_TENSOR_ELEMENTS) throw tooManyElements(name, data.length);
  const kernel = createKernel(entries.map(([, { data }]) => data.length), options);
  const states = entries.map(([name, { shape }], i): [string, TensorState] => {
    const residual = kernel.residuals[i]!;
    return [name, { shape, data: residual.data, residual }];
  });
  return { kernel, tensors: new Map(states) };
}

interface KernelOptions {
  readonly rule: CompressionRule;
  readonly decay: number;
  readonly kernel: CompressionOptions['kernel'];
}

function createKernel(lengths: readonly number[], { rule, decay, kernel }: KernelOptions): CompressionKernel {
  const wasm = kernel === 'typescript' ? undefined : createWasmKernel(rule, { decay, lengths });
  if (wasm === undefined && kernel === 'wasm') throw new MoeError('update-invalid', { message: 'compression, kernel: expected a host with WebAssembly SIMD, and memory there, for wasm; leave the kernel out', context: { field: 'kernel' } });
  return wasm ?? createPlainKernel(rule, { decay, lengths });
}

/** @param data a copy of the residual's */
function settled({ pending }: TensorResidual, data: Float32Array, chunkSize: number): Float32Array {
  place(pending, { into: data, chunkSize });
  return data;
}

interface CompressedParts {
  readonly entry: CompressedTensor;
  readonly streams: readonly [Uint8Array, Uint8Array];
}

function compressTensor({ kernel, tensors }: CompressorState, name: string, update: Float32Array): CompressedParts {
  const { shape, residual } = tensors.get(name)!;
  const encoded = kernel.compress(residual, update);
  if (encoded === undefined) throw notFinite(name);
  const { index, values, ...entry } = encoded;
  return { entry: { ...entry, name, shape, indexBytes: index.byteLength }, streams: [index, values] };
}

function notFinite(tensor: string): MoeError<'experts-not-finite'> {
  return new MoeError('experts-not-finite', { message: `tensor ${quote(tensor)}: the update, or its sum with the residual, holds a NaN or an infinity`, context: { tensor } });
}

function tooManyElements(tensor: string, elements: number): MoeError<'update-invalid'> {
  return new MoeError('update-invalid', { message: `compression, shape: tensor ${quote(tensor)} has ${elements} elements, the limit is ${MAX_TENSOR_ELEMENTS}`, context: { field: 'shape' } });
}
