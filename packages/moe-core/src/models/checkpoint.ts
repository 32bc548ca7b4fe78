/**
 * A model whose tensors can be read one at a time, wherever they lie: one file, many shards, or a base with some experts replaced.
 * @module
 */
import { MoeError } from '../errors.ts';
import { assertSelection, type ExpertSelection } from '../experts/expert-selection.ts';
import { expectedTensors } from './expected-tensors.ts';
import { toFloat32 } from '../safetensors/float-conversion.ts';
import { assertNotQuantized, dequantizedTensors, type TensorReader } from './quantized-checkpoint.ts';
import { requireTensor, type SafetensorsFile } from '../safetensors/safetensors.ts';
import { assertShape, type ElementRange, type TensorDescription } from '../safetensors/tensor.ts';
import { parseExpertTensorName, type ExpertId } from './tensor-names.ts';
import type { Topology } from './topology.ts';
import { quote } from '../internal/quote.ts';

/** An open checkpoint. Arrays that it returns belong to the caller. */
export interface Checkpoint extends TensorReader {
  readonly topology: Topology;
  /** What the files of a quantised checkpoint hold; left out where that is `tensors`. */
  readonly stored?: ReadonlyMap<string, TensorDescription> | undefined;
  /** Releases files. Reads after it fail. A second call does nothing. */
  close(): Promise<void>;
}

/** What a checkpoint is made from. */
export interface CheckpointParts {
  readonly topology: Topology;
  /** One file of a single-file checkpoint, or all shards. */
  readonly files: Iterable<SafetensorsFile>;
  /** Experts that must be there, of a partial checkpoint; all, where left out. Others may lack where each has tensors of its own. */
  readonly present?: ExpertSelection | undefined;
  /** Called by `close`. */
  readonly close?: () => Promise<void>;
}

/**
 * A checkpoint over open files; every tensor of the topology must be there with its shape (but for experts that are not `present`), and none in two files. Tensors that the
 * topology does not know are kept and ignored. Quantised weights (`topology.quantization`) are read as floats, see {@link dequantizedTensors}.
 * @throws tensor-missing, tensor-shape-unexpected, safetensors-duplicate-tensor; selection-invalid for `present`
 * @throws config-contradiction the files hold quantised weights, and the config does not say so
 * @throws tensor-dtype-unexpected factors of quantised weights that are of another type
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
  const stored: TensorReader = {
    tensors,
    readFloat32: async (name) => requireTensor(owners, name).readFloat32(name),
    readTensor: async (name) => requireTensor(owners, name).read(name),
    readRange: async (name, range) => requireTensor(owners, name).readRange(name, range),
  };
  if (topology.quantization === undefined) assertNotQuantized(tensors, topology);
  const reader = topology.quantization === undefined ? stored : dequantizedTensors(stored, topology, topology.quantization);
  assertComplete(topology, reader.tensors, parts.present);
  let closing: Promise<void> | undefined;
  return {
    topology,
    ...reader,
    stored: reader === stored ? undefined : tensors,
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
 * Refuses tensors that are not all that a topology asks for; of experts, where `present` is given, only these.
 * @throws tensor-missing, tensor-shape-unexpected, selection-invalid
 */
export function assertComplete(topology: Topology, tensors: ReadonlyMap<string, TensorDescription>, present?: ExpertSelection): void {
  if (present !== undefined) assertSelection(topology, present);
  for (const { name, shape } of expectedTensors(topology)) {
    const found = tensors.get(name);
    if (found !== undefined) assertShape(found, shape);
    else if (!isAbsentExpert(topology, name, present)) throw lacking(name, parseExpertTensorName(topology, name));
  }
}

/** Fused experts have no tensor that could lack for one alone: their names are no expert's. */
function isAbsentExpert(topology: Topology, name: string, present: ExpertSelection | undefined): boolean {
  const id = present === undefined ? undefined : parseExpertTensorName(topology, name);
  return id !== undefined && present?.get(id.layer)?.includes(id.expert) !== true;
}

function lacking(tensor: string, expert: ExpertId | undefined): MoeError<'tensor-missing'> {
  const advice = expert === undefined ? '' : '; where it holds only some of the experts on purpose, name those that it must hold (present)';
  return new MoeError('tensor-missing', { message: `the checkpoint lacks the tensor ${quote(tensor)} that its config.json asks for${advice}`, context: { tensor } });
}
