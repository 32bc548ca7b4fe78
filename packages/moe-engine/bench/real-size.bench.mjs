/**
 * A partial DeepSeek-V2-Lite at its real size: random bfloat16 weights written as shards, loaded shard by shard into float32, evaluated.
 *
 *   npm run bench -- moe-engine real-size
 *
 * LAYERS (3) of 27, EXPERTS (8) of 64 in each, BATCHES (5) of ROWS (4) × POSITIONS (128) tokens, THREADS (all cores), ROUTING (natural). A layer takes 1.2 GB on disk, written below SCRATCH (the
 * system's temporary directory) and removed at the end, and 0.4 GB of memory; embeddings and head 0.8 and 1.7 GB. ONDISK=present writes only the present experts. With PYTHON (torch and transformers)
 * the full model is evaluated there, too, its absent experts set to zero: 2.3 GB of memory a layer.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countFlops, countParameters, parseTopology } from '@connito/moe-core';
import { deepseekV2Lite } from './deepseek-v2-lite.mjs';
import { writeRandomCheckpoint } from './random-checkpoint.mjs';

const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const [layers, experts, batches, threads] = [number('LAYERS', 3), number('EXPERTS', 8), number('BATCHES', 5), number('THREADS', availableParallelism())];
const batch = { rows: number('ROWS', 4), sequenceLength: number('POSITIONS', 128) };
const routing = process.env.ROUTING ?? 'natural';
const config = deepseekV2Lite(layers);
const topology = parseTopology(config);
const present = topology.moeLayers.map((layer) => [layer, Array.from({ length: experts }, (_, index) => Math.floor((index * topology.expertsPerLayer) / experts))]);
const GB = 1e9;

const scratch = await mkdtemp(join(process.env.SCRATCH ?? tmpdir(), 'connito-real-size-'));
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143)).once('exit', () => execFileSync('rm', ['-rf', scratch]));
try {
  console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}; DeepSeek-V2-Lite, ${layers} of 27 layers, ${experts} of 64 experts in each, ${routing}, ${threads} threads`);
  await write();
  const job = JSON.stringify({ directory: scratch, present: { experts: present, routing }, ...batch, batches, threads });
  const run = (command, subject) => JSON.parse(execFileSync(command, [fileURLToPath(new URL(`subjects/${subject}`, import.meta.url)), job], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }));
  report(run(process.execPath, 'partial-evaluation.mjs'));
  if (process.env.PYTHON && routing === 'natural' && process.env.ONDISK !== 'present') reportPeer(run(process.env.PYTHON, 'full-evaluation.py'));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function write() {
  const begun = performance.now();
  const written = await writeRandomCheckpoint(scratch, { config, maxShardBytes: GB, present: process.env.ONDISK === 'present' ? new Map(present) : undefined });
  const spent = (performance.now() - begun) / 1000;
  console.log(`written: ${(written.tensorBytes / GB).toFixed(2)} GB in ${written.files - 1} shards, ${spent.toFixed(1)} s`);
}

function report({ before, openSeconds, loadSeconds, resident, peakLoading, peak, seconds, loss }) {
  const { total, perExpert } = countParameters(topology);
  const held = total - topology.moeLayers.length * (topology.expertsPerLayer - experts) * perExpert;
  const gigabytes = (bytes) => `${(bytes / GB).toFixed(2)} GB`;
  const relative = (bytes) => `${gigabytes(bytes)}, ${((bytes - before) / (4 * held)).toFixed(3)} of the weights in float32`;
  console.log(`held: ${(held / 1e9).toFixed(3)} of ${(total / 1e9).toFixed(3)} billion parameters, ${gigabytes(4 * held)} in float32`);
  console.log(`headers read in ${openSeconds.toFixed(2)} s, weights loaded in ${loadSeconds.toFixed(1)} s: ${((2 * held) / GB / loadSeconds).toFixed(2)} GB of bfloat16 a second`);
  console.log(`resident after loading ${relative(resident)}; peak while loading ${relative(peakLoading)}; peak of all ${gigabytes(peak)}; before ${gigabytes(before)}`);
  console.log(describeBatches(seconds, loss));
  const most = countFlops({ topology, ...batch }).forward;
  const least = countFlops({ topology, ...batch, assignments: new Map(topology.moeLayers.map((layer) => [layer, 0])) }).forward;
  console.log(`operations: ${(least / GB).toFixed(0)} G without any expert, ${(most / GB).toFixed(0)} G with all; a uniform router gives ${((least + ((most - least) * experts) / topology.expertsPerLayer) / GB).toFixed(0)} G`);
}

function reportPeer({ loadSeconds, peak, seconds, loss }) {
  console.log(`transformers, all experts held: loaded in ${loadSeconds.toFixed(1)} s; peak ${(peak / GB).toFixed(2)} GB; ${describeBatches(seconds, loss)}`);
}

/** The first batch stands apart: memory is touched for the first time. */
function describeBatches(seconds, loss) {
  const median = seconds.slice(1).toSorted((a, b) => a - b)[(seconds.length - 1) >> 1];
  return `batch of ${batch.rows} × ${batch.sequenceLength} tokens: first ${seconds[0].toFixed(2)} s, then median ${median.toFixed(2)} s (${((batch.rows * batch.sequenceLength) / median).toFixed(0)} tokens/s); loss ${loss.toFixed(6)}`;
}
