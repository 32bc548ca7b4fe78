/**
 * What a training run is made of: the job, what it runs on, what it reports and gives.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import type { AdamWOptions } from './adamw.ts';
import type { LearningRateOptions } from './learning-rate.ts';
import type { Program } from '../model/program.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import type { TensorMessage } from '../runtime/tensor-message.ts';

/** What one step did. */
export interface StepReport {
  /** Steps done, from 1. */
  readonly step: number;
  /** Mean nats per predicted token of the batch, before the update. */
  readonly loss: number;
  /** Euclidean norm over all trained tensors, before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Wall clock; the only number here that differs between runs. */
  readonly tokensPerSecond: number;
  /** Loss or gradient was not finite, so nothing was updated. */
  readonly skipped: boolean;
}

/** Everything that decides the outcome of a run, beside the frozen weights. */
export interface TrainingJob extends AdamWOptions, LearningRateOptions {
  readonly start: readonly TensorMessage[];
  /** `[N, S]` */
  readonly tokens: Int32Array;
  readonly clipNorm: number;
  readonly rowSeed: string;
  readonly resumeDirectory: string | undefined;
  readonly saveEverySteps: number;
}

/** What a finished run gives. */
export interface TrainingOutcome {
  readonly weights: readonly TensorMessage[];
  readonly reports: readonly StepReport[];
}

/** What the loop runs on. */
export interface TrainingContext {
  readonly runtime: Runtime;
  readonly program: Program;
  readonly session: Session;
  /** Frozen weights by name. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly onStep: (report: StepReport) => void;
  readonly isCancelled: () => boolean;
}
