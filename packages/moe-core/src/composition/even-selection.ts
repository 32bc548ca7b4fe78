/**
 * Selections with as many experts in every layer, which is all that a `config.json` of transformers can say.
 * @module
 */
import { MoeError } from '../errors.ts';
import { assertScores } from '../partition/expert-choice.ts';
import type { ExpertScores } from '../partition/expert-relevance.ts';
import { assertSelection, type ExpertSelection } from '../experts/expert-selection.ts';
import type { Topology } from '../models/topology.ts';

/** What is evened out, and by what. */
export interface EvenSelection {
  readonly topology: Topology;
  readonly selection: ExpertSelection;
  /** Higher is better; every layer with experts, every expert. */
  readonly scores: ExpertScores;
  /** Experts of each layer; that of the fullest layer by default. */
  readonly count?: number | undefined;
}

/**
 * Fills each layer with the experts that score best of those not yet in it, lower ids first where scores are equal, until all have `count`. Layers that were not selected at all are filled too.
 * What was selected stays, in its order; what is added follows.
 * @throws selection-invalid; scores-invalid a layer without scores, or with another number of experts
 * @throws export-uneven a layer with more than `count`, or a count that the model cannot fill
 * @example
 * const even = evenSelection({ topology, selection, scores: summary.tokenScores });
 */
export function evenSelection({ topology, selection, scores, count = fullest(selection) }: EvenSelection): ExpertSelection {
  assertSelection(topology, selection);
  assertScores(scores);
  if (!Number.isInteger(count) || count < 1 || count > topology.expertsPerLayer) throw uneven({ layer: topology.moeLayers[0]!, expected: count, actual: topology.expertsPerLayer }, `expected a count from 1 to ${topology.expertsPerLayer}`);
  return new Map(topology.moeLayers.map((layer) => [layer, fill(layer, { topology, ids: selection.get(layer) ?? [], row: scores.get(layer), count })]));
}

function fill(layer: number, from: { topology: Topology; ids: readonly number[]; row: readonly number[] | undefined; count: number }): readonly number[] {
  const { topology, ids, row, count } = from;
  if (ids.length > count) throw uneven({ layer, expected: count, actual: ids.length }, `layer ${layer} selects ${ids.length} experts, more than ${count}`);
  if (row?.length !== topology.expertsPerLayer) {
    throw new MoeError('scores-invalid', { message: `scores: layer ${layer} has ${row?.length ?? 0} scores, the model has ${topology.expertsPerLayer} experts there`, context: { field: String(layer) } });
  }
  const rest = row.map((_, expert) => expert).filter((expert) => !ids.includes(expert));
  rest.sort((a, b) => row[b]! - row[a]! || a - b);
  return [...ids, ...rest.slice(0, count - ids.length)];
}

function fullest(selection: ExpertSelection): number {
  return Math.max(0, ...[...selection.values()].map((ids) => ids.length));
}

function uneven(context: { layer: number; expected: number; actual: number }, message: string): MoeError<'export-uneven'> {
  return new MoeError('export-uneven', { message, context });
}
