/**
 * The engine inside its worker thread: one compiled program, its weights, and what can be done with them.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import { MoeEngineError } from '../error.ts';
import type { EngineEvent, EngineRequest, EngineResponses, LayerRouting, OpenRequest } from './messages.ts';
import { compileEvaluation, compileRouting, compileTraining, type Program } from '../model/program.ts';
import { openRuntime, type Runtime, type Session } from './runtime.ts';
import type { TensorMessage } from './tensor-message.ts';
import { runTraining } from '../training/training-loop.ts';

/** What a running request may do besides computing. */
export interface RequestContext {
  readonly emit: (event: EngineEvent) => void;
  readonly isCancelled: () => boolean;
}

interface Loaded {
  readonly runtime: Runtime;
  readonly program: Program;
  readonly session: Session;
  readonly topology: OpenRequest['topology'];
  readonly weights: Map<string, Tensor>;
}

/** Answers requests one at a time. The first must be `open`, then `load` for each weight that it named. */
export interface EngineHost {
  handle(request: EngineRequest, context: RequestContext): Promise<EngineResponses[keyof EngineResponses]>;
}

/** Starts an empty engine. */
export function createEngineHost(): EngineHost {
  let loaded: Loaded | undefined;
  const engine = (): Loaded => loaded ?? fail('the engine is not open');
  return {
    async handle(request, context) {
      switch (request.kind) {
        case 'open':
          loaded = await open(request, context);
          return { device: loaded.runtime.device, weights: loaded.program.weights };
        case 'load':
          engine().weights.set(request.tensor.name, toTensor(engine(), request.tensor));
          return undefined;
        case 'losses':
          return computeLosses(engine(), request, context);
        case 'routing':
          return computeRouting(engine(), request.tokens, context);
        case 'train':
          return runTraining(request.job, { ...engine(), ...context, onProgress: (progress) => context.emit({ kind: 'training', progress }) });
      }
    },
  };
}

async function open(request: OpenRequest, { emit }: RequestContext): Promise<Loaded> {
  const runtime = await openRuntime({ device: request.device, threads: request.threads, onNotice: (notice) => emit({ kind: 'notice', notice }) });
  const program = compile(request);
  return { runtime, program, session: await runtime.createSession(program), topology: request.topology, weights: new Map() };
}

function compile(request: OpenRequest): Program {
  if (request.purpose === 'training') return compileTraining(request);
  return request.purpose === 'routing' ? compileRouting(request) : compileEvaluation(request);
}

function toTensor({ runtime }: Loaded, { data, shape }: TensorMessage): Tensor {
  return runtime.tensor(data, shape);
}

type Losses = Extract<EngineRequest, { kind: 'losses' }>;

async function computeLosses(engine: Loaded, { tokens, experts }: Losses, context: RequestContext): Promise<Float32Array> {
  const { batchSize, sequenceLength } = engine.program;
  const swapped = experts.map((tensor) => [tensor.name, toTensor(engine, tensor)] as const);
  const feeds = Object.fromEntries([...engine.weights, ...swapped]);
  const predicted = sequenceLength - 1;
  const losses = new Float32Array((tokens.length / sequenceLength) * predicted);
  for (const { batch, row, rows } of batches(tokens, { batchSize, sequenceLength })) {
    stopIfCancelled(context);
    const outputs = await engine.session.run({ ...feeds, tokens: engine.runtime.tensor(batch, [batchSize, sequenceLength]) });
    losses.set(floats(outputs, 'losses').subarray(0, rows * predicted), row * predicted);
  }
  return losses;
}

async function computeRouting(engine: Loaded, tokens: Int32Array, context: RequestContext): Promise<readonly LayerRouting[]> {
  const { batchSize, sequenceLength } = engine.program;
  const { moeLayers, expertsPerToken } = engine.topology;
  const layers = moeLayers.map((layer) => ({ layer, ids: new Uint16Array(tokens.length * expertsPerToken), weights: new Float32Array(tokens.length * expertsPerToken) }));
  const feeds = Object.fromEntries(engine.weights);
  for (const { batch, row, rows } of batches(tokens, { batchSize, sequenceLength })) {
    stopIfCancelled(context);
    const outputs = await engine.session.run({ ...feeds, tokens: engine.runtime.tensor(batch, [batchSize, sequenceLength]) });
    const [start, count] = [row * sequenceLength * expertsPerToken, rows * sequenceLength * expertsPerToken];
    for (const { layer, ids, weights } of layers) {
      weights.set(floats(outputs, `weights.${layer}`).subarray(0, count), start);
      const chosen = outputs.get(`ids.${layer}`)!.data as BigInt64Array;
      for (let index = 0; index < count; index++) ids[start + index] = Number(chosen[index]);
    }
  }
  return layers;
}

interface Batch {
  readonly batch: Int32Array;
  /** First row and number of real rows; the rest of a last batch repeats token 0 and is dropped. */
  readonly row: number;
  readonly rows: number;
}

function* batches(tokens: Int32Array, { batchSize, sequenceLength }: { readonly batchSize: number; readonly sequenceLength: number }): Generator<Batch> {
  const total = tokens.length / sequenceLength;
  for (let row = 0; row < total; row += batchSize) {
    const rows = Math.min(batchSize, total - row);
    const batch = new Int32Array(batchSize * sequenceLength);
    batch.set(tokens.subarray(row * sequenceLength, (row + rows) * sequenceLength));
    yield { batch, row, rows };
  }
}

function floats(outputs: ReadonlyMap<string, Tensor>, meaning: string): Float32Array {
  return outputs.get(meaning)!.data as Float32Array;
}

function stopIfCancelled({ isCancelled }: RequestContext): void {
  if (isCancelled()) throw new MoeEngineError('aborted', 'the work was aborted by its signal', { completedSteps: undefined });
}

function fail(message: string): never {
  throw new MoeEngineError('runtime-failed', message, { device: 'unknown', during: 'worker' });
}
