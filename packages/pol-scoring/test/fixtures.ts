import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExpertWeights } from '@connito/moe-core';
import { isPolError, type PolErrorCode } from '../src/index.ts';

interface Outcome {
  readonly code: string;
  readonly gain?: number;
  readonly lowerBound?: number;
  readonly upperBound?: number;
  readonly standardError?: number;
  readonly rows?: number;
}

/** What test/vectors/generate.py wrote. */
export interface Vectors {
  readonly seeds: readonly { readonly genesis: string; readonly netuid: number; readonly cycle: number; readonly randomness: string; readonly seed: string }[];
  readonly draws: readonly { readonly seed: string; readonly label: string; readonly population: number; readonly count: number; readonly exclude: number[]; readonly rows: number[] }[];
  readonly quantiles: readonly { readonly level: number; readonly rows: number; readonly t: number }[];
  readonly pairs: readonly { readonly base: number[]; readonly candidate: number[]; readonly clip: number; readonly level: number; readonly outcome: Outcome }[];
  readonly cycles: readonly { readonly base: number[]; readonly candidates: number[][]; readonly minGain: number; readonly floor: number; readonly scores: number[]; readonly codes: string[] }[];
  readonly medians: readonly { readonly votes: [score: number, stake: number][]; readonly median: number }[];
  readonly weights: readonly { readonly ratings: Record<string, number>; readonly targetGain: number; readonly burnUid: number; readonly weights: { uid: number; weight: number }[] }[];
}

export const vectors: Vectors = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors', 'vectors.json'), 'utf8')) as Vectors;

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** For `toThrow`: a PolError with this code. */
export const polError = (code: PolErrorCode): unknown => ({ asymmetricMatch: (error: unknown) => isPolError(error, code) });

/** A stream of numbers between −1 and 1, the same every time (splitmix32). */
export function createNoise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Two tensors filled by `valueAt`. */
export function weightsOf(valueAt: (index: number) => number): ExpertWeights {
  return new Map([
    ['a', { shape: [20, 30], data: Float32Array.from({ length: 600 }, (_, i) => valueAt(i)) }],
    ['b', { shape: [400], data: Float32Array.from({ length: 400 }, (_, i) => valueAt(600 + i)) }],
  ]);
}

/** Σ factor · weights, element by element. */
export function combine(...terms: readonly (readonly [factor: number, weights: ExpertWeights])[]): ExpertWeights {
  const first = terms[0]?.[1] ?? new Map();
  return new Map(
    [...first].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data, (_, i) => terms.reduce((sum, [factor, weights]) => sum + factor * (weights.get(name)?.data[i] ?? 0), 0)) }]),
  );
}
