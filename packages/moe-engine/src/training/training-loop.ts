/**
 * The inner optimisation inside the worker thread: micro-batches, gradients from ONNX Runtime, AdamW over typed arrays.
 *
 * Outputs are copied, so only what is used is fetched: losses, gradients, the routers' choices. Weights are updated in place in the buffers that are fed.
 *
 * @module
 */
import { applyAdamW, clipFactor, globalNorm } from './adamw.ts';
import { MoeEngineError } from '../error.ts';
import { learningRateAt } from './learning-rate.ts';
import { createMicroBatch } from './micro-batch.ts';
import { createRowOrder } from './row-order.ts';
import { addMicroBatch, createStepSum, expertLoad, type StepSum } from './step-sum.ts';
import type { StepReport, TrainingContext, TrainingJob, TrainingOutcome, TrainingStep } from './training-job.ts';
import { countTargets } from './training-rows.ts';
import { createTrainingState, openTrainingStore, type TrainingState } from './training-state.ts';

/**
 * Runs a job from its start or its saved state to its last step.
 *
 * @throws {aborted} cancelled; the state is saved first where there is a directory for it
 * @throws {resume-mismatch} {resume-corrupt} {runtime-failed}
 */
export async function runTraining(job: TrainingJob, context: TrainingContext): Promise<TrainingOutcome> {
  const store = await openTrainingStore(job, context);
  const state = (await store.load()) ?? createTrainingState(job.start);
  const save = async (): Promise<void> => {
    if (await store.save(state)) context.onProgress({ kind: 'saved', completedSteps: state.reports.length });
  };
  context.onProgress({ kind: 'started', completedSteps: state.reports.length, steps: job.steps });
  const step = createSteps({ job, context, state });
  while (state.reports.length < job.steps) {
    const done = await step();
    if (done === undefined) {
      await save();
      throw aborted(state.reports.length, job.steps);
    }
    const { expertLoad: _load, ...report } = done;
    state.reports.push(report);
    context.onProgress({ kind: 'step', ...done });
    if (report.step % job.saveEverySteps === 0 || report.step === job.steps) await save();
  }
  return { weights: state.tensors.map(({ name, shape, weights }) => ({ name, shape, data: weights })), reports: state.reports };
}

interface StepContext {
  readonly job: TrainingJob;
  readonly context: TrainingContext;
  readonly state: TrainingState;
}

/** Superposed steps come first, where the job has some; weights, moments and schedule go on from one kind to the other. */
function createSteps({ job, context, state }: StepContext): () => Promise<TrainingStep | undefined> {
  const plain = createStep({ job, context, state, firstStep: job.superposition?.steps ?? 0 });
  if (job.superposition === undefined || context.superposed === undefined) return plain;
  const superposed = createStep({ job, context: { ...context, ...context.superposed }, state, firstStep: 0 });
  const { steps } = job.superposition;
  return () => (state.reports.length < steps ? superposed() : plain());
}

/** One optimiser step, or `undefined`, with nothing changed, where it was cancelled before its last micro-batch; step `firstStep` begins with the first row. */
function createStep({ job, context, state, firstStep }: StepContext & { readonly firstStep: number }): () => Promise<TrainingStep | undefined> {
  const { batchSize, sequenceLength, bag } = context.program;
  const targetsOf = countTargets(job.rows, sequenceLength, bag);
  const rowsAt = createRowOrder({ rowSeed: job.rowSeed, rows: targetsOf.length, batchSize: batchSize * job.microBatches });
  const addUp = createMicroBatchRunner({ job, context, state });
  return async () => {
    const begun = performance.now();
    const done = state.reports.length;
    const rows = rowsAt(done - firstStep);
    const targets = rows.reduce((sum, row) => sum + targetsOf[row]!, 0);
    const sum = await addUp(rows, targets);
    if (sum === undefined) return undefined;
    const learningRate = learningRateAt(done, job);
    const result = update({ job, state, sum, learningRate });
    const tokensPerSecond = (rows.length * sequenceLength * 1000) / (performance.now() - begun);
    return { step: done + 1, ...result, learningRate, targets, tokensPerSecond, expertLoad: expertLoad(sum, context.present) };
  };
}

/** Runs the micro-batches of a step; `undefined` where it was cancelled. Rows without a token that counts need no run. */
function createMicroBatchRunner({ job, context, state }: StepContext): (rows: readonly number[], targets: number) => Promise<StepSum | undefined> {
  const { runtime, topology, program, session, weights, isCancelled } = context;
  const batch = createMicroBatch(job.rows, context);
  const trained = state.tensors.map(({ name }) => name);
  const updated = state.tensors.map(({ name, shape, weights: data }) => [name, runtime.tensor(data, shape)] as const);
  const feeds = { ...Object.fromEntries([...weights, ...updated]), ...batch.feeds };
  return async (rows, targets) => {
    const sum = createStepSum(topology.moeLayers, topology.expertsPerLayer);
    for (let first = 0; first < rows.length; first += program.batchSize) {
      if (isCancelled()) return undefined;
      if (targets === 0) continue;
      batch.fill(rows.slice(first, first + program.batchSize), targets);
      addMicroBatch(sum, { outputs: await session.run(feeds), program, tokens: batch.tokens, vocabularySize: topology.vocabularySize, trained, isText: batch.isText });
    }
    return sum;
  };
}

interface UpdateInputs {
  readonly job: TrainingJob;
  readonly state: TrainingState;
  readonly sum: StepSum;
  readonly learningRate: number;
}

function update({ job, state, sum, learningRate }: UpdateInputs): Pick<StepReport, 'loss' | 'auxiliaryLoss' | 'gradientNorm' | 'skipped'> {
  const hasRun = sum.gradients.length > 0;
  const loss = hasRun ? sum.loss : Number.NaN;
  const auxiliaryLoss = sum.auxiliaryLoss / job.microBatches;
  const gradientNorm = globalNorm(sum.gradients);
  if (!Number.isFinite(loss) || !Number.isFinite(auxiliaryLoss) || !Number.isFinite(gradientNorm)) return { loss, auxiliaryLoss, gradientNorm, skipped: true };
  const gradientScale = clipFactor(gradientNorm, job.clipNorm);
  state.updates += 1;
  const undecayed = new Set(job.undecayed);
  for (const [index, tensor] of state.tensors.entries()) {
    const weightDecay = undecayed.has(tensor.name) ? 0 : job.weightDecay;
    applyAdamW(tensor, sum.gradients[index]!, { ...job, weightDecay, learningRate, gradientScale, update: state.updates });
  }
  return { loss, auxiliaryLoss, gradientNorm, skipped: false };
}

function aborted(completedSteps: number, steps: number): MoeEngineError {
  return new MoeEngineError('aborted', `training was aborted by its signal after ${completedSteps} of ${steps} steps`, { completedSteps });
}
