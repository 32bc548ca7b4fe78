/**
 * Bytes that can be read by range, so that a checkpoint need never be in memory as a whole. Two members, as in hyparquet's
 * `AsyncBuffer`: files, memory and HTTP ranges all fit.
 * @module
 */
import { MoeError } from '../errors.ts';

/** Random access to a fixed number of bytes. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`. The returned array belongs to the caller and is never written to again. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** The bytes from `offset` into an array that is there already; where this is missing, `read` is used and copied. */
  readInto?(offset: number, target: Uint8Array): Promise<void>;
}

/** A source over bytes in memory. Reads are copies, so that results can be kept and changed. */
export function fromBytes(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.byteLength,
    async read(offset, length) {
      assertRange({ offset, length, sizeBytes: bytes.byteLength });
      return Uint8Array.prototype.slice.call(bytes, offset, offset + length);
    },
    async readInto(offset, target) {
      assertRange({ offset, length: target.byteLength, sizeBytes: bytes.byteLength });
      target.set(bytes.subarray(offset, offset + target.byteLength));
    },
  };
}

/** Fills `target` with the bytes from `offset`. @throws source-short-read */
export async function readInto(source: ByteSource, offset: number, target: Uint8Array): Promise<void> {
  if (source.readInto !== undefined) return source.readInto(offset, target);
  target.set(await source.read(offset, target.byteLength));
}

/**
 * Refuses a range outside of a source.
 * @throws source-short-read
 */
export function assertRange(range: { readonly offset: number; readonly length: number; readonly sizeBytes: number }): void {
  const { offset, length, sizeBytes } = range;
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= sizeBytes) return;
  throw new MoeError('source-short-read', {
    message: `expected ${length} bytes at offset ${offset}, but the source has ${sizeBytes} bytes; is the file truncated or still being written?`,
    context: { offset, length, sizeBytes },
  });
}
