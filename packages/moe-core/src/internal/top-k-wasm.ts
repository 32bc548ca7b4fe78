/**
 * The selector of `top-k.ts` in WebAssembly SIMD. Residuals stay in its memory as far as they fit, so that of a batch of chunks only the update is copied in;
 * those of other tensors are copied in and out.
 * @module
 */
import type { CompressionRule } from '../updates/compressed-update-header.ts';
import { COMPRESSION_WASM } from './compression-wasm-bytes.ts';
import type { ChunkSelector, KeptElements, PlacedValues, TensorSums } from './top-k.ts';

/** What `wasm/compression.ts` exports; pointers are byte offsets. */
interface CompressionExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** @returns where free memory begins */
  prepare(chunkSize: number, keep: number, decay: number, batchElements: number): number;
  sumsPointer(): number;
  updatesPointer(): number;
  valuesPointer(): number;
  positionsPointer(): number;
  gapsPointer(): number;
  countsPointer(): number;
  reset(): void;
  selectBatch(residual: number, elements: number, base: number): number;
}

/** The part of `WebAssembly` that is used, typed here: neither lib ES2023 nor every host has it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** Elements that are copied in at once, at least one chunk: small enough for the second-level cache, large enough that calls do not count. */
const BATCH_ELEMENTS = 16_384;

/** Of residuals in WebAssembly's memory, which can have at most 4 GiB, and on small machines much less. */
const MAX_RESIDUAL_BYTES = 2 ** 30;

const PAGE_BYTES = 65_536;

/** `undefined` before the first use, `null` where it cannot be compiled. */
let compiled: object | null | undefined;

/** A new instance, or `undefined` where the host has no WebAssembly SIMD, or forbids to compile. */
export function createWasmSelector(rule: CompressionRule, decay: number): ChunkSelector | undefined {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: WebAssemblyHost };
  if (WebAssembly === undefined) return undefined;
  compiled ??= compile(WebAssembly);
  if (compiled === null) return undefined;
  const exports = new WebAssembly.Instance(compiled, {}).exports as CompressionExports;
  const free = exports.prepare(rule.chunkSize, rule.keep, decay, batchChunks(rule) * rule.chunkSize);
  let memory: BatchMemory | undefined;
  return {
    allocate(lengths) {
      const residuals = allocateResiduals(exports.memory, free, lengths);
      memory = layOut(exports, rule);
      return residuals;
    },
    select: (tensor, into) => selectInBatches(memory!, tensor, into),
  };
}

function compile(WebAssembly: WebAssemblyHost): object | null {
  try {
    return new WebAssembly.Module(Uint8Array.from(atob(COMPRESSION_WASM), (character) => character.charCodeAt(0)));
  } catch {
    // No SIMD, or a content security policy: the plain selector gives the same bits.
    return null;
  }
}

/** Arrays of zeros from `free` on; ordinary ones where they do not fit. */
function allocateResiduals(memory: CompressionExports['memory'], free: number, lengths: readonly number[]): Float32Array[] {
  let end = free;
  const offsets = lengths.map((length) => {
    const [start, next] = [end, end + Math.ceil(length / 4) * 16];
    if (next - free > MAX_RESIDUAL_BYTES) return undefined;
    end = next;
    return start;
  });
  const hasGrown = growTo(memory, end);
  return lengths.map((length, i) => (hasGrown && offsets[i] !== undefined ? new Float32Array(memory.buffer, offsets[i], length) : new Float32Array(length)));
}

function growTo(memory: CompressionExports['memory'], sizeBytes: number): boolean {
  try {
    memory.grow(Math.max(0, Math.ceil((sizeBytes - memory.buffer.byteLength) / PAGE_BYTES)));
    return true;
  } catch {
    return false;
  }
}

function batchChunks({ chunkSize }: CompressionRule): number {
  return Math.max(1, Math.floor(BATCH_ELEMENTS / chunkSize));
}

/** Views of the instance's memory; they hold until it grows. */
interface BatchMemory extends KeptElements {
  readonly exports: CompressionExports;
  readonly chunkSize: number;
  readonly elements: number;
  /** For residuals that are not in this memory. */
  readonly sums: Float32Array;
  readonly updates: Float32Array;
}

function layOut(exports: CompressionExports, rule: CompressionRule): BatchMemory {
  const { chunkSize, keep } = rule;
  const chunks = batchChunks(rule);
  const elements = chunks * chunkSize;
  const { buffer } = exports.memory;
  return {
    exports,
    chunkSize,
    elements,
    sums: new Float32Array(buffer, exports.sumsPointer(), elements),
    updates: new Float32Array(buffer, exports.updatesPointer(), elements),
    values: new Float32Array(buffer, exports.valuesPointer(), chunks * keep),
    positions: new Int32Array(buffer, exports.positionsPointer(), chunks * keep),
    gaps: new Int32Array(buffer, exports.gapsPointer(), chunks * keep),
    counts: new Int32Array(buffer, exports.countsPointer(), chunks),
  };
}

function selectInBatches(memory: BatchMemory, { update, sums, pending }: TensorSums, into: KeptElements): number {
  memory.exports.reset();
  const isHere = sums.buffer === memory.sums.buffer;
  let [total, placed] = [0, 0];
  for (let from = 0; from < sums.length; from += memory.elements) {
    const to = Math.min(from + memory.elements, sums.length);
    const batch = isHere ? sums.subarray(from, to) : memory.sums;
    if (!isHere) batch.set(sums.subarray(from, to));
    placed = placeBefore(pending, { placed, from, to }, batch);
    memory.updates.set(update.subarray(from, to));
    const kept = memory.exports.selectBatch(batch.byteOffset, to - from, from);
    if (kept < 0) return -1;
    if (!isHere) sums.set(batch.subarray(0, to - from), from);
    into.values.set(memory.values.subarray(0, kept), total);
    into.positions.set(memory.positions.subarray(0, kept), total);
    into.gaps.set(memory.gaps.subarray(0, kept), total);
    into.counts.set(memory.counts.subarray(0, Math.ceil((to - from) / memory.chunkSize)), from / memory.chunkSize);
    total += kept;
  }
  return total;
}

/** Writes values from index `placed` on that belong before `to` into a batch that begins at `from`. @returns how many are placed now */
function placeBefore({ values, positions, count }: PlacedValues, at: { readonly placed: number; readonly from: number; readonly to: number }, batch: Float32Array): number {
  const { from, to } = at;
  let placed = at.placed;
  for (; placed < count && positions[placed]! < to; placed++) batch[positions[placed]! - from] = values[placed]!;
  return placed;
}
