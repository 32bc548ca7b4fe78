/**
 * Whole model directories in Hugging Face layout, under their name only when they are complete.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { Checkpoint } from '../models/checkpoint.ts';
import { MoeError } from '../errors.ts';
import type { TensorSource } from '../safetensors/safetensors-writer.ts';
import { writeFileAtomic } from './atomic-write.ts';
import { fileError } from './file-errors.ts';
import { writeWeights } from './sharded-checkpoint.ts';

/** A model and the files around it. */
export interface ModelDirectory {
  readonly checkpoint: Checkpoint;
  /**
   * Directory that tokenizer, configs and other files are copied from; weights, hidden files and sub-directories are left out. Links are followed inside of it and, as the cache of
   * huggingface_hub lays models out, to `../../blobs`. Nothing is copied where it is left out.
   */
  readonly copyFrom?: string | undefined;
  /** Texts written besides, in the place of copies of the same name: a rewritten `config.json`, say. */
  readonly files?: ReadonlyMap<string, string> | undefined;
  readonly maxShardBytes?: number | undefined;
  /** Called before each tensor is read; `doneBytes` and `totalBytes` count bytes of tensors. Throw in it to stop. */
  readonly onTensor?: ((progress: { readonly name: string; readonly doneBytes: number; readonly totalBytes: number }) => void) | undefined;
}

/** What was written. */
export interface WrittenModel {
  /** Names of all files, sorted. */
  readonly files: readonly string[];
  readonly tensorBytes: number;
}

/**
 * Writes a model into `directory`, which must not exist or be empty; directories above it are created. Everything goes to `.<name>.<random>.tmp` beside it first and is renamed at the end, so that nothing half-written ever stands under
 * the name; a failure leaves nothing, a crash may leave the temporary directory.
 * @throws output-not-empty; file-unreadable a link that leads out of the model; file-missing, file-write-failed, the codes of `writeWeights`, and whatever reading the checkpoint throws
 * @example
 * await writeModelDirectory('grafted', { checkpoint, copyFrom: 'model' });
 */
export async function writeModelDirectory(directory: string, model: ModelDirectory): Promise<WrittenModel> {
  const target = resolve(directory);
  await assertFree(target);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writing(target, () => mkdir(temporary, { recursive: true }));
    const copied = model.copyFrom === undefined ? [] : await copyAside(model.copyFrom, temporary, model.files);
    for (const [name, text] of model.files ?? []) await writeFileAtomic(join(temporary, name), new TextEncoder().encode(text));
    const tensorBytes = [...model.checkpoint.tensors.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const weights = await writeWeights(temporary, tensorSources(model, tensorBytes), { maxShardBytes: model.maxShardBytes });
    await publish(temporary, target);
    return { files: [...new Set([...copied, ...(model.files?.keys() ?? []), ...weights])].sort(), tensorBytes };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

function tensorSources({ checkpoint, onTensor }: ModelDirectory, totalBytes: number): TensorSource[] {
  let doneBytes = 0;
  return Array.from(checkpoint.tensors.values(), ({ name, dtype, shape, sizeBytes }) => ({
    name,
    dtype,
    shape,
    read: async () => {
      onTensor?.({ name, doneBytes, totalBytes });
      doneBytes += sizeBytes;
      return (await checkpoint.readTensor(name)).data;
    },
  }));
}

/**
 * Refuses a path that a directory cannot be written to without touching what is there.
 * @throws output-not-empty, file-unreadable
 */
export async function assertFree(directory: string): Promise<void> {
  const found = await readdir(directory).catch((cause: unknown) => {
    const code = (cause as { code?: unknown }).code;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') throw new MoeError('output-not-empty', { message: `${directory} is a file, or lies in one; expected a directory that does not exist yet or is empty`, context: { path: directory } });
    throw fileError(directory, cause);
  });
  if (found.length === 0) return;
  throw new MoeError('output-not-empty', { message: `${directory} is not empty (it holds ${found[0]}); name a directory that does not exist yet, or empty this one`, context: { path: directory } });
}

/** Weights in any format, their indices, and what a download tool keeps beside them. */
const WEIGHTS = /\.(safetensors|bin|pt|pth|ckpt|gguf|ggml|h5|msgpack|onnx|npz|tmp)$|\.index\.json$/;

async function copyAside(from: string, to: string, replaced: ReadonlyMap<string, string> | undefined): Promise<string[]> {
  const names = await reading(from, () => readdir(from));
  const homes = [await reading(from, () => realpath(from)), resolve(await realpath(from), '..', '..', 'blobs')];
  const copied: string[] = [];
  for (const name of names) {
    const path = join(from, name);
    if (name.startsWith('.') || WEIGHTS.test(name) || replaced?.has(name) === true) continue;
    const real = await reading(path, () => realpath(path));
    if (!(await reading(path, () => stat(real))).isFile()) continue;
    assertInside(path, real, homes);
    await writing(join(to, name), () => copyFile(real, join(to, name)));
    copied.push(name);
  }
  return copied;
}

/** A model of a stranger could link to this user's own files, which would then be published with the copy. */
function assertInside(path: string, real: string, homes: readonly string[]): void {
  if (homes.some((home) => real.startsWith(home + sep))) return;
  throw new MoeError('file-unreadable', { message: `${path} is a link to ${real}, outside of the model; put the file itself there, or remove the link`, context: { path } });
}

/** Renaming over an empty directory works on POSIX systems only, so it goes first. */
async function publish(temporary: string, target: string): Promise<void> {
  await rmdir(target).catch((cause: unknown) => {
    const { code } = cause as { code?: unknown };
    if (code === 'ENOTEMPTY' || code === 'EEXIST') throw new MoeError('output-not-empty', { message: `${target} is not empty any more; what was to be written there is discarded`, context: { path: target }, cause });
    if (code !== 'ENOENT') throw new MoeError('file-write-failed', { message: `${target} cannot be replaced (${String(code)}); name a directory that does not exist yet`, context: { path: target }, cause });
  });
  await writing(target, () => rename(temporary, target));
}

async function reading<T>(path: string, action: () => Promise<T>): Promise<T> {
  return action().catch((cause: unknown) => {
    throw fileError(path, cause);
  });
}

async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const systemCode = String((cause as { code?: unknown }).code ?? cause);
    throw new MoeError('file-write-failed', { message: `${path} cannot be written (${systemCode})`, context: { path }, cause });
  }
}
