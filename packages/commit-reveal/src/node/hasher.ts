/**
 * What computes SHA-256 of a tensor's bytes: this thread or another, from a file, memory or a stream.
 * @module
 */
import type { FileRange } from './file-pieces.ts';

/** Takes one tensor at a time. */
export interface Hasher {
  digestFile(file: FileRange): Promise<Uint8Array>;
  digestBytes(data: Uint8Array): Promise<Uint8Array>;
  digestChunks(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array>;
  /** Ends what is under way. */
  close(): Promise<unknown>;
}
