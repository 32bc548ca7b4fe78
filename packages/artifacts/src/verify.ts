/**
 * A byte stream from anywhere, checked against its address while it flows. The last chunk is held back until the hash is known,
 * so a consumer that has received the whole stream has received the right one, and a consumer of a wrong one never
 * gets to the end: it must treat what it has as garbage when the iterator throws.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { assertSha256 } from './address.ts';
import { ArtifactError } from './error.ts';

/** What to fetch, and how much of it at most. */
export interface ArtifactRequest {
  /** SHA-256 of the content, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  /** Mandatory cap: more bytes than this are never read. */
  readonly maxBytes: number;
  /** Exact size, where the record states it. */
  readonly sizeBytes?: number;
  /** Stops the transfer. */
  readonly signal?: AbortSignal;
}

/**
 * Passes `source` through unchanged, except that it throws before the last chunk where size or hash is wrong.
 *
 * @param source chunks; each must stay unchanged after it was handed over (one is held back)
 * @throws {ArtifactError} `hash-mismatch`, `size-mismatch`, `too-large`, `malformed-hash`, `invalid-option`, `aborted`
 */
export async function* verifyStream(source: AsyncIterable<Uint8Array>, request: ArtifactRequest): AsyncGenerator<Uint8Array, void, undefined> {
  assertRequest(request);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of source) {
    assertNotAborted(request.signal);
    if (chunk.length === 0) continue;
    sizeBytes += chunk.length;
    assertWithinCaps(sizeBytes, request);
    hash.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  assertNotAborted(request.signal);
  assertComplete(sizeBytes, hash.digest('hex'), request);
  if (held !== undefined) yield held;
}

/**
 * Checks a request before anything is opened or allocated for it.
 *
 * @throws {ArtifactError} `malformed-hash`, `invalid-option`, `too-large` (the stated size is above the cap)
 */
export function assertRequest(request: ArtifactRequest): void {
  const { sha256, maxBytes, sizeBytes } = request;
  assertSha256(sha256);
  assertByteCount('maxBytes', maxBytes);
  if (sizeBytes === undefined) return;
  assertByteCount('sizeBytes', sizeBytes);
  if (sizeBytes > maxBytes) throw tooLarge(sizeBytes, request);
}

/**
 * Checks a size known before reading (of a file, or of a header that announces it).
 *
 * @throws {ArtifactError} `too-large`, `size-mismatch`
 */
export function assertAnnouncedSize(actualBytes: number, request: ArtifactRequest): void {
  if (actualBytes > request.maxBytes) throw tooLarge(actualBytes, request);
  if (request.sizeBytes !== undefined && actualBytes !== request.sizeBytes) throw sizeMismatch(actualBytes, request);
}

/** @throws {ArtifactError} `aborted` */
export function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new ArtifactError('aborted', 'the transfer was aborted by its caller', {}, signal.reason);
}

/** @throws {ArtifactError} `invalid-option` */
export function assertByteCount(option: string, value: unknown): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return;
  throw new ArtifactError('invalid-option', `expected ${option} to be a whole number of bytes of at least 0, got ${String(value)}`, { option });
}

function assertWithinCaps(sizeBytes: number, request: ArtifactRequest): void {
  if (sizeBytes > request.maxBytes) throw tooLarge(sizeBytes, request);
  if (request.sizeBytes !== undefined && sizeBytes > request.sizeBytes) throw sizeMismatch(sizeBytes, request);
}

function assertComplete(sizeBytes: number, actualSha256: string, request: ArtifactRequest): void {
  if (request.sizeBytes !== undefined && sizeBytes !== request.sizeBytes) throw sizeMismatch(sizeBytes, request);
  if (actualSha256 === request.sha256) return;
  const message = `expected an artifact with SHA-256 ${request.sha256}, got ${sizeBytes} bytes with ${actualSha256}; discard them and fetch from another source`;
  throw new ArtifactError('hash-mismatch', message, { sha256: request.sha256, actualSha256, actualBytes: sizeBytes });
}

function tooLarge(actualBytes: number, { sha256, maxBytes }: ArtifactRequest): ArtifactError {
  const message = `expected at most ${maxBytes} bytes for artifact ${sha256}, got at least ${actualBytes}; the cap comes from the task's manifest`;
  return new ArtifactError('too-large', message, { sha256, maxBytes, actualBytes });
}

function sizeMismatch(actualBytes: number, { sha256, sizeBytes }: ArtifactRequest): ArtifactError {
  const message = `expected exactly ${String(sizeBytes)} bytes for artifact ${sha256}, got ${actualBytes}; the record and the bytes do not belong together`;
  return new ArtifactError('size-mismatch', message, { sha256, actualBytes, ...(sizeBytes === undefined ? {} : { expectedBytes: sizeBytes }) });
}
