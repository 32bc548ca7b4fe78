/**
 * Bits from the most significant to the least, as Golomb-Rice codes are written.
 * @module
 */

/** Appends bits; `bytes` must be large enough. */
export interface BitWriter {
  readonly bytes: Uint8Array;
  position: number;
  /** The last `pendingBits` bits, fewer than 8, are not written yet. */
  pending: number;
  pendingBits: number;
}

export function createBitWriter(sizeBytes: number): BitWriter {
  return { bytes: new Uint8Array(sizeBytes), position: 0, pending: 0, pendingBits: 0 };
}

/** Appends the lowest `width` bits of a value below 2^width, at most 24. */
export function putBits(writer: BitWriter, value: number, width: number): void {
  const pending = (writer.pending << width) | value;
  let bits = writer.pendingBits + width;
  while (bits >= 8) {
    bits -= 8;
    writer.bytes[writer.position++] = pending >>> bits;
  }
  writer.pending = pending & ((1 << bits) - 1);
  writer.pendingBits = bits;
}

/**
 * Appends gaps from index `from` to before `to`: of each `⌊gap / 2^r⌋` zeros, a one, and its r low bits; r is at most 16. The writer's state is kept in
 * local variables: a `putBits` for each takes twice the time.
 */
export function putGaps(writer: BitWriter, gaps: Int32Array, at: { readonly from: number; readonly to: number; readonly r: number }): void {
  const { from, to, r } = at;
  const { bytes } = writer;
  let { position, pending, pendingBits } = writer;
  const one = 1 << r;
  for (let i = from; i < to; i++) {
    let zeros = gaps[i]! >>> r;
    // More would not fit into 32 bits together with what is pending and the rest; most gaps have no or few.
    for (; zeros > 7; zeros -= 8) {
      bytes[position++] = pending << (8 - pendingBits);
      pending = 0;
    }
    pending = (pending << (zeros + 1 + r)) | one | (gaps[i]! & (one - 1));
    pendingBits += zeros + 1 + r;
    for (; pendingBits >= 8; pendingBits -= 8) bytes[position++] = pending >>> (pendingBits - 8);
    pending &= (1 << pendingBits) - 1;
  }
  writer.position = position;
  writer.pending = pending;
  writer.pendingBits = pendingBits;
}

/** Fills the last byte with zeros. */
export function flushBits(writer: BitWriter): void {
  if (writer.pendingBits > 0) putBits(writer, 0, 8 - writer.pendingBits);
}

/** Reads bits of `bytes` from `position` to before `end`. */
export interface BitReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;
  /** Unread bits, left-aligned in 32; zeros below them. */
  window: number;
  windowBits: number;
}

export function createBitReader(bytes: Uint8Array, position: number, end: number): BitReader {
  return { bytes, end, position, window: 0, windowBits: 0 };
}

/** `width` bits, at most 24; −1 where fewer are left. */
export function takeBits(reader: BitReader, width: number): number {
  if (width === 0) return 0;
  if (reader.windowBits < width) refill(reader);
  if (reader.windowBits < width) return -1;
  const value = reader.window >>> (32 - width);
  reader.window <<= width;
  reader.windowBits -= width;
  return value;
}

/** A gap as {@link putGaps} wrote it; −1 where the bits end before it does, or where it would be above `most`. */
export function takeGap(reader: BitReader, r: number, most: number): number {
  let quotient = 0;
  for (;;) {
    if (reader.windowBits < 25) refill(reader);
    // A window without a one ends the loop soon: with no bytes left, or with more zeros than any gap has.
    if (reader.window !== 0) break;
    quotient += reader.windowBits;
    reader.windowBits = 0;
    if (reader.position === reader.end || quotient << r > most) return -1;
  }
  const zeros = Math.clz32(reader.window);
  // Two shifts: by 32 at once, JavaScript would not shift at all.
  reader.window = (reader.window << zeros) << 1;
  reader.windowBits -= zeros + 1;
  const low = takeBits(reader, r);
  const gap = ((quotient + zeros) << r) | low;
  return low < 0 || gap > most ? -1 : gap;
}

/** Whether nothing is left but fewer than 8 zeros. */
export function isFinished(reader: BitReader): boolean {
  return reader.position === reader.end && reader.windowBits < 8 && reader.window === 0;
}

function refill(reader: BitReader): void {
  while (reader.windowBits <= 24 && reader.position < reader.end) {
    reader.window |= reader.bytes[reader.position++]! << (24 - reader.windowBits);
    reader.windowBits += 8;
  }
}
