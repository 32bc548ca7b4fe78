/**
 * Does a long run stay flat? Trains the demo model for 10,000 steps and prints the process's memory and the time that saving takes along the way.
 *
 *   node bench/long-run.bench.mjs [steps] [rows of 64 positions per micro-batch]
 *
 * Few tokens a step, so that the steps come fast: what could grow (reports, buffers, handles, the file of the steps) grows by step, not by token. Everything is on: packing, label
 * masks, two micro-batches, the load-balancing loss, saving every 50 steps. Fails where the last fifth needs over 5 % more memory than the second.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractExperts } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { packDocuments, trainingEvents } from '@connito/moe-engine';

const steps = Number(process.argv[2] ?? 10_000);
const batchSize = Number(process.argv[3] ?? 1);
const sequenceLength = 64;
const checkpoint = await openCheckpoint(fileURLToPath(new URL('../../demo-data/model', import.meta.url)));
const { moeLayers, vocabularySize } = checkpoint.topology;
const documents = Array.from({ length: 400 }, (_, number) => ({
  tokens: Array.from({ length: 5 + ((number * 7) % 40) }, (_token, index) => (number * 31 + index * index) % vocabularySize),
  labelMask: Array.from({ length: 5 + ((number * 7) % 40) }, (_token, index) => Number(index > number % 5)),
}));
const start = await extractExperts(checkpoint, new Map(moeLayers.map((layer) => [layer, [1, 5]])));
const directory = await mkdtemp(join(tmpdir(), 'connito-long-run-'));
const options = { ...packDocuments(documents, { sequenceLength }), checkpoint, start, sequenceLength, batchSize, microBatches: 2, steps, learningRate: 1e-4, warmupSteps: 100, schedule: 'cosine', auxiliaryCoefficient: 0.01, rowSeed: 'long', resumeDirectory: directory, saveEverySteps: 50 };

const memory = [];
const parts = 20;
let [window, saves, begun, lastStep] = [[], [], performance.now(), performance.now()];
console.log('    step    RSS MB  heap MB  outside MB  save ms  state kB  steps kB  ms a step');
for await (const event of trainingEvents(options)) {
  if (event.kind === 'saved') saves.push(performance.now() - lastStep);
  if (event.kind !== 'step') continue;
  lastStep = performance.now();
  if (event.step % 10 === 0) window.push(process.memoryUsage());
  if (event.step % Math.ceil(steps / parts) === 0) await report(event.step);
}
const fifth = (number) => median(memory.slice(number * 4, number * 4 + 4));
const growth = fifth(4) / fifth(1) - 1;
console.log(`memory of the last fifth against the second: ${(100 * growth).toFixed(1)} %`);
await checkpoint.close();
await rm(directory, { recursive: true });
if (growth > 0.05) process.exitCode = 1;

async function report(step) {
  const of = (key) => median(window.map((sample) => sample[key])) / 1e6;
  memory.push(of('rss'));
  const cells = [of('rss').toFixed(1), of('heapUsed').toFixed(1), (of('external') + of('arrayBuffers')).toFixed(1), median(saves).toFixed(1), (await kilobytes('training-state.safetensors')).toFixed(0), (await kilobytes('training-steps.f64')).toFixed(0), ((performance.now() - begun) / (steps / parts)).toFixed(1)];
  console.log(`${String(step).padStart(8)}${cells.map((cell) => cell.padStart(10)).join('')}`);
  [window, saves, begun] = [[], [], performance.now()];
}

async function kilobytes(name) {
  return (await stat(join(directory, name)).catch(() => ({ size: 0 }))).size / 1e3;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
