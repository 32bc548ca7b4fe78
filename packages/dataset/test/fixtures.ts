import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What test/vectors/generate.py wrote. */
export interface Vectors {
  readonly plan: { seed: number; sequenceLength: number; cycles: number; trainShards: number; heldOutRows: number; generalRows: number; testRows: number };
  readonly endOfTextId: number;
  readonly vocabularySize: number;
  readonly encodings: readonly { readonly text: string; readonly ids: number[] }[];
  readonly splits: Readonly<Record<string, number[]>>;
  readonly draws: readonly { readonly hotkey: string; readonly cycle: number; readonly shards: number; readonly shard: number }[];
}

export const vectorsDirectory: string = join(import.meta.dirname, 'vectors');
export const vectors: Vectors = JSON.parse(readFileSync(join(vectorsDirectory, 'vectors.json'), 'utf8')) as Vectors;
