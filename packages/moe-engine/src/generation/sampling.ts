/**
 * From logits to the next token: the likeliest, or one drawn from the likely ones.
 *
 * @see Holtzman et al., The Curious Case of Neural Text Degeneration, 2020 (nucleus sampling)
 * @module
 */
import { createHash } from 'node:crypto';
import { MoeEngineError } from '../error.ts';
import { assertOption } from '../options.ts';

/** How tokens are chosen. */
export interface SamplingOptions {
  /** Divides the logits; 0, the default, takes the likeliest token each time. */
  readonly temperature?: number;
  /** Only this many of the likeliest are drawn from; all, if absent. */
  readonly topK?: number;
  /** Only the likeliest that together have this probability are drawn from; all (1), if absent. */
  readonly topP?: number;
  /** Any text: same seed, same draws. `''` by default. */
  readonly seed?: string;
}

/** Chooses a token id from logits `[V]`. */
export type Sampler = (logits: Float32Array) => number;

/**
 * Temperature, then top-k, then top-p, in transformers' order; draws are numbered, so the n-th draw depends on seed and n alone.
 * Of equal logits the lower id counts as likelier.
 *
 * @throws {bad-option}
 */
export function createSampler({ temperature = 0, topK, topP = 1, seed = '' }: SamplingOptions = {}): Sampler {
  assertOption('temperature', temperature, { least: 0, most: Number.MAX_VALUE });
  if (topK !== undefined) assertOption('topK', topK, { least: 1, whole: true });
  assertOption('topP', topP, { least: Number.MIN_VALUE, most: 1 });
  if (temperature === 0) return likeliest;
  let draw = 0;
  return (logits) => {
    const ids = rank(logits).subarray(0, topK);
    const kept = keepNucleus(probabilities(logits, ids, temperature), topP);
    return ids[pick(kept, uniform(seed, draw++))]!;
  };
}

function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 0; id < logits.length; id++) {
    if (Number.isNaN(logits[id])) throw notFinite();
    if (logits[id]! > logits[best]!) best = id;
  }
  return best;
}

/** Ids by falling logit. */
function rank(logits: Float32Array): Uint32Array {
  if (logits.some(Number.isNaN)) throw notFinite();
  return Uint32Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
}

/** Softmax over `ids`, float64. */
function probabilities(logits: Float32Array, ids: Uint32Array, temperature: number): Float64Array {
  const most = logits[ids[0]!]!;
  const weights = Float64Array.from(ids, (id) => Math.exp((logits[id]! - most) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The shortest beginning whose probabilities add up to at least `topP`. */
function keepNucleus(falling: Float64Array, topP: number): Float64Array {
  let sum = 0;
  const end = falling.findIndex((probability) => (sum += probability) >= topP);
  return end < 0 ? falling : falling.subarray(0, end + 1);
}

/** The index at which the running sum passes the share `u` of the whole. */
function pick(weights: Float64Array, u: number): number {
  let left = u * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => (left -= weight) < 0);
  return index < 0 ? weights.length - 1 : index;
}

/** In `[0, 1)`: the first 53 bits of `SHA-256("connito/sampling/v1" ‖ 0 ‖ seed ‖ 0 ‖ draw)`. */
function uniform(seed: string, draw: number): number {
  const digest = createHash('sha256').update(`connito/sampling/v1\0${seed}\0${draw}`).digest();
  return Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53;
}

function notFinite(): MoeEngineError {
  return new MoeEngineError('bad-shape', 'logits: expected numbers, got NaN: the weights of this model are damaged', { name: 'logits', expected: 'numbers', actual: 'NaN' });
}
