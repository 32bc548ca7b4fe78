/**
 * What every artifact store can do: the file system here, S3-compatible stores, HTTP and the Hugging Face Hub later.
 *
 * @module
 */
import type { ArtifactRequest } from './verify.ts';

/** An artifact that lies in a store. */
export interface StoredArtifact {
  /** SHA-256 of the content, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Limits of a {@link ArtifactStore.put}. */
export interface PutOptions {
  /** Cap for streams of unknown length; more bytes are refused with `too-large` and leave nothing behind. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * A content-addressed store. Addresses are SHA-256 of the content; nothing is trusted on the way out, so every read is verified
 * and capped. Methods of one store may run concurrently, and several processes may share one store.
 */
export interface ArtifactStore {
  /**
   * Stores `content` under its hash. Idempotent; the artifact appears whole or not at all, and replaces a damaged copy of itself.
   *
   * @throws {ArtifactError} `too-large`, `not-a-file`, `aborted`, `invalid-option`, `io`
   */
  put(content: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<StoredArtifact>;

  /**
   * Streams an artifact; the iterator throws before the last chunk is released where the content is wrong.
   *
   * @throws {ArtifactError} `not-found`, `hash-mismatch`, `size-mismatch`, `too-large`, `malformed-hash`, `not-a-file`, `invalid-option`, `aborted`, `io`
   */
  get(request: ArtifactRequest): AsyncIterable<Uint8Array>;

  /** The whole artifact in memory, verified. Throws as {@link ArtifactStore.get}. */
  getBytes(request: ArtifactRequest): Promise<Uint8Array>;

  /** Writes an artifact to `path`, which appears whole and verified or not at all. Throws as {@link ArtifactStore.get}. */
  fetchTo(path: string, request: ArtifactRequest): Promise<StoredArtifact>;

  /** Whether the store lists this artifact; its content is not checked. @throws {ArtifactError} `malformed-hash`, `io` */
  has(sha256: string): Promise<boolean>;

  /** Size as listed, content not checked; `undefined` where absent. @throws {ArtifactError} `malformed-hash`, `not-a-file`, `io` */
  stat(sha256: string): Promise<StoredArtifact | undefined>;

  /** Removes an artifact; whether there was one. @throws {ArtifactError} `malformed-hash`, `not-a-file`, `io` */
  remove(sha256: string): Promise<boolean>;
}
