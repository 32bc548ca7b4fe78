/**
 * The job of an external trainer on disk: a JSON file that names everything, and two safetensors files beside it. TRAINER-FORMAT.md is the specification.
 *
 * @module
 */
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { encodeExpertWeights, type ExpertWeights, type Tensor } from '@connito/moe-core';
import { writeFileAtomic, writeSafetensorsFile } from '@connito/moe-core/node';
import { MoeEngineError } from '../../error.ts';
import type { PartialRouting } from '../../model/present-experts.ts';
import type { LearningRateSchedule } from '../learning-rate.ts';
import { createRowOrder } from '../row-order.ts';
import type { TrainingRows } from '../training-rows.ts';

/** The job file's `format`. */
export const TRAINER_JOB_FORMAT = 'connito/trainer-job/1';

/** What stands in the job file; all paths are absolute. */
export interface TrainerJob {
  readonly format: typeof TRAINER_JOB_FORMAT;
  /** Checkpoint in Hugging Face layout. */
  readonly model: string;
  /** Where training starts: the experts to train, and their weights. */
  readonly start: string;
  /** `tokens`, perhaps `documents` and `labelMask`, and `order`: the rows of each step. */
  readonly rows: string;
  /** The file to write. */
  readonly out: string;
  /** A directory for whatever the trainer wants to find again after a crash. */
  readonly state: string;
  readonly sequenceLength: number;
  readonly batchSize: number;
  readonly microBatches: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  /** `null` for none. */
  readonly clipNorm: number | null;
  readonly warmupSteps: number;
  readonly schedule: LearningRateSchedule;
  readonly finalShare: number;
  readonly auxiliaryCoefficient: number;
  /** Of a partial model: by layer, the experts that it holds; `null` for the whole model. */
  readonly present: { readonly routing: PartialRouting; readonly experts: Readonly<Record<string, readonly number[]>> } | null;
}

/** What a job is written from: everything of the file but its own paths. */
export interface TrainerJobParts {
  readonly job: Omit<TrainerJob, 'format' | 'start' | 'rows' | 'out' | 'state'>;
  readonly start: ExpertWeights;
  readonly rows: TrainingRows;
  readonly rowSeed: string;
}

/** 1 GB of row numbers. */
const MAX_ORDER_ENTRIES = 2 ** 28;

/**
 * Writes a job into a directory, in which no result of an earlier try is left.
 *
 * @throws {bad-option} so many steps that their rows cannot be listed
 */
export async function writeTrainerJob(given: string, { job, start, rows, rowSeed }: TrainerJobParts): Promise<{ readonly path: string; readonly job: TrainerJob }> {
  const directory = resolve(given);
  const at = (name: string): string => join(directory, name);
  const whole: TrainerJob = { format: TRAINER_JOB_FORMAT, ...job, model: resolve(job.model), start: at('start.safetensors'), rows: at('rows.safetensors'), out: at('trained.safetensors'), state: at('state') };
  await mkdir(whole.state, { recursive: true });
  await rm(whole.out, { force: true });
  await writeFileAtomic(whole.start, encodeExpertWeights(start));
  await writeSafetensorsFile(whole.rows, rowTensors(rows, whole, rowSeed));
  await writeFileAtomic(at('job.json'), new TextEncoder().encode(`${JSON.stringify(whole, null, 1)}\n`));
  return { path: at('job.json'), job: whole };
}

function rowTensors({ tokens, documents, labelMask }: TrainingRows, job: TrainerJob, rowSeed: string): Tensor[] {
  const shape = [tokens.length / job.sequenceLength, job.sequenceLength];
  const tensors: Tensor[] = [{ name: 'tokens', dtype: 'I32', shape, data: bytesOf(tokens) }];
  if (documents !== undefined) tensors.push({ name: 'documents', dtype: 'I32', shape, data: bytesOf(documents) });
  if (labelMask !== undefined) tensors.push({ name: 'labelMask', dtype: 'U8', shape, data: labelMask });
  const perStep = job.microBatches * job.batchSize;
  return [...tensors, { name: 'order', dtype: 'I32', shape: [job.steps, perStep], data: bytesOf(orderOf(job.steps, { rowSeed, rows: shape[0]!, batchSize: perStep })) }];
}

function orderOf(steps: number, options: Parameters<typeof createRowOrder>[0]): Int32Array {
  const entries = steps * options.batchSize;
  if (entries > MAX_ORDER_ENTRIES) {
    const [expected, actual] = [`at most ${MAX_ORDER_ENTRIES} rows over all steps`, String(entries)];
    throw new MoeEngineError('bad-option', `option steps: expected ${expected}, got ${actual}`, { option: 'steps', expected, actual });
  }
  const rowsAt = createRowOrder(options);
  const order = new Int32Array(entries);
  for (let step = 0; step < steps; step++) order.set(rowsAt(step), step * options.batchSize);
  return order;
}

function bytesOf(data: Int32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
