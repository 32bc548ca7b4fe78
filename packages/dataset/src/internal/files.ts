/**
 * Reading with a cap, and file-system failures as typed errors.
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import { DatasetError, isDatasetError } from '../error.ts';

/** The whole file, refused before reading where it is larger than `maxBytes`. */
export async function readCapped(path: string, maxBytes: number): Promise<Uint8Array> {
  return atDisk(path, async () => {
    const { size } = await stat(path);
    if (size > maxBytes) throw new DatasetError('too-large', `expected at most ${maxBytes} bytes in ${path}, got ${size}; cut it into several files`, { path });
    return readFile(path);
  });
}

/** Runs a file-system operation; its failure becomes `not-found` or `io` and keeps the cause. */
export async function atDisk<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (isDatasetError(error)) throw error;
    const { code, syscall } = error as NodeJS.ErrnoException;
    // Making a directory fails so on a read-only file system: nothing was looked for.
    if (code === 'ENOENT' && syscall !== 'mkdir') throw new DatasetError('not-found', `expected a file or directory at ${path}, found nothing`, { path }, error);
    throw new DatasetError('io', `the file system failed at ${path}: ${error instanceof Error ? error.message : String(error)}`, { path }, error);
  }
}
