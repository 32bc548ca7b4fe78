/**
 * How many parameters and bytes each part of a model has.
 * @module
 */
import { expectedTensors, MODEL_PARTS, type ModelPart } from './expected-tensors.ts';
import { COMPANIONS } from './quantized-checkpoint.ts';
import { expertProjections, expertTensorShape } from './tensor-names.ts';
import type { Topology } from './topology.ts';

/** Parameters per part of a model. */
export interface ParameterCounts {
  readonly parts: Readonly<Record<ModelPart, number>>;
  readonly total: number;
  /** One expert: `3 · H · I`, and its biases. */
  readonly perExpert: number;
  /** Parameters that take part in one token's forward pass: all but the experts that were not chosen. Some publishers leave out the embedding too. */
  readonly activePerToken: number;
}

/** Counts parameters, every number of the tensors of {@link expectedTensors}; bytes of a checkpoint: {@link countBytes}. */
export function countParameters(topology: Topology): ParameterCounts {
  const parts = sumParts(topology, ({ shape }) => elements(shape));
  const total = sum(Object.values(parts));
  const perExpert = sum(expertProjections(topology).map((projection) => elements(expertTensorShape(topology, projection))));
  const idle = topology.moeLayers.length * (topology.expertsPerLayer - topology.expertsPerToken);
  return { parts, total, perExpert, activePerToken: total - idle * perExpert };
}

/**
 * Bytes per part, of a checkpoint's own tensors and dtypes (`checkpoint.stored ?? checkpoint.tensors`), factors of quantised ones included; tensors that the topology does
 * not know are left out.
 */
export function countBytes(
  topology: Topology,
  tensors: ReadonlyMap<string, { readonly sizeBytes: number }>,
): { readonly parts: Readonly<Record<ModelPart, number>>; readonly total: number; readonly perExpert: number } {
  const parts = sumParts(topology, ({ name }) => sum(['', ...COMPANIONS].map((suffix) => tensors.get(name + suffix)?.sizeBytes ?? 0)));
  const perExpert = parts.experts / (topology.moeLayers.length * topology.expertsPerLayer);
  return { parts, total: sum(Object.values(parts)), perExpert };
}

function sumParts(topology: Topology, measure: (tensor: { name: string; shape: readonly number[] }) => number): Record<ModelPart, number> {
  const parts = Object.fromEntries(MODEL_PARTS.map((part) => [part, 0])) as Record<ModelPart, number>;
  for (const tensor of expectedTensors(topology)) parts[tensor.part] += measure(tensor);
  return parts;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
