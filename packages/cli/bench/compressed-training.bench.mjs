/**
 * What is left of an update's gain when it is compressed: the demo's mathematics experts are trained for some rounds, each round's update is sent whole or
 * compressed, and applied. The loss of rows that nobody trained on is measured after each round.
 *
 *   npm run bench -- cli compressed-training
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTokenizer } from '@connito/dataset';
import { modelDirectory, textDirectory } from '@connito/demo-data';
import { applyOuterStep, computePseudoGradient, createUpdateCompressor, decompressUpdate, encodeExpertWeights, extractExperts } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { createEvaluator, trainExperts } from '@connito/moe-engine';

const ROUNDS = 16;
const STEPS = 10;
const SEQUENCE = 128;
const TEST_ROWS = 96;
/** Two experts of most relevance to mathematics in each layer (demo-data's EXPERTS.md). */
const SELECTION = new Map([[0, [1, 4]], [1, [9, 2]], [2, [10, 3]], [3, [7, 12]]]);

const checkpoint = await openCheckpoint(modelDirectory);
const rows = await readRows();
const test = rows.subarray(0, TEST_ROWS * SEQUENCE);
const training = rows.subarray(TEST_ROWS * SEQUENCE);
const start = await extractExperts(checkpoint, SELECTION);
const evaluator = await createEvaluator({ checkpoint, sequenceLength: SEQUENCE, batchSize: 8 });
const before = await lossOf(start);
console.log(`${rows.length / SEQUENCE} rows, ${TEST_ROWS} of them held out; ${ROUNDS} rounds of ${STEPS} steps of 8 rows; loss before ${before.toFixed(4)} nats per token`);

const ways = [
  { title: 'float32', options: undefined },
  { title: '64 of 4,096, 2 bits, decay 0.95 (the default)', options: {} },
  { title: '64 of 4,096, 2 bits, no error feedback', options: { decay: 0 } },
  { title: '64 of 4,096, float32 values', options: { valueBits: 32 } },
  { title: '256 of 4,096, 2 bits', options: { keep: 256 } },
  { title: '16 of 4,096, 2 bits', options: { keep: 16 } },
];
const results = [];
for (const { title, options } of ways) results.push({ title, ...(await trainInRounds(options)) });
await evaluator.close();
await checkpoint.close();

const wholeGain = before - results[0].losses.at(-1);
for (const { title, losses, bytes } of results) {
  const share = ((before - losses.at(-1)) / wholeGain) * 100;
  console.log(`${title.padEnd(48)} ${losses.map((loss) => loss.toFixed(4)).join(' ')}   ${share.toFixed(0).padStart(3)} % of the gain   ${Math.round(bytes / ROUNDS)} bytes a round, ${(results[0].bytes / bytes).toFixed(0)} × smaller`);
}

async function trainInRounds(options) {
  const compressor = options && createUpdateCompressor(options);
  const losses = [];
  let [weights, bytes] = [start, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const { experts } = await trainExperts({ checkpoint, start: weights, tokens: training, sequenceLength: SEQUENCE, batchSize: 8, steps: STEPS, learningRate: 1e-3, weightDecay: 0, rowSeed: `round ${round}` });
    const update = computePseudoGradient(weights, experts);
    const file = compressor ? compressor.compress(update) : encodeExpertWeights(update);
    bytes += file.length;
    const sent = compressor ? decompressUpdate(file, { expected: start }).update : update;
    ({ weights } = applyOuterStep({ weights, update: sent, rule: { kind: 'average' } }));
    losses.push(await lossOf(weights));
  }
  return { losses, bytes };
}

async function lossOf(experts) {
  const losses = await evaluator.rowLosses(test, { experts });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** The target's texts one after the other, cut into rows. */
async function readRows() {
  const tokenizer = await openTokenizer(modelDirectory);
  const lines = readFileSync(join(textDirectory, 'target/mathematics.jsonl'), 'utf8').trimEnd().split('\n');
  const ids = lines.flatMap((line) => [...tokenizer.encode(JSON.parse(line).text), tokenizer.endOfTextId]);
  return Uint16Array.from(ids.slice(0, Math.floor(ids.length / SEQUENCE) * SEQUENCE));
}
