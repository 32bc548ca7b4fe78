/** Steps of this package for ever: node connito.mjs JOB_JSON. Run by ../engine.bench.mjs, see ../turns.mjs. */
import { readFileSync } from 'node:fs';
import { extractExperts } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { createEvaluator, trainExperts } from '@connito/moe-engine';

const { directory, tokensFile, experts, purpose, ...job } = JSON.parse(process.argv[2]);
const bytes = readFileSync(tokensFile);
const tokens = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).slice();
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const now = () => performance.timeOrigin + performance.now();

print({ imported: process.memoryUsage.rss() });
const checkpoint = await openCheckpoint(directory);
let [begun, cpu] = [now(), process.cpuUsage()];
const lap = (loss) => {
  const spent = process.cpuUsage(cpu);
  print({ begun, ended: now(), cpu: (spent.user + spent.system) / 1e6, loss });
  [begun, cpu] = [now(), process.cpuUsage()];
};
if (purpose === 'training') {
  const start = await extractExperts(checkpoint, new Map(experts));
  await trainExperts({ ...job, checkpoint, tokens, start, steps: 1_000_000, learningRate: 3e-4, rowSeed: 'bench', onStep: ({ loss }) => lap(loss) });
} else {
  const evaluator = await createEvaluator({ ...job, checkpoint });
  for (;;) {
    const losses = await evaluator.rowLosses(tokens);
    lap(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
  }
}
