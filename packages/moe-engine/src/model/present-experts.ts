/**
 * Partial models: which experts a model holds, and what becomes of tokens that go to others.
 *
 * @see DESIGN 3.5, the frozen routing anchor: router, attention, norms and embeddings are those of the full model
 * @module
 */
import { assertSelection, parseExpertTensorName, type ExpertSelection, type Topology } from '@connito/moe-core';
import { MoeEngineError } from '../error.ts';
import { assertOneOf } from '../options.ts';

/** Values of {@link PartialRouting}. */
export const PARTIAL_ROUTINGS = ['natural', 'masked'] as const;

/**
 * What routing in a partial model is, with x a token's logits over all E experts:
 *
 * - `natural`: experts and weights are those of the full model, `routeTokens(x)` of moe-core; an absent expert contributes nothing. Equals the full model with
 *   the absent experts' weights at zero.
 * - `masked`: tokens go to present experts only, `routeTokens(x′)` with `x′ = x` for present experts and −∞ for absent ones. Equals the right-sized model of these
 *   experts. Where a layer holds fewer than K experts (or the groups of a rule do), absent ones fill the ranks with weight 0.
 */
export type PartialRouting = (typeof PARTIAL_ROUTINGS)[number];

/** The experts of a partial model. */
export interface PresentExperts {
  /** By layer: whose weights are loaded and computed. A layer that is not named has none. */
  readonly experts: ExpertSelection;
  /** `natural` by default. */
  readonly routing?: PartialRouting | undefined;
}

/**
 * Refuses what the model cannot be cut to.
 *
 * @throws {bad-option} another word for the routing; `masked` with a layer that holds no expert, where tokens could go nowhere
 * @throws moe-core's `selection-invalid`
 */
export function assertPresent(topology: Topology, { experts, routing = 'natural' }: PresentExperts): void {
  assertOneOf('present.routing', routing, PARTIAL_ROUTINGS);
  assertSelection(topology, experts);
  const empty = routing === 'masked' ? topology.moeLayers.find((layer) => (experts.get(layer)?.length ?? 0) === 0) : undefined;
  if (empty === undefined) return;
  const [expected, actual] = ['an expert in every layer that has experts', `none in layer ${empty}`];
  throw new MoeEngineError('bad-option', `option present: masked routing needs ${expected}, got ${actual}: add one, or choose natural routing`, { option: 'present', expected, actual });
}

/** The experts that a layer holds, ascending; all where the model is whole. */
export function presentInLayer({ expertsPerLayer }: Topology, present: PresentExperts | undefined, layer: number): readonly number[] {
  if (present === undefined) return Array.from({ length: expertsPerLayer }, (_, expert) => expert);
  return (present.experts.get(layer) ?? []).toSorted((a, b) => a - b);
}

/**
 * Refuses a tensor of an expert that the model does not hold.
 *
 * @throws {unknown-tensor}
 */
export function assertHeld(topology: Topology, present: PresentExperts | undefined, name: string): void {
  const id = parseExpertTensorName(topology, name);
  if (id === undefined || present === undefined || present.experts.get(id.layer)?.includes(id.expert) === true) return;
  throw new MoeEngineError('unknown-tensor', `"${name}" belongs to expert ${id.expert} of layer ${id.layer}, which this partial model does not hold: name it in the option present`, { name });
}
