/**
 * What a training run is made of: the job, what it runs on, what it reports and gives.
 *
 * @module
 */
import type { Topology } from '@connito/moe-core';
import type { Tensor } from 'onnxruntime-common';
import type { AdamWOptions } from './adamw.ts';
import type { LearningRateOptions } from './learning-rate.ts';
import type { LayerLoad } from './step-sum.ts';
import type { TrainingRows } from './training-rows.ts';
import type { PresentExperts } from '../model/present-experts.ts';
import type { Program } from '../model/program.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import type { TensorMessage } from '../runtime/tensor-message.ts';

/** What one step did. */
export interface StepReport {
  /** Steps done, from 1. */
  readonly step: number;
  /** Mean nats per token that counts, before the update; NaN where none did. */
  readonly loss: number;
  /** Load-balancing loss before its coefficient, mean over micro-batches; 0 where it is off. */
  readonly auxiliaryLoss: number;
  /** Euclidean norm over all trained tensors, before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Tokens that count in the loss. */
  readonly targets: number;
  /** Positions per second of wall clock; the only number here that differs between runs. */
  readonly tokensPerSecond: number;
  /** Loss or gradient was not finite, or no token counted, so nothing was updated. */
  readonly skipped: boolean;
}

/** A step as it happens: its report, and where its tokens went. */
export interface TrainingStep extends StepReport {
  /** Per MoE layer, in order. */
  readonly expertLoad: readonly LayerLoad[];
}

/** What a run says while it is under way. */
export type TrainingProgress =
  /** Begins, or goes on after so many steps. */
  | { readonly kind: 'started'; readonly completedSteps: number; readonly steps: number }
  | ({ readonly kind: 'step' } & TrainingStep)
  /** A crash from here on costs nothing before this step. */
  | { readonly kind: 'saved'; readonly completedSteps: number };

/** Everything that decides the outcome of a run, beside the frozen weights. */
export interface TrainingJob extends AdamWOptions, LearningRateOptions {
  readonly start: readonly TensorMessage[];
  readonly rows: TrainingRows;
  /** M: runs of the graph per step; a step sees M · B rows. */
  readonly microBatches: number;
  readonly clipNorm: number;
  /** Names of trained tensors without weight decay. */
  readonly undecayed: readonly string[];
  /** `undefined`: rows in their own order. */
  readonly rowSeed: string | undefined;
  /** The first `steps` steps see bags of `bag` tokens at each position. */
  readonly superposition: { readonly bag: number; readonly steps: number } | undefined;
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
  readonly topology: Topology;
  /** Of a partial model. */
  readonly present?: PresentExperts | undefined;
  readonly program: Program;
  readonly session: Session;
  /** The graph of superposed steps, where the job has some. */
  readonly superposed: { readonly program: Program; readonly session: Session } | undefined;
  /** Frozen weights by name. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly onProgress: (progress: TrainingProgress) => void;
  readonly isCancelled: () => boolean;
}
