/**
 * Learning rate by step: linear warm-up, then constant or cosine.
 *
 * @module
 */

/** Shape of the rate after the warm-up. */
export type LearningRateSchedule = 'constant' | 'cosine';

/** What the rate depends on. */
export interface LearningRateOptions {
  /** The peak. */
  readonly learningRate: number;
  /** Steps until the peak is reached. */
  readonly warmupSteps: number;
  readonly schedule: LearningRateSchedule;
  /** Steps of the whole run. */
  readonly steps: number;
  /** Share of the peak at which a cosine ends, 0 to 1. */
  readonly finalShare: number;
}

/**
 * With W warm-up steps and T steps: `η · (step + 1) / W` below W; then η, or
 * `η · (f + (1 − f) · ½(1 + cos(π · (step − W) / (T − W))))`.
 *
 * @param step from 0
 */
export function learningRateAt(step: number, { learningRate, warmupSteps, schedule, steps, finalShare }: LearningRateOptions): number {
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  if (schedule === 'constant') return learningRate;
  const progress = (step - warmupSteps) / (steps - warmupSteps);
  return learningRate * (finalShare + (1 - finalShare) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
