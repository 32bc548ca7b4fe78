/**
 * A model without some of its experts and otherwise whole: ids, routers and config stay those of the full model, unlike a right-sized one's. It is what somebody holds who trains or
 * evaluates a few experts; an engine is told which, and what becomes of tokens that go to others.
 * @module
 */
import type { Checkpoint } from '../models/checkpoint.ts';
import { MoeError } from '../errors.ts';
import { assertSelection, type ExpertSelection } from '../experts/expert-selection.ts';
import { expertParts } from '../internal/expert-storage.ts';
import { requireTensor } from '../safetensors/safetensors.ts';
import type { Topology } from '../models/topology.ts';

/**
 * A view of `full` that holds no experts but those of `present`. A quantised model's tensors are the floats that they are read as. Closing the view closes the full one. Written to a
 * directory, it opens with `openCheckpoint(directory, { present })`.
 * @throws selection-invalid
 * @throws export-unsupported a family whose experts lie in common tensors, where one cannot be left out
 * @example
 * const partial = partialCheckpoint(full, new Map([[0, [3, 7]]])); // every other layer has no experts at all
 */
export function partialCheckpoint(full: Checkpoint, present: ExpertSelection): Checkpoint {
  const { topology } = full;
  assertSelection(topology, present);
  const left = new Set(absentTensors(topology, present));
  const tensors = new Map([...full.tensors].filter(([name]) => !left.has(name)));
  const held = (name: string): string => requireTensor(tensors, name).name;
  return {
    topology,
    tensors,
    readTensor: async (name) => full.readTensor(held(name)),
    readFloat32: async (name) => full.readFloat32(held(name)),
    readRange: async (name, range) => full.readRange(held(name), range),
    close: () => full.close(),
  };
}

function* absentTensors(topology: Topology, present: ExpertSelection): Generator<string, void, undefined> {
  for (const layer of topology.moeLayers) {
    for (let expert = 0; expert < topology.expertsPerLayer; expert++) {
      if (present.get(layer)?.includes(expert) === true) continue;
      for (const { name, place } of expertParts(topology, { layer, expert })) {
        if (place.tensor !== name) throw fused(topology);
        yield name;
      }
    }
  }
}

function fused({ family }: Topology): MoeError<'export-unsupported'> {
  const message = `the experts of a layer of ${family} lie in common tensors, so that none can be left out; a right-sized model has fewer`;
  return new MoeError('export-unsupported', { message, context: { field: 'experts' } });
}
