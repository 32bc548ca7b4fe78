/**
 * Memory for the large arrays of one epoch, used again by the next: taking fresh pages for megabytes each time costs as much as the arithmetic.
 *
 * Whoever computes an epoch first calls {@link resetArena}; nothing taken may be kept beyond that, and only `takeZeros` zeroes.
 * @module
 */

/** A larger epoch's memory is not kept. */
const MAX_KEPT_BYTES: number = 16 * 2 ** 20;

let buffer: ArrayBuffer = new ArrayBuffer(0);
let used = 0;

/** Gives all memory back. */
export function resetArena(): void {
  used = 0;
  if (buffer.byteLength > MAX_KEPT_BYTES) buffer = new ArrayBuffer(0);
}

export function takeFloats(length: number): Float64Array {
  const offset = take(8 * length);
  return new Float64Array(buffer, offset, length);
}

/** Floats that are zeroed. */
export function takeZeros(length: number): Float64Array {
  return takeFloats(length).fill(0);
}

export function takeColumns(length: number): Uint16Array {
  const offset = take(2 * length);
  return new Uint16Array(buffer, offset, length);
}

/** The offset of so many bytes, a multiple of 8, in {@link buffer}. */
function take(bytes: number): number {
  const size = Math.ceil(bytes / 8) * 8;
  if (used + size > buffer.byteLength) {
    // Arrays taken before keep the old buffer alive.
    buffer = new ArrayBuffer(Math.max(2 * buffer.byteLength, 2 * size));
    used = 0;
  }
  used += size;
  return used - size;
}
