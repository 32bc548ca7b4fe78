/**
 * A few training steps in a process of its own: node training-memory.mjs JOB_JSON. Prints one line of JSON: seconds of each step, peak resident memory, bytes of the update. Run by
 * ../partial.bench.mjs.
 * @module
 */
import { computePseudoGradient, createUpdateCompressor, encodeExpertWeights, extractExperts } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { trainExperts } from '@connito/moe-engine';
import { peakMemory } from './peak-memory.mjs';

const { directory, trained, present, vocabularySize, rows, sequenceLength, ...job } = JSON.parse(process.argv[2]);
const selection = (entries) => new Map(entries);
const tokens = Int32Array.from({ length: rows * sequenceLength }, (_, index) => (index * index * 31 + index * 7) % vocabularySize);
const before = process.memoryUsage.rss();
const held = present === undefined ? undefined : { ...present, experts: selection(present.experts) };
const checkpoint = await openCheckpoint(directory, { present: held?.experts });
const start = await extractExperts(checkpoint, selection(trained));
const seconds = [];
let begun;
const onStep = () => {
  const now = performance.now();
  if (begun !== undefined) seconds.push((now - begun) / 1000);
  begun = now;
};
const { experts } = await trainExperts({ ...job, checkpoint, start, tokens, sequenceLength, batchSize: rows, learningRate: 1e-4, rowSeed: 'bench', ...(held && { present: held }), onStep });
const peak = peakMemory();
await checkpoint.close();
const update = computePseudoGradient(start, experts);
const [plain, compressed] = [encodeExpertWeights(update).length, createUpdateCompressor().compress(update).length];
console.log(JSON.stringify({ seconds, before, peak, plain, compressed }));
