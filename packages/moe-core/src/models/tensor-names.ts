/**
 * Names of an expert's and a router's tensors.
 *
 * Experts have *logical* tensors, the same in every family: gate and up `[I, H]`, down `[H, I]`, in some families with biases. Where a checkpoint stores experts one
 * by one, logical names are those on disk. Where it fuses them they are `model.layers.{i}.mlp.experts.{e}.{gate,up,down}_proj.{weight,bias}`, and
 * `locateExpertTensor` says where each lies.
 * @module
 */
import type { SeparateExperts } from './families/family.ts';
import { FAMILY_DEFINITIONS } from './families/registry.ts';
import type { Topology } from './topology.ts';

/** An expert's place in the model. */
export interface ExpertId {
  readonly layer: number;
  readonly expert: number;
}

/** An expert's tensors: `down(act(gate x, up x))`; gate and up are `[I, H]`, down is `[H, I]`. Biases `[I]`, `[I]` and `[H]` where the family has them. */
export interface ExpertTensorNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
  readonly gateBias?: string;
  readonly upBias?: string;
  readonly downBias?: string;
}

/** Which of an expert's tensors. */
export type Projection = keyof ExpertTensorNames;

const WEIGHTS = ['gate', 'up', 'down'] as const;
const WITH_BIASES = [...WEIGHTS, 'gateBias', 'upBias', 'downBias'] as const;

/** The tensors that an expert of this model has, in the order in which they are read and written. */
export function expertProjections(topology: Topology): readonly Projection[] {
  const { experts } = FAMILY_DEFINITIONS[topology.family].naming;
  return experts.kind === 'fused' && experts.gateUpBias !== undefined ? WITH_BIASES : WEIGHTS;
}

/** The logical names of fused experts, which are on no disk. */
const LOGICAL: SeparateExperts = { kind: 'separate', gate: 'gate_proj', up: 'up_proj', down: 'down_proj' };

interface NameScheme {
  readonly block: string;
  readonly projections: SeparateExperts;
}

function schemeOf({ family }: Topology): NameScheme {
  const { block, experts } = FAMILY_DEFINITIONS[family].naming;
  return experts.kind === 'separate' ? { block, projections: experts } : { block: 'mlp', projections: LOGICAL };
}

/** Logical names of an expert's tensors. */
export function expertTensorNames(topology: Topology, id: ExpertId): ExpertTensorNames {
  const { block, projections } = schemeOf(topology);
  const prefix = `model.layers.${id.layer}.${block}.experts.${id.expert}`;
  const weights = { gate: `${prefix}.${projections.gate}.weight`, up: `${prefix}.${projections.up}.weight`, down: `${prefix}.${projections.down}.weight` };
  if (expertProjections(topology).length === WEIGHTS.length) return weights;
  return { ...weights, gateBias: `${prefix}.${projections.gate}.bias`, upBias: `${prefix}.${projections.up}.bias`, downBias: `${prefix}.${projections.down}.bias` };
}

/** Logical shape of an expert's tensor. */
export function expertTensorShape(topology: Topology, projection: Projection): readonly number[] {
  const { expertWidth, hiddenSize } = topology;
  switch (projection) {
    case 'gate':
    case 'up':
      return [expertWidth, hiddenSize];
    case 'down':
      return [hiddenSize, expertWidth];
    case 'gateBias':
    case 'upBias':
      return [expertWidth];
    case 'downBias':
      return [hiddenSize];
  }
}

const EXPERT_NAME = /^model\.layers\.(0|[1-9]\d{0,8})\.(\w+)\.experts\.(0|[1-9]\d{0,8})\.(\w+)\.(weight|bias)$/;

/** The expert and projection that a logical name stands for, or `undefined` where it is no expert tensor of this model. */
export function parseExpertTensorName(topology: Topology, name: string): (ExpertId & { readonly projection: Projection }) | undefined {
  const match = EXPERT_NAME.exec(name);
  if (match === null) return undefined;
  const { block, projections } = schemeOf(topology);
  const weight = WEIGHTS.find((candidate) => projections[candidate] === match[4]);
  const layer = Number(match[1]);
  const expert = Number(match[3]);
  if (weight === undefined || match[2] !== block || !topology.moeLayers.includes(layer) || expert >= topology.expertsPerLayer) return undefined;
  const projection = match[5] === 'weight' ? weight : (`${weight}Bias` as const);
  return expertProjections(topology).includes(projection) ? { layer, expert, projection } : undefined;
}

/** Names of a router's tensors, on disk. Rows or entries are experts, in the order of their ids. */
export interface RouterTensorNames {
  /** `[E, H]` */
  readonly weight: string;
  /** `[E]`, added to the logits. */
  readonly bias: string | undefined;
  /** `[E]`, added to the scores when experts are chosen, but not to the weights. */
  readonly selectionBias: string | undefined;
}

/** Names of the router's tensors of a layer. */
export function routerTensorNames(topology: Topology, layer: number): RouterTensorNames {
  const { router, routerBias, selectionBias } = FAMILY_DEFINITIONS[topology.family].naming;
  const prefix = blockPrefix(topology, layer);
  const named = (name: string | undefined): string | undefined => (name === undefined ? undefined : prefix + name);
  return { weight: prefix + router, bias: named(routerBias), selectionBias: named(selectionBias) };
}

/** Names of the network that every token passes beside the experts, on disk. */
export interface SharedTensorNames {
  /** What the names of its three projections begin with; ends with a dot. */
  readonly prefix: string;
  /** `[1, H]`: what its output is gated with, where it is. */
  readonly gate: string | undefined;
}

/** Names of a layer's shared experts; `undefined` where the model has none. */
export function sharedTensorNames(topology: Topology, layer: number): SharedTensorNames | undefined {
  const { shared, sharedGate } = FAMILY_DEFINITIONS[topology.family].naming;
  if (topology.sharedExperts === undefined || shared === undefined) return undefined;
  const prefix = blockPrefix(topology, layer);
  return { prefix: `${prefix}${shared}.`, gate: sharedGate === undefined ? undefined : prefix + sharedGate };
}

/** What the names of a layer's feed-forward tensors begin with, on disk; ends with a dot. */
export function blockPrefix(topology: Topology, layer: number): string {
  return `${topology.namePrefix}model.layers.${layer}.${FAMILY_DEFINITIONS[topology.family].naming.block}.`;
}
