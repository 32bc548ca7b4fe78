/**
 * The weights that pretraining starts from: drawn from a normal distribution, a stream of random numbers per tensor.
 *
 * @see `PreTrainedModel._init_weights` of transformers 5.18: normal weights, zero biases, ones for norms
 * @module
 */
import { createHash } from 'node:crypto';
import { expectedTensors, type Float32Tensor, type Topology } from '@connito/moe-core';

/** Options of {@link initialWeights}. */
export interface InitialWeightsOptions {
  /** Any text. */
  readonly seed: string;
  /** Standard deviation, `0.02` by default, as `initializer_range` of the families' configs. */
  readonly deviation?: number | undefined;
}

/**
 * All tensors of a model by their names in checkpoints: norms 1, biases 0 (the router's selection bias among them, which no gradient reaches), everything else normal with mean 0.
 *
 * A tensor depends on the seed, its name and its size only. Its numbers come from xoshiro128** seeded with the first 16 bytes of
 * `SHA-256("connito/initial-weights/v1" ‖ 0 ‖ seed ‖ 0 ‖ name)`, two words a pair of normals (Box–Muller in float64, rounded once to float32). The logarithm and
 * cosine are the JavaScript engine's own, so that another engine may give other last bits.
 *
 * @example
 * const weights = initialWeights(parseTopology(config), { seed: 'first' });
 */
export function initialWeights(topology: Topology, { seed, deviation = 0.02 }: InitialWeightsOptions): Map<string, Float32Tensor> {
  const tensors = new Map<string, Float32Tensor>();
  for (const { name, shape, part } of expectedTensors(topology)) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (part === 'norms') data.fill(1);
    else if (!name.endsWith('bias')) fillNormal(data, { nextWord: createWords(seed, name), deviation });
    tensors.set(name, { shape, data });
  }
  return tensors;
}

function fillNormal(data: Float32Array, { nextWord, deviation }: { readonly nextWord: () => number; readonly deviation: number }): void {
  for (let index = 0; index < data.length; index += 2) {
    // In (0, 1], so that its logarithm is finite.
    const radius = deviation * Math.sqrt(-2 * Math.log((nextWord() + 1) / 2 ** 32));
    const angle = 2 * Math.PI * (nextWord() / 2 ** 32);
    data[index] = radius * Math.cos(angle);
    if (index + 1 < data.length) data[index + 1] = radius * Math.sin(angle);
  }
}

/**
 * xoshiro128**, 32-bit words.
 *
 * @see Blackman and Vigna, Scrambled Linear Pseudorandom Number Generators, 2021
 */
function createWords(seed: string, name: string): () => number {
  const digest = createHash('sha256').update(`connito/initial-weights/v1\0${seed}\0${name}`).digest();
  const state = Uint32Array.from({ length: 4 }, (_, word) => digest.readUInt32LE(4 * word));
  return () => {
    const [a, b, c, d] = state as unknown as [number, number, number, number];
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const [third, fourth] = [c ^ a, d ^ b];
    state[0] = a ^ fourth;
    state[1] = b ^ third;
    state[2] = third ^ (b << 9);
    state[3] = rotateLeft(fourth, 11);
    return result;
  };
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
