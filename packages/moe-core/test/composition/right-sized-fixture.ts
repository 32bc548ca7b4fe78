/** The models of vectors/right-sized.py, whose values a hash makes in either language. */
import { createCheckpoint, encodeSafetensors, fromBytes, openSafetensors, parseTopology, type Checkpoint, type ExpertSelection, type Tensor } from '../../src/index.ts';
import { readVectors } from '../vectors/read-vectors.ts';

export interface RightSizedCase {
  readonly name: string;
  /** Texts, because a float like 0.0 would not survive being parsed here. */
  readonly config: string;
  readonly smallConfig: string;
  readonly experts: Readonly<Record<string, readonly number[]>>;
  /** Name to shape, in the order that numbers them. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  /** Name to shape and the first 16 hex digits of the SHA-256 of its float32 values. */
  readonly smallTensors: Readonly<Record<string, readonly [readonly number[], string]>>;
}

export function rightSizedCases(): RightSizedCase[] {
  return readVectors<{ cases: RightSizedCase[] }>('right-sized').cases;
}

export function fullTensors({ tensors }: RightSizedCase): Tensor[] {
  return Object.entries(tensors).map(([name, shape], index) => {
    const shift = name.includes('norm') ? 1 : 0;
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (hash(index * 100_003 + i) & 0xffff) / 65536 - 0.5 + shift);
    return { name, dtype: 'F32', shape, data: new Uint8Array(data.buffer) };
  });
}

function hash(start: number): number {
  let x = Math.imul(start, 2654435761) >>> 0;
  x ^= x >>> 15;
  x = Math.imul(x, 2246822519) >>> 0;
  return (x ^ (x >>> 13)) >>> 0;
}

export function selectionIn({ experts }: RightSizedCase): ExpertSelection {
  return new Map(Object.entries(experts).map(([layer, ids]) => [Number(layer), ids]));
}

export async function openFull(model: RightSizedCase): Promise<Checkpoint> {
  return createCheckpoint({ topology: parseTopology(JSON.parse(model.config)), files: [await openSafetensors(fromBytes(encodeSafetensors(fullTensors(model))))] });
}
