/**
 * Compression in WebAssembly SIMD. Residuals stay in its memory as far as they fit, so that of a batch of chunks only the update is copied in; those of
 * other tensors are copied in and out. What is kept of a tensor never leaves, only its streams do.
 * @module
 */
import type { CompressionRule } from '../updates/compressed-update-header.ts';
import { exchange, keptCapacity, type CompressionKernel, type EncodedTensor, type KeptElements, type TensorResidual } from './compression-kernel.ts';
import { COMPRESSION_WASM } from './compression-wasm-bytes.ts';
import { encodeValues } from './update-streams.ts';
import { distinctMagnitudes } from './value-levels.ts';

/** What `wasm/compression.ts` exports; pointers are byte offsets. */
interface CompressionExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  heapBase(): number;
  batchSums(): number;
  updates(): number;
  prepare(chunkSize: number, keep: number, decay: number): void;
  begin(pendingValues: number, pendingGaps: number, pendingCounts: number, values: number, gaps: number, counts: number): void;
  selectBatch(sums: number, elements: number): number;
  chooseRiceParameter(): number;
  encodeIndex(to: number, riceParameter: number): number;
  encodeTwoBits(to: number): void;
  firstLevel(): number;
  secondLevel(): number;
}

/** The part of `WebAssembly` that is used, typed here: neither lib ES2023 nor every host has it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** Elements that are copied in at once, at least one chunk: small enough for the second-level cache, large enough that calls do not count. */
const BATCH_ELEMENTS = 32_768;

/** Of residuals in WebAssembly's memory, which can have at most 4 GiB, and on small machines much less. */
const MAX_RESIDUAL_BYTES = 2 ** 30;

/** The kernel works in vectors and words, and may write so far beyond the end of what it writes. */
const OVERHANG_BYTES = 32;

const PAGE_BYTES = 65_536;

/** `undefined` before the first use, `null` where it cannot be compiled. */
let compiled: object | null | undefined;

/**
 * A new instance, or `undefined` where the host has no WebAssembly SIMD, forbids to compile, or has not the memory for what is kept.
 * @param at.lengths elements of each tensor
 */
export function createWasmKernel(rule: CompressionRule, at: { readonly decay: number; readonly lengths: readonly number[] }): CompressionKernel | undefined {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: WebAssemblyHost };
  if (WebAssembly === undefined) return undefined;
  compiled ??= compile(WebAssembly);
  if (compiled === null) return undefined;
  const exports = new WebAssembly.Instance(compiled, {}).exports as CompressionExports;
  exports.prepare(rule.chunkSize, rule.keep, at.decay);
  const memory = layOut(exports, rule, at.lengths);
  return memory && { residuals: memory.residuals, compress: (residual, update) => compressTensor(memory, residual, update) };
}

function compile(WebAssembly: WebAssemblyHost): object | null {
  try {
    return new WebAssembly.Module(Uint8Array.from(atob(COMPRESSION_WASM), (character) => character.charCodeAt(0)));
  } catch {
    // No SIMD, or a content security policy: the plain kernel gives the same bits.
    return null;
  }
}

/** Views of the instance's memory; they hold until it grows, which it does not after the start. */
interface KernelMemory {
  readonly exports: CompressionExports;
  readonly rule: CompressionRule;
  readonly batchElements: number;
  /** Δ of a batch. */
  readonly updates: Float32Array;
  /** e of a batch whose tensor is not in this memory. */
  readonly sums: Float32Array;
  /** For a stream. */
  readonly stream: Uint8Array;
  readonly residuals: readonly TensorResidual[];
}

function layOut(exports: CompressionExports, rule: CompressionRule, lengths: readonly number[]): KernelMemory | undefined {
  const space: Space = { memory: exports.memory, end: exports.heapBase() };
  const streamAt = reserve(space, [Math.max(0, ...lengths.map((length) => streamRoom(rule, length)))]);
  const keptAt = reserve(space, lengths.flatMap((length) => [...keptRoom(rule, length), ...keptRoom(rule, length)]));
  if (streamAt === undefined || keptAt === undefined) return undefined;
  const sizes = residualSizes(lengths);
  const dataAt = reserve(space, sizes);
  const { buffer } = exports.memory;
  const batchElements = Math.max(1, Math.floor(BATCH_ELEMENTS / rule.chunkSize)) * rule.chunkSize;
  const residuals = lengths.map((length, i) => ({
    data: dataAt === undefined || sizes[i] === 0 ? new Float32Array(length) : new Float32Array(buffer, dataAt[i], length),
    pending: viewKept(buffer, keptAt.slice(6 * i, 6 * i + 3), keptCapacity(rule, length)),
    next: viewKept(buffer, keptAt.slice(6 * i + 3, 6 * i + 6), keptCapacity(rule, length)),
  }));
  return {
    exports,
    rule,
    batchElements,
    updates: new Float32Array(buffer, exports.updates(), batchElements),
    sums: new Float32Array(buffer, exports.batchSums(), batchElements),
    stream: new Uint8Array(buffer, streamAt[0]),
    residuals,
  };
}

interface Space {
  readonly memory: CompressionExports['memory'];
  /** What is behind it is free. */
  end: number;
}

/** Claims places for so many bytes each, aligned to 16, all zeros. @returns their offsets, or `undefined` where memory does not grow so far */
function reserve(space: Space, sizes: readonly number[]): number[] | undefined {
  let { end } = space;
  const offsets = sizes.map((size) => {
    const offset = end;
    end += Math.ceil(size / 16) * 16;
    return offset;
  });
  try {
    space.memory.grow(Math.max(0, Math.ceil((end - space.memory.buffer.byteLength) / PAGE_BYTES)));
  } catch {
    return undefined;
  }
  space.end = end;
  return offsets;
}

/** Bytes of a tensor's longer stream. Gaps take at most 17 bits each, and with r = 0 no more bits than the tensor has elements; a chunk's count takes 17. */
function streamRoom(rule: CompressionRule, length: number): number {
  const { most, chunks } = keptCapacity(rule, length);
  return Math.ceil((Math.min(length, 17 * most) + 17 * chunks + 2 * most) / 8) + OVERHANG_BYTES;
}

/** Bytes of values, gaps and counts. */
function keptRoom(rule: CompressionRule, length: number): readonly [number, number, number] {
  const { most, chunks } = keptCapacity(rule, length);
  return [4 * most + OVERHANG_BYTES, 4 * most + OVERHANG_BYTES, 4 * chunks];
}

/** Bytes of each residual that is to be here; 0 for the others. */
function residualSizes(lengths: readonly number[]): number[] {
  let left = MAX_RESIDUAL_BYTES;
  return lengths.map((length) => {
    const size = 4 * length <= left ? 4 * length : 0;
    left -= size;
    return size;
  });
}

function viewKept(buffer: ArrayBuffer, offsets: readonly number[], { most, chunks }: ReturnType<typeof keptCapacity>): KeptElements {
  return { values: new Float32Array(buffer, offsets[0], most), gaps: new Int32Array(buffer, offsets[1], most), counts: new Int32Array(buffer, offsets[2], chunks) };
}

function compressTensor(memory: KernelMemory, residual: TensorResidual, update: Float32Array): EncodedTensor | undefined {
  const { exports, rule, stream } = memory;
  const { pending, next } = residual;
  exports.begin(pending.values.byteOffset, pending.gaps.byteOffset, pending.counts.byteOffset, next.values.byteOffset, next.gaps.byteOffset, next.counts.byteOffset);
  const kept = selectInBatches(memory, residual.data, update);
  if (kept < 0) return undefined;
  const riceParameter = exports.chooseRiceParameter();
  const index = stream.slice(0, exports.encodeIndex(stream.byteOffset, riceParameter));
  const encoded = { kept, riceParameter, index, ...encodeKept(memory, next.values.subarray(0, kept), rule) };
  exchange(residual);
  return encoded;
}

function selectInBatches({ exports, batchElements, updates, sums }: KernelMemory, data: Float32Array, update: Float32Array): number {
  const isHere = data.buffer === sums.buffer;
  let kept = 0;
  for (let from = 0; from < data.length && kept >= 0; from += batchElements) {
    const to = Math.min(from + batchElements, data.length);
    updates.set(update.subarray(from, to));
    if (isHere) kept = exports.selectBatch(data.byteOffset + 4 * from, to - from);
    else {
      sums.set(data.subarray(from, to));
      kept = exports.selectBatch(sums.byteOffset, to - from);
      data.set(sums.subarray(0, to - from), from);
    }
  }
  return kept;
}

/** 2 bits a value are encoded there, what is rarer here. */
function encodeKept({ exports, stream }: KernelMemory, values: Float32Array, rule: CompressionRule): Pick<EncodedTensor, 'values' | 'levels'> {
  if (rule.valueBits !== 2 || distinctMagnitudes(values, 2) !== undefined) return encodeValues(values, rule);
  exports.encodeTwoBits(stream.byteOffset);
  return { levels: Float32Array.of(exports.firstLevel(), exports.secondLevel()), values: stream.slice(0, Math.ceil(values.length / 4)) };
}
