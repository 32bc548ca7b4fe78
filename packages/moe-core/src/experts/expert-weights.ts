/**
 * A set of experts' tensors in float32: weights, or an update of them. What is taken out of a checkpoint, trained, sent, merged and grafted back.
 * @module
 */
import { readFloat32Range, type Checkpoint } from '../models/checkpoint.ts';
import { MoeError } from '../errors.ts';
import { gatherExpertTensor, locateExpertTensor, scatterExpertTensor, type ExpertTensorPlace } from '../models/expert-storage.ts';
import { assertSelection, type ExpertSelection } from './expert-selection.ts';
import { fromFloat32 } from '../safetensors/float-conversion.ts';
import { allFinite } from '../internal/finite.ts';
import { compareCodePoints } from '../internal/code-points.ts';
import type { SafetensorsFile } from '../safetensors/safetensors.ts';
import { encodeSafetensors, type SafetensorsMetadata } from '../safetensors/safetensors-writer.ts';
import { assertShape, countElements, sameShape, type Float32Tensor, type Tensor, type TensorDescription } from '../safetensors/tensor.ts';
import { expertProjections, expertTensorNames, expertTensorShape, parseExpertTensorName, type ExpertId } from '../models/tensor-names.ts';
import type { Topology } from '../models/topology.ts';
import { quote } from '../internal/quote.ts';

/** Tensor name to values. The order of the map carries no meaning: every sum here goes by name ({@link sortedNames}). */
export type ExpertWeights = ReadonlyMap<string, Float32Tensor>;

/** Names in code point order: the fixed order of everything that is summed over tensors. */
export function sortedNames(weights: ExpertWeights): string[] {
  return [...weights.keys()].sort(compareCodePoints);
}

/**
 * Reads the selected experts as float32, layers ascending, experts in selection order. Of fused tensors only the experts' own runs of bytes are read.
 * @throws selection-invalid, dtype-not-convertible, source-short-read
 * @example
 * const experts = await extractExperts(checkpoint, new Map([[0, [3, 7]]]));
 */
export async function extractExperts(checkpoint: Checkpoint, selection: ExpertSelection): Promise<ExpertWeights> {
  assertSelection(checkpoint.topology, selection);
  const weights = new Map<string, Float32Tensor>();
  for (const layer of [...selection.keys()].sort((a, b) => a - b)) {
    for (const expert of selection.get(layer) ?? []) {
      for (const [name, tensor] of await readExpert(checkpoint, { layer, expert })) weights.set(name, tensor);
    }
  }
  return weights;
}

/** All tensors of one expert. Gate and up may lie in one slab, which is read once. */
async function readExpert(checkpoint: Checkpoint, id: ExpertId): Promise<Map<string, Float32Tensor>> {
  const { topology } = checkpoint;
  const names = expertTensorNames(topology, id);
  const slabs = new Map<string, Float32Array>();
  const weights = new Map<string, Float32Tensor>();
  for (const projection of expertProjections(topology)) {
    const place = locateExpertTensor(topology, id, projection);
    if (isOwnTensor(place)) {
      weights.set(names[projection]!, { shape: place.shape, data: await checkpoint.readFloat32(place.tensor) });
      continue;
    }
    const slab = slabs.get(place.tensor) ?? (await readFloat32Range(checkpoint, place.tensor, place.slab));
    slabs.set(place.tensor, slab);
    weights.set(names[projection]!, { shape: place.shape, data: gatherExpertTensor(place, slab, place.slab.offset) });
  }
  return weights;
}

/**
 * The experts that a set of tensors belongs to, layers and experts ascending.
 * @throws experts-mismatch where a name is no expert tensor of this model, or an expert lacks one of its tensors
 */
export function selectionOf(topology: Topology, weights: ExpertWeights): ExpertSelection {
  const complete = expertProjections(topology).length;
  const found = new Map<number, Map<number, number>>();
  for (const name of weights.keys()) {
    const id = parseExpertTensorName(topology, name);
    if (id === undefined) throw notAnExpert(name);
    const layer = found.get(id.layer) ?? new Map<number, number>();
    found.set(id.layer, layer.set(id.expert, (layer.get(id.expert) ?? 0) + 1));
  }
  const selection = new Map<number, readonly number[]>();
  for (const [layer, experts] of [...found].sort(([a], [b]) => a - b)) {
    for (const [expert, count] of experts) {
      if (count !== complete) throw notAnExpert(expertTensorNames(topology, { layer, expert }).gate, `this expert has not all of its ${complete} tensors`);
    }
    selection.set(layer, [...experts.keys()].sort((a, b) => a - b));
  }
  return selection;
}

/**
 * Checks names, shapes and lengths of a set of experts against a model.
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 */
export function assertExpertWeights(topology: Topology, weights: ExpertWeights): void {
  for (const [name, tensor] of weights) {
    const id = parseExpertTensorName(topology, name);
    if (id === undefined) throw notAnExpert(name);
    assertShape({ name, shape: tensor.shape }, expertTensorShape(topology, id.projection));
    assertLength(name, tensor);
  }
}

/**
 * A view of `checkpoint` with `experts` in the place of its own. The base is not changed; closing the view closes the base.
 * Grafted tensors read as F32, whatever the base's dtype; a fused tensor with one grafted expert as a whole, the other experts' values as they were. Without a copy: do
 * not change `experts` afterwards.
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 */
export function graftExperts(checkpoint: Checkpoint, experts: ExpertWeights): Checkpoint {
  assertExpertWeights(checkpoint.topology, experts);
  const patches = findPatches(checkpoint.topology, experts);
  const tensors = new Map<string, TensorDescription>(checkpoint.tensors);
  for (const [name, [{ place }]] of patches) tensors.set(name, { name, dtype: 'F32', shape: place.storedShape, sizeBytes: 4 * countElements(place.storedShape)! });
  const readFloat32 = async (name: string): Promise<Float32Array> => {
    const [first, ...more] = patches.get(name) ?? [];
    if (first === undefined) return checkpoint.readFloat32(name);
    if (isOwnTensor(first.place)) return first.data.slice();
    const values = await checkpoint.readFloat32(name);
    for (const { place, data } of [first, ...more]) scatterExpertTensor(place, data, values);
    return values;
  };
  return {
    topology: checkpoint.topology,
    tensors,
    readFloat32,
    readRange: async (name, range) => {
      const patched = patches.get(name);
      if (patched === undefined) return checkpoint.readRange(name, range);
      const values = await readFloat32Range(checkpoint, name, range);
      for (const { place, data } of patched) {
        if (place.slab.offset < range.offset + range.length && range.offset < place.slab.offset + place.slab.length) scatterExpertTensor(place, data, values, range.offset);
      }
      return bytesOf(values);
    },
    readTensor: async (name) => {
      const patched = patches.get(name);
      return patched === undefined ? checkpoint.readTensor(name) : toTensor(name, { shape: patched[0].place.storedShape, data: await readFloat32(name) });
    },
    close: () => checkpoint.close(),
  };
}

interface Patch {
  readonly place: ExpertTensorPlace;
  readonly data: Float32Array;
}

/** Stored tensors that experts change, each with what changes in it. */
function findPatches(topology: Topology, experts: ExpertWeights): ReadonlyMap<string, readonly [Patch, ...Patch[]]> {
  const patches = new Map<string, [Patch, ...Patch[]]>();
  for (const [name, { data }] of experts) {
    const id = parseExpertTensorName(topology, name)!;
    const place = locateExpertTensor(topology, id, id.projection);
    const others = patches.get(place.tensor);
    if (others === undefined) patches.set(place.tensor, [{ place, data }]);
    else others.push({ place, data });
  }
  return patches;
}

/** Whether the logical tensor is the stored one. */
function isOwnTensor({ shape, storedShape }: ExpertTensorPlace): boolean {
  return shape.length === storedShape.length && sameShape(shape, storedShape);
}

/**
 * Experts as an F32 safetensors file with metadata.
 * @throws the codes of `encodeSafetensors`
 */
export function encodeExpertWeights(weights: ExpertWeights, metadata?: SafetensorsMetadata): Uint8Array {
  const tensors = [...weights].map(([name, tensor]) => {
    assertLength(name, tensor);
    return toTensor(name, tensor);
  });
  return encodeSafetensors(tensors, metadata);
}

/**
 * Reads back what {@link encodeExpertWeights} wrote; every tensor must be F32. Names and shapes are checked against a model by
 * {@link assertExpertWeights}, values by {@link assertFinite}.
 * @throws tensor-dtype-unexpected, source-short-read
 */
export async function decodeExpertWeights(file: SafetensorsFile): Promise<ExpertWeights> {
  const weights = new Map<string, Float32Tensor>();
  for (const { name, dtype, shape } of file.tensors.values()) {
    if (dtype !== 'F32') {
      throw new MoeError('tensor-dtype-unexpected', {
        message: `tensor ${quote(name)} is ${dtype}, experts travel as F32`,
        context: { tensor: name, expected: 'F32', actual: dtype },
      });
    }
    weights.set(name, { shape, data: await file.readFloat32(name) });
  }
  return weights;
}

/**
 * Refuses NaN and infinities.
 * @throws experts-not-finite naming the first tensor in name order
 */
export function assertFinite(weights: ExpertWeights): void {
  for (const name of sortedNames(weights)) {
    if (allFinite(weights.get(name)!.data)) continue;
    throw new MoeError('experts-not-finite', { message: `tensor ${quote(name)} holds a NaN or an infinity`, context: { tensor: name } });
  }
}

/**
 * Refuses two sets with different names or shapes.
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 */
export function assertSameExperts(expected: ExpertWeights, actual: ExpertWeights): void {
  for (const name of expected.keys()) {
    if (!actual.has(name)) throw notAnExpert(name, 'one set has this tensor, the other does not');
  }
  for (const [name, tensor] of actual) {
    const other = expected.get(name);
    if (other === undefined) throw notAnExpert(name, 'one set has this tensor, the other does not');
    assertShape({ name, shape: tensor.shape }, other.shape);
    assertLength(name, tensor);
    assertLength(name, other);
  }
}

function toTensor(name: string, { shape, data }: Float32Tensor): Tensor {
  return { name, dtype: 'F32', shape, data: fromFloat32(data, 'F32') };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function assertLength(tensor: string, { shape, data }: Float32Tensor): void {
  const expected = shape.reduce((product, size) => product * size, 1);
  if (data.length === expected) return;
  throw new MoeError('tensor-size-unexpected', {
    message: `tensor ${quote(tensor)} of shape [${shape.join(', ')}] has ${data.length} values, expected ${expected}`,
    context: { tensor, expected, actual: data.length },
  });
}

function notAnExpert(tensor: string, why = 'this is not a tensor of an expert of this model'): MoeError<'experts-mismatch'> {
  return new MoeError('experts-mismatch', { message: `tensor ${quote(tensor)}: ${why}`, context: { tensor } });
}
