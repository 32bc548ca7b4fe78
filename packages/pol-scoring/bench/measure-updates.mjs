/**
 * What honest updates, noise and resubmissions look like on the demo model: the figures behind RESUBMISSION_THRESHOLDS and the floor.
 *
 *   node bench/measure-updates.mjs [--rate 0.0003] [--steps 25] [--rule average|nesterov]
 *
 * Trains 3 miners for 3 cycles and one more round from the same weights (as after a rejected cycle). Needs the demo model and texts, and built packages.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openShard, prepareDataset, takeRows } from '@connito/dataset';
import { applyOuterStep, averageUpdates, computePseudoGradient, cosineSimilarity, extractExperts, updateNorm } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { trainExperts } from '@connito/moe-engine';
import { findResubmission, scoreCycle } from '@connito/pol-scoring';
import { openOnnxEvaluator } from '@connito/pol-scoring/onnx';

const { values } = parseArgs({ options: { rate: { type: 'string', default: '0.0003' }, steps: { type: 'string', default: '25' }, rule: { type: 'string', default: 'average' } } });
const MINERS = 3;
const CYCLES = 3;
const ROWS = 128;
const SELECTION = new Map([[0, [1]], [1, [10, 15]], [2, [13]], [3, [5, 10]]]); // mathematics at threshold 0.2, demo-data/EXPERTS.md
const rule = values.rule === 'nesterov' ? { kind: 'nesterov', learningRate: 0.7, momentum: 0.9 } : { kind: 'average' };

const demo = join(import.meta.dirname, '..', '..', 'demo-data');
const directory = await mkdtemp(join(tmpdir(), 'connito-measure-'));
const data = await prepareDataset({
  target: [join(demo, 'text', 'target')], general: [join(demo, 'text', 'general')], tokenizer: join(demo, 'model'), out: join(directory, 'data'),
  cycles: CYCLES + 1, trainShards: MINERS * (CYCLES + 1), heldOutRows: ROWS, generalRows: ROWS, testRows: ROWS, seed: 1,
});
const checkpoint = await openCheckpoint(join(demo, 'model'));
const shardOf = (entry) => openShard(join(directory, 'data', entry.file), { vocabularySize: data.tokenizer.vocabularySize, sha256: entry.sha256 });
const evaluator = await openOnnxEvaluator({ checkpoint, sequenceLength: data.sequenceLength, batchSize: 8 });
const minus = (weights, update) => applyOuterStep({ weights, update, rule: { kind: 'average' } }).weights;
const noiseLike = (update, share, seed) => {
  let state = seed;
  const uniform = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) + 0.5) / 2 ** 32;
  const noise = new Map([...update].map(([name, { shape, data: values_ }]) => [name, { shape, data: values_.map(() => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())) }]));
  const scale = (share * updateNorm(update)) / updateNorm(noise);
  return new Map([...noise].map(([name, { shape, data: values_ }]) => [name, { shape, data: values_.map((value) => value * scale) }]));
};
const plus = (a, b) => new Map([...a].map(([name, { shape, data: values_ }]) => [name, { shape, data: values_.map((value, i) => value + b.get(name).data[i]) }]));
const residuals = (update, group) => group.map((past, i) => {
  const mean = averageUpdates(group.filter((_, at) => at !== i).map((other) => ({ update: other, weight: 1 })));
  const [am, bm] = [cosineSimilarity(update, mean), cosineSimilarity(past, mean)];
  return (cosineSimilarity(update, past) - am * bm) / Math.sqrt((1 - am ** 2) * (1 - bm ** 2));
});
const show = (numbers) => numbers.map((number) => number.toFixed(3)).join(' ');

async function trainRound(start, round) {
  const updates = [];
  for (let miner = 0; miner < MINERS; miner++) {
    const { tokens, sequenceLength } = await shardOf(data.train[round * MINERS + miner]);
    const { experts } = await trainExperts({ checkpoint, start, tokens, sequenceLength, batchSize: 8, steps: Number(values.steps), learningRate: Number(values.rate), rowSeed: `${round}/${miner}` });
    updates.push(computePseudoGradient(start, experts));
  }
  return updates;
}

async function scoreRound(start, round, candidates) {
  const shard = await shardOf(data.heldOut[round]);
  const tokens = takeRows(shard, Array.from({ length: ROWS }, (_, row) => row));
  const startedMs = performance.now();
  const baseLosses = await evaluator.rowLosses(tokens, { experts: start });
  const evaluationMs = performance.now() - startedMs;
  const measured = [];
  for (const [uid, update] of candidates.entries()) measured.push({ uid, losses: await evaluator.rowLosses(tokens, { experts: minus(start, update) }) });
  const mean = baseLosses.reduce((sum, loss) => sum + loss, 0) / ROWS;
  return { mean, evaluationMs, scores: scoreCycle({ baseLosses, candidates: measured, clip: 2, minGain: 0.02 }) };
}

const opened = [];
let state = { weights: await extractExperts(checkpoint, SELECTION), velocity: undefined };
for (let cycle = 0; cycle < CYCLES; cycle++) {
  const start = state.weights;
  const updates = await trainRound(start, cycle);
  const last = opened.slice(-MINERS);
  const back = last.length > 0 ? [plus(computePseudoGradient(start, minus(last[0].start, last[0].update)), noiseLike(last[0].update, 0.01, 7))] : [];
  const candidates = [...updates, noiseLike(updates[0], 1, cycle + 1), ...back];
  const { mean, evaluationMs, scores } = await scoreRound(start, cycle, candidates);
  console.log(`cycle ${cycle}: base ${mean.toFixed(3)} nats, ${ROWS} rows in ${evaluationMs.toFixed(0)} ms, norms ${show(updates.map(updateNorm))}`);
  for (const [i, score] of scores.entries()) {
    const found = findResubmission({ update: candidates[i], start, opened });
    const name = i < MINERS ? `honest ${i}` : i === MINERS ? 'noise' : 'last weights + 1 % noise';
    console.log(`  ${name}: gain ${score.gain?.toFixed(4)} ± ${score.standardError?.toFixed(4)}, ${score.code} ${score.score.toFixed(4)}${found ? `, resubmission ${found.kind} ${found.cosine.toFixed(3)} ${found.residual?.toFixed(3)}` : ''}`);
  }
  console.log(`  cosine among miners: ${show([cosineSimilarity(updates[0], updates[1]), cosineSimilarity(updates[0], updates[2]), cosineSimilarity(updates[1], updates[2])])}`);
  if (last.length > 0) {
    console.log(`  cosine to last updates: ${show(updates.flatMap((update) => last.map((past) => cosineSimilarity(update, past.update))))}`);
    console.log(`  residual cosine to last updates: ${show(updates.flatMap((update) => residuals(update, last.map((past) => past.update))))}`);
    console.log(`  residual cosine of copies with 30 % noise: ${show(last.flatMap((past, i) => residuals(plus(past.update, noiseLike(past.update, 0.3, 99 + i)), last.map((other) => other.update))[i]))}`);
    console.log(`  cosine to the way back: ${show(updates.flatMap((update) => last.map((past) => cosineSimilarity(update, computePseudoGradient(start, minus(past.start, past.update))))))}`);
  }
  opened.push(...updates.map((update) => ({ cycle, update, start })));
  if (cycle === CYCLES - 1) {
    const again = await trainRound(start, CYCLES);
    console.log(`same start again: cosine to last updates ${show(again.flatMap((update) => updates.map((past) => cosineSimilarity(update, past))))}`);
    console.log(`  residual cosine: ${show(again.flatMap((update) => residuals(update, updates)))}`);
    console.log(`  found: ${again.map((update) => findResubmission({ update, start, opened })?.kind ?? 'none').join(' ')}`);
  }
  state = applyOuterStep({ weights: start, velocity: state.velocity, rule, update: averageUpdates(updates.map((update) => ({ update, weight: 1 }))) });
}
await evaluator.close();
await checkpoint.close();
await rm(directory, { recursive: true });
