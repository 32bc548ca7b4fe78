/**
 * Loads a partial model and evaluates a few batches, in a process of its own: node partial-evaluation.mjs JOB_JSON. Prints one line of JSON. Run by ../real-size.bench.mjs.
 * @module
 */
import { openCheckpoint } from '@connito/moe-core/node';
import { createEvaluator } from '@connito/moe-engine';
import { peakMemory } from './peak-memory.mjs';

const { directory, present, rows, sequenceLength, batches, threads } = JSON.parse(process.argv[2]);
const held = { ...present, experts: new Map(present.experts) };
const before = process.memoryUsage.rss();
const begun = performance.now();
const checkpoint = await openCheckpoint(directory, { present: held.experts });
const opened = performance.now();
const evaluator = await createEvaluator({ checkpoint, sequenceLength, batchSize: rows, threads, present: held });
const loaded = performance.now();
const [resident, peakLoading] = [process.memoryUsage.rss(), peakMemory()];
const { vocabularySize } = checkpoint.topology;
const seconds = [];
let loss;
for (let batch = 0; batch < batches; batch++) {
  const tokens = Int32Array.from({ length: rows * sequenceLength }, (_, index) => (index * index * 31 + index * 7 + batch * 101) % vocabularySize);
  const from = performance.now();
  const losses = await evaluator.rowLosses(tokens);
  seconds.push((performance.now() - from) / 1000);
  loss ??= losses.reduce((sum, entry) => sum + entry, 0) / rows;
}
console.log(JSON.stringify({ before, openSeconds: (opened - begun) / 1000, loadSeconds: (loaded - opened) / 1000, resident, peakLoading, peak: peakMemory(), seconds, loss }));
await evaluator.close();
await checkpoint.close();
