/**
 * One training job from the caller's side: opens an engine, hands the job over, passes on what it says.
 *
 * @module
 */
import { openEngine, type CompileOptions, type EngineClient, type EngineOptions } from '../runtime/engine-client.ts';
import type { Device, EngineNotice } from '../runtime/device.ts';
import type { TrainingJob, TrainingOutcome, TrainingProgress } from './training-job.ts';
import type { TrainingRunOptions } from './training-options.ts';

/** What is run. */
export interface TrainingRun {
  readonly compiled: Partial<CompileOptions>;
  /** Makes the job once the model is known; what it throws ends the run. */
  readonly jobOf: (client: EngineClient) => TrainingJob;
}

/** Runs a job in a worker thread of its own, which is gone when this returns. */
export async function runTrainingJob(options: EngineOptions & TrainingRunOptions, { compiled, jobOf }: TrainingRun): Promise<TrainingOutcome & { readonly device: Device }> {
  const onNotice = (notice: EngineNotice): void => {
    options.onNotice?.(notice);
    options.onEvent?.({ kind: 'notice', notice });
  };
  const client = await openEngine({ ...options, onNotice }, { purpose: 'training', ...compiled });
  try {
    const job = jobOf(client);
    const outcome = await client.worker.call({ kind: 'train', job }, { signal: options.signal, onEvent: (event) => void (event.kind === 'training' && report(event.progress, options)) });
    return { ...outcome, device: client.device };
  } finally {
    await client.worker.close();
  }
}

function report(progress: TrainingProgress, { onStep, onEvent }: TrainingRunOptions): void {
  onEvent?.(progress);
  if (progress.kind !== 'step') return;
  const { kind: _kind, ...step } = progress;
  onStep?.(step);
}
