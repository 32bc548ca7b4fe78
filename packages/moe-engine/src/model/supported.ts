/**
 * What moe-core reads and this engine does not compute: refused by the feature, so that nothing else is computed in its place.
 *
 * @module
 */
import { expertProjections, expertTensorNames, locateExpertTensor, routerTensorNames, type Topology } from '@connito/moe-core';
import { MoeEngineError } from '../error.ts';

/** @throws {unsupported-model} naming the feature */
export function assertSupported(topology: Topology): void {
  const feature = FEATURES.find(({ isNeeded }) => isNeeded(topology))?.name;
  if (feature === undefined) return;
  throw new MoeEngineError('unsupported-model', `models with ${feature} (family ${topology.family}) cannot be computed yet`, { feature });
}

/**
 * Refuses models whose files hold the experts of a layer together, for uses that go by the names in files.
 *
 * @param use what is refused, for the message
 * @throws {unsupported-model}
 */
export function assertOwnTensors(topology: Topology, use: string): void {
  const first = { layer: topology.moeLayers[0]!, expert: 0 };
  if (locateExpertTensor(topology, first, 'gate').tensor === expertTensorNames(topology, first).gate) return;
  const feature = `${use} of experts that one tensor holds together`;
  throw new MoeEngineError('unsupported-model', `${feature} (family ${topology.family}) is not there yet: choose a family whose experts have tensors of their own`, { feature });
}

interface Feature {
  readonly name: string;
  readonly isNeeded: (topology: Topology) => boolean;
}

const FEATURES: readonly Feature[] = [
  { name: 'attention sinks', isNeeded: ({ attention }) => attention.kind === 'grouped' && attention.sinks },
  { name: 'a clamped activation', isNeeded: ({ activation }) => activation.kind !== 'swiglu' },
  { name: 'router biases', isNeeded: (topology) => routerTensorNames(topology, 0).bias !== undefined },
  { name: 'expert biases', isNeeded: (topology) => expertProjections(topology).length > 3 },
];
