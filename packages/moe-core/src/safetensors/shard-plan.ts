/**
 * Cutting a checkpoint into files and writing its index, as `split_torch_state_dict_into_shards` of huggingface_hub does: tensors in the order given, a new file where
 * the next would not fit, a tensor above the limit in a file of its own.
 * @see https://github.com/huggingface/huggingface_hub/blob/v2.4.0/src/huggingface_hub/serialization/_base.py
 * @module
 */
import { MoeError } from '../errors.ts';
import { compareCodePoints } from '../internal/code-points.ts';
import { MAX_SHARDS } from './sharded-index.ts';
import { tensorSizeBytes, type TensorDescription } from './tensor.ts';

/** Transformers' limit up to version 4; version 5 writes ten times as much into a file. */
export const DEFAULT_SHARD_BYTES = 5_000_000_000;

/** Files and what goes into each. */
export interface ShardPlan<T> {
  /** `model.safetensors`, or `model-00001-of-0000N.safetensors` and on. */
  readonly files: readonly { readonly name: string; readonly tensors: readonly T[] }[];
  /** Bytes of all tensors. */
  readonly totalBytes: number;
}

/**
 * Which tensor goes into which file.
 * @param maxShardBytes bytes of tensors in a file; its header comes on top
 * @throws index-too-large more than 10,000 files
 * @throws safetensors-size-overflow, safetensors-partial-byte
 * @example
 * const { files } = planShards(tensors, 5e9);
 */
export function planShards<T extends Omit<TensorDescription, 'sizeBytes'>>(tensors: Iterable<T>, maxShardBytes: number = DEFAULT_SHARD_BYTES): ShardPlan<T> {
  const shards: T[][] = [];
  let current: T[] = [];
  let [currentBytes, totalBytes] = [0, 0];
  for (const tensor of tensors) {
    const sizeBytes = tensorSizeBytes(tensor);
    totalBytes += sizeBytes;
    if (sizeBytes > maxShardBytes) {
      shards.push([tensor]);
      continue;
    }
    if (currentBytes + sizeBytes > maxShardBytes) {
      shards.push(current);
      [current, currentBytes] = [[], 0];
    }
    current.push(tensor);
    currentBytes += sizeBytes;
  }
  if (current.length > 0 || shards.length === 0) shards.push(current);
  if (shards.length > MAX_SHARDS) {
    throw new MoeError('index-too-large', {
      message: `the checkpoint would take ${shards.length} files, the limit is ${MAX_SHARDS}; allow more than ${maxShardBytes} bytes in each`,
      context: { what: 'shards', count: shards.length, limit: MAX_SHARDS },
    });
  }
  return { files: shards.map((shard, i) => ({ name: shardName(i, shards.length), tensors: shard })), totalBytes };
}

function shardName(index: number, count: number): string {
  return count === 1 ? 'model.safetensors' : `model-${fiveDigits(index + 1)}-of-${fiveDigits(count)}.safetensors`;
}

function fiveDigits(number: number): string {
  return String(number).padStart(5, '0');
}

/**
 * The text of `model.safetensors.index.json`: names in code point order, two spaces, as transformers writes it.
 * @param plan of more than one file
 */
export function formatShardedIndex(plan: ShardPlan<{ readonly name: string }>): string {
  const places = plan.files.flatMap((file) => file.tensors.map(({ name }) => ({ name, file: file.name })));
  const lines = places.sort((a, b) => compareCodePoints(a.name, b.name)).map(({ name, file }) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`);
  return `{\n  "metadata": {\n    "total_size": ${plan.totalBytes}\n  },\n  "weight_map": {\n${lines.join(',\n')}\n  }\n}\n`;
}
