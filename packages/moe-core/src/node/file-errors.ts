/**
 * Errors of the file system as errors of this package.
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import { MoeError } from '../errors.ts';

/** The error of a file that cannot be opened or read. */
export function fileError(path: string, cause: unknown): MoeError<'file-missing' | 'file-unreadable'> {
  const systemCode = (cause as { code?: unknown } | undefined)?.code;
  if (systemCode === 'ENOENT' || systemCode === 'ENOTDIR') {
    return new MoeError('file-missing', { message: `${path} does not exist`, context: { path }, cause });
  }
  return new MoeError('file-unreadable', { message: `${path} cannot be read (${String(systemCode ?? cause)})`, context: { path }, cause });
}

/**
 * A small text file whose size is checked first.
 * @throws file-missing, file-unreadable, file-too-large
 */
export async function readTextFile(path: string, limitBytes: number): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > limitBytes) {
      throw new MoeError('file-too-large', {
        message: `${path} has ${size} bytes, the limit is ${limitBytes}`,
        context: { path, sizeBytes: size, limitBytes },
      });
    }
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw cause instanceof MoeError ? cause : fileError(path, cause);
  }
}
