/**
 * The store on a file system: `<directory>/sha256/<first two digits>/<64 digits>`, written through `<directory>/tmp`.
 *
 * A writer fills a temporary file of its own, flushes it to disk and renames it into place, so processes that share the directory never
 * see half an artifact and need no lock: writers of the same content rename equal files over one another. Files are opened without
 * following symlinks; what is not a regular file is refused.
 *
 * @module
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { assertSha256 } from './address.ts';
import { ArtifactError, isArtifactError } from './error.ts';
import type { ArtifactStore, PutOptions, StoredArtifact } from './store.ts';
import { assertAnnouncedSize, assertByteCount, assertNotAborted, assertRequest, verifyStream, type ArtifactRequest } from './verify.ts';

/** Read size: large enough that system calls do not matter, small enough that the one held-back chunk does not either. */
const CHUNK_BYTES = 262_144;

/** A temporary file untouched for so long belongs to a writer that was killed; no transfer here pauses for an hour. */
const STALE_TEMPORARY_MS = 3_600_000;

/** Without O_NOFOLLOW and O_NONBLOCK a planted symlink would be read, and a planted FIFO would block for ever. Both are absent on Windows. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens the store in `directory`, which is created where absent; temporary files of writers that died an hour ago or more are removed.
 *
 * @throws {ArtifactError} `io`
 * @example
 * ```ts
 * import { openFileStore } from '@connito/artifacts';
 *
 * const store = await openFileStore('artifacts');
 * const { sha256, sizeBytes } = await store.put(new TextEncoder().encode('weights'));
 * const bytes = await store.getBytes({ sha256, sizeBytes, maxBytes: 1_000_000 });
 * ```
 */
export async function openFileStore(directory: string): Promise<ArtifactStore> {
  const root = resolve(directory);
  await atDisk(root, async () => {
    await mkdir(join(root, 'sha256'), { recursive: true });
    await mkdir(join(root, 'tmp'), { recursive: true });
    await sweepTemporaries(join(root, 'tmp'));
  });
  return new FileStore(root);
}

class FileStore implements ArtifactStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(content: Uint8Array | AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<StoredArtifact> {
    if (options.maxBytes !== undefined) assertByteCount('maxBytes', options.maxBytes);
    const temporary = join(this.#root, 'tmp', `${randomUUID()}.part`);
    return discardOnFailure(temporary, async () => {
      const hash = createHash('sha256');
      const chunks = content instanceof Uint8Array ? slices(content) : content;
      const sizeBytes = await writeFlushed(temporary, hashed(chunks, hash, options));
      const sha256 = hash.digest('hex');
      await moveInto(temporary, this.#pathOf(sha256));
      return { sha256, sizeBytes };
    });
  }

  async *get(request: ArtifactRequest): AsyncGenerator<Uint8Array, void, undefined> {
    assertRequest(request);
    assertNotAborted(request.signal);
    const file = await openArtifact(this.#pathOf(request.sha256), request.sha256);
    try {
      const { size } = await atDisk(file.path, () => file.handle.stat());
      assertAnnouncedSize(size, request);
      yield* verifyStream(readChunks(file), request);
    } finally {
      await file.handle.close();
    }
  }

  async getBytes(request: ArtifactRequest): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.get(request)) chunks.push(chunk);
    return joinChunks(chunks);
  }

  async fetchTo(path: string, request: ArtifactRequest): Promise<StoredArtifact> {
    assertRequest(request);
    const target = resolve(path);
    const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.part`);
    return discardOnFailure(temporary, async () => {
      const sizeBytes = await writeFlushed(temporary, this.get(request));
      await moveInto(temporary, target);
      return { sha256: request.sha256, sizeBytes };
    });
  }

  async has(sha256: string): Promise<boolean> {
    assertSha256(sha256);
    const stats = await statOrUndefined(this.#pathOf(sha256));
    return stats?.isFile() === true;
  }

  async stat(sha256: string): Promise<StoredArtifact | undefined> {
    assertSha256(sha256);
    const path = this.#pathOf(sha256);
    const stats = await statOrUndefined(path);
    if (stats === undefined) return undefined;
    if (!stats.isFile()) throw notAFile(path, sha256);
    return { sha256, sizeBytes: stats.size };
  }

  async remove(sha256: string): Promise<boolean> {
    if ((await this.stat(sha256)) === undefined) return false;
    const path = this.#pathOf(sha256);
    return atDisk(path, () => unlink(path)).then(
      () => true,
      (error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return false; // another process was faster
        throw error;
      },
    );
  }

  #pathOf(sha256: string): string {
    return join(this.#root, 'sha256', sha256.slice(0, 2), sha256);
  }
}

interface OpenArtifact {
  readonly handle: FileHandle;
  readonly path: string;
}

async function openArtifact(path: string, sha256: string): Promise<OpenArtifact> {
  const handle = await open(path, OPEN_FLAGS).catch((cause: unknown) => {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT') throw new ArtifactError('not-found', `no artifact ${sha256} in this store (looked at ${path})`, { sha256, path }, cause);
    if (errno === 'ELOOP' || errno === 'EISDIR' || errno === 'ENXIO') throw notAFile(path, sha256, cause);
    throw diskError(path, cause);
  });
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, path };
  await handle.close();
  throw notAFile(path, sha256);
}

async function* readChunks({ handle, path }: OpenArtifact): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const buffer = new Uint8Array(CHUNK_BYTES); // a fresh one: the verifier still holds the previous
    const { bytesRead } = await atDisk(path, () => handle.read(buffer, 0, CHUNK_BYTES, null));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Bytes written; the file is on disk (fsync) when this returns. */
async function writeFlushed(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
  const handle = await atDisk(path, () => open(path, 'wx'));
  let sizeBytes = 0;
  try {
    for await (const chunk of chunks) {
      await atDisk(path, () => writeAll(handle, chunk));
      sizeBytes += chunk.length;
    }
    await atDisk(path, () => handle.sync());
  } finally {
    await handle.close();
  }
  return sizeBytes;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset);
    offset += bytesWritten;
  }
}

async function* hashed(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  hash: { update(data: Uint8Array): unknown },
  { maxBytes, signal }: PutOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  assertNotAborted(signal);
  for await (const chunk of chunks) {
    assertNotAborted(signal);
    sizeBytes += chunk.length;
    if (maxBytes !== undefined && sizeBytes > maxBytes) {
      throw new ArtifactError('too-large', `expected at most ${maxBytes} bytes to store, got at least ${sizeBytes}`, { maxBytes, actualBytes: sizeBytes });
    }
    hash.update(chunk);
    yield chunk;
  }
}

function* slices(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) yield bytes.subarray(offset, offset + CHUNK_BYTES);
}

async function moveInto(temporary: string, target: string): Promise<void> {
  const parent = dirname(target);
  await atDisk(target, async () => {
    await mkdir(parent, { recursive: true });
    await rename(temporary, target);
    await syncDirectory(parent);
  }).catch((error: unknown) => {
    if (errnoOf(error) === 'EISDIR' || errnoOf(error) === 'ENOTEMPTY') throw notAFile(target, basename(target), error);
    throw error;
  });
}

/** Makes the rename durable. File systems that cannot open or flush a directory order it themselves, or not at all. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function discardOnFailure<T>(temporary: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one that matters
    throw error;
  }
}

async function sweepTemporaries(directory: string): Promise<void> {
  const before = Date.now() - STALE_TEMPORARY_MS;
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.part')) continue;
    const path = join(directory, name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats !== undefined && stats.isFile() && stats.mtimeMs < before) await rm(path, { force: true });
  }
}

async function statOrUndefined(path: string): Promise<Awaited<ReturnType<typeof lstat>> & { size: number } | undefined> {
  return atDisk(path, () => lstat(path)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}

function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

/** Runs a file-system operation; its failure becomes an `io` error that keeps the cause. */
async function atDisk<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw isArtifactError(error) ? error : diskError(path, error);
  }
}

function diskError(path: string, cause: unknown): ArtifactError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ArtifactError('io', `the file system failed at ${path}: ${reason}; check free space and permissions`, { path }, cause);
}

function notAFile(path: string, sha256: string, cause?: unknown): ArtifactError {
  return new ArtifactError('not-a-file', `expected a regular file at ${path}, got a link, directory or device; remove it`, { path, sha256 }, cause);
}

function errnoOf(error: unknown): string | undefined {
  const origin = isArtifactError(error) ? error.cause : error;
  return origin instanceof Error && 'code' in origin && typeof origin.code === 'string' ? origin.code : undefined;
}
