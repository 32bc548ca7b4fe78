/**
 * Pretraining of the demo's model by the engine and by PyTorch: same start, same rows in the same order, same hyperparameters. Prints the loss of both over each 100 steps, the
 * time, and the held-out loss of both models, computed alike.
 *
 *   PYTHON=/path/to/python STEPS=300 npm run bench -- demo-data pretrain
 *
 * The Python needs torch 2.14, transformers 5.18 and safetensors. Without PYTHON only ours is run. STEPS (300; the model's own run has 2000) and THREADS (1) are the budget.
 * @module
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseTopology } from '@connito/moe-core';
import { writeSafetensorsFile } from '@connito/moe-core/node';
import { createEvaluator, initialWeights, pretrain, writePretrained } from '@connito/moe-engine';
import { CONFIG, drawRows, evaluate, heldOutRows, ROW, SEED, TRAINING } from '../scripts/pretraining.mjs';

const [steps, threads] = [Number(process.env.STEPS ?? 300), Number(process.env.THREADS ?? 1)];
const training = { ...TRAINING, steps };
const scratch = await mkdtemp(join(tmpdir(), 'connito-pretrain-'));
try {
  console.log(`${cpus()[0].model}, ${cpus().length} cores, ${threads} threads, Node ${process.version}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}; ${steps} steps of ${training.batchSize} × ${ROW} tokens`);
  const start = initialWeights(parseTopology(CONFIG), { seed: SEED });
  const tokens = drawRows(steps * training.batchSize);
  const heldOut = heldOutRows();
  const ours = await runOurs({ start, tokens });
  const peer = process.env.PYTHON ? await runPeer({ start, tokens }) : undefined;
  printCurves(ours, peer);
  await writePretrained(join(scratch, 'ours'), { config: CONFIG, tensors: ours.tensors, format: 'F32' });
  printHeldOut('ours', await evaluate(createEvaluator, join(scratch, 'ours'), heldOut));
  if (peer !== undefined) printHeldOut('PyTorch', await evaluate(createEvaluator, join(scratch, 'start/pytorch'), heldOut));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function runOurs({ start, tokens }) {
  const losses = [];
  const begun = performance.now();
  const { tensors } = await pretrain({ ...training, config: CONFIG, start, tokens, threads, onStep: ({ loss }) => losses.push(loss) });
  return { tensors, seconds: (performance.now() - begun) / 1000, curve: meansOfHundreds(losses) };
}

async function runPeer({ start, tokens }) {
  const directory = join(scratch, 'start');
  await writePretrained(directory, { config: CONFIG, tensors: start, format: 'F32' });
  await writeSafetensorsFile(join(directory, 'rows.safetensors'), [{ name: 'rows', dtype: 'I32', shape: [tokens.length / ROW, ROW], data: new Uint8Array(Int32Array.from(tokens).buffer) }]);
  await writeFile(join(directory, 'training.json'), JSON.stringify(training));
  const child = spawn(process.env.PYTHON, [fileURLToPath(new URL('pretrain.py', import.meta.url)), directory, '--threads', String(threads)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const curve = [];
  let seconds = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { loss, seconds: spent } = JSON.parse(line);
    curve.push(loss);
    seconds = spent;
  }
  const code = await ended;
  if (code !== 0) throw new Error(`the peer ended with ${code}; its error stands above`);
  await cp(join(directory, 'config.json'), join(directory, 'pytorch/config.json'));
  return { seconds, curve };
}

function meansOfHundreds(losses) {
  const means = [];
  for (let from = 0; from < losses.length; from += 100) {
    const part = losses.slice(from, from + 100);
    means.push(part.reduce((sum, loss) => sum + loss, 0) / part.length);
  }
  return means;
}

function printCurves(ours, peer) {
  console.log('steps to     ours       PyTorch    difference');
  for (const [index, loss] of ours.curve.entries()) {
    const other = peer?.curve[index];
    console.log(`${String(Math.min(steps, (index + 1) * 100)).padStart(8)}   ${loss.toFixed(5)}${other === undefined ? '' : `    ${other.toFixed(5)}    ${(loss - other).toFixed(5)}`}`);
  }
  console.log(`ours ${ours.seconds.toFixed(0)} s${peer === undefined ? '' : `, PyTorch ${peer.seconds.toFixed(0)} s: ${(peer.seconds / ours.seconds).toFixed(2)} times ours`}`);
}

function printHeldOut(name, losses) {
  console.log(`held out, ${name}: ${Object.entries(losses).map(([domain, loss]) => `${domain} ${loss.toFixed(4)}`).join(', ')}`);
}
