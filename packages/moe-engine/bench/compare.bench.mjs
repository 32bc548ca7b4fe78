/**
 * Seconds per training step and rows per second of evaluation against PyTorch, in one run on one machine.
 *
 *   PYTHON=/path/to/python node bench/compare.bench.mjs [model directory] [rounds]
 *
 * The Python needs torch and transformers. Without PYTHON only this package is measured. Rounds alternate, so that a busy
 * machine slows both; best and median are printed, of wall-clock and of CPU time (which a busy machine disturbs less).
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { extractExperts } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { createEvaluator, trainExperts } from '@connito/moe-engine';

const directory = process.argv[2] ?? fileURLToPath(new URL('../../demo-data/model', import.meta.url));
const rounds = Number(process.argv[3] ?? 3);
const [sequenceLength, batchSize, steps, threads] = [128, 8, 12, 1];
const checkpoint = await openCheckpoint(directory);
const { vocabularySize, moeLayers } = checkpoint.topology;
const experts = new Map(moeLayers.map((layer) => [layer, [1, 5]]));
const tokens = Int32Array.from({ length: 64 * sequenceLength }, (_, index) => (index * index * 31 + index * 7) % vocabularySize);
const start = await extractExperts(checkpoint, experts);

const empty = () => ({ training: { wall: [], cpu: [] }, evaluation: { wall: [], cpu: [] } });
const measured = { wasm: empty(), cpu: empty(), pytorch: empty() };
for (let round = 0; round < rounds; round++) {
  for (const device of round === 0 ? ['cpu', 'wasm'] : ['cpu']) await measure(device);
  if (process.env.PYTHON !== undefined) measurePyTorch();
}
report();
await checkpoint.close();

/** Seconds since the last call, wall clock and CPU of all threads. */
function stopwatch() {
  let [wall, cpu] = [performance.now(), process.cpuUsage()];
  return (into) => {
    const spent = process.cpuUsage(cpu);
    into?.wall.push((performance.now() - wall) / 1000);
    into?.cpu.push((spent.user + spent.system) / 1e6);
    [wall, cpu] = [performance.now(), process.cpuUsage()];
  };
}

async function measure(device) {
  const common = { checkpoint, tokens, sequenceLength, batchSize, threads, device };
  const { training, evaluation } = measured[device];
  const lap = stopwatch();
  await trainExperts({ ...common, start, steps: steps + 2, learningRate: 3e-4, rowSeed: 'bench', onStep: ({ step }) => lap(step > 2 ? training : undefined) });
  const evaluator = await createEvaluator(common);
  const rows = tokens.subarray(0, batchSize * sequenceLength);
  for (let step = 1; step <= steps + 2; step++) {
    lap();
    const losses = await evaluator.rowLosses(rows);
    lap(step > 2 ? evaluation : undefined);
    measured[device].loss = losses.reduce((sum, loss) => sum + loss, 0) / batchSize;
  }
  await evaluator.close();
}

function measurePyTorch() {
  const job = JSON.stringify({ tokens: [...tokens], sequenceLength, batchSize, steps, threads, experts: Object.fromEntries(experts) });
  const script = fileURLToPath(new URL('pytorch.py', import.meta.url));
  const result = JSON.parse(execFileSync(process.env.PYTHON, [script, directory, job], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  measured.pytorch.loss = result.loss;
  for (const kind of ['training', 'evaluation']) {
    for (const clock of ['wall', 'cpu']) measured.pytorch[kind][clock].push(...result[kind][clock]);
  }
}

function report() {
  console.log(`${cpus()[0].model}, ${cpus().length} cores; ${batchSize} × ${sequenceLength} tokens, ${moeLayers.length * 2} experts trained, ${threads} thread`);
  for (const [name, entry] of Object.entries(measured)) {
    if (entry.training.wall.length === 0) continue;
    console.log(`${name} (loss ${entry.loss.toFixed(6)})`);
    for (const kind of ['training', 'evaluation']) console.log(`  ${kind.padEnd(10)} ${line(entry[kind], measured.pytorch[kind])}`);
  }
}

function line(times, peer) {
  return ['wall', 'cpu']
    .map((clock) => {
      const [own, other] = [summary(times[clock]), peer[clock].length === 0 ? undefined : summary(peer[clock])];
      const ratio = other === undefined ? '' : `, ${(other.median / own.median).toFixed(2)} × PyTorch by the median, ${(other.best / own.best).toFixed(2)} × by the best`;
      return `${clock}: median ${(own.median * 1000).toFixed(1)} ms, best ${(own.best * 1000).toFixed(1)} ms${ratio}`;
    })
    .join(' | ');
}

function summary(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { best: sorted[0], median: sorted[Math.floor(sorted.length / 2)] };
}
