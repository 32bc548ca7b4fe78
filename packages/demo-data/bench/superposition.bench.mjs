/**
 * What Token-Superposition Training buys on the demo's model at equal FLOPs: the same number of steps, which cost the same whether they are superposed or not, with and without it.
 *
 *   STEPS=300,600 SEEDS=1,2 VARIANTS=2:0.3,4:0.3 npm run bench -- demo-data superposition
 *
 * All runs read the same packed pretraining texts in an order shuffled by the seed, which also draws the initial weights. VARIANTS are `bag:share`. Prints the held-out loss of prose and
 * code, nats per token, its difference to plain training (less than 0 is better), and how much text each run has seen. THREADS (1) do not change the losses.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEvaluator, pretrain, writePretrained } from '@connito/moe-engine';
import { CONFIG, domainRows, evaluate, heldOutRows, ROW, TRAINING } from '../scripts/pretraining.mjs';

const list = (name, otherwise) => (process.env[name] ?? otherwise).split(',');
const budgets = list('STEPS', '300,600').map(Number);
const seeds = list('SEEDS', '1,2');
const variants = list('VARIANTS', '2:0.3,4:0.3,8:0.3').map((text) => ({ text, bag: Number(text.split(':')[0]), share: Number(text.split(':')[1]) }));
const threads = Number(process.env.THREADS ?? 1);
console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}; steps of ${TRAINING.batchSize} × ${ROW} positions`);
const tokens = Uint16Array.from(['prose', 'code', 'mathematics'].flatMap((domain) => [...domainRows(domain)]));
const { mathematics: _task, ...heldOut } = heldOutRows();
console.log(`${tokens.length} tokens of text, ${(tokens.length / (TRAINING.batchSize * ROW)).toFixed(0)} plain steps an epoch`);
const scratch = await mkdtemp(join(tmpdir(), 'connito-superposition-'));
try {
  for (const steps of budgets) {
    for (const seed of seeds) await compare({ steps, seed });
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function compare({ steps, seed }) {
  const plain = await train({ steps, seed });
  console.log(`${steps} steps, seed ${seed}, plain: ${format(plain.losses)}, ${epochs(steps)} epochs, ${plain.seconds.toFixed(0)} s`);
  for (const { text, bag, share } of variants) {
    const { losses, seconds } = await train({ steps, seed, superposition: { bag, share } });
    const gain = Object.fromEntries(Object.entries(losses).map(([domain, loss]) => [domain, loss - plain.losses[domain]]));
    console.log(`${steps} steps, seed ${seed}, ${text}: ${format(losses)}; ${format(gain)}; ${epochs(steps * (1 + share * (bag - 1)))} epochs, ${seconds.toFixed(0)} s`);
  }
}

async function train({ steps, seed, superposition }) {
  const begun = performance.now();
  const { tensors } = await pretrain({ ...TRAINING, config: CONFIG, seed, rowSeed: seed, tokens, steps, threads, superposition });
  const seconds = (performance.now() - begun) / 1000;
  const directory = join(scratch, `${steps}-${seed}-${superposition?.bag ?? 0}-${superposition?.share ?? 0}`);
  await writePretrained(directory, { config: CONFIG, tensors, format: 'F32' });
  return { losses: await evaluate(createEvaluator, directory, heldOut), seconds };
}

function epochs(steps) {
  return ((steps * TRAINING.batchSize * ROW) / tokens.length).toFixed(2);
}

function format(losses) {
  return Object.entries(losses).map(([domain, loss]) => `${domain} ${loss.toFixed(4)}`).join(', ');
}
