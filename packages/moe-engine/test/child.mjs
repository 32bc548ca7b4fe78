/** Run by tests as a process of its own: `node child.mjs <JSON>`; prints one JSON line per step and one result line. */
import { createHash } from 'node:crypto';
import { extractExperts } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { createEvaluator, trainExperts } from '@connito/moe-engine';

const { mode, directory, resumeDirectory, steps, exitAt, engine } = JSON.parse(process.argv[2]);
const common = { checkpoint: directory, sequenceLength: 6, batchSize: 2, device: 'cpu', ...engine };
const tokens = Int32Array.from({ length: 9 * common.sequenceLength }, (_, index) => (index * 7 + (index % 5)) % 40);
const onStep = ({ step, loss }) => {
  console.log(JSON.stringify({ step, loss }));
  if (step === exitAt) process.exit(7);
};

if (mode === 'evaluate') {
  // Deliberately not closed: an idle engine must not keep the process alive.
  const evaluator = await createEvaluator(common);
  console.log(JSON.stringify({ losses: [...(await evaluator.rowLosses(tokens))] }));
} else {
  const checkpoint = await openCheckpoint(directory);
  const start = await extractExperts(checkpoint, new Map([[0, [1]], [1, [2, 3]]]));
  // Two documents a row, tokens that do not count, two micro-batches a step.
  const packed = { documents: tokens.map((_, index) => Number(index % 6 > 2)), labelMask: Uint8Array.from(tokens, (_, index) => Number(index % 6 !== 1 || index > 30)), microBatches: 2 };
  const result = await trainExperts({ ...common, ...packed, checkpoint, start, tokens, steps, learningRate: 1e-2, rowSeed: 'child', resumeDirectory, saveEverySteps: 1, onStep });
  const hash = createHash('sha256');
  for (const name of [...result.experts.keys()].sort()) hash.update(name).update(result.experts.get(name).data);
  console.log(JSON.stringify({ sha256: hash.digest('hex'), losses: result.steps.map((step) => step.loss) }));
  await checkpoint.close();
}
