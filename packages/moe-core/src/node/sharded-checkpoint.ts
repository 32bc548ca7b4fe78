/**
 * Writing the weights of a checkpoint: one file, or several and their index.
 * @module
 */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MoeError } from '../errors.ts';
import { formatShardedIndex, planShards } from '../safetensors/shard-plan.ts';
import type { SafetensorsMetadata, TensorSource } from '../safetensors/safetensors-writer.ts';
import type { Tensor } from '../safetensors/tensor.ts';
import { writeFileAtomic, writeSafetensorsFile } from './atomic-write.ts';
import { fileError } from './file-errors.ts';

const INDEX = 'model.safetensors.index.json';

/** How weights are written. */
export interface WriteWeightsOptions {
  /** Bytes of tensors in a file; 5 GB by default. */
  readonly maxShardBytes?: number | undefined;
  /** `__metadata__` of every file. transformers reads only files that say `{ format: 'pt' }`, the default. */
  readonly metadata?: SafetensorsMetadata | undefined;
}

/**
 * Writes `model.safetensors`, or `model-00001-of-0000N.safetensors` … and `model.safetensors.index.json`, into a directory that it creates. Tensors are read and written one
 * at a time. Every file is whole or not there, and the index comes last: before it, a sharded checkpoint cannot be opened.
 * @returns names of the files that were written
 * @throws file-exists weights are there already: a new index beside an old `model.safetensors` would not be looked at
 * @throws file-write-failed, index-too-large, the codes of `streamSafetensors`, and whatever the tensors throw
 * @example
 * await writeWeights('model-small', tensors, { maxShardBytes: 2e9 });
 */
export async function writeWeights(directory: string, tensors: Iterable<Tensor | TensorSource>, options: WriteWeightsOptions = {}): Promise<readonly string[]> {
  const { maxShardBytes, metadata = { format: 'pt' } } = options;
  const plan = planShards(tensors, maxShardBytes);
  await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
    throw new MoeError('file-write-failed', { message: `${directory} cannot be created (${String((cause as { code?: unknown }).code ?? cause)})`, context: { path: directory }, cause });
  });
  for (const name of ['model.safetensors', INDEX]) await assertAbsent(join(directory, name));
  for (const file of plan.files) await writeSafetensorsFile(join(directory, file.name), file.tensors, metadata);
  const names = plan.files.map(({ name }) => name);
  if (names.length === 1) return names;
  await writeFileAtomic(join(directory, INDEX), new TextEncoder().encode(formatShardedIndex(plan)));
  return [...names, INDEX];
}

async function assertAbsent(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (cause) {
    const error = fileError(path, cause);
    if (error.code === 'file-missing') return;
    throw error;
  }
  throw new MoeError('file-exists', { message: `${path} exists; give a directory without weights, or remove them`, context: { path } });
}
