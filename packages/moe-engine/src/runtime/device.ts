/**
 * Where a graph is computed, by name: what each device needs, how it is found, and what is said when it is not there.
 *
 * Devices round differently. `wasm` gives the same bits on every machine; `cpu` on one type of processor; `webgpu` and `cuda`
 * on one graphics processor with one driver. Processes that must agree on bits settle on one name with {@link resolveDevice}.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Env, InferenceSession, Tensor } from 'onnxruntime-common';
import { MoeEngineError } from '../error.ts';
import { createGraph, float } from '../graph/graph.ts';
import { assertOneOf } from '../options.ts';

/** Devices by name. */
export const DEVICES = ['cpu', 'wasm', 'webgpu', 'cuda'] as const;

/**
 * `cpu`: onnxruntime-node's kernels. `wasm`: onnxruntime-web, 3.5 to 5 times slower. `webgpu`: onnxruntime-node through Vulkan, Metal or
 * Direct3D 12. `cuda`: onnxruntime-node with the provider libraries that its installer downloads.
 */
export type Device = (typeof DEVICES)[number];

/** Values of {@link DeviceChoice}. */
export const DEVICE_CHOICES: readonly DeviceChoice[] = [...DEVICES, 'auto'];

/** A device, or `auto`: `cuda` where its libraries and a GPU are there and a product comes out exact, else `cpu`, else `wasm`. */
export type DeviceChoice = Device | 'auto';

/** Something the caller should know and may ignore. */
export interface EngineNotice {
  /** `wasm-fallback`: `auto` found no onnxruntime-node. `cuda-unusable`: `auto` found CUDA's provider and a GPU, but they do not compute. */
  readonly code: 'wasm-fallback' | 'cuda-unusable';
  readonly message: string;
}

/** How a device is chosen. */
export interface DeviceOptions {
  /** Called where `auto` takes less than it looked for. */
  readonly onNotice?: (notice: EngineNotice) => void;
}

/** The part of ONNX Runtime's interface that both packages share. */
export interface OnnxRuntime {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
  readonly env: Env;
}

/** A device whose ONNX Runtime is loaded. */
export interface LoadedDevice {
  readonly device: Device;
  readonly onnx: OnnxRuntime;
}

/**
 * Which device a choice comes to on this machine; several processes that must agree on bits are then given the answer.
 *
 * @throws {bad-option} no such device
 * @throws {device-unavailable} what was looked for is not there; the message says what to install
 */
export async function resolveDevice(device: DeviceChoice = 'auto', options: DeviceOptions = {}): Promise<Device> {
  return (await loadDevice(device, options)).device;
}

/**
 * Loads the ONNX Runtime of a device, and computes a product on it where it is a GPU.
 *
 * @throws as {@link resolveDevice}
 */
export async function loadDevice(device: DeviceChoice, { onNotice = () => undefined }: DeviceOptions = {}): Promise<LoadedDevice> {
  assertOneOf('device', device, DEVICE_CHOICES);
  return device === 'auto' ? loadBest(onNotice) : { device, onnx: await LOADERS[device]() };
}

async function loadBest(onNotice: (notice: EngineNotice) => void): Promise<LoadedDevice> {
  let native: OnnxRuntime;
  try {
    native = await loadNative();
  } catch (error) {
    onNotice({ code: 'wasm-fallback', message: `onnxruntime-node does not load (${firstLine((error as Error).cause)}): using WebAssembly, 3.5 to 5 times slower` });
    return { device: 'wasm', onnx: await loadWasm() };
  }
  if (!existsSync(cudaLibrary()) || !hasNvidiaDriver()) return { device: 'cpu', onnx: native };
  try {
    return { device: 'cuda', onnx: await loadCuda() };
  } catch (cause) {
    onNotice({ code: 'cuda-unusable', message: `a GPU is there, but CUDA does not compute (${firstLine(cause)}): using the processor` });
    return { device: 'cpu', onnx: native };
  }
}

const LOADERS: Readonly<Record<Device, () => Promise<OnnxRuntime>>> = { cpu: loadNative, wasm: loadWasm, webgpu: loadWebGpu, cuda: loadCuda };

async function loadNative(device: Device = 'cpu'): Promise<OnnxRuntime> {
  try {
    const loaded = (await import('onnxruntime-node')) as unknown as { readonly default?: OnnxRuntime } & OnnxRuntime;
    return loaded.default ?? loaded;
  } catch (cause) {
    throw unavailable(device, `onnxruntime-node cannot be loaded (${firstLine(cause)})`, { advice: 'install it, or choose the device wasm', cause });
  }
}

async function loadWasm(): Promise<OnnxRuntime> {
  try {
    return await import('onnxruntime-web');
  } catch (cause) {
    throw unavailable('wasm', `onnxruntime-web cannot be loaded (${firstLine(cause)})`, { advice: 'install it, or choose another device', cause });
  }
}

async function loadWebGpu(): Promise<OnnxRuntime> {
  const advice = 'it needs a driver for Vulkan (Linux x64), Direct3D 12 (Windows) or Metal (macOS); on Debian, mesa-vulkan-drivers 25 or newer brings a software one. Or choose the device cpu';
  const onnx = await loadNative('webgpu');
  await probe(onnx, { device: 'webgpu', advice });
  return onnx;
}

/** Looks for the provider library first: ONNX Runtime writes to stderr where it finds none, and its error does not name it. */
async function loadCuda(): Promise<OnnxRuntime> {
  const onnx = await loadNative('cuda');
  const library = cudaLibrary();
  if (!existsSync(library)) {
    const advice =
      process.platform === 'linux' && process.arch === 'x64'
        ? 'install it with "npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12" (a download of several hundred MB; it needs CUDA 12, cuDNN 9 and an NVIDIA GPU), or choose the device cpu'
        : 'onnxruntime-node has CUDA on Linux x64 only; choose the device webgpu or cpu';
    throw unavailable('cuda', `ONNX Runtime's CUDA provider is not installed (looked for ${library})`, { advice });
  }
  // cuBLAS reads this when it starts; ONNX Runtime would round products to TF32 otherwise, and its option is out of reach from JavaScript.
  process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  await probe(onnx, { device: 'cuda', advice: 'it needs an NVIDIA GPU with its driver, CUDA 12 and cuDNN 9 on the library path; or choose the device cpu' });
  return onnx;
}

function cudaLibrary(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so');
}

/** The kernel driver's own file, or the device through which Windows lends its GPU to Linux. */
function hasNvidiaDriver(): boolean {
  return existsSync('/proc/driver/nvidia/version') || existsSync('/dev/dxg');
}

/** Side of the probe's matrices: large enough for the kernels that round to TF32. */
const PROBE_SIZE = 64;

/** Multiplies `f · I` by a matrix of `f = 1 + 2⁻¹²`: `f²` everywhere in float32, 1 where factors are rounded to the 11 bits of TF32. */
async function probe(onnx: OnnxRuntime, { device, advice }: { readonly device: Device; readonly advice: string }): Promise<void> {
  const factor = 1 + 2 ** -12;
  const [square, values] = [[PROBE_SIZE, PROBE_SIZE], PROBE_SIZE ** 2];
  const diagonal = Float32Array.from({ length: values }, (_, index) => (index % (PROBE_SIZE + 1) === 0 ? factor : 0));
  let result: Float32Array;
  try {
    result = await multiply(onnx, device, [new onnx.Tensor('float32', diagonal, square), new onnx.Tensor('float32', new Float32Array(values).fill(factor), square)]);
  } catch (cause) {
    throw unavailable(device, `ONNX Runtime cannot compute on it (${firstLine(cause)})`, { advice, cause });
  }
  const wrong = result.find((entry) => Math.abs(entry - factor ** 2) > 2 ** -20);
  if (wrong === undefined) return;
  throw unavailable(device, `its products are not float32 (${factor} squared gave ${wrong})`, { advice: 'set NVIDIA_TF32_OVERRIDE=0 before the process starts, or choose the device cpu' });
}

async function multiply(onnx: OnnxRuntime, device: Device, [a, b]: readonly [Tensor, Tensor]): Promise<Float32Array> {
  const graph = createGraph();
  const shape = float(PROBE_SIZE, PROBE_SIZE);
  const product = graph.node('MatMul', [graph.input({ name: 'a', ...shape }), graph.input({ name: 'b', ...shape })], shape);
  const session = await onnx.InferenceSession.create(graph.encode([product]).model, { executionProviders: [device], logSeverityLevel: 4 });
  const outputs = await session.run({ a, b });
  await session.release();
  return outputs[product.name]!.data as Float32Array;
}

/** First line of an error's message. */
export function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0]!;
}

function unavailable(device: Device, what: string, { advice, cause }: { readonly advice: string; readonly cause?: unknown }): MoeEngineError {
  return new MoeEngineError('device-unavailable', `the device ${device} is not available: ${what}: ${advice}`, { device }, cause === undefined ? {} : { cause });
}
