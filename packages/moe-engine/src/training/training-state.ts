/**
 * Exact resume: weights, moments and reports of a run in one safetensors file, replaced atomically.
 *
 * The cursor is the number of reports; the order of rows is a pure function of it (`row-order.ts`). The file names the job it
 * belongs to by a hash over everything that decides the outcome, so that a state is never continued under other conditions.
 *
 * @module
 */
import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor as CheckpointTensor } from '@connito/moe-core';
import { openSafetensorsFile, writeSafetensorsFile, type OpenSafetensorsFile } from '@connito/moe-core/node';
import type { AdamWTensor } from './adamw.ts';
import { MoeEngineError } from '../error.ts';
import type { TensorMessage } from '../runtime/tensor-message.ts';
import type { StepReport, TrainingContext, TrainingJob } from './training-job.ts';

/** Name of the state's file in the job's directory. */
export const STATE_FILE = 'training-state.safetensors';

/** A trained tensor with its moments. */
export interface TrainedTensor extends AdamWTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What changes during a run. */
export interface TrainingState {
  readonly tensors: readonly TrainedTensor[];
  /** One per step done, skipped ones included. */
  readonly reports: StepReport[];
  /** Steps that were not skipped. */
  updates: number;
}

/** State at step 0; the start's arrays are taken over and changed. */
export function createTrainingState(start: readonly TensorMessage[]): TrainingState {
  const tensors = start.map(({ name, shape, data }) => ({
    name,
    shape,
    weights: data,
    firstMoment: new Float32Array(data.length),
    secondMoment: new Float32Array(data.length),
  }));
  return { tensors, reports: [], updates: 0 };
}

/** Where a run's state is kept; does nothing where the job names no directory. */
export interface TrainingStore {
  /** @throws {resume-mismatch} {resume-corrupt} */
  load(): Promise<TrainingState | undefined>;
  save(state: TrainingState): Promise<void>;
}

/** Opens the store of a job. */
export function openTrainingStore(job: TrainingJob, context: TrainingContext): TrainingStore {
  const directory = job.resumeDirectory;
  if (directory === undefined) return { load: async () => undefined, save: async () => undefined };
  const path = join(directory, STATE_FILE);
  const jobHash = hashJob(job, context);
  return {
    load: async () => (existsSync(path) ? readState({ path, jobHash, start: job.start }) : undefined),
    async save(state) {
      await mkdir(directory, { recursive: true });
      await writeSafetensorsFile(path, encodeState(state), { format: 'connito-training-state/1', job: jobHash, updates: String(state.updates) });
    },
  };
}

const REPORT_COLUMNS = 5;

function* encodeState({ tensors, reports }: TrainingState): Generator<CheckpointTensor> {
  for (const { name, shape, weights, firstMoment, secondMoment } of tensors) {
    yield { name: `weights/${name}`, dtype: 'F32', shape, data: bytes(weights) };
    yield { name: `firstMoment/${name}`, dtype: 'F32', shape, data: bytes(firstMoment) };
    yield { name: `secondMoment/${name}`, dtype: 'F32', shape, data: bytes(secondMoment) };
  }
  const table = reports.flatMap(({ loss, gradientNorm, learningRate, tokensPerSecond, skipped }) => [loss, gradientNorm, learningRate, tokensPerSecond, Number(skipped)]);
  yield { name: 'reports', dtype: 'F64', shape: [reports.length, REPORT_COLUMNS], data: bytes(Float64Array.from(table)) };
}

function bytes(data: Float32Array | Float64Array | Int32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

interface ReadJob {
  readonly path: string;
  readonly jobHash: string;
  readonly start: readonly TensorMessage[];
}

async function readState({ path, jobHash, start }: ReadJob): Promise<TrainingState> {
  const file = await openState(path);
  try {
    if (file.metadata.get('job') !== jobHash) {
      throw new MoeEngineError('resume-mismatch', `${path} was saved by another job (model, start, tokens or options differ): remove it to start afresh`, { path });
    }
    return await decodeState(file, start);
  } catch (cause) {
    throw cause instanceof MoeEngineError ? cause : corrupt(path, cause);
  } finally {
    await file.close();
  }
}

async function openState(path: string): Promise<OpenSafetensorsFile> {
  try {
    return await openSafetensorsFile(path);
  } catch (cause) {
    throw corrupt(path, cause);
  }
}

async function decodeState(file: OpenSafetensorsFile, start: readonly TensorMessage[]): Promise<TrainingState> {
  const tensors: TrainedTensor[] = [];
  for (const { name, shape, data } of start) {
    const read = async (part: string): Promise<Float32Array> => {
      const values = await file.readFloat32(`${part}/${name}`);
      if (values.length !== data.length) throw new RangeError(`${part}/${name} has ${values.length} values, expected ${data.length}`);
      return values;
    };
    tensors.push({ name, shape, weights: await read('weights'), firstMoment: await read('firstMoment'), secondMoment: await read('secondMoment') });
  }
  const updates = Number(file.metadata.get('updates'));
  if (!Number.isSafeInteger(updates) || updates < 0) throw new RangeError('the number of updates is missing');
  return { tensors, reports: decodeReports((await file.read('reports')).data), updates };
}

function decodeReports(data: Uint8Array): StepReport[] {
  const table = new Float64Array(data.slice().buffer);
  return Array.from({ length: table.length / REPORT_COLUMNS }, (_, index) => {
    const [loss, gradientNorm, learningRate, tokensPerSecond, skipped] = table.subarray(index * REPORT_COLUMNS) as unknown as [number, number, number, number, number];
    return { step: index + 1, loss, gradientNorm, learningRate, tokensPerSecond, skipped: skipped === 1 };
  });
}

function corrupt(path: string, cause: unknown): MoeEngineError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new MoeEngineError('resume-corrupt', `${path} cannot be read as a training state (${why}): remove it to start afresh`, { path }, { cause });
}

/** SHA-256 over graph, frozen weights, start, tokens and options. The graph fixes model, sizes and batch; the device the rounding. */
function hashJob(job: TrainingJob, { runtime, program, weights }: TrainingContext): string {
  const { start, tokens, resumeDirectory: _directory, saveEverySteps: _saves, ...options } = job;
  const hash = createHash('sha256').update(JSON.stringify([runtime.device, Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))]));
  hash.update(program.model);
  updateHash(hash, 'tokens', tokens);
  for (const { name, data } of start) updateHash(hash, name, data);
  for (const [name, tensor] of weights) updateHash(hash, name, tensor.data as Float32Array);
  return hash.digest('hex');
}

function updateHash(hash: Hash, name: string, data: Float32Array | Int32Array): void {
  hash.update(`\0${name}\0${data.length}\0`).update(bytes(data));
}
