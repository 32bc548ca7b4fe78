/**
 * Training of selected experts with everything else frozen.
 *
 * @module
 */
import { sortedNames, type ExpertWeights } from '@connito/moe-core';
import { toExpertMessages, type EngineOptions } from '../runtime/engine-client.ts';
import { MoeEngineError } from '../error.ts';
import { assertOption } from '../options.ts';
import type { Device } from '../runtime/device.ts';
import { formatRowSeed } from './row-order.ts';
import type { StepReport } from './training-job.ts';
import { trainingSettings, type TrainingRunOptions } from './training-options.ts';
import { runTrainingJob } from './training-run.ts';
import { toTrainingRows, type TrainingRowsInput } from './training-rows.ts';

/** Options of {@link trainExperts}. */
export interface TrainOptions extends EngineOptions, TrainingRowsInput, TrainingRunOptions {
  /** What is trained, and from where; everything else of the checkpoint is frozen. Not changed. */
  readonly start: ExpertWeights;
  /** Decides the order of rows: any text, or bytes (which count as their lowercase hex). */
  readonly rowSeed: string | Uint8Array;
  /** What the load-balancing loss (`load_balancing_loss_func` of transformers, per micro-batch) counts in what is minimised; `0` by default. */
  readonly auxiliaryCoefficient?: number;
}

/** What training gives. */
export interface TrainingResult {
  readonly experts: ExpertWeights;
  /** All steps, those before a resume included. */
  readonly steps: readonly StepReport[];
  /** Steps whose loss or gradient was not finite. */
  readonly skippedSteps: number;
  readonly device: Device;
}

/**
 * Trains experts by AdamW on the next-token loss, its mean over all tokens of a step that count, however many each micro-batch has of them; the router's choice
 * follows the activations, its weights stay.
 *
 * Same inputs and device: same bits, interrupted or not.
 *
 * @example
 * const start = await extractExperts(checkpoint, selection);
 * const { experts } = await trainExperts({ checkpoint, start, tokens, sequenceLength: 128, batchSize: 8, steps: 25, learningRate: 3e-4, rowSeed: 'a' });
 * @throws {bad-option} {bad-shape} {unknown-tensor} {device-unavailable} {runtime-failed} {worker-crashed} {aborted} {resume-mismatch} {resume-corrupt}
 */
export async function trainExperts(options: TrainOptions): Promise<TrainingResult> {
  const settings = trainingSettings(options);
  const names = sortedNames(options.start);
  if (names.length === 0) throw new MoeEngineError('bad-option', 'option start: expected at least one expert, got none', { option: 'start', expected: 'at least one expert', actual: 'none' });
  const { auxiliaryCoefficient = 0, documents, sequenceLength } = options;
  assertOption('auxiliaryCoefficient', auxiliaryCoefficient, { least: 0, most: Number.MAX_VALUE });
  const { weights, reports, device } = await runTrainingJob(options, {
    compiled: { trained: names, packed: documents !== undefined, auxiliary: { balance: auxiliaryCoefficient / settings.microBatches } },
    jobOf: (client) => {
      const rows = toTrainingRows(options, { sequenceLength, vocabularySize: client.topology.vocabularySize });
      const start = toExpertMessages(client, new Map(names.map((name) => [name, options.start.get(name)!])));
      return { ...settings, rowSeed: formatRowSeed(options.rowSeed), undecayed: [], superposition: undefined, start, rows };
    },
  });
  const experts = new Map(weights.map(({ name, shape, data }) => [name, { shape, data }]));
  return { experts, steps: reports, skippedSteps: reports.filter(({ skipped }) => skipped).length, device };
}
