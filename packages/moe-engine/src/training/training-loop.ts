/**
 * The inner optimisation inside the worker thread: batches, gradients from ONNX Runtime, AdamW over typed arrays.
 *
 * Only gradients are fetched (outputs are copied); weights are updated in place in the buffers that are fed.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import { applyAdamW, clipFactor, globalNorm } from './adamw.ts';
import { MoeEngineError } from '../error.ts';
import { learningRateAt } from './learning-rate.ts';
import { createRowOrder } from './row-order.ts';
import type { StepReport, TrainingContext, TrainingJob, TrainingOutcome } from './training-job.ts';
import { createTrainingState, openTrainingStore, type TrainingState } from './training-state.ts';

/**
 * Runs a job from its start or its saved state to its last step.
 *
 * @throws {aborted} cancelled; the state is saved first where there is a directory for it
 * @throws {resume-mismatch} {resume-corrupt} {runtime-failed}
 */
export async function runTraining(job: TrainingJob, context: TrainingContext): Promise<TrainingOutcome> {
  const store = openTrainingStore(job, context);
  const state = (await store.load()) ?? createTrainingState(job.start);
  const step = createStep({ job, context, state });
  while (state.reports.length < job.steps) {
    if (context.isCancelled()) {
      await store.save(state);
      const completedSteps = state.reports.length;
      throw new MoeEngineError('aborted', `training was aborted by its signal after ${completedSteps} of ${job.steps} steps`, { completedSteps });
    }
    const report = await step();
    state.reports.push(report);
    context.onStep(report);
    if (report.step % job.saveEverySteps === 0 || report.step === job.steps) await store.save(state);
  }
  return { weights: state.tensors.map(({ name, shape, weights }) => ({ name, shape, data: weights })), reports: state.reports };
}

interface StepContext {
  readonly job: TrainingJob;
  readonly context: TrainingContext;
  readonly state: TrainingState;
}

function createStep({ job, context: { runtime, program, session, weights }, state }: StepContext): () => Promise<StepReport> {
  const { batchSize, sequenceLength } = program;
  const rowsAt = createRowOrder({ rowSeed: job.rowSeed, rows: job.tokens.length / sequenceLength, batchSize });
  const batch = new Int32Array(batchSize * sequenceLength);
  const trained = state.tensors.map(({ name, shape, weights: data }) => [name, runtime.tensor(data, shape)] as const);
  const feeds = { ...Object.fromEntries([...weights, ...trained]), tokens: runtime.tensor(batch, [batchSize, sequenceLength]) };
  return async () => {
    const begun = performance.now();
    const done = state.reports.length;
    for (const [index, row] of rowsAt(done).entries()) batch.set(job.tokens.subarray(row * sequenceLength, (row + 1) * sequenceLength), index * sequenceLength);
    const outputs = await session.run(feeds);
    const learningRate = learningRateAt(done, job);
    const result = update({ job, state, outputs, learningRate });
    return { step: done + 1, ...result, learningRate, tokensPerSecond: (batch.length / (performance.now() - begun)) * 1000 };
  };
}

interface UpdateInputs {
  readonly job: TrainingJob;
  readonly state: TrainingState;
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly learningRate: number;
}

function update({ job, state, outputs, learningRate }: UpdateInputs): Pick<StepReport, 'loss' | 'gradientNorm' | 'skipped'> {
  const loss = (outputs.get('loss')!.data as Float32Array)[0]!;
  const gradients = state.tensors.map(({ name }) => outputs.get(name)!.data as Float32Array);
  const gradientNorm = globalNorm(gradients);
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) return { loss, gradientNorm, skipped: true };
  const gradientScale = clipFactor(gradientNorm, job.clipNorm);
  state.updates += 1;
  for (const [index, tensor] of state.tensors.entries()) {
    applyAdamW(tensor, gradients[index]!, { ...job, learningRate, gradientScale, update: state.updates });
  }
  return { loss, gradientNorm, skipped: false };
}
