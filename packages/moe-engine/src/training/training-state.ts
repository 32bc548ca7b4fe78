/**
 * Exact resume: weights and moments of a run in one safetensors file, replaced atomically, and the reports of its steps beside it.
 *
 * The cursor is the number of reports; the order of rows is a pure function of it (`row-order.ts`), and nothing else is random. The file names the
 * job it belongs to by a hash over everything that decides the outcome, so that a state is never continued under other conditions.
 *
 * @module
 */
import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor as CheckpointTensor } from '@connito/moe-core';
import { openSafetensorsFile, writeSafetensorsFile, type OpenSafetensorsFile } from '@connito/moe-core/node';
import type { AdamWTensor } from './adamw-kernel.ts';
import { MoeEngineError } from '../error.ts';
import type { TensorMessage } from '../runtime/tensor-message.ts';
import { readReports, writeReports } from './step-log.ts';
import type { StepReport, TrainingContext, TrainingJob } from './training-job.ts';

/** Name of the state's file in the job's directory. */
export const STATE_FILE = 'training-state.safetensors';

/** Name of the reports' file beside it. */
export const STEPS_FILE = 'training-steps.f64';

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
  /** @returns whether there is a place to save it */
  save(state: TrainingState): Promise<boolean>;
}

/** Opens the store of a job. Reports come first: a state that is there has all of its reports. */
export async function openTrainingStore(job: TrainingJob, context: TrainingContext): Promise<TrainingStore> {
  const directory = job.resumeDirectory;
  if (directory === undefined) return { load: async () => undefined, save: async () => false };
  const [path, steps] = [join(directory, STATE_FILE), join(directory, STEPS_FILE)];
  const jobHash = await hashJob(job, context);
  let saved = 0;
  return {
    async load() {
      if (!existsSync(path)) return undefined;
      await removeUnfinished(directory);
      const state = await readState({ path, steps, jobHash, start: job.start });
      saved = state.reports.length;
      return state;
    },
    async save(state) {
      await mkdir(directory, { recursive: true });
      await writeReports(steps, state.reports, saved);
      await writeSafetensorsFile(path, encodeTensors(state), { format: FORMAT, job: jobHash, updates: String(state.updates), steps: String(state.reports.length) });
      saved = state.reports.length;
      return true;
    },
  };
}

const FORMAT = 'connito-training-state/2';

/** What a process that was killed while it saved has left. */
async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(`.${STATE_FILE}.`) && name.endsWith('.tmp')) await rm(join(directory, name), { force: true });
  }
}

function* encodeTensors({ tensors }: TrainingState): Generator<CheckpointTensor> {
  for (const { name, shape, weights, firstMoment, secondMoment } of tensors) {
    yield { name: `weights/${name}`, dtype: 'F32', shape, data: bytes(weights) };
    yield { name: `firstMoment/${name}`, dtype: 'F32', shape, data: bytes(firstMoment) };
    yield { name: `secondMoment/${name}`, dtype: 'F32', shape, data: bytes(secondMoment) };
  }
}

function bytes(data: Float32Array | Int32Array | Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

interface ReadJob {
  readonly path: string;
  readonly steps: string;
  readonly jobHash: string;
  readonly start: readonly TensorMessage[];
}

async function readState({ path, steps, jobHash, start }: ReadJob): Promise<TrainingState> {
  const file = await openState(path);
  try {
    if (file.metadata.get('job') !== jobHash) {
      throw new MoeEngineError('resume-mismatch', `${path} was saved by another job (model, start, tokens or options differ): remove it to start afresh`, { path });
    }
    return await decodeState(file, { start, steps });
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

async function decodeState(file: OpenSafetensorsFile, { start, steps }: Pick<ReadJob, 'start' | 'steps'>): Promise<TrainingState> {
  const tensors: TrainedTensor[] = [];
  for (const { name, shape, data } of start) {
    const read = async (part: string): Promise<Float32Array> => {
      const values = await file.readFloat32(`${part}/${name}`);
      if (values.length !== data.length) throw new RangeError(`${part}/${name} has ${values.length} values, expected ${data.length}`);
      return values;
    };
    tensors.push({ name, shape, weights: await read('weights'), firstMoment: await read('firstMoment'), secondMoment: await read('secondMoment') });
  }
  return { tensors, reports: await decodeReports(steps, readCount(file, 'steps')), updates: readCount(file, 'updates') };
}

function readCount(file: OpenSafetensorsFile, key: string): number {
  const count = Number(file.metadata.get(key) ?? Number.NaN);
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`the number of ${key} is missing`);
  return count;
}

async function decodeReports(path: string, count: number): Promise<StepReport[]> {
  try {
    return await readReports(path, count);
  } catch (cause) {
    throw corrupt(path, cause);
  }
}

function corrupt(path: string, cause: unknown): MoeEngineError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new MoeEngineError('resume-corrupt', `${path} cannot be read as a training state (${why}): remove it to start afresh`, { path }, { cause });
}

/** SHA-256 over graph, frozen weights, start, rows and options. The graph fixes model, sizes and batch; the device the rounding. */
async function hashJob(job: TrainingJob, { runtime, program, weights }: TrainingContext): Promise<string> {
  const { start, rows, resumeDirectory: _directory, saveEverySteps: _saves, ...options } = job;
  const hash = createHash('sha256').update(JSON.stringify([runtime.device, Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))]));
  hash.update(program.model);
  for (const [name, data] of Object.entries(rows)) if (data !== undefined) updateHash(hash, name, data);
  for (const { name, data } of start) updateHash(hash, name, data);
  for (const [name, tensor] of weights) updateHash(hash, name, await runtime.read(tensor));
  return hash.digest('hex');
}

function updateHash(hash: Hash, name: string, data: Float32Array | Int32Array | Uint8Array): void {
  hash.update(`\0${name}\0${data.length}\0`).update(bytes(data));
}
