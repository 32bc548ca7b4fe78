/**
 * Where a step's time goes: ONNX Runtime's own profile of this package's graph, by operator.
 *
 *   node packages/moe-engine/bench/profile.mjs training|evaluation [model directory] [threads]
 *
 * @module
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expertTensorNames } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import * as onnx from 'onnxruntime-node';
import { compileSource } from './sources.mjs';
import { createUniform } from './uniform.mjs';

/** Steps that are counted, after one that is not. */
const STEPS = 5;

/**
 * @param job `{ directory, purpose, threads, batchSize, sequenceLength, experts }` as for the subjects
 * @returns seconds a step by operator, greatest first
 */
export async function profileStep({ directory, purpose, threads, batchSize, sequenceLength, experts }) {
  const { compileEvaluation, compileTraining } = await compileSource('model/program.ts');
  const checkpoint = await openCheckpoint(directory);
  const { topology } = checkpoint;
  const shapes = new Map([...checkpoint.tensors.values()].map(({ name, shape }) => [name, shape]));
  const trained = experts.flatMap(([layer, ids]) => ids.flatMap((expert) => Object.values(expertTensorNames(topology, { layer, expert }))));
  const compile = purpose === 'training' ? compileTraining : compileEvaluation;
  const program = compile({ topology, shapes, batchSize, sequenceLength, trained });
  const uniform = createUniform(7);
  const tokens = Int32Array.from({ length: batchSize * sequenceLength }, () => Math.floor(uniform() * topology.vocabularySize));
  const feeds = { tokens: new onnx.Tensor('int32', tokens, [batchSize, sequenceLength]) };
  const predicted = batchSize * (sequenceLength - 1);
  if (program.fed.includes('lossWeights')) feeds.lossWeights = new onnx.Tensor('float32', new Float32Array(predicted).fill(1 / predicted), [predicted, 1]);
  for (const name of program.weights) feeds[name] = new onnx.Tensor('float32', await checkpoint.readFloat32(name), shapes.get(name));
  await checkpoint.close();
  return operatorSeconds(program, feeds, threads);
}

/** The session's options are those of `runtime/runtime.ts`, with a profile. */
async function operatorSeconds(program, feeds, threads) {
  const scratch = await mkdtemp(join(tmpdir(), 'connito-profile-'));
  try {
    const profile = { enableProfiling: true, profileFilePrefix: join(scratch, 'profile') };
    const session = await onnx.InferenceSession.create(program.model, { executionMode: 'sequential', graphOptimizationLevel: 'basic', logSeverityLevel: 3, intraOpNumThreads: threads, interOpNumThreads: 1, ...profile });
    for (let step = 0; step <= STEPS; step++) await session.run(feeds, [...program.outputs.values()]);
    session.endProfiling();
    const [file] = await readdir(scratch);
    return sumByOperator(JSON.parse(await readFile(join(scratch, file), 'utf8')));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function sumByOperator(events) {
  const begins = events.filter(({ name }) => name === 'model_run').map(({ ts }) => ts).sort((a, b) => a - b);
  const sums = new Map();
  for (const { cat, ts, dur, args } of events) {
    if (cat !== 'Node' || args?.op_name === undefined || ts < begins[1]) continue;
    sums.set(args.op_name, (sums.get(args.op_name) ?? 0) + dur / 1e6 / STEPS);
  }
  return new Map([...sums].sort(([, a], [, b]) => b - a));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [purpose = 'training', directory = fileURLToPath(new URL('../../demo-data/model', import.meta.url)), threads = '1'] = process.argv.slice(2);
  const checkpoint = await openCheckpoint(directory);
  const experts = checkpoint.topology.moeLayers.map((layer) => [layer, [1, 5]]);
  await checkpoint.close();
  const sums = await profileStep({ directory, purpose, threads: Number(threads), batchSize: 8, sequenceLength: 128, experts });
  const total = [...sums.values()].reduce((sum, spent) => sum + spent, 0);
  for (const [operator, spent] of sums) console.log(`${operator.padEnd(32)} ${(spent * 1000).toFixed(2).padStart(9)} ms ${((100 * spent) / total).toFixed(1).padStart(6)} %`);
}
