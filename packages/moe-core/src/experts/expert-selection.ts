/**
 * Which experts: a set per layer.
 * @module
 */
import { MoeError } from '../errors.ts';
import type { Topology } from '../models/topology.ts';

/** Layer to expert ids, in the order in which they were selected. */
export type ExpertSelection = ReadonlyMap<number, readonly number[]>;

/**
 * Refuses selections that the model has no experts for, and experts named twice.
 * @throws selection-invalid
 */
export function assertSelection(topology: Topology, selection: ExpertSelection): void {
  for (const [layer, experts] of selection) {
    if (!topology.moeLayers.includes(layer)) throw invalid({ layer, expert: undefined, why: 'is not a layer with experts of this model' });
    const seen = new Set<number>();
    for (const expert of experts) {
      if (!Number.isInteger(expert) || expert < 0 || expert >= topology.expertsPerLayer) throw invalid({ layer, expert, why: `is not an expert from 0 to ${topology.expertsPerLayer - 1}` });
      if (seen.has(expert)) throw invalid({ layer, expert, why: 'is selected twice' });
      seen.add(expert);
    }
  }
}

function invalid(at: { layer: number; expert: number | undefined; why: string }): MoeError<'selection-invalid'> {
  const { layer, expert, why } = at;
  const what = expert === undefined ? `layer ${layer}` : `layer ${layer}, expert ${expert}`;
  return new MoeError('selection-invalid', { message: `selection: ${what} ${why}`, context: { layer, expert } });
}
