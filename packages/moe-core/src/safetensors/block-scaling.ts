/**
 * Dequantising weights that share factors by block.
 *
 * fp8 (DeepSeek-V3): `w[r, c] = q[r, c] · s[⌊r / rows⌋, ⌊c / columns⌋]`, one float32 product each; the last block of a row or column may be cut.
 * MXFP4 (gpt-oss): 32 values of 4 bits share a power of two, `w = v(nibble) · 2^(s − 127)`, the lower nibble first, with v = 0, ½, 1, 1½, 2, 3, 4, 6 and a sign bit; s = 255
 * is NaN. Exact in float32 and in bf16, but for what overflows in both.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/integrations/mxfp4.py
 * @see https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
 * @module
 */
import { float8Table } from '../internal/float8.ts';

/** A matrix and its blocks, in elements. */
export interface BlockGrid {
  /** Of the whole matrix. */
  readonly columns: number;
  readonly blockRows: number;
  readonly blockColumns: number;
}

/**
 * Multiplies values with the factors of their blocks, in place.
 * @param values a run of the matrix's elements, row-major
 * @param options.scales `[⌈R / blockRows⌉, ⌈C / blockColumns⌉]`
 * @param options.offset index of the run's first element
 */
export function applyBlockScales(values: Float32Array, options: { readonly grid: BlockGrid; readonly scales: Float32Array; readonly offset?: number }): void {
  const { grid, scales, offset = 0 } = options;
  const { columns, blockRows, blockColumns } = grid;
  const scaleColumns = Math.ceil(columns / blockColumns);
  let row = Math.floor(offset / columns);
  let column = offset % columns;
  for (let i = 0; i < values.length; row++, column = 0) {
    const scaleRow = Math.floor(row / blockRows) * scaleColumns;
    const rowEnd = Math.min(values.length, i + columns - column);
    while (i < rowEnd) {
      const block = Math.floor(column / blockColumns);
      const scale = scales[scaleRow + block]!;
      const blockEnd = Math.min(rowEnd, i + (block + 1) * blockColumns - column);
      column += blockEnd - i;
      for (; i < blockEnd; i++) values[i] = values[i]! * scale;
    }
  }
}

/** Values that share a factor. */
export const MXFP4_BLOCK = 32;

/** By the code of a nibble; the sign is its highest bit. */
const FP4_VALUES = Float32Array.of(0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6);

/**
 * Experts from MXFP4 as they are multiplied from the left: `[n, inputs, outputs]`.
 * @param blocks `[n, outputs, inputs / 32, 16]`
 * @param options.scales `[n, outputs, inputs / 32]`
 */
export function dequantizeMxfp4(blocks: Uint8Array, options: { readonly scales: Uint8Array; readonly outputs: number; readonly inputs: number }): Float32Array {
  const { scales, outputs, inputs } = options;
  const factors = float8Table('F8_E8M0');
  const values = new Float32Array(2 * blocks.length);
  const perBlock = MXFP4_BLOCK / 2;
  for (let block = 0; block < scales.length; block++) {
    const factor = factors[scales[block]!]!;
    const row = Math.floor((block * MXFP4_BLOCK) / inputs);
    const input = (block * MXFP4_BLOCK) % inputs;
    // Stored are rows of outputs; wanted, rows of inputs.
    let at = Math.floor(row / outputs) * outputs * inputs + input * outputs + (row % outputs);
    for (let i = block * perBlock; i < (block + 1) * perBlock; i++, at += 2 * outputs) {
      values[at] = FP4_VALUES[blocks[i]! & 15]! * factor;
      values[at + outputs] = FP4_VALUES[blocks[i]! >>> 4]! * factor;
    }
  }
  return values;
}
