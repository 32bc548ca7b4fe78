/**
 * Training by somebody else's program: a job file in, a safetensors file out. TRAINER-FORMAT.md is the specification.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertExpertWeights, isMoeError, sortedNames, type ExpertWeights, type Topology } from '@connito/moe-core';
import { readTopology } from '@connito/moe-core/node';
import { MoeEngineError } from '../../error.ts';
import { assertHeld, assertPresent } from '../../model/present-experts.ts';
import { assertOption } from '../../options.ts';
import { formatRowSeed } from '../row-order.ts';
import type { TrainOptions } from '../trainer.ts';
import type { StepReport } from '../training-job.ts';
import { trainingSettings } from '../training-options.ts';
import { toTrainingRows } from '../training-rows.ts';
import { readTrainedFile } from './trained-file.ts';
import { writeTrainerJob, type TrainerJobParts } from './trainer-job.ts';
import { runTrainerProcess } from './trainer-process.ts';

/** Options of {@link runExternalTrainer}: those of `trainExperts` that say what is trained and how, and how the trainer is run. */
export interface ExternalTrainerOptions extends Omit<TrainOptions, 'checkpoint' | 'device' | 'threads' | 'onNotice' | 'onStep' | 'onEvent' | 'resumeDirectory' | 'saveEverySteps'> {
  /** Directory in Hugging Face layout. */
  readonly checkpoint: string;
  /** A shell command such as `python train.py`; the job file's path is added as its last argument. It runs with the caller's rights, and without variables that begin with `CONNITO_`. */
  readonly command: string;
  /** Where the job lies; the trainer's `state` below it outlives a crash. The caller removes it. By default a temporary directory, removed at the end. */
  readonly workDirectory?: string | undefined;
  /** The trainer is stopped when it takes longer; by default it may take as long as it likes. */
  readonly timeoutMs?: number | undefined;
  /** Called for each step that the trainer reports. */
  readonly onStep?: ((step: ExternalStep) => void) | undefined;
  /** Called for each line of its standard error, and of its standard output that reports no step. */
  readonly onOutput?: ((line: string) => void) | undefined;
}

/** What a trainer reports of a step; a loss that is not finite is NaN. */
export type ExternalStep = Pick<StepReport, 'step' | 'loss'> & Partial<Pick<StepReport, 'gradientNorm' | 'learningRate' | 'targets' | 'tokensPerSecond'>>;

/** What an external trainer gives. */
export interface ExternalTrainingResult {
  readonly experts: ExpertWeights;
  /** As far as it reported them, ascending. */
  readonly steps: readonly ExternalStep[];
}

/**
 * Hands a job to a command and checks what comes back: exactly the experts of `start`, in their shapes, in float32, finite.
 *
 * @example
 * const { experts } = await runExternalTrainer({ command: 'python train.py', checkpoint: 'model', start, tokens, sequenceLength: 128, batchSize: 8, steps: 25, learningRate: 3e-4, rowSeed: 'a' });
 * @throws {bad-option} {bad-shape} {unknown-tensor} {trainer-failed} {trainer-timeout} {trainer-output} {aborted}
 * @throws moe-core's codes of `readTopology`
 */
export async function runExternalTrainer(options: ExternalTrainerOptions): Promise<ExternalTrainingResult> {
  const { command, workDirectory, timeoutMs, signal, onOutput = () => undefined } = options;
  if (command.trim() === '') throw new MoeEngineError('bad-option', 'option command: expected a shell command, got none', { option: 'command', expected: 'a shell command', actual: 'none' });
  if (timeoutMs !== undefined) assertOption('timeoutMs', timeoutMs, { least: 1, most: 2 ** 31 - 1 });
  const parts = await jobParts(options);
  const directory = workDirectory ?? (await mkdtemp(join(tmpdir(), 'connito-trainer-')));
  try {
    const { path, job } = await writeTrainerJob(directory, parts);
    const steps: ExternalStep[] = [];
    const onLine = (line: string): void => {
      const step = parseStep(line);
      if (step === undefined) return onOutput(line);
      if (step.step > job.steps || step.step <= (steps.at(-1)?.step ?? 0)) return;
      steps.push(step);
      options.onStep?.(step);
    };
    await runTrainerProcess({ command, jobPath: path, timeoutMs, signal, onLine, onErrorLine: onOutput });
    return { experts: await readTrainedFile(job.out, parts.start), steps };
  } finally {
    if (workDirectory === undefined) await rm(directory, { recursive: true, force: true });
  }
}

async function jobParts(options: ExternalTrainerOptions): Promise<TrainerJobParts> {
  const { checkpoint, sequenceLength, batchSize, present, auxiliaryCoefficient = 0 } = options;
  if (typeof checkpoint !== 'string') throw new MoeEngineError('bad-option', 'option checkpoint: expected the path of a directory, which a command can be told, got an open checkpoint', { option: 'checkpoint', expected: 'a path', actual: typeof checkpoint });
  const { resumeDirectory: _directory, saveEverySteps: _saves, clipNorm, ...settings } = trainingSettings(options);
  assertOption('sequenceLength', sequenceLength, { least: 2, whole: true });
  assertOption('batchSize', batchSize, { least: 1, whole: true });
  assertOption('auxiliaryCoefficient', auxiliaryCoefficient, { least: 0, most: Number.MAX_VALUE });
  const topology = await readTopology(join(checkpoint, 'config.json'));
  if (present !== undefined) assertPresent(topology, present);
  const start = startOf(options.start, topology);
  for (const name of start.keys()) assertHeld(topology, present, name);
  const rows = toTrainingRows(options, { sequenceLength, vocabularySize: topology.vocabularySize });
  const job = { model: checkpoint, sequenceLength, batchSize, ...settings, clipNorm: clipNorm === Infinity ? null : clipNorm, auxiliaryCoefficient, present: present === undefined ? null : { routing: present.routing ?? 'natural', experts: Object.fromEntries(present.experts) } };
  return { job, start, rows, rowSeed: formatRowSeed(options.rowSeed) };
}

/** In the order of names, as `trainExperts` gives them. */
function startOf(given: ExpertWeights, topology: Topology): ExpertWeights {
  const names = sortedNames(given);
  if (names.length === 0) throw new MoeEngineError('bad-option', 'option start: expected at least one expert, got none', { option: 'start', expected: 'at least one expert', actual: 'none' });
  try {
    assertExpertWeights(topology, given);
  } catch (cause) {
    if (!isMoeError(cause, 'experts-mismatch')) throw cause;
    throw new MoeEngineError('unknown-tensor', cause.message, { name: String(cause.context.tensor) }, { cause });
  }
  return new Map(names.map((name) => [name, given.get(name)!]));
}

/** A line `{"step": 3, "loss": 2.1, …}`; anything else is no report. */
function parseStep(line: string): ExternalStep | undefined {
  if (!line.startsWith('{')) return undefined;
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // Text that begins with a brace.
  }
  const { step, loss } = value;
  if (!Number.isSafeInteger(step) || (step as number) < 1 || !(loss === null || typeof loss === 'number')) return undefined;
  const optional = (['gradientNorm', 'learningRate', 'targets', 'tokensPerSecond'] as const).flatMap((name) => (typeof value[name] === 'number' ? [[name, value[name]] as const] : []));
  return { step: step as number, loss: loss ?? Number.NaN, ...Object.fromEntries(optional) };
}
