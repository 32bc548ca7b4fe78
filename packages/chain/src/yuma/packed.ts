/**
 * Sparse matrices of I32F32 on float64, all entries one after the other: row i is entries `start[i]` to `start[i + 1]`, in the order of storage.
 * What changes a matrix does so in place. Loops are written out: a callback per entry would cost more than the entry.
 * @module
 */
import { takeColumns, takeFloats, takeZeros } from './arena.ts';
import { fraction, multiply } from './float-fixed.ts';
import { assertRow, badEntry, isEntry, type YumaRow } from './input.ts';

export interface Packed {
  /** [rows + 1] */
  readonly start: Int32Array;
  /** [capacity] */
  readonly column: Uint16Array;
  /** [capacity] I32F32 bits */
  readonly value: Float64Array;
}

/** Which stored entries count. */
export interface Selection {
  readonly name: 'weights' | 'bonds';
  readonly rows: readonly YumaRow[];
  /** Blocks of registration by column. */
  readonly registered: readonly number[];
  /** The block from which on a column is too new for a row; 0 takes none of the row. */
  readonly horizon: (row: number) => number;
  /** A column that a row does not count, or −1. */
  readonly except: (row: number) => number;
}

/** A matrix without entries, and room for `capacity` of them in the arena. */
export function createPacked(rows: number, capacity: number): Packed {
  return { start: new Int32Array(rows + 1), column: takeColumns(capacity), value: takeFloats(capacity) };
}

/** The stored entries that count, as plain u16; all are checked. @throws bad-value */
export function packRows({ name, rows, registered, horizon, except }: Selection): Packed {
  for (const [from, row] of rows.entries()) assertRow(name, from, row);
  const packed = createPacked(rows.length, rows.reduce((total, row) => total + row.length, 0));
  const { start, column, value } = packed;
  const registeredAt = Float64Array.from(registered);
  const seenInRow = new Int32Array(rows.length);
  let end = 0;
  for (let from = 0; from < rows.length; from += 1) {
    const row = rows[from] as YumaRow;
    const limit = horizon(from);
    const skipped = except(from);
    for (let index = 0; index < row.length; index += 1) {
      const entry = row[index] as readonly [number, number];
      if (!isEntry(entry, from, seenInRow)) throw badEntry(name, from, entry);
      const to = entry[0];
      if ((registeredAt[to] as number) >= limit || to === skipped) continue;
      column[end] = to;
      value[end] = entry[1];
      end += 1;
    }
    start[from + 1] = end;
  }
  return packed;
}

/** u16 to I32F32, rows summing to 1. @see normaliseRows in sparse.ts */
export function normaliseU16Rows({ start, value }: Packed): void {
  for (let row = 0; row < start.length - 1; row += 1) {
    const end = start[row + 1] as number;
    let total = 0;
    for (let index = start[row] as number; index < end; index += 1) total += value[index] as number;
    if (total === 0) continue;
    for (let index = start[row] as number; index < end; index += 1) value[index] = fraction(value[index] as number, total);
  }
}

export function columnSums(packed: Packed): Float64Array {
  const { start, column, value } = packed;
  const sums = takeZeros(start.length - 1);
  const end = countOf(packed);
  for (let index = 0; index < end; index += 1) {
    const to = column[index] as number;
    sums[to] = (sums[to] as number) + (value[index] as number);
  }
  return sums;
}

/** result_j = Σ_i vector_i · matrix_ij */
export function multiplyRows({ start, column, value }: Packed, vector: Float64Array): Float64Array {
  const result = takeZeros(vector.length);
  for (let row = 0; row < vector.length; row += 1) {
    const factor = vector[row] as number;
    if (factor === 0) continue;
    const end = start[row + 1] as number;
    for (let index = start[row] as number; index < end; index += 1) {
      const to = column[index] as number;
      result[to] = (result[to] as number) + multiply(factor, value[index] as number);
    }
  }
  return result;
}

/** Entries in all rows. */
export function countOf({ start }: Packed): number {
  return start[start.length - 1] as number;
}
