/**
 * Opens a worker for a checkpoint: compiles the program there, then hands over the weights that it asks for.
 *
 * @module
 */
import { parseExpertTensorName, type Checkpoint, type ExpertWeights, type Topology } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { startEngineWorker, type EngineWorker } from './engine-worker.ts';
import { MoeEngineError } from '../error.ts';
import { assertHeld, assertPresent, type PresentExperts } from '../model/present-experts.ts';
import { assertSupported } from '../model/supported.ts';
import { readLogicalTensor, tensorShapes } from './logical-tensors.ts';
import type { OpenRequest } from './messages.ts';
import { assertOneOf, assertOption } from '../options.ts';
import { DEVICE_CHOICES, type Device, type DeviceChoice, type EngineNotice } from './device.ts';
import type { TensorMessage } from './tensor-message.ts';

/** Options that every use of the engine shares. */
export interface EngineOptions {
  /** An open checkpoint (stays the caller's to close), or a directory in Hugging Face layout. */
  readonly checkpoint: Checkpoint | string;
  /** S: positions per row, at least 2. */
  readonly sequenceLength: number;
  /** B: rows per run of the graph. Memory grows with it. */
  readonly batchSize: number;
  /** Threads of one operator (`cpu`), 1 by default. Results do not depend on it. */
  readonly threads?: number;
  /** `auto` by default. */
  readonly device?: DeviceChoice;
  /** Experts of a partial model: only their weights are loaded and computed. All, if left out; then the checkpoint must hold all. */
  readonly present?: PresentExperts | undefined;
  /** Called once if `auto` takes less than it looked for. */
  readonly onNotice?: (notice: EngineNotice) => void;
  readonly signal?: AbortSignal | undefined;
}

/** An engine that is ready for requests. */
export interface EngineClient {
  readonly worker: EngineWorker;
  readonly device: Device;
  readonly topology: Topology;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly present: PresentExperts | undefined;
}

/**
 * Starts a worker and loads it.
 *
 * @throws {bad-option} {unsupported-model} {unknown-tensor} {bad-shape} {device-unavailable} {runtime-failed} {worker-crashed} {aborted}
 */
export async function openEngine(options: EngineOptions, compiled: Pick<OpenRequest, 'purpose'> & Partial<CompileOptions>): Promise<EngineClient> {
  const { sequenceLength, batchSize, threads = 1, device = 'auto' } = options;
  refuseProvider(options);
  assertEngineOptions({ sequenceLength, batchSize, threads, device });
  const checkpoint = typeof options.checkpoint === 'string' ? await openCheckpoint(options.checkpoint, { present: options.present?.experts }) : options.checkpoint;
  try {
    return await loadEngine(checkpoint, { trained: [], packed: false, auxiliary: {}, bag: 1, present: undefined, ...compiled, ...options, threads, device });
  } finally {
    if (typeof options.checkpoint === 'string') await checkpoint.close();
  }
}

/** What only training graphs have. */
export type CompileOptions = Pick<OpenRequest, 'trained' | 'packed' | 'auxiliary' | 'bag'>;

type LoadOptions = Omit<OpenRequest, 'kind' | 'topology' | 'shapes'> & Pick<EngineOptions, 'signal' | 'onNotice'>;

async function loadEngine(checkpoint: Checkpoint, { signal, onNotice, ...options }: LoadOptions): Promise<EngineClient> {
  const { topology } = checkpoint;
  assertSupported(topology);
  if (options.present !== undefined) assertPresent(topology, options.present);
  const shapes = tensorShapes(checkpoint);
  const worker = startEngineWorker();
  try {
    const { purpose, trained, packed, auxiliary, bag, batchSize, sequenceLength, device, threads, present } = options;
    const request: OpenRequest = { kind: 'open', purpose, topology, shapes, trained, packed, auxiliary, bag, batchSize, sequenceLength, device, threads, present };
    const opened = await worker.call(request, { signal, onEvent: (event) => void (event.kind === 'notice' && onNotice?.(event.notice)) });
    await loadWeights({ worker, checkpoint, signal, names: opened.weights.filter((name) => !trained.includes(name)) });
    return { worker, topology, shapes, present, device: opened.device };
  } catch (error) {
    await worker.close();
    throw error;
  }
}

function assertEngineOptions({ sequenceLength, batchSize, threads, device }: Pick<OpenRequest, 'sequenceLength' | 'batchSize' | 'threads' | 'device'>): void {
  assertOption('sequenceLength', sequenceLength, { least: 2, whole: true });
  assertOption('batchSize', batchSize, { least: 1, whole: true });
  assertOption('threads', threads, { least: 1, most: 1024, whole: true });
  assertOneOf('device', device, DEVICE_CHOICES);
}

/** The former name of `device`: left unread, it would let another device compute than the one that was asked for. */
function refuseProvider(options: EngineOptions): void {
  if (!('provider' in options)) return;
  const [expected, actual] = ['device: cpu (once native) | wasm | webgpu | cuda | auto', String(options.provider)];
  throw new MoeEngineError('bad-option', `option provider: expected its new name, ${expected}; got ${actual}`, { option: 'provider', expected, actual });
}

interface LoadJob {
  readonly worker: EngineWorker;
  readonly checkpoint: Checkpoint;
  readonly names: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** One tensor at a time, each handed over without a copy (`readFloat32` gives its caller the array). */
async function loadWeights({ worker, checkpoint, names, signal }: LoadJob): Promise<void> {
  const answers: Promise<unknown>[] = [];
  for (const name of names) {
    if (signal?.aborted === true) break;
    const { data, shape } = await readLogicalTensor(checkpoint, name);
    const whole = data.byteLength === data.buffer.byteLength ? data : data.slice();
    const tensor: TensorMessage = { name, shape, data: whole };
    const answer = worker.call({ kind: 'load', tensor }, { transfer: [whole.buffer as ArrayBuffer] });
    answer.catch(() => undefined);
    answers.push(answer);
  }
  await Promise.all(answers);
  if (signal?.aborted === true) throw new MoeEngineError('aborted', 'the work was aborted by its signal while weights were loaded', { completedSteps: undefined }, { cause: signal.reason });
}

/**
 * Turns experts into messages after checking that each is a tensor of one of the model's experts, in its shape.
 *
 * @throws {unknown-tensor} not an expert's tensor of this model, or of an expert that a partial model does not hold
 * @throws {bad-shape} shape or number of values differ
 */
export function toExpertMessages({ topology, shapes, present }: Pick<EngineClient, 'topology' | 'shapes' | 'present'>, experts: ExpertWeights): TensorMessage[] {
  return [...experts].map(([name, { shape, data }]) => {
    assertHeld(topology, present, name);
    const expected = shapes.get(name);
    if (expected === undefined || parseExpertTensorName(topology, name) === undefined) {
      throw new MoeEngineError('unknown-tensor', `"${name}" is not a tensor of one of this model's experts`, { name });
    }
    const values = expected.reduce((product, size) => product * size, 1);
    if (shape.length !== expected.length || shape.some((size, axis) => size !== expected[axis]) || data.length !== values) {
      const [want, got] = [`[${expected.join(', ')}], ${values} values`, `[${shape.join(', ')}], ${data.length} values`];
      throw new MoeEngineError('bad-shape', `expert tensor "${name}": expected ${want}, got ${got}`, { name, expected: want, actual: got });
    }
    return { name, shape, data };
  });
}
