/**
 * A matrix in row-major order, copied from or to a place where both of its axes have strides: a transpose at worst. Tile by tile, because one of the two sides is walked across its
 * cache lines, and in a tile these are used up before they are dropped.
 * @module
 */

/** Elements of one width. */
type Elements = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array | BigUint64Array;

/** Where the element `[r, c]` is: at `start + r · rowStride + c · columnStride`. */
export interface StridedMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly start: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** 32 rows of a cache line each, in either array, fit the first-level cache of every processor. */
const TILE = 32;

/** `dense[r · columns + c] = strided[r, c]` */
export function gatherMatrix<T extends Elements>(strided: T, at: StridedMatrix, dense: T): void {
  const { columns, start, rowStride, columnStride } = at;
  forEachTile(at, (row, rowEnd, column, columnEnd) => {
    for (let r = row; r < rowEnd; r++) {
      for (let c = column, from = start + r * rowStride + c * columnStride; c < columnEnd; c++, from += columnStride) dense[r * columns + c] = strided[from]!;
    }
  });
}

/** `strided[r, c] = dense[r · columns + c]` */
export function scatterMatrix<T extends Elements>(dense: T, at: StridedMatrix, strided: T): void {
  const { columns, start, rowStride, columnStride } = at;
  forEachTile(at, (row, rowEnd, column, columnEnd) => {
    for (let r = row; r < rowEnd; r++) {
      for (let c = column, to = start + r * rowStride + c * columnStride; c < columnEnd; c++, to += columnStride) strided[to] = dense[r * columns + c]!;
    }
  });
}

function forEachTile({ rows, columns }: StridedMatrix, copy: (row: number, rowEnd: number, column: number, columnEnd: number) => void): void {
  for (let row = 0; row < rows; row += TILE) {
    for (let column = 0; column < columns; column += TILE) copy(row, Math.min(rows, row + TILE), column, Math.min(columns, column + TILE));
  }
}

/** Bytes as elements of a width, so that a copy moves whole values; a copy of the bytes where they lie unaligned. */
export function elementsOf(bytes: Uint8Array, elementBytes: number): Uint8Array | Uint16Array | Uint32Array | BigUint64Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % elementBytes === 0 ? bytes : bytes.slice();
  switch (elementBytes) {
    case 2:
      return new Uint16Array(buffer, byteOffset, byteLength / 2);
    case 4:
      return new Uint32Array(buffer, byteOffset, byteLength / 4);
    case 8:
      return new BigUint64Array(buffer, byteOffset, byteLength / 8);
    default:
      return new Uint8Array(buffer, byteOffset, byteLength);
  }
}
