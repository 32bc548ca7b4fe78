/**
 * What an owner decides: the model, the prepared data, the experts to train, and the rules. From it and the chain the manifest is made.
 *
 * @module
 */
import type { RulesInPart, TaskManifest } from './task-manifest.ts';
import { completeUpdateRules, type UpdateRules } from './update-rules.ts';

/** Rules of a task; every part that is left out takes the default. */
export interface TaskRules {
  readonly schedule: Omit<TaskManifest['schedule'], 't0Ms'>;
  readonly training: TaskManifest['training'];
  readonly scoring: TaskManifest['scoring'];
  readonly merge: TaskManifest['merge'];
  readonly gate: TaskManifest['gate'];
  readonly weights: TaskManifest['weights'];
  readonly update: UpdateRules;
}

/** An owner's task before it is published. */
export interface OwnerPlan {
  readonly name: string;
  /** Directory of the checkpoint, in Hugging Face layout. */
  readonly modelDirectory: string;
  /** Directory that `connito data prepare` has written. */
  readonly dataDirectory: string;
  readonly selection: ReadonlyMap<number, readonly number[]>;
  /** Chain time at which cycle 0 begins; default: {@link START_DELAY_MS} after the manifest is made. */
  readonly t0Ms?: number;
  readonly rules: TaskRules;
}

/** Time for miners and validators to fetch the task before its first cycle. */
export const START_DELAY_MS = 120_000;

/**
 * DESIGN §3's cycle of 6,000 s, and rules that held on the demo's model: the floor of 0.02 nats on at least 64 documents passed every honest
 * update and rejected noise; the plain average gained more than Nesterov's step in few cycles (measurements in ARCHITECTURE.md).
 */
export const DEFAULT_RULES: TaskRules = {
  schedule: { distributeMs: 240_000, trainMs: 3_600_000, commitMs: 240_000, scoreMs: 1_320_000, publishMs: 600_000 },
  training: { steps: 25, batchSize: 8, learningRate: 3e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, warmupSteps: 2 },
  scoring: { rows: 96, clip: 2, minGain: 0.02, floorShare: 0.1, errorRate: 0.01, maxUpdateNorm: 100, maxBytes: 67_108_864, resubmissionCycles: 3 },
  merge: { participants: 8, step: { kind: 'average' } },
  gate: { rows: 96, generalRows: 96, level: 0.99, forgettingAllowance: 0.1 },
  weights: { window: 3, targetGain: 0.2, versionKey: 0 },
  update: { encoding: 'dense' },
};

/** Parts of the rules; each part may be given in part, but for `update`, which names its encoding. */
export type TaskRulesOverrides = RulesInPart;

/** The default rules with some parts replaced, key by key. */
export function withRules(overrides: TaskRulesOverrides): TaskRules {
  const { schedule, training, scoring, merge, gate, weights } = DEFAULT_RULES;
  return {
    schedule: { ...schedule, ...overrides.schedule },
    training: { ...training, ...overrides.training },
    scoring: { ...scoring, ...overrides.scoring },
    merge: { ...merge, ...overrides.merge },
    gate: { ...gate, ...overrides.gate },
    weights: { ...weights, ...overrides.weights },
    update: completeUpdateRules(overrides.update),
  };
}
