/**
 * Compression in plain TypeScript: the definition that the WebAssembly kernel repeats bit for bit, and what runs where that cannot.
 * @module
 */
import type { CompressionRule } from '../updates/compressed-update-header.ts';
import { exchange, keptCapacity, place, type CompressionKernel, type KeptElements, type TensorResidual } from './compression-kernel.ts';
import { createSelector } from './top-k.ts';
import { encodeIndex, encodeValues } from './update-streams.ts';

/** @param at.lengths elements of each tensor */
export function createPlainKernel(rule: CompressionRule, at: { readonly decay: number; readonly lengths: readonly number[] }): CompressionKernel {
  const select = createSelector(rule, at.decay);
  return {
    residuals: at.lengths.map((length) => allocate(rule, length)),
    compress(residual, update) {
      const { data, pending, next } = residual;
      place(pending, { into: data, chunkSize: rule.chunkSize });
      const kept = select({ update, sums: data }, next);
      if (kept < 0) return undefined;
      const encoded = { kept, ...encodeIndex(next, rule, { kept, elements: data.length }), ...encodeValues(next.values.subarray(0, kept), rule) };
      exchange(residual);
      return encoded;
    },
  };
}

function allocate(rule: CompressionRule, length: number): TensorResidual {
  const { most, chunks } = keptCapacity(rule, length);
  const room = (): KeptElements => ({ values: new Float32Array(most), gaps: new Int32Array(most), counts: new Int32Array(chunks) });
  return { data: new Float32Array(length), pending: room(), next: room() };
}
