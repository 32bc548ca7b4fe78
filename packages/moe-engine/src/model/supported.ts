/**
 * What moe-core reads and this engine does not compute: refused by the feature, so that nothing else is computed in its place.
 *
 * @module
 */
import { expertProjections, locateExpertTensor, expertTensorNames, routerTensorNames, type Topology } from '@connito/moe-core';
import { MoeEngineError } from '../error.ts';

/** @throws {unsupported-model} naming the feature */
export function assertSupported(topology: Topology): void {
  const feature = FEATURES.find(({ isNeeded }) => isNeeded(topology))?.name;
  if (feature === undefined) return;
  throw new MoeEngineError('unsupported-model', `models with ${feature} (family ${topology.family}) cannot be computed yet`, { feature });
}

interface Feature {
  readonly name: string;
  readonly isNeeded: (topology: Topology) => boolean;
}

const FEATURES: readonly Feature[] = [
  { name: 'attention sinks', isNeeded: ({ attention }) => attention.kind === 'grouped' && attention.sinks },
  { name: 'L2 norms of queries and keys', isNeeded: ({ attention }) => attention.kind === 'grouped' && attention.norm === 'l2' },
  { name: 'temperatures of queries', isNeeded: ({ attention }) => attention.kind === 'grouped' && attention.temperature !== undefined },
  { name: 'layers without rope', isNeeded: ({ rope }) => rope.skippedLayers.length > 0 },
  { name: 'routing weights on the input of experts', isNeeded: ({ routingWeightsOn }) => routingWeightsOn === 'input' },
  { name: 'a clamped activation', isNeeded: ({ activation }) => activation.kind !== 'swiglu' },
  { name: 'fixed multipliers', isNeeded: ({ multipliers }) => multipliers !== undefined },
  { name: 'router biases', isNeeded: (topology) => routerTensorNames(topology, 0).bias !== undefined },
  { name: 'expert biases', isNeeded: (topology) => expertProjections(topology).length > 3 },
  { name: 'experts that one tensor holds together', isNeeded: isFused },
];

function isFused(topology: Topology): boolean {
  const first = { layer: topology.moeLayers[0]!, expert: 0 };
  return locateExpertTensor(topology, first, 'gate').tensor !== expertTensorNames(topology, first).gate;
}
