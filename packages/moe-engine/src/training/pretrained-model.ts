/**
 * A model that exists as arrays only: as a checkpoint in memory, and as a directory in Hugging Face layout.
 *
 * @module
 */
import { createCheckpoint, encodeSafetensors, fromBytes, fromFloat32, openSafetensors, parseTopology, type Checkpoint, type Float32Tensor, type Topology } from '@connito/moe-core';
import { writeModelDirectory, type WrittenModel } from '@connito/moe-core/node';

/** Number format of stored weights. */
export type WeightFormat = 'F32' | 'BF16';

/** A checkpoint over arrays, rounded to `format`. @throws moe-core's codes of `createCheckpoint` */
export async function memoryCheckpoint(topology: Topology, tensors: ReadonlyMap<string, Float32Tensor>, format: WeightFormat = 'F32'): Promise<Checkpoint> {
  const encoded = encodeSafetensors(Array.from(tensors, ([name, { shape, data }]) => ({ name, dtype: format, shape, data: fromFloat32(data, format) })), { format: 'pt' });
  return createCheckpoint({ topology, files: [await openSafetensors(fromBytes(encoded))] });
}

/** What {@link writePretrained} writes. */
export interface PretrainedDirectory {
  /** `config.json`; its `dtype` is set to that of the weights. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, Float32Tensor>;
  /** `BF16` by default. */
  readonly format?: WeightFormat | undefined;
  /** A directory whose other files (the tokenizer's) come along. */
  readonly copyFrom?: string | undefined;
}

/**
 * Writes `config.json` and `model.safetensors` (shards and an index where it is large) for transformers and everything else that reads Hugging Face's layout. Nothing stands
 * under the name before it is complete.
 *
 * @throws moe-core's codes of `parseTopology`, `createCheckpoint` and `writeModelDirectory`
 */
export async function writePretrained(directory: string, { config, tensors, format = 'BF16', copyFrom }: PretrainedDirectory): Promise<WrittenModel> {
  const checkpoint = await memoryCheckpoint(parseTopology(config), tensors, format);
  const text = JSON.stringify({ ...config, dtype: format === 'F32' ? 'float32' : 'bfloat16' }, undefined, 2);
  return writeModelDirectory(directory, { checkpoint, copyFrom, files: new Map([['config.json', `${text}\n`]]) });
}
