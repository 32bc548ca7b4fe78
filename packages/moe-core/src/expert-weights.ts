/**
 * A set of experts' tensors in float32: weights, or an update of them. What is taken out of a checkpoint, trained, sent, merged and grafted back.
 * @module
 */
import { assertShape, type Checkpoint } from './checkpoint.ts';
import { MoeError } from './errors.ts';
import { assertSelection, type ExpertSelection } from './expert-selection.ts';
import { fromFloat32 } from './float-conversion.ts';
import { compareCodePoints } from './internal/code-points.ts';
import type { SafetensorsFile } from './safetensors.ts';
import { encodeSafetensors, type SafetensorsMetadata } from './safetensors-writer.ts';
import type { Float32Tensor, Tensor, TensorDescription } from './tensor.ts';
import { expertTensorNames, expertTensorShape, parseExpertTensorName } from './tensor-names.ts';
import type { Topology } from './topology.ts';
import { quote } from './internal/quote.ts';

/** Tensor name to values. The order of the map carries no meaning: every sum here goes by name ({@link sortedNames}). */
export type ExpertWeights = ReadonlyMap<string, Float32Tensor>;

/** Names in code point order: the fixed order of everything that is summed over tensors. */
export function sortedNames(weights: ExpertWeights): string[] {
  return [...weights.keys()].sort(compareCodePoints);
}

/**
 * Reads the selected experts as float32, layers ascending, experts in selection order.
 * @throws selection-invalid, dtype-not-convertible, source-short-read
 * @example
 * const experts = await extractExperts(checkpoint, new Map([[0, [3, 7]]]));
 */
export async function extractExperts(checkpoint: Checkpoint, selection: ExpertSelection): Promise<ExpertWeights> {
  const { topology } = checkpoint;
  assertSelection(topology, selection);
  const weights = new Map<string, Float32Tensor>();
  for (const layer of [...selection.keys()].sort((a, b) => a - b)) {
    for (const expert of selection.get(layer) ?? []) {
      const names = expertTensorNames(topology, { layer, expert });
      for (const projection of ['gate', 'up', 'down'] as const) {
        const data = await checkpoint.readFloat32(names[projection]);
        weights.set(names[projection], { shape: expertTensorShape(topology, projection), data });
      }
    }
  }
  return weights;
}

/**
 * The experts that a set of tensors belongs to, layers and experts ascending.
 * @throws experts-mismatch where a name is no expert tensor of this model, or an expert lacks one of its three tensors
 */
export function selectionOf(topology: Topology, weights: ExpertWeights): ExpertSelection {
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
      if (count !== 3) throw notAnExpert(expertTensorNames(topology, { layer, expert }).gate, 'this expert has not all of its gate, up and down tensors');
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
 * Grafted tensors read as F32, whatever the base's dtype. Without a copy: do not change `experts` afterwards.
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 */
export function graftExperts(checkpoint: Checkpoint, experts: ExpertWeights): Checkpoint {
  assertExpertWeights(checkpoint.topology, experts);
  const grafted = new Map(experts);
  const tensors = new Map<string, TensorDescription>(checkpoint.tensors);
  for (const [name, { shape, data }] of grafted) tensors.set(name, { name, dtype: 'F32', shape, sizeBytes: data.byteLength });
  return {
    topology: checkpoint.topology,
    tensors,
    readFloat32: async (name) => grafted.get(name)?.data.slice() ?? checkpoint.readFloat32(name),
    readTensor: async (name) => {
      const tensor = grafted.get(name);
      return tensor === undefined ? checkpoint.readTensor(name) : toTensor(name, tensor);
    },
    close: () => checkpoint.close(),
  };
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
    if (weights.get(name)!.data.every(Number.isFinite)) continue;
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
