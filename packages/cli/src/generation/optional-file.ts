/**
 * Files of a model that it need not have.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';

/** The text of a file; `undefined` where there is none. */
export function readOptionalText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
