/**
 * What a dispatcher believes of a worker: how fast it is, how often it fails, when it may be tried again.
 * @module
 */
import { assertPositive } from './worker-choice.ts';

/** A belief; functions here give a new one. */
export interface WorkerEstimate {
  /** A moving average. */
  readonly secondsPerWork: number;
  /** A moving average of outcomes, from 0 to 1. */
  readonly failureRate: number;
  readonly failuresInARow: number;
  /** The worker is left alone before. */
  readonly blockedUntilMs: number;
}

/** Waits after failures. */
export interface RetryWaits {
  /** After the first. */
  readonly retryMs: number;
  /** At most. */
  readonly maxRetryMs: number;
}

/** Weight of a new observation. A third follows drift within three jobs and still evens out noise. */
const SPEED_WEIGHT = 0.35;
/** An observation is cut to this factor of the average: a machine that paused once must not look dead. */
const OUTLIER = 4;
/** Weight of a new outcome in the failure rate. */
const FAILURE_WEIGHT = 0.25;
/** A worker that always fails still counts for this much of its speed: nobody waits for it, but it is tried when idle. */
const LEAST_RELIABILITY = 0.1;

/** The first belief, from what a worker says of itself. @throws dispatch-invalid */
export function guessWorker(speed: number): WorkerEstimate {
  assertPositive('speed', speed);
  return { secondsPerWork: 1 / speed, failureRate: 0, failuresInARow: 0, blockedUntilMs: -Infinity };
}

/** After a job that was done: `s ← s + 0.35 · (min(max(seen, s / 4), 4 s) − s)`, s in seconds per work; failures are over. */
export function observeCompletion(estimate: WorkerEstimate, job: { readonly work: number; readonly seconds: number }): WorkerEstimate {
  const { secondsPerWork, failureRate } = estimate;
  const seen = Math.max(job.seconds, 1e-6) / job.work;
  const cut = Math.min(Math.max(seen, secondsPerWork / OUTLIER), secondsPerWork * OUTLIER);
  return { ...estimate, secondsPerWork: secondsPerWork + SPEED_WEIGHT * (cut - secondsPerWork), failureRate: failureRate * (1 - FAILURE_WEIGHT), failuresInARow: 0 };
}

/** After a failure: blocked for `retryMs · 2^(failures in a row − 1)`, at most `maxRetryMs`. */
export function observeFailure(estimate: WorkerEstimate, { nowMs, retryMs, maxRetryMs }: RetryWaits & { readonly nowMs: number }): WorkerEstimate {
  const waitMs = Math.min(maxRetryMs, retryMs * 2 ** Math.min(estimate.failuresInARow, 50));
  return { ...estimate, failureRate: estimate.failureRate + FAILURE_WEIGHT * (1 - estimate.failureRate), failuresInARow: estimate.failuresInARow + 1, blockedUntilMs: nowMs + waitMs };
}

/** Expected seconds per work, failures counted: `s / max(0.1, 1 − failureRate)`. */
export function expectedPace({ secondsPerWork, failureRate }: WorkerEstimate): number {
  return secondsPerWork / Math.max(LEAST_RELIABILITY, 1 - failureRate);
}
