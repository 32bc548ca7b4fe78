/**
 * What an expert is made of, whatever the layout on disk: the one place that module files, grafts, exports and diffs ask.
 * @module
 */
import type { Checkpoint } from '../checkpoint.ts';
import { dtypeBits } from '../dtype.ts';
import { gatherExpertBytes, locateExpertTensor, type ExpertTensorPlace } from '../expert-storage.ts';
import { requireTensor } from '../safetensors.ts';
import { expertProjections, expertTensorNames, parseExpertTensorName, routerTensorNames, type ExpertId } from '../tensor-names.ts';
import type { Tensor, TensorDescription } from '../tensor.ts';
import type { Topology } from '../topology.ts';

/** A logical tensor of an expert, and where it lies. */
export interface ExpertPart {
  readonly name: string;
  readonly shape: readonly number[];
  readonly place: ExpertTensorPlace;
}

/** An expert's tensors: gate, up, down, and their biases where the family has them. */
export function expertParts(topology: Topology, id: ExpertId): readonly ExpertPart[] {
  const names = expertTensorNames(topology, id);
  return expertProjections(topology).map((projection) => {
    const place = locateExpertTensor(topology, id, projection);
    return { name: names[projection]!, shape: place.shape, place };
  });
}

/** The expert that a logical tensor belongs to. */
export function expertOf(topology: Topology, name: string): ExpertId | undefined {
  return parseExpertTensorName(topology, name);
}

/** The stored tensor in which a logical one lies. @throws tensor-missing */
export function storedTensor(checkpoint: Pick<Checkpoint, 'tensors'>, { place }: ExpertPart): TensorDescription {
  return requireTensor(checkpoint.tensors, place.tensor);
}

/** A logical tensor in the type in which the checkpoint stores it; of a fused tensor the expert's own bytes are read. @throws source-short-read */
export async function readExpertPart(checkpoint: Pick<Checkpoint, 'tensors' | 'readRange'>, part: ExpertPart): Promise<Tensor> {
  const { name, shape, place } = part;
  const { dtype } = storedTensor(checkpoint, part);
  const slab = await checkpoint.readRange(place.tensor, place.slab);
  const isOwn = place.tensor === name;
  return { name, dtype, shape, data: isOwn ? slab : gatherExpertBytes(place, slab, { elementBytes: dtypeBits(dtype) / 8, storedFrom: place.slab.offset }) };
}

/** Tensors of a layer's router, one row or entry per expert on the first axis. */
export function routerTensors(topology: Topology, layer: number): readonly string[] {
  const { weight, bias, selectionBias } = routerTensorNames(topology, layer);
  return [weight, bias, selectionBias].filter((name) => name !== undefined);
}
