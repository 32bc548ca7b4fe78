/**
 * Pretrains the demo's model with this repository's own engine and writes it in Hugging Face layout (bfloat16, a tensor per expert and projection, the tokenizer beside it).
 *
 *   node pretrain.mjs --out DIR [--steps 2000] [--threads 1] [--resume DIR]
 *
 * Run from a checkout (`node scripts/setup.mjs` there first). Same steps and machine: same bits, whatever the threads, interrupted or not.
 * @module
 */
import { parseArgs } from 'node:util';
import { createEvaluator, pretrain, writePretrained } from '@connito/moe-engine';
import { CONFIG, drawRows, evaluate, heldOutRows, MODEL, SEED, TRAINING } from './pretraining.mjs';

const { values } = parseArgs({ options: { out: { type: 'string' }, steps: { type: 'string', default: String(TRAINING.steps) }, threads: { type: 'string', default: '1' }, resume: { type: 'string' } } });
if (values.out === undefined) throw new Error('expected --out DIR, a directory that does not exist yet');
const [steps, threads] = [Number(values.steps), Number(values.threads)];
const heldOut = heldOutRows();
const tokens = drawRows(steps * TRAINING.batchSize);
const begun = performance.now();
let window = [];
const onStep = ({ step, loss, auxiliaryLoss, tokensPerSecond }) => {
  window.push(loss);
  if (step % 100 !== 0 && step !== steps) return;
  const mean = window.reduce((sum, entry) => sum + entry, 0) / window.length;
  console.log(`step ${step}: loss ${mean.toFixed(4)}, balance ${auxiliaryLoss.toFixed(3)}, ${tokensPerSecond.toFixed(0)} tokens/s, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  window = [];
};
const { tensors, skippedSteps } = await pretrain({ ...TRAINING, config: CONFIG, seed: SEED, tokens, steps, threads, onStep, resumeDirectory: values.resume, saveEverySteps: 200 });
const { tensorBytes } = await writePretrained(values.out, { config: CONFIG, tensors, copyFrom: MODEL });
console.log(`${values.out}: ${tensorBytes} bytes of weights, ${skippedSteps} steps skipped; held out`, rounded(await evaluate(createEvaluator, values.out, heldOut)));

function rounded(losses) {
  return Object.fromEntries(Object.entries(losses).map(([domain, loss]) => [domain, Number(loss.toFixed(4))]));
}
