/**
 * Files that hold secrets: read only where nobody else can read them, written whole or not at all.
 *
 * As ssh does, a readable secret is refused rather than used: who can read the file could have taken the key. Directories above are made for their owner alone.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ChainError } from '../errors.ts';

/** A file's bytes and who may do what with it. */
export interface SecretFile {
  readonly bytes: Uint8Array;
  /** Permission bits, for example 0o600. */
  readonly mode: number;
}

/** Whether a mode lets anybody but the owner in. Windows has no such bits. */
export function isOpenToOthers(mode: number): boolean {
  return process.platform !== 'win32' && (mode & 0o077) !== 0;
}

/** Write for everybody, and the bit that keeps them from what others own, as in /tmp. */
const [OTHERS_WRITE, STICKY] = [0o002, 0o1000];

/** The first of these directories in which anybody could put another file in place of ours. */
export async function directoryOfEverybody(directories: readonly string[]): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  for (const directory of directories) {
    const { mode } = await stat(directory);
    if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0) return directory;
  }
  return undefined;
}

/**
 * Reads a plain file of at most `maxBytes`; links are followed, and what they lead to is judged. `undefined` where there is none.
 * @throws unsafe-keyfile no plain file: a pipe would never end, a device is none of ours
 * @throws bad-keyfile longer than `maxBytes`
 */
export async function readSecretFile(path: string, maxBytes: number): Promise<SecretFile | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new ChainError('unsafe-keyfile', `${path} is no plain file: a keyfile is read from nothing else`, { path });
    if (status.size > maxBytes) throw new ChainError('bad-keyfile', `${path} has ${status.size} bytes, and a keyfile at most ${maxBytes}: this is something else`, { path, expected: maxBytes, actual: status.size });
    const buffer = new Uint8Array(maxBytes + 1);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled);
      filled += bytesRead;
      if (bytesRead === 0 || filled === buffer.length) break;
    }
    return { bytes: buffer.slice(0, Math.min(filled, maxBytes)), mode: status.mode & 0o777 };
  } finally {
    await file.close();
  }
}

/**
 * Writes a file that only its owner can read, through a temporary one beside it, flushed to disk: a crash leaves the old file or the new one. Where a link stands at
 * `path` it is replaced, never followed.
 * @throws keyfile-exists unless `overwrite`
 */
export async function writeSecretFile(path: string, bytes: Uint8Array | string, { overwrite = false }: { readonly overwrite?: boolean } = {}): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeFlushed(temporary, bytes);
    if (overwrite) await rename(temporary, path);
    else await linkOnce(temporary, path);
  } finally {
    await unlink(temporary).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }
  await flushDirectory(directory);
}

/** That nothing stands at `path`, to say so before somebody has typed a password. @throws keyfile-exists */
export function keyfileExists(path: string): ChainError {
  return new ChainError('keyfile-exists', `${path} exists and was left as it is: choose another name, or overwrite it on purpose once you are sure that its key is kept elsewhere or worthless`, { path });
}

/** Whether an error says that a file or a directory on its path is not there. */
export function isMissing(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function writeFlushed(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A link fails where something stands, a rename would replace it: so two that create the same name cannot both succeed. */
async function linkOnce(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw keyfileExists(to);
    throw error;
  }
}

/** So that the name survives a power cut too; Windows cannot open directories. */
async function flushDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
