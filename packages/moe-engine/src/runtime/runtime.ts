/**
 * ONNX Runtime behind one door: the native package where it loads, else WebAssembly.
 *
 * Runs inside a worker thread, because a native `session.run` blocks its thread.
 *
 * @module
 */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { MoeEngineError } from '../error.ts';
import { assertOneOf } from '../options.ts';
import type { Program } from '../model/program.ts';

/** Which ONNX Runtime: `auto` takes `native` where it loads, else `wasm`. */
export type EngineProvider = (typeof ENGINE_PROVIDERS)[number];

/** Values of {@link EngineProvider}. */
export const ENGINE_PROVIDERS = ['native', 'wasm', 'auto'] as const;

/** The one in use. `wasm` gives the same bits on every machine and is 3.5 to 5 times slower. */
export type Provider = 'native' | 'wasm';

/** Something the caller should know and may ignore. */
export interface EngineNotice {
  readonly code: 'wasm-fallback';
  readonly message: string;
}

/** How a runtime is opened. */
export interface RuntimeOptions {
  readonly provider: EngineProvider;
  /** Threads of one operator, native only; results do not depend on it. */
  readonly threads: number;
  readonly onNotice: (notice: EngineNotice) => void;
}

/** The part of ONNX Runtime's interface that both packages share. */
interface OnnxRuntime {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

/** A loaded ONNX Runtime. */
export interface Runtime {
  readonly provider: Provider;
  /** Wraps an array as a tensor, without a copy. */
  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  createSession(program: Program): Promise<Session>;
}

/** A program that is ready to run. */
export interface Session {
  /** Outputs by meaning. Feeds are `tokens` and the program's weights. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<ReadonlyMap<string, Tensor>>;
  release(): Promise<void>;
}

/**
 * Loads an ONNX Runtime.
 *
 * @throws {provider-unavailable} neither package, or not the one asked for, can be loaded
 */
export async function openRuntime({ provider, threads, onNotice }: RuntimeOptions): Promise<Runtime> {
  if (provider === 'wasm') return createRuntime('wasm', await loadWasm(), threads);
  try {
    return createRuntime('native', await loadNative(), threads);
  } catch (cause) {
    if (provider === 'native') throw unavailable('native', 'onnxruntime-node', cause);
    onNotice({ code: 'wasm-fallback', message: `onnxruntime-node does not load (${firstLine(cause)}): using WebAssembly, 3.5 to 5 times slower` });
    return createRuntime('wasm', await loadWasm(), threads);
  }
}

/**
 * Which ONNX Runtime a choice comes to on this machine; several processes that must agree on bits are then given the answer.
 *
 * @throws {provider-unavailable}
 */
export async function resolveProvider(provider: EngineProvider = 'auto', { onNotice = () => undefined }: { readonly onNotice?: (notice: EngineNotice) => void } = {}): Promise<Provider> {
  assertOneOf('provider', provider, ENGINE_PROVIDERS);
  return (await openRuntime({ provider, threads: 1, onNotice })).provider;
}

async function loadNative(): Promise<OnnxRuntime> {
  const loaded = (await import('onnxruntime-node')) as unknown as { readonly default?: OnnxRuntime } & OnnxRuntime;
  return loaded.default ?? loaded;
}

async function loadWasm(): Promise<OnnxRuntime> {
  try {
    const loaded = await import('onnxruntime-web');
    loaded.env.wasm.numThreads = 1;
    return loaded;
  } catch (cause) {
    throw unavailable('wasm', 'onnxruntime-web', cause);
  }
}

function createRuntime(provider: Provider, onnx: OnnxRuntime, threads: number): Runtime {
  const options = sessionOptions(provider, threads);
  return {
    provider,
    tensor: (data, shape) => (data instanceof Float32Array ? new onnx.Tensor('float32', data, shape) : new onnx.Tensor('int32', data, shape)),
    async createSession(program) {
      const session = await attempt(provider, 'loading a graph', () => onnx.InferenceSession.create(program.model, options));
      const fetches = [...program.outputs.values()];
      return {
        async run(feeds) {
          const results = await attempt(provider, 'running a graph', () => session.run(feeds, fetches));
          return new Map([...program.outputs].map(([meaning, name]) => [meaning, results[name]!]));
        },
        release: () => session.release(),
      };
    },
  };
}

/** Sequential, no spinning: measured best where cores are shared (110 against 153 ms a step). `basic` runs as fast as `all` and starts a third faster. */
function sessionOptions(provider: Provider, threads: number): InferenceSession.SessionOptions {
  const common = { graphOptimizationLevel: 'basic', executionMode: 'sequential', logSeverityLevel: 3 } as const;
  if (provider === 'wasm') return { ...common, executionProviders: ['wasm'] };
  return { ...common, executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1, extra: { session: { intra_op: { allow_spinning: '0' } } } };
}

async function attempt<T>(provider: Provider, during: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new MoeEngineError('runtime-failed', `ONNX Runtime (${provider}) failed while ${during}: ${firstLine(cause)}`, { provider, during }, { cause });
  }
}

function unavailable(provider: Provider, name: string, cause: unknown): MoeEngineError {
  return new MoeEngineError('provider-unavailable', `${name} cannot be loaded (${firstLine(cause)}): install it, or choose another provider`, { provider }, { cause });
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0]!;
}
