/**
 * How a run of training goes, whatever it trains.
 *
 * @module
 */
import { assertOneOf, assertOption } from '../options.ts';
import type { EngineNotice } from '../runtime/device.ts';
import type { LearningRateSchedule } from './learning-rate.ts';
import type { TrainingJob, TrainingProgress, TrainingStep } from './training-job.ts';

/** Options that every kind of training shares. */
export interface TrainingRunOptions {
  readonly steps: number;
  /** Peak learning rate. */
  readonly learningRate: number;
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

/** The part of a job that {@link TrainingRunOptions} fix. */
export type TrainingSettings = Omit<TrainingJob, 'start' | 'rows' | 'rowSeed' | 'undecayed' | 'superposition'>;

/**
 * Fills in what was left out, and checks the rest.
 *
 * @throws {bad-option}
 */
export function trainingSettings(options: TrainingRunOptions): TrainingSettings {
  const settings: TrainingSettings = {
    steps: options.steps,
    learningRate: options.learningRate,
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
