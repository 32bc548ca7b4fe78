/**
 * Files that are whole or not there: written to a temporary name in the same directory, flushed to disk, then renamed.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MoeError } from '../errors.ts';
import { streamSafetensors, type SafetensorsMetadata, type TensorSource } from '../safetensors/safetensors-writer.ts';
import type { Tensor } from '../safetensors/tensor.ts';

/**
 * Writes chunks to `path` atomically: temporary file, fsync, rename, fsync of the directory. A failure leaves the old file, if there was
 * one, and no temporary file; a crash may leave `.<name>.<random>.tmp`.
 * @returns the number of bytes written
 * @throws file-write-failed, and whatever the chunks throw
 */
export async function writeFileAtomic(path: string, chunks: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<number> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await wrap(path, () => open(temporary, 'wx'));
    const sizeBytes = await writeChunks(handle, { path, chunks: chunks instanceof Uint8Array ? [chunks] : chunks });
    await wrap(path, () => rename(temporary, path));
    await syncDirectory(directory);
    return sizeBytes;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * Writes a safetensors file atomically, one tensor at a time.
 * @returns the number of bytes written
 * @throws file-write-failed, and the codes of `encodeSafetensors`
 * @example
 * await writeSafetensorsFile('experts.safetensors', [{ name: 'a', dtype: 'U8', shape: [2], data: Uint8Array.of(1, 2) }]);
 */
export async function writeSafetensorsFile(path: string, tensors: Iterable<Tensor | TensorSource>, metadata?: SafetensorsMetadata): Promise<number> {
  const sources = [...tensors].map((tensor) => ('read' in tensor ? tensor : { ...tensor, read: async () => tensor.data }));
  return writeFileAtomic(path, streamSafetensors(sources, metadata));
}

async function writeChunks(handle: FileHandle, job: { path: string; chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array> }): Promise<number> {
  let sizeBytes = 0;
  try {
    for await (const chunk of job.chunks) {
      await wrap(job.path, () => writeFully(handle, chunk));
      sizeBytes += chunk.byteLength;
    }
    await wrap(job.path, () => handle.sync());
  } finally {
    await handle.close();
  }
  return sizeBytes;
}

async function writeFully(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.byteLength) {
    const { bytesWritten } = await handle.write(chunk, done, Math.min(chunk.byteLength - done, 1 << 30));
    done += bytesWritten;
  }
}

/** The rename itself must survive a crash. Some systems (Windows) cannot open directories; there it is left out. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function wrap<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const systemCode = String((cause as { code?: unknown }).code ?? cause);
    throw new MoeError('file-write-failed', { message: `${path} cannot be written (${systemCode})`, context: { path }, cause });
  }
}
