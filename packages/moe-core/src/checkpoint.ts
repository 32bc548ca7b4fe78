/**
 * A model whose tensors can be read one at a time, wherever they lie: one file, many shards, or a base with some experts replaced.
 * @module
 */
import { MoeError } from './errors.ts';
import { expectedTensors } from './expected-tensors.ts';
import { toFloat32 } from './float-conversion.ts';
import { requireTensor, type SafetensorsFile } from './safetensors.ts';
import { sameShape, type ElementRange, type Tensor, type TensorDescription } from './tensor.ts';
import type { Topology } from './topology.ts';
import { quote } from './internal/quote.ts';

/** An open checkpoint. Arrays that it returns belong to the caller. */
export interface Checkpoint {
  readonly topology: Topology;
  readonly tensors: ReadonlyMap<string, TensorDescription>;
  /** @throws tensor-missing, dtype-not-convertible, source-short-read */
  readFloat32(name: string): Promise<Float32Array>;
  /** @throws tensor-missing, source-short-read */
  readTensor(name: string): Promise<Tensor>;
  /** The bytes of a run of elements; nothing else of the tensor is read. @throws tensor-missing, tensor-range-invalid, source-short-read */
  readRange(name: string, range: ElementRange): Promise<Uint8Array>;
  /** Releases files. Reads after it fail. A second call does nothing. */
  close(): Promise<void>;
}

/** What a checkpoint is made from. */
export interface CheckpointParts {
  readonly topology: Topology;
  /** One file of a single-file checkpoint, or all shards. */
  readonly files: Iterable<SafetensorsFile>;
  /** Called by `close`. */
  readonly close?: () => Promise<void>;
}

/**
 * A checkpoint over open files; every tensor of the topology must be there with its shape, and none in two files. Tensors that the
 * topology does not know are kept and ignored.
 * @throws tensor-missing, tensor-shape-unexpected, safetensors-duplicate-tensor
 */
export function createCheckpoint(parts: CheckpointParts): Checkpoint {
  const { topology } = parts;
  const tensors = new Map<string, TensorDescription>();
  const owners = new Map<string, SafetensorsFile>();
  for (const file of parts.files) {
    for (const info of file.tensors.values()) {
      assertFirst(tensors, info.name);
      tensors.set(info.name, info);
      owners.set(info.name, file);
    }
  }
  assertComplete(topology, tensors);
  let closing: Promise<void> | undefined;
  return {
    topology,
    tensors,
    readFloat32: async (name) => requireTensor(owners, name).readFloat32(name),
    readTensor: async (name) => requireTensor(owners, name).read(name),
    readRange: async (name, range) => requireTensor(owners, name).readRange(name, range),
    close: async () => (closing ??= parts.close?.() ?? Promise.resolve()),
  };
}

/**
 * A run of elements of a tensor as float32.
 * @throws tensor-missing, tensor-range-invalid, dtype-not-convertible, source-short-read
 */
export async function readFloat32Range(checkpoint: Pick<Checkpoint, 'tensors' | 'readRange'>, name: string, range: ElementRange): Promise<Float32Array> {
  const { dtype } = requireTensor(checkpoint.tensors, name);
  return toFloat32({ dtype, data: await checkpoint.readRange(name, range) });
}

function assertFirst(tensors: ReadonlyMap<string, TensorDescription>, name: string): void {
  if (!tensors.has(name)) return;
  throw new MoeError('safetensors-duplicate-tensor', { message: `the tensor ${quote(name)} stands in two files`, context: { tensor: name } });
}

/**
 * Refuses tensors that are not all that a topology asks for.
 * @throws tensor-missing, tensor-shape-unexpected
 */
export function assertComplete(topology: Topology, tensors: ReadonlyMap<string, TensorDescription>): void {
  for (const { name, shape } of expectedTensors(topology)) {
    const found = tensors.get(name);
    if (found === undefined) {
      throw new MoeError('tensor-missing', {
        message: `the checkpoint lacks the tensor ${quote(name)} that its config.json asks for`,
        context: { tensor: name },
      });
    }
    assertShape(found, shape);
  }
}

/**
 * Refuses a tensor of another shape.
 * @throws tensor-shape-unexpected
 */
export function assertShape(tensor: { readonly name: string; readonly shape: readonly number[] }, expected: readonly number[]): void {
  if (sameShape(tensor.shape, expected)) return;
  throw new MoeError('tensor-shape-unexpected', {
    message: `tensor ${quote(tensor.name)} has the shape [${tensor.shape.join(', ')}], expected [${expected.join(', ')}]`,
    context: { tensor: tensor.name, expected, actual: tensor.shape },
  });
}
