/**
 * A checkpoint's tensors by the names that graphs use: an expert's own matrices, also where the files hold those of a whole layer in one tensor.
 *
 * @module
 */
import {
  expertProjections,
  expertTensorNames,
  gatherExpertTensor,
  locateExpertTensor,
  parseExpertTensorName,
  readFloat32Range,
  type Checkpoint,
  type ExpertTensorPlace,
} from '@connito/moe-core';
import type { TensorShapes } from '../model/program.ts';
import type { TensorMessage } from './tensor-message.ts';

/** Shapes of all tensors by their names in the files, and of experts that have no tensors of their own by their logical names. */
export function tensorShapes({ topology, tensors }: Pick<Checkpoint, 'topology' | 'tensors'>): TensorShapes {
  const shapes = new Map([...tensors.values()].map(({ name, shape }) => [name, shape]));
  for (const layer of topology.moeLayers) {
    for (let expert = 0; expert < topology.expertsPerLayer; expert++) {
      const names = expertTensorNames(topology, { layer, expert });
      for (const projection of expertProjections(topology)) {
        const place = locateExpertTensor(topology, { layer, expert }, projection);
        if (place.tensor !== names[projection] && tensors.has(place.tensor)) shapes.set(names[projection]!, place.shape);
      }
    }
  }
  return shapes;
}

/** Reads one tensor; the array is the caller's. */
export async function readLogicalTensor(checkpoint: Checkpoint, name: string): Promise<TensorMessage> {
  const place = placeInside(checkpoint, name);
  if (place === undefined) return { name, shape: checkpoint.tensors.get(name)!.shape, data: await checkpoint.readFloat32(name) };
  const { offset, length } = place.slab;
  const slab = await readFloat32Range(checkpoint, place.tensor, { offset, length });
  return { name, shape: place.shape, data: gatherExpertTensor(place, slab, offset) };
}

/** Where a tensor lies that has no place of its own. */
function placeInside({ topology }: Checkpoint, name: string): ExpertTensorPlace | undefined {
  const id = parseExpertTensorName(topology, name);
  if (id === undefined) return undefined;
  const place = locateExpertTensor(topology, id, id.projection);
  return place.tensor === name ? undefined : place;
}
