/**
 * The selector of `top-k.ts` in WebAssembly SIMD: a batch of chunks is copied in, added up, selected from, and its sums copied out.
 * @module
 */
import type { CompressionRule } from '../updates/compressed-update-header.ts';
import { COMPRESSION_WASM } from './compression-wasm-bytes.ts';
import type { ChunkSelector, KeptElements, TensorSums } from './top-k.ts';

/** What `wasm/compression.ts` exports; pointers are byte offsets. */
interface CompressionExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  prepare(chunkSize: number, keep: number, decay: number, batchElements: number): void;
  sumsPointer(): number;
  updatesPointer(): number;
  valuesPointer(): number;
  positionsPointer(): number;
  gapsPointer(): number;
  countsPointer(): number;
  reset(): void;
  selectBatch(elements: number, base: number): number;
}

/** The part of `WebAssembly` that is used, typed here: neither lib ES2023 nor every host has it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** Elements that are copied in at once, at least one chunk: small enough for the second-level cache, large enough that calls do not count. */
const BATCH_ELEMENTS = 16_384;

/** `undefined` before the first use, `null` where it cannot be compiled. */
let compiled: object | null | undefined;

/** A new instance, or `undefined` where the host has no WebAssembly SIMD, or forbids to compile. */
export function createWasmSelector(rule: CompressionRule, decay: number): ChunkSelector | undefined {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: WebAssemblyHost };
  if (WebAssembly === undefined) return undefined;
  compiled ??= compile(WebAssembly);
  if (compiled === null) return undefined;
  const exports = new WebAssembly.Instance(compiled, {}).exports as CompressionExports;
  const memory = layOut(exports, rule, decay);
  return { select: (tensor, into) => selectInBatches(memory, tensor, into) };
}

function compile(WebAssembly: WebAssemblyHost): object | null {
  try {
    return new WebAssembly.Module(Uint8Array.from(atob(COMPRESSION_WASM), (character) => character.charCodeAt(0)));
  } catch {
    // No SIMD, or a content security policy: the plain selector gives the same bits.
    return null;
  }
}

interface BatchMemory extends KeptElements {
  readonly exports: CompressionExports;
  readonly chunkSize: number;
  readonly elements: number;
  readonly sums: Float32Array;
  readonly updates: Float32Array;
}

function layOut(exports: CompressionExports, { chunkSize, keep }: CompressionRule, decay: number): BatchMemory {
  const chunks = Math.max(1, Math.floor(BATCH_ELEMENTS / chunkSize));
  const elements = chunks * chunkSize;
  exports.prepare(chunkSize, keep, decay, elements);
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
  let [total, placed] = [0, 0];
  for (let from = 0; from < sums.length; from += memory.elements) {
    const to = Math.min(from + memory.elements, sums.length);
    memory.sums.set(sums.subarray(from, to));
    for (; placed < pending.count && pending.positions[placed]! < to; placed++) memory.sums[pending.positions[placed]! - from] = pending.values[placed]!;
    memory.updates.set(update.subarray(from, to));
    const kept = memory.exports.selectBatch(to - from, from);
    if (kept < 0) return -1;
    sums.set(memory.sums.subarray(0, to - from), from);
    into.values.set(memory.values.subarray(0, kept), total);
    into.positions.set(memory.positions.subarray(0, kept), total);
    into.gaps.set(memory.gaps.subarray(0, kept), total);
    into.counts.set(memory.counts.subarray(0, Math.ceil((to - from) / memory.chunkSize)), from / memory.chunkSize);
    total += kept;
  }
  return total;
}
