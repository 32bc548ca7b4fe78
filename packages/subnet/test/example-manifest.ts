import { DEFAULT_RULES } from '../src/owner-plan.ts';
import type { TaskManifest } from '../src/task-manifest.ts';

const hash = (digit: string): string => digit.repeat(64);

/** A small valid manifest of two cycles. */
export const exampleManifest: TaskManifest = {
  format: 'connito/task/v1',
  name: 'example',
  genesis: hash('1'),
  netuid: 2,
  cycles: 2,
  schedule: { t0Ms: 1_000_000, ...DEFAULT_RULES.schedule },
  beacon: { publicKey: 'a'.repeat(192), genesisTimeMs: 0, periodMs: 3_000 },
  model: {
    files: [
      { name: 'config.json', sha256: hash('2'), sizeBytes: 700 },
      { name: 'model.safetensors', sha256: hash('3'), sizeBytes: 5_000_000 },
    ],
    selection: { 0: [3, 1], 2: [7] },
    baseRoot: hash('4'),
  },
  data: {
    sequenceLength: 128,
    trainShards: [{ sha256: hash('5'), sizeBytes: 100_000, rows: 400 }],
    heldOut: [
      { sha256: hash('6'), sizeBytes: 80_000, rows: 320 },
      { sha256: hash('7'), sizeBytes: 80_000, rows: 320 },
    ],
    general: { sha256: hash('8'), sizeBytes: 100_000, rows: 400 },
  },
  training: DEFAULT_RULES.training,
  scoring: DEFAULT_RULES.scoring,
  merge: DEFAULT_RULES.merge,
  gate: DEFAULT_RULES.gate,
  weights: DEFAULT_RULES.weights,
};
