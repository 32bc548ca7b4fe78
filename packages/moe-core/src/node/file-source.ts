/**
 * Files as byte sources.
 * @module
 */
import { open, type FileHandle } from 'node:fs/promises';
import { assertRange, type ByteSource } from '../safetensors/byte-source.ts';
import { MoeError } from '../errors.ts';
import { openSafetensors, type SafetensorsFile } from '../safetensors/safetensors.ts';
import { fileError } from './file-errors.ts';

/** An open file. */
export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/** An open safetensors file with its descriptor. */
export interface OpenSafetensorsFile extends SafetensorsFile {
  close(): Promise<void>;
}

/** One `read` call of the system takes at most 2^31 − 1 bytes; a round number below. */
const MAX_READ_BYTES = 1 << 30;

/**
 * Opens a regular file for reading by range. Its size is that of this moment.
 * @throws file-missing, file-unreadable
 */
export async function openFileSource(path: string): Promise<FileSource> {
  const handle = await openForReading(path);
  const { size: sizeBytes } = await handle.stat();
  let closing: Promise<void> | undefined;
  return {
    sizeBytes,
    read: async (offset, length) => {
      assertRange({ offset, length, sizeBytes });
      const bytes = new Uint8Array(length);
      await readFully(handle, { path, offset, bytes });
      return bytes;
    },
    readInto: async (offset, target) => {
      assertRange({ offset, length: target.byteLength, sizeBytes });
      await readFully(handle, { path, offset, bytes: target });
    },
    close: async () => (closing ??= handle.close()),
  };
}

/**
 * Opens a safetensors file; on a bad header nothing stays open.
 * @throws file-missing, file-unreadable, and the codes of `openSafetensors`
 */
export async function openSafetensorsFile(path: string): Promise<OpenSafetensorsFile> {
  const source = await openFileSource(path);
  try {
    const file = await openSafetensors(source);
    return { ...file, close: source.close };
  } catch (error) {
    await source.close();
    throw withPath(error, path);
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    throw fileError(path, cause);
  }
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw new MoeError('file-unreadable', { message: `${path} is not a regular file`, context: { path } });
}

async function readFully(handle: FileHandle, range: { path: string; offset: number; bytes: Uint8Array }): Promise<void> {
  const { path, offset, bytes } = range;
  const length = bytes.byteLength;
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, MAX_READ_BYTES), offset + done);
    if (bytesRead === 0) {
      throw new MoeError('source-short-read', {
        message: `${path} ended at ${offset + done}, expected ${length} bytes from ${offset}; it was truncated after it had been opened`,
        context: { offset, length, sizeBytes: offset + done },
      });
    }
    done += bytesRead;
  }
}

/** The same error with the file's path before the message. */
function withPath(error: unknown, path: string): unknown {
  if (error instanceof MoeError) error.message = `${path}: ${error.message}`;
  return error;
}
