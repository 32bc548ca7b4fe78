/**
 * Writes a checkpoint of any family and size with random weights in bfloat16, as published models have them, tensor by tensor: memory stays that of the largest.
 * @module
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectedTensors, parseTopology, parseExpertTensorName } from '@connito/moe-core';
import { writeWeights } from '@connito/moe-core/node';
import { createUniform } from './uniform.mjs';

/** Standard deviation of the weights: `initializer_range` of nearly every config. */
const DEVIATION = 0.02;

/**
 * @param directory is made
 * @param options `config` as `config.json` has it; `present`, layer → experts, where only some are to be written; `maxShardBytes` of a file
 * @returns bytes of tensors, and the number of files
 */
export async function writeRandomCheckpoint(directory, { config, present, maxShardBytes, seed = 1 }) {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
  const topology = parseTopology(config);
  const table = normalNumbers();
  const all = [...expectedTensors(topology)].map((tensor, index) => ({ ...tensor, seed: Math.imul(seed + index, 0x9e37_79b1) | 1 }));
  const wanted = all.filter(({ name }) => isWanted(topology, name, present));
  const tensors = wanted.map(({ name, shape, part, seed: own }) => ({ name, dtype: 'BF16', shape, read: async () => (part === 'norms' ? ones(shape) : draw(table, { length: count(shape), seed: own })) }));
  const files = await writeWeights(directory, tensors, { maxShardBytes });
  return { tensorBytes: wanted.reduce((sum, { shape }) => sum + 2 * count(shape), 0), files: files.length };
}

function isWanted(topology, name, present) {
  const id = present === undefined ? undefined : parseExpertTensorName(topology, name);
  return id === undefined || present.get(id.layer)?.includes(id.expert) === true;
}

/**
 * Numbers of a table of 65,536 in bfloat16, two for each 32-bit word of a xorshift generator: a gigabyte takes seconds. Every tensor has its own seed, so that its values do not depend on
 * what else is written.
 */
function draw(table, { length, seed }) {
  const halves = new Uint16Array(length);
  let state = seed;
  for (let index = 0; index < length; index += 2) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    halves[index] = table[state & 0xffff];
    if (index + 1 < length) halves[index + 1] = table[state >>> 16];
  }
  return new Uint8Array(halves.buffer);
}

/** Sums of twelve uniform numbers, which are normal enough. */
function normalNumbers() {
  const uniform = createUniform(12_345);
  const values = Float32Array.from({ length: 65_536 }, () => {
    let sum = -6;
    for (let summand = 0; summand < 12; summand++) sum += uniform();
    return DEVIATION * sum;
  });
  return upperHalves(values);
}

function ones(shape) {
  return new Uint8Array(upperHalves(new Float32Array(count(shape)).fill(1)).buffer);
}

/** bfloat16 is a float32 without its lower half. */
function upperHalves(values) {
  const halves = new Uint16Array(values.buffer);
  return Uint16Array.from({ length: values.length }, (_, index) => halves[2 * index + 1]);
}

function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}
