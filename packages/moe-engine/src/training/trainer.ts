/**
 * Training of selected experts with everything else frozen.
 *
 * @module
 */
import { sortedNames, type ExpertWeights } from '@connito/moe-core';
import { openEngine, toExpertMessages, type EngineOptions } from '../runtime/engine-client.ts';
import { MoeEngineError } from '../error.ts';
import type { LearningRateSchedule } from './learning-rate.ts';
import { assertOneOf, assertOption } from '../options.ts';
import type { Device, EngineNotice } from '../runtime/device.ts';
import type { StepReport, TrainingJob, TrainingProgress, TrainingStep } from './training-job.ts';
import { toTrainingRows, type TrainingRowsInput } from './training-rows.ts';

/** Options of {@link trainExperts}. */
export interface TrainOptions extends EngineOptions, TrainingRowsInput {
  /** What is trained, and from where; everything else of the checkpoint is frozen. Not changed. */
  readonly start: ExpertWeights;
  readonly steps: number;
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Decides the order of rows: any text, or bytes (which count as their lowercase hex). */
  readonly rowSeed: string | Uint8Array;
  /** M: runs of the graph per step, whose gradients are added up before the update; `1` by default. A step sees M · B rows. */
  readonly microBatches?: number;
  /** `[0.9, 0.95]` by default. */
  readonly betas?: readonly [number, number];
  /** `1e-8` by default. */
  readonly epsilon?: number;
  /** `0.1` by default. */
  readonly weightDecay?: number;
  /** `1` by default; `Infinity` for none. */
  readonly clipNorm?: number;
  /** `0` by default. */
  readonly warmupSteps?: number;
  /** `constant` by default. */
  readonly schedule?: LearningRateSchedule;
  /** Share of the peak at which a cosine ends; `0` by default. */
  readonly finalShare?: number;
  /** What the load-balancing loss (`load_balancing_loss_func` of transformers, per micro-batch) counts in what is minimised; `0` by default. */
  readonly auxiliaryCoefficient?: number;
  /** Called after each step of this run (not for steps that a resumed run had done before). */
  readonly onStep?: ((step: TrainingStep) => void) | undefined;
  /** Called for everything that happens, steps included; {@link trainingEvents} gives the same as an async iterable. */
  readonly onEvent?: ((event: TrainingEvent) => void) | undefined;
  /** A directory of this job's own: the state is saved there and continued from there. The caller removes it. */
  readonly resumeDirectory?: string | undefined;
  /** `20` by default; also saved when aborted and at the end. */
  readonly saveEverySteps?: number;
}

/** What happens during a run. */
export type TrainingEvent = TrainingProgress | { readonly kind: 'notice'; readonly notice: EngineNotice };

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
  const { auxiliaryCoefficient = 0, documents } = options;
  const compiled = { purpose: 'training', trained: names, packed: documents !== undefined, auxiliary: { balance: auxiliaryCoefficient / settings.microBatches } } as const;
  const onNotice = (notice: EngineNotice): void => {
    options.onNotice?.(notice);
    options.onEvent?.({ kind: 'notice', notice });
  };
  const client = await openEngine({ ...options, onNotice }, compiled);
  try {
    const rows = toTrainingRows(options, { sequenceLength: options.sequenceLength, vocabularySize: client.topology.vocabularySize });
    const start = toExpertMessages(client, new Map(names.map((name) => [name, options.start.get(name)!])));
    const job: TrainingJob = { ...settings, start, rows };
    const { weights, reports } = await client.worker.call({ kind: 'train', job }, { signal: options.signal, onEvent: (event) => void (event.kind === 'training' && report(event.progress, options)) });
    const experts = new Map(weights.map(({ name, shape, data }) => [name, { shape, data }]));
    return { experts, steps: reports, skippedSteps: reports.filter(({ skipped }) => skipped).length, device: client.device };
  } finally {
    await client.worker.close();
  }
}

function report(progress: TrainingProgress, { onStep, onEvent }: TrainOptions): void {
  onEvent?.(progress);
  if (progress.kind !== 'step') return;
  const { kind: _kind, ...step } = progress;
  onStep?.(step);
}

type TrainingSettings = Omit<TrainingJob, 'start' | 'rows'>;

function trainingSettings(options: TrainOptions): TrainingSettings {
  const settings: TrainingSettings = {
    steps: options.steps,
    learningRate: options.learningRate,
    rowSeed: typeof options.rowSeed === 'string' ? options.rowSeed : Buffer.from(options.rowSeed).toString('hex'),
    microBatches: options.microBatches ?? 1,
    betas: options.betas ?? [0.9, 0.95],
    epsilon: options.epsilon ?? 1e-8,
    weightDecay: options.weightDecay ?? 0.1,
    clipNorm: options.clipNorm ?? 1,
    warmupSteps: options.warmupSteps ?? 0,
    schedule: options.schedule ?? 'constant',
    finalShare: options.finalShare ?? 0,
    resumeDirectory: options.resumeDirectory,
    saveEverySteps: options.saveEverySteps ?? 20,
  };
  assertSettings(settings);
  assertOption('auxiliaryCoefficient', options.auxiliaryCoefficient ?? 0, { least: 0, most: Number.MAX_VALUE });
  return settings;
}

function assertSettings(settings: TrainingSettings): void {
  const belowOne = 1 - Number.EPSILON;
  assertOption('steps', settings.steps, { least: 1, whole: true });
  assertOption('learningRate', settings.learningRate, { least: 0, most: Number.MAX_VALUE });
  assertOption('microBatches', settings.microBatches, { least: 1, whole: true });
  for (const beta of settings.betas) assertOption('betas', beta, { least: 0, most: belowOne });
  assertOption('epsilon', settings.epsilon, { least: Number.MIN_VALUE, most: Number.MAX_VALUE });
  assertOption('weightDecay', settings.weightDecay, { least: 0, most: Number.MAX_VALUE });
  assertOption('clipNorm', settings.clipNorm, { least: Number.MIN_VALUE });
  assertOption('warmupSteps', settings.warmupSteps, { least: 0, whole: true });
  assertOption('finalShare', settings.finalShare, { least: 0, most: 1 });
  assertOption('saveEverySteps', settings.saveEverySteps, { least: 1, whole: true });
  assertOneOf('schedule', settings.schedule, ['constant', 'cosine']);
}
