/**
 * Sparse matrices of I32F32: a row per neuron, entries in the order of storage, at most one per column.
 * @module
 * @see pallets/subtensor/src/epoch/math.rs of opentensor/subtensor 14bc6f9f9
 */
import { add, divide, max, multiply, sum } from './fixed-point.ts';

export type Entry = readonly [column: number, value: bigint];
export type Row = readonly Entry[];
export type Matrix = readonly Row[];

/** Divides each row by its sum where that is positive. */
export function normaliseRows(matrix: Matrix): Matrix {
  return matrix.map((row) => {
    const total = sum(row.map(([, value]) => value));
    return total > 0n ? row.map(([column, value]) => [column, divide(value, total)] as const) : row;
  });
}

/** Divides each column by its sum where that is not zero. */
export function normaliseColumns(matrix: Matrix, columns: number): Matrix {
  return divideColumns(matrix, foldColumns(matrix, columns, add));
}

/** Divides each column by its largest value where that is not zero. */
export function upscaleColumns(matrix: Matrix, columns: number): Matrix {
  return divideColumns(matrix, foldColumns(matrix, columns, max));
}

export function rowSums(matrix: Matrix): bigint[] {
  return matrix.map((row) => sum(row.map(([, value]) => value)));
}

/** result_j = Σ_i vector_i · matrix_ij */
export function multiplyRows(matrix: Matrix, vector: readonly bigint[], columns: number): bigint[] {
  return foldColumns(scaleRows(matrix, vector), columns, add);
}

/** result_i = Σ_j vector_j · matrix_ij */
export function multiplyColumns(matrix: Matrix, vector: readonly bigint[]): bigint[] {
  return matrix.map((row) => row.reduce((total, [column, value]) => add(total, multiply(vector[column] as bigint, value)), 0n));
}

/** result_ij = vector_i · matrix_ij */
export function scaleRows(matrix: Matrix, vector: readonly bigint[]): Matrix {
  return matrix.map((row, index) => row.map(([column, value]) => [column, multiply(value, vector[index] as bigint)] as const));
}

/** min(matrix_ij, limit_j); what is above a limit of zero is left out. */
export function clipColumns(matrix: Matrix, limits: readonly bigint[]): Matrix {
  return matrix.map((row) =>
    row.flatMap((entry): Row => {
      const limit = limits[entry[0]] as bigint;
      if (limit >= entry[1]) return [entry];
      return limit > 0n ? [[entry[0], limit]] : [];
    }),
  );
}

/** A row with a value in every column. */
export function toDense(row: Row, columns: number): bigint[] {
  const dense = zeros(columns);
  for (const [column, value] of row) dense[column] = value;
  return dense;
}

/** The positive values of a dense row. */
export function toSparse(values: readonly bigint[]): Row {
  return values.flatMap((value, column): Row => (value > 0n ? [[column, value]] : []));
}

function zeros(columns: number): bigint[] {
  return Array.from({ length: columns }, () => 0n);
}

function foldColumns(matrix: Matrix, columns: number, fold: (a: bigint, b: bigint) => bigint): bigint[] {
  const folded = zeros(columns);
  for (const row of matrix) for (const [column, value] of row) folded[column] = fold(folded[column] as bigint, value);
  return folded;
}

function divideColumns(matrix: Matrix, divisors: readonly bigint[]): Matrix {
  return matrix.map((row) =>
    row.map((entry) => {
      const divisor = divisors[entry[0]] as bigint;
      return divisor === 0n ? entry : ([entry[0], divide(entry[1], divisor)] as const);
    }),
  );
}
