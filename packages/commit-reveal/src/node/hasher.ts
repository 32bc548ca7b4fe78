/**
 * What computes SHA-256 of a tensor's bytes: this thread or another, from a file, memory or a stream.
 * @module
 */

/** Where a tensor's bytes lie in a file. */
export interface FileRange {
  readonly path: string;
  /** Of the first byte in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Takes one tensor at a time. */
export interface Hasher {
  digestFile(file: FileRange): Promise<Uint8Array>;
  digestBytes(data: Uint8Array): Promise<Uint8Array>;
  digestChunks(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array>;
  /** Ends what is under way. */
  close(): Promise<unknown>;
}

/** What is said of a file that ends too early. */
export function describeShortFile({ path, offset, sizeBytes }: FileRange, found: number): string {
  return `${path}: expected ${sizeBytes} bytes from byte ${offset} on, got ${found}`;
}
