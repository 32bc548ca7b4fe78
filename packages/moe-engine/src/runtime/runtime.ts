/**
 * ONNX Runtime behind one door, whatever the device.
 *
 * Runs inside a worker thread, because a native `session.run` blocks its thread.
 *
 * @module
 */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { MoeEngineError } from '../error.ts';
import type { GraphProfile } from '../graph/graph.ts';
import type { Program } from '../model/program.ts';
import { openDeviceMemory } from './device-memory.ts';
import { firstLine, loadDevice, type Device, type DeviceChoice, type EngineNotice, type LoadedDevice } from './device.ts';

/** How a runtime is opened. */
export interface RuntimeOptions {
  readonly device: DeviceChoice;
  /** Threads of one operator, `cpu` and `wasm` only; results do not depend on it. */
  readonly threads: number;
  readonly onNotice: (notice: EngineNotice) => void;
}

/** A loaded ONNX Runtime. */
export interface Runtime {
  readonly device: Device;
  /** What its graphs must be compiled for. */
  readonly profile: GraphProfile;
  /** Wraps an array as a tensor, without a copy. */
  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  /** A tensor that is fed many times: on `webgpu` a copy in the GPU's memory, elsewhere as {@link Runtime.tensor}. The caller disposes of it. */
  place(data: Float32Array, shape: readonly number[]): Promise<Tensor>;
  /** The values of what {@link Runtime.place} gave. */
  read(tensor: Tensor): Promise<Float32Array>;
  /** Outputs come back to JavaScript's memory, unless they are `kept` where they are: then they are fed to other sessions and disposed of by the caller. */
  createSession(program: Program, options?: { readonly kept?: boolean }): Promise<Session>;
}

/** A program that is ready to run. */
export interface Session {
  /** Outputs by meaning. Feeds are `tokens` and the program's weights. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<ReadonlyMap<string, Tensor>>;
  release(): Promise<void>;
}

/**
 * Opens a device.
 *
 * @throws {bad-option} {device-unavailable} as `loadDevice`
 */
export async function openRuntime({ device, threads, onNotice }: RuntimeOptions): Promise<Runtime> {
  return createRuntime(await loadDevice(device, { onNotice }), threads);
}

function createRuntime({ device, onnx }: LoadedDevice, threads: number): Runtime {
  if (device === 'wasm') onnx.env.wasm.numThreads = threads; // counts until the first session of this JavaScript thread is created
  const options = sessionOptions(device, threads);
  const memory = device === 'webgpu' ? openDeviceMemory(onnx) : undefined;
  const tensor: Runtime['tensor'] = (data, shape) => (data instanceof Float32Array ? new onnx.Tensor('float32', data, shape) : new onnx.Tensor('int32', data, shape));
  return {
    device,
    profile: device === 'webgpu' ? 'webgpu' : 'standard',
    tensor,
    place: async (data, shape) => (memory === undefined ? tensor(data, shape) : attempt(device, 'copying to the device', () => memory.place(tensor(data, shape)))),
    read: async (placed) => (memory === undefined ? placed : await attempt(device, 'copying from the device', () => memory.fetch(placed))).data as Float32Array,
    async createSession(program, { kept = false } = {}) {
      const location = kept && memory !== undefined ? ({ preferredOutputLocation: 'gpu-buffer' } as const) : {};
      const session = await attempt(device, 'loading a graph', () => onnx.InferenceSession.create(program.model, { ...options, ...location }));
      const fetches = [...program.outputs.values()];
      return {
        async run(feeds) {
          const results = await attempt(device, 'running a graph', () => session.run(feeds, fetches));
          return new Map([...program.outputs].map(([meaning, name]) => [meaning, results[name]!]));
        },
        release: () => session.release(),
      };
    },
  };
}

/**
 * Sequential, no spinning: measured best where cores are shared (110 against 153 ms a step). `basic` runs as fast as `all` and starts a third faster. A memory
 * pattern would hold a second copy of all intermediate values from the second run on: without one, as fast, a training took a quarter less memory.
 */
function sessionOptions(device: Device, threads: number): InferenceSession.SessionOptions {
  const common = { graphOptimizationLevel: 'basic', executionMode: 'sequential', enableMemPattern: false, logSeverityLevel: 3 } as const;
  if (device === 'wasm') return { ...common, executionProviders: ['wasm'] };
  return { ...common, executionProviders: [device], intraOpNumThreads: threads, interOpNumThreads: 1, extra: { session: { intra_op: { allow_spinning: '0' } } } };
}

async function attempt<T>(device: Device, during: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new MoeEngineError('runtime-failed', `ONNX Runtime (${device}) failed while ${during}: ${firstLine(cause)}`, { device, during }, { cause });
  }
}
