/**
 * What an expert is made of, whatever the layout on disk: the one place that module files, grafts, exports and diffs ask.
 * @module
 */
import type { Checkpoint } from '../models/checkpoint.ts';
import { dtypeBits } from '../safetensors/dtype.ts';
import { gatherExpertBytes, locateExpertTensor, type ExpertTensorPlace } from '../models/expert-storage.ts';
import { requireTensor } from '../safetensors/safetensors.ts';
import { expertProjections, expertTensorNames, routerTensorNames, type ExpertId } from '../models/tensor-names.ts';
import { tensorSizeBytes, type Tensor, type TensorDescription } from '../safetensors/tensor.ts';
import type { Topology } from '../models/topology.ts';

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

/** Tensors that can be read by name: a checkpoint, a module, a file. With topology and ranges, experts are told from other tensors, in fused ones too. */
export type TensorSet = Pick<Checkpoint, 'tensors' | 'readTensor'> & { readonly [Key in 'topology' | 'readRange']?: Checkpoint[Key] | undefined };

/** A tensor by its logical name. */
export interface LogicalTensor {
  readonly description: TensorDescription;
  /** The expert that it belongs to. */
  readonly expert: ExpertId | undefined;
  read(): Promise<Tensor>;
}

/** All tensors by their logical names: fused ones taken apart, all others as they are. */
export function logicalTensors(set: TensorSet): ReadonlyMap<string, LogicalTensor> {
  const { tensors, topology, readRange } = set;
  const parts = topology === undefined || readRange === undefined ? new Map<string, OwnedPart[]>() : partsByStoredTensor(topology);
  const found = new Map<string, LogicalTensor>();
  for (const [stored, description] of tensors) {
    const inside = parts.get(stored);
    if (inside === undefined) found.set(stored, { description, expert: undefined, read: async () => set.readTensor(stored) });
    for (const { part, id } of inside ?? []) {
      const { name, shape } = part;
      const logical = { name, dtype: description.dtype, shape, sizeBytes: tensorSizeBytes({ name, dtype: description.dtype, shape }) };
      found.set(name, { description: logical, expert: id, read: async () => readExpertPart({ tensors, readRange: readRange! }, part) });
    }
  }
  return found;
}

interface OwnedPart {
  readonly part: ExpertPart;
  readonly id: ExpertId;
}

function partsByStoredTensor(topology: Topology): Map<string, OwnedPart[]> {
  const parts = new Map<string, OwnedPart[]>();
  for (const layer of topology.moeLayers) {
    for (let expert = 0; expert < topology.expertsPerLayer; expert++) {
      for (const part of expertParts(topology, { layer, expert })) {
        const others = parts.get(part.place.tensor);
        if (others === undefined) parts.set(part.place.tensor, [{ part, id: { layer, expert } }]);
        else others.push({ part, id: { layer, expert } });
      }
    }
  }
  return parts;
}

/** Where a tensor of a model with fewer experts comes from. */
export interface TensorOrigin {
  /** Name in the full model. */
  readonly name: string;
  /** Which entries of its first axis, in this order; all where `undefined`. */
  readonly rows: readonly number[] | undefined;
}

/**
 * The tensors of a layer that change when only the experts `ids` stay, renumbered from 0 in this order: new name to origin. Routers and fused experts lose entries of their first axis,
 * experts with tensors of their own are renamed.
 */
export function* keptTensors(topology: Topology, layer: number, ids: readonly number[]): Generator<readonly [string, TensorOrigin], void, undefined> {
  for (const name of routerTensors(topology, layer)) yield [name, { name, rows: ids }];
  for (const [expert, id] of ids.entries()) {
    const origins = expertParts(topology, { layer, expert: id });
    for (const [i, { name, place }] of expertParts(topology, { layer, expert }).entries()) {
      const isOwn = place.tensor === name;
      yield [place.tensor, { name: origins[i]!.place.tensor, rows: isOwn ? undefined : ids }];
    }
  }
}
