/**
 * What training a few experts saves: parameters, bytes on the wire, memory and operations of a step, against training all of the same model.
 *
 *   npm run bench -- moe-engine partial
 *
 * Each way of training runs in a process of its own, whose peak resident memory is read at its end; STEPS (6) are timed. Operations are counted from shapes and from where this batch's tokens go.
 * Training everything goes through `pretrain`, which holds two copies of the weights more than are needed: those that it is given, and a checkpoint of them.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countFlops, countParameters, parseTopology } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { collectRouting } from '@connito/moe-engine';
import { deepseekV2Lite } from './deepseek-v2-lite.mjs';
import { writeRandomCheckpoint } from './random-checkpoint.mjs';

const steps = Number(process.env.STEPS ?? 6);
const batch = { rows: 4, sequenceLength: 128 };
const subject = fileURLToPath(new URL('subjects/training-memory.mjs', import.meta.url));

/** 64 experts of which 6 are active, as DeepSeek-V2-Lite has, a quarter as wide. */
const MIDDLE = {
  model_type: 'qwen3_moe', hidden_size: 512, moe_intermediate_size: 352, intermediate_size: 352, num_experts: 64, num_experts_per_tok: 6, num_hidden_layers: 3, num_attention_heads: 8,
  num_key_value_heads: 2, head_dim: 64, vocab_size: 8192, max_position_embeddings: 4096, rms_norm_eps: 1e-6, rope_theta: 10_000, tie_word_embeddings: false, norm_topk_prob: true,
};

const scratch = await mkdtemp(join(tmpdir(), 'connito-bench-'));
try {
  console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}; ${batch.rows} × ${batch.sequenceLength} tokens a step, one thread`);
  await compare('demo model', { directory: fileURLToPath(new URL('../../demo-data/model', import.meta.url)), experts: 2 });
  const directory = join(scratch, 'middle');
  await writeRandomCheckpoint(directory, { config: MIDDLE });
  await compare('middle model', { directory, experts: 8 });
  countPublished(8);
} finally {
  await rm(scratch, { recursive: true });
}

/** Trains every parameter, all experts, and `experts` of each layer: with all others held, and without. */
async function compare(title, { directory, experts }) {
  const checkpoint = await openCheckpoint(directory);
  const { topology } = checkpoint;
  await checkpoint.close();
  const some = topology.moeLayers.map((layer) => [layer, Array.from({ length: experts }, (_, id) => id)]);
  const every = topology.moeLayers.map((layer) => [layer, Array.from({ length: topology.expertsPerLayer }, (_, id) => id)]);
  const parameters = countParameters(topology);
  console.log(`\n${title}: ${(parameters.total / 1e6).toFixed(1)} M parameters, ${topology.expertsPerLayer} experts in each of ${topology.moeLayers.length} layers, ${topology.expertsPerToken} active`);
  console.log(`  ${''.padEnd(38)} trained   update  compressed  peak MB  above start  GFLOP/step  ms/step`);
  const ways = [
    ['everything', { trained: 'everything' }],
    ['all experts', { trained: every }],
    [`${experts} experts a layer, all held`, { trained: some }],
    [`${experts} experts a layer, natural`, { trained: some, present: { experts: some, routing: 'natural' } }],
    [`${experts} experts a layer, masked`, { trained: some, present: { experts: some, routing: 'masked' } }],
  ];
  let full;
  for (const [name, way] of ways) {
    const measured = { ...run(topology, { directory, ...way }), ...(await count({ topology, directory }, way)) };
    full ??= measured;
    console.log(line(name, measured, full));
  }
}

/** DeepSeek-V2-Lite, for which this machine is too small: parameters, float32 bytes of weights, gradients and moments, and operations where the router spreads tokens evenly. */
function countPublished(experts) {
  const topology = parseTopology(deepseekV2Lite());
  const { total, perExpert } = countParameters(topology);
  const step = { rows: 8, sequenceLength: 4096 };
  const layers = topology.moeLayers;
  const all = step.rows * step.sequenceLength * topology.expertsPerToken;
  const share = new Map(layers.map((layer) => [layer, (all * experts) / topology.expertsPerLayer]));
  const trained = layers.length * experts * perExpert;
  const held = total - layers.length * (topology.expertsPerLayer - experts) * perExpert;
  const flops = (question) => countFlops({ topology, ...step, ...question }).total;
  const full = { parameters: total, bytes: 16 * total, flops: flops({ trained: 'everything' }) };
  const ways = [
    ['everything', full],
    [`${experts} experts a layer, natural`, { parameters: trained, bytes: 4 * held + 12 * trained, flops: flops({ assignments: share, trained: share }) }],
    [`${experts} experts a layer, masked`, { parameters: trained, bytes: 4 * held + 12 * trained, flops: flops({ trained: new Map(layers.map((layer) => [layer, all])) }) }],
  ];
  console.log(`\nDeepSeek-V2-Lite, ${step.rows} × ${step.sequenceLength} tokens a step, counted`);
  console.log(`  ${''.padEnd(38)} trained G   float32 GB without activations   TFLOP/step`);
  for (const [name, counted] of ways) {
    const cell = (key, unit, digits, width) => `${(counted[key] / unit).toFixed(digits)}${counted === full ? '' : ` (${saving(counted[key], full[key])})`}`.padStart(width);
    console.log(`  ${name.padEnd(34)} ${cell('parameters', 1e9, 2, 16)} ${cell('bytes', 1e9, 1, 28)} ${cell('flops', 1e12, 0, 18)}`);
  }
}

function run(topology, job) {
  const argument = JSON.stringify({ ...job, ...batch, vocabularySize: topology.vocabularySize, steps: steps + 1 });
  const { seconds, before, peak, plain, compressed } = JSON.parse(execFileSync(process.execPath, [subject, argument], { encoding: 'utf8', maxBuffer: 1e8 }));
  return { seconds: median(seconds), peak, above: peak - before, plain, compressed };
}

/** Trained parameters, and operations of one step of this batch. */
async function count({ topology, directory }, { trained, present }) {
  const { total, perExpert } = countParameters(topology);
  if (trained === 'everything') return { parameters: total, flops: countFlops({ topology, ...batch, trained }).total };
  const held = present === undefined ? undefined : { ...present, experts: new Map(present.experts) };
  const tokens = Int32Array.from({ length: batch.rows * batch.sequenceLength }, (_, index) => (index * index * 31 + index * 7) % topology.vocabularySize);
  const routing = await collectRouting({ checkpoint: directory, tokens, sequenceLength: batch.sequenceLength, batchSize: batch.rows, present: held });
  const among = (selection) => new Map(routing.map(({ layer, ids }) => [layer, ids.reduce((sum, id) => sum + Number(selection.get(layer)?.includes(id) ?? false), 0)]));
  const flops = countFlops({ topology, ...batch, assignments: held && among(held.experts), trained: among(new Map(trained)) }).total;
  return { parameters: trained.reduce((sum, [, ids]) => sum + ids.length, 0) * perExpert, flops };
}

function line(name, measured, full) {
  const cell = (key, unit, digits, width) => `${(measured[key] / unit).toFixed(digits)}${measured === full ? '' : ` (${saving(measured[key], full[key])})`}`.padStart(width);
  const cells = [cell('parameters', 1e6, 2, 15), cell('plain', 1e6, 2, 15), cell('compressed', 1e6, 3, 15), cell('peak', 2 ** 20, 0, 14), cell('above', 2 ** 20, 0, 14), cell('flops', 1e9, 2, 15), cell('seconds', 1e-3, 0, 14)];
  return `  ${name.padEnd(34)} ${cells.join(' ')}`;
}

function saving(value, of) {
  return `−${(100 * (1 - value / of)).toFixed(0)} %`;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
