/**
 * What an expert is made of, whatever the layout on disk: the one place that module files, grafts, exports and diffs ask.
 * @module
 */
import type { Checkpoint } from '../checkpoint.ts';
import { expertTensorNames, expertTensorShape, parseExpertTensorName, routerTensorName, type ExpertId } from '../tensor-names.ts';
import type { Tensor } from '../tensor.ts';
import type { Topology } from '../topology.ts';

/** A logical tensor of an expert. */
export interface ExpertPart {
  readonly name: string;
  readonly shape: readonly number[];
}

/** An expert's tensors: gate, up, down. */
export function expertParts(topology: Topology, id: ExpertId): readonly ExpertPart[] {
  const names = expertTensorNames(topology, id);
  return (['gate', 'up', 'down'] as const).map((projection) => ({ name: names[projection], shape: expertTensorShape(topology, projection) }));
}

/** The expert that a logical tensor belongs to. */
export function expertOf(topology: Topology, name: string): ExpertId | undefined {
  return parseExpertTensorName(topology, name);
}

/** A logical tensor's bytes as the checkpoint stores them. @throws source-short-read */
export async function readExpertPart(checkpoint: Pick<Checkpoint, 'readTensor'>, part: ExpertPart): Promise<Tensor> {
  return checkpoint.readTensor(part.name);
}

/** Tensors of a layer's router, one row per expert on the first axis. */
export function routerTensors(topology: Topology, layer: number): readonly string[] {
  return [routerTensorName(topology, layer)];
}
