/**
 * Training and evaluation of the same checkpoint with the same tokens: PyTorch eager, torch.compile, this package, and ONNX Runtime's matrix products alone.
 *
 *   PYTHON=/path/to/python npm run bench -- engine
 *
 * The Python needs torch 2.14, transformers 5.18 and numpy; torch.compile needs a C++ compiler. Without PYTHON only this package is measured. THREADS (all cores),
 * ROUNDS (5), EXPERTS (see subjects/pytorch.py) and MODEL (`demo` or `large`; both) narrow it down. The optimizer is included, loading is not. Processes take turns (turns.mjs).
 * @module
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCheckpoint } from '@connito/moe-core/node';
import { collectRouting } from '@connito/moe-engine';
import { operations, productsOfStep } from './products.mjs';
import { profileStep } from './profile.mjs';
import { writeRandomCheckpoint } from './random-checkpoint.mjs';
import { median, startSubject, takeTurns } from './turns.mjs';
import { createUniform } from './uniform.mjs';

const python = process.env.PYTHON;
const threads = Number(process.env.THREADS ?? availableParallelism());
const rounds = Number(process.env.ROUNDS ?? 5);
const batch = { batchSize: 8, sequenceLength: 128 };

/** 94 million parameters, of which matrix products take nearly all time. */
const LARGE = {
  model_type: 'qwen3_moe', hidden_size: 768, moe_intermediate_size: 512, intermediate_size: 512, num_experts: 16, num_experts_per_tok: 4, num_hidden_layers: 4, num_attention_heads: 12,
  num_key_value_heads: 4, head_dim: 64, vocab_size: 16384, max_position_embeddings: 4096, rms_norm_eps: 1e-6, rope_theta: 10_000, tie_word_embeddings: true, norm_topk_prob: true,
};

const subjectFile = (name) => fileURLToPath(new URL(`subjects/${name}`, import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'connito-bench-'));
try {
  console.log(`${cpus()[0].model}, ${cpus().length} cores, ${threads} threads, Node ${process.version}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}`);
  console.log(`${batch.batchSize} × ${batch.sequenceLength} tokens a step, 2 experts a layer trained; medians of ${rounds} interleaved turns`);
  if (!python) console.log('PYTHON is not set: PyTorch is not measured.');
  if (process.env.MODEL !== 'large') await compare('demo model', fileURLToPath(new URL('../../demo-data/model', import.meta.url)), 10);
  if (process.env.MODEL !== 'demo') {
    await writeRandomCheckpoint(scratch, { config: LARGE });
    await compare('large model', scratch, 2);
  }
} finally {
  await rm(scratch, { recursive: true });
}

async function compare(title, directory, steps) {
  const { topology, tokensFile, rowsOf, experts, parameters } = await prepare(directory);
  for (const purpose of ['training', 'evaluation']) {
    const products = productsOfStep(topology, batch, { rowsOf, trained: purpose === 'training' ? new Map(experts) : undefined });
    const job = { purpose, directory, tokensFile, threads, experts, ...batch };
    const subjects = await startAll(job, { products, parameters });
    try {
      const samples = await takeTurns(subjects, { rounds, steps });
      report(`${title} (${(parameters / 1e6).toFixed(1)} M parameters), ${purpose}`, { subjects, samples, work: operations(products) });
    } finally {
      for (const subject of subjects) await subject.end();
    }
    printProfile(await profileStep(job));
  }
}

/** One batch of random tokens, and how many rows it brings to each expert. */
async function prepare(directory) {
  const checkpoint = await openCheckpoint(directory);
  const { topology } = checkpoint;
  const uniform = createUniform(7);
  const tokens = Int32Array.from({ length: batch.batchSize * batch.sequenceLength }, () => Math.floor(uniform() * topology.vocabularySize));
  const tokensFile = join(scratch, 'tokens.bin');
  await writeFile(tokensFile, new Uint8Array(tokens.buffer));
  const routing = await collectRouting({ checkpoint, tokens, ...batch, threads });
  const rowsOf = new Map(routing.map(({ layer, ids }) => [layer, Array.from({ length: topology.expertsPerLayer }, (_, expert) => ids.reduce((sum, id) => sum + Number(id === expert), 0))]));
  const parameters = [...checkpoint.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  await checkpoint.close();
  return { topology, tokensFile, rowsOf, parameters, experts: topology.moeLayers.map((layer) => [layer, [1, 5]]) };
}

async function startAll(job, { products, parameters }) {
  const subjects = [
    await startSubject('connito', { command: process.execPath, args: [subjectFile('connito.mjs'), JSON.stringify(job)], warmUp: 5 }),
    await startSubject('ONNX Runtime, products alone', { command: process.execPath, args: [subjectFile('matmul.mjs'), JSON.stringify({ products, threads, parameters })] }),
  ];
  if (!python) return subjects;
  const implementation = process.env.EXPERTS ?? 'separate';
  for (const compiled of [false, true]) {
    // Freezing lets oneDNN pack the weights of an evaluation once: measured 1.2 times faster here. Gradients exclude it.
    const env = { OMP_NUM_THREADS: String(threads), TORCHINDUCTOR_FREEZING: job.purpose === 'evaluation' ? '1' : '0' };
    const peer = { command: python, args: [subjectFile('pytorch.py'), JSON.stringify({ ...job, implementation, compiled })], env, warmUp: 5 };
    subjects.push(await startSubject(compiled ? 'torch.compile' : 'PyTorch eager', peer));
  }
  return subjects;
}

function report(title, { subjects, samples, work }) {
  console.log(`\n${title}: ${(work / 1e9).toFixed(1)} GFLOP of matrix products a step`);
  console.log(`  ${''.padEnd(30)} tokens/s  GFLOP/s  of peak  (CPU)  CPU s/step  × eager  × eager (CPU)  peak MB  before model   loss at step 5`);
  const walls = (name) => samples.get(name)?.map(({ wall }) => wall);
  const cpu = (name) => samples.get(name)?.map((sample) => sample.cpu);
  for (const { name, imported, losses, peakMemory } of subjects) {
    const spent = median(walls(name));
    const cells = [
      ((batch.batchSize * batch.sequenceLength) / spent).toFixed(0).padStart(8),
      (work / spent / 1e9).toFixed(1).padStart(8),
      `${(100 * ratio(walls('ONNX Runtime, products alone'), walls(name))).toFixed(0)} %`.padStart(8),
      `${(100 * ratio(cpu('ONNX Runtime, products alone'), cpu(name))).toFixed(0)} %`.padStart(6),
      median(cpu(name)).toFixed(4).padStart(11),
      ratio(walls('PyTorch eager'), walls(name))?.toFixed(2).padStart(8),
      ratio(cpu('PyTorch eager'), cpu(name))?.toFixed(2).padStart(14),
      megabytes(peakMemory()).padStart(8),
      megabytes(imported).padStart(13),
      losses[4]?.toFixed(6).padStart(16),
    ];
    console.log(`  ${name.padEnd(30)} ${cells.filter((cell) => cell !== undefined).join(' ')}`);
  }
}

/** The operators that take at least 1 % of the graph's time. */
function printProfile(seconds) {
  const total = [...seconds.values()].reduce((sum, spent) => sum + spent, 0);
  const shares = [...seconds].map(([operator, spent]) => [operator, (100 * spent) / total]).filter(([, share]) => share >= 1);
  console.log(`  our graph's time by operator: ${shares.map(([operator, share]) => `${operator} ${share.toFixed(0)} %`).join(', ')}`);
}

/** Median over the rounds of `a / b`. */
function ratio(a, b) {
  return a === undefined ? undefined : median(a.map((value, round) => value / b[round]));
}

function megabytes(bytes) {
  return (bytes / 2 ** 20).toFixed(0);
}
