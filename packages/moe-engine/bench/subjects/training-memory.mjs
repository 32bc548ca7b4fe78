/**
 * A few training steps in a process of its own: node training-memory.mjs JOB_JSON. Prints one line of JSON: seconds of each step, peak resident memory, bytes of the update. Run by
 * ../partial.bench.mjs.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { computePseudoGradient, createUpdateCompressor, encodeExpertWeights, extractExperts } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { pretrain, trainExperts } from '@connito/moe-engine';
import { peakMemory } from './peak-memory.mjs';

const { directory, trained, present, vocabularySize, rows, sequenceLength, steps } = JSON.parse(process.argv[2]);
const tokens = Int32Array.from({ length: rows * sequenceLength }, (_, index) => (index * index * 31 + index * 7) % vocabularySize);
const seconds = [];
let begun;
const onStep = () => {
  const now = performance.now();
  if (begun !== undefined) seconds.push((now - begun) / 1000);
  begun = now;
};
const common = { tokens, sequenceLength, batchSize: rows, steps, learningRate: 1e-4, rowSeed: 'bench', onStep };
const rssBefore = process.memoryUsage.rss();
const [first, last] = trained === 'everything' ? await trainEverything() : await trainSome();
const peak = peakMemory();
const update = computePseudoGradient(first, last);
const [plain, compressed] = [encodeExpertWeights(update).length, createUpdateCompressor().compress(update).length];
console.log(JSON.stringify({ seconds, before: rssBefore, peak, plain, compressed }));

/** Weights before and after. */
async function trainSome() {
  const held = present === undefined ? undefined : { ...present, experts: new Map(present.experts) };
  const checkpoint = await openCheckpoint(directory, { present: held?.experts });
  const start = await extractExperts(checkpoint, new Map(trained));
  const { experts } = await trainExperts({ ...common, checkpoint, start, ...(held && { present: held }) });
  await checkpoint.close();
  return [start, experts];
}

/** Weights before and after. */
async function trainEverything() {
  const checkpoint = await openCheckpoint(directory);
  const start = new Map();
  for (const { name, shape } of checkpoint.tensors.values()) start.set(name, { shape, data: await checkpoint.readFloat32(name) });
  await checkpoint.close();
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
  const { tensors } = await pretrain({ ...common, config, start });
  return [start, tensors];
}
