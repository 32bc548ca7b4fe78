import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromFloat32, toFloat32, type Dtype } from '../../src/index.ts';
import { isFiniteTensor } from '../../src/internal/finite-tensor.ts';
import { elementsOf, gatherMatrix, scatterMatrix } from '../../src/internal/strided-copy.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);

describe('strided copies', () => {
  it('gather as written, and scatter back', () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(size, size, fc.constantFrom('rows', 'columns', 'interleaved'), fc.nat(5), (rows, columns, layout, start) => {
        const [rowStride, columnStride] = { rows: [columns, 1], columns: [1, rows], interleaved: [2, 2 * rows] }[layout] as [number, number];
        const strided = Uint16Array.from({ length: start + 2 * rows * columns }, (_, i) => i);
        const at = { rows, columns, start, rowStride, columnStride };
        const dense = new Uint16Array(rows * columns);
        gatherMatrix(strided, at, dense);
        for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) if (dense[r * columns + c] !== start + r * rowStride + c * columnStride) throw new Error(`${r}, ${c}`);
        const taken = new Set(dense);
        const back = strided.map((value, i) => (taken.has(i) ? 0 : value));
        scatterMatrix(dense, at, back);
        expect(back).toEqual(strided);
      }),
      { numRuns },
    );
  });

  it('take whole values, from unaligned bytes too', () => {
    for (const width of [1, 2, 4, 8]) {
      const bytes = Uint8Array.from({ length: 17 }, (_, i) => i).subarray(1);
      const elements = elementsOf(bytes, width);
      expect(elements.length * width).toBe(16);
      expect(new Uint8Array(elements.buffer, elements.byteOffset, 16)).toEqual(bytes);
    }
  });
});

describe('isFiniteTensor', () => {
  it('says what Number.isFinite says of every value', () => {
    const value = fc.oneof(fc.float(), fc.constantFrom(NaN, Infinity, -Infinity, -0, 3.4e38, -1e-45));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 6 }), fc.constantFrom<Dtype>('F64', 'F32', 'F16', 'BF16', 'F8_E5M2'), fc.nat(3), (values, dtype, shift) => {
        const stored = fromFloat32(Float32Array.from(values), dtype);
        const data = new Uint8Array(stored.length + shift).subarray(shift);
        data.set(stored);
        expect(isFiniteTensor({ dtype, data })).toBe(toFloat32({ dtype, data: stored }).every(Number.isFinite));
      }),
      { numRuns },
    );
  });
});
