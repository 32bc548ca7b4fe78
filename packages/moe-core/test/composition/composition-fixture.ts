/** Bases, variants of them, and modules over them, in memory. */
import {
  createCheckpoint,
  createExpertModule,
  encodeExpertModule,
  encodeSafetensors,
  expertTensorNames,
  fingerprintCheckpoint,
  fromBytes,
  fromFloat32,
  openExpertModule,
  openSafetensors,
  toFloat32,
  type Checkpoint,
  type Dtype,
  type ExpertModule,
  type ExpertSelection,
  type ModuleProvenance,
  type Tensor,
} from '../../src/index.ts';
import { fixtureTensors, TOPOLOGY } from '../model-fixture.ts';

export async function openBase(tensors: readonly Tensor[] = fixtureTensors()): Promise<Checkpoint> {
  return createCheckpoint({ topology: TOPOLOGY, files: [await openSafetensors(fromBytes(encodeSafetensors(tensors)))] });
}

/** The fixture with the values of all its experts multiplied, in another dtype if asked for. */
export function variantTensors(factor: number, dtype: Dtype = 'BF16'): Tensor[] {
  return fixtureTensors().map((tensor) => {
    if (!tensor.name.includes('.experts.')) return tensor;
    return { ...tensor, dtype, data: fromFloat32(toFloat32(tensor).map((value) => value * factor), dtype) };
  });
}

export async function makeModule(options: {
  readonly selection: ExpertSelection;
  readonly factor?: number;
  readonly dtype?: 'base' | 'F32';
  readonly stored?: Dtype;
  readonly provenance?: Partial<ModuleProvenance>;
}): Promise<ExpertModule> {
  const { selection, factor = 1, dtype, stored, provenance } = options;
  const checkpoint = await openBase(variantTensors(factor, stored));
  const fingerprint = await fingerprintCheckpoint(checkpoint);
  return createExpertModule({ checkpoint, selection, dtype, provenance: { family: 'qwen3_moe', base: { fingerprint }, ...provenance } });
}

export async function collectBytes(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

/** Written and read back. */
export async function throughBytes(module: ExpertModule): Promise<ExpertModule> {
  return openExpertModule(await openSafetensors(fromBytes(await collectBytes(encodeExpertModule(module)))), TOPOLOGY);
}

export function gateName(layer: number, expert: number): string {
  return expertTensorNames(TOPOLOGY, { layer, expert }).gate;
}
