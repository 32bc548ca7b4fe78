/**
 * The engine inside its worker thread: one compiled program, its weights, and what can be done with them.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import { MoeEngineError } from '../error.ts';
import { openCandidateRuns, type CandidateRuns } from '../evaluation/candidate-runs.ts';
import { computeLosses } from '../evaluation/loss-runs.ts';
import { createDecoding, FIRST_DECODING, type Decoding } from '../generation/decoding.ts';
import { compileDecoding } from '../model/decoding.ts';
import { computeRouting } from '../evaluation/routing-runs.ts';
import type { GraphProfile } from '../graph/graph.ts';
import { stopIfCancelled, type LoadedEngine, type RequestContext } from './loaded-engine.ts';
import type { EngineRequest, EngineResponses, OpenRequest } from './messages.ts';
import { compileEvaluation, compileRouting, compileTraining, type Program } from '../model/program.ts';
import { openRuntime, type Runtime } from './runtime.ts';
import { runTraining } from '../training/training-loop.ts';

interface Loaded extends LoadedEngine, Pick<OpenRequest, 'shapes' | 'present'> {
  readonly candidates: CandidateRuns;
}

/** Answers requests one at a time. The first must be `open`, then `load` for each weight that it named. */
export interface EngineHost {
  handle(request: EngineRequest, context: RequestContext): Promise<EngineResponses[keyof EngineResponses]>;
}

/** Starts an empty engine. */
export function createEngineHost(): EngineHost {
  let loaded: Loaded | undefined;
  let decoding: Decoding | undefined;
  const engine = (): Loaded => loaded ?? fail('the engine is not open');
  return {
    async handle(request, context) {
      switch (request.kind) {
        case 'open':
          loaded = await open(request, context);
          return { device: loaded.runtime.device, weights: loaded.program.weights };
        case 'load':
          engine().weights.set(request.tensor.name, await engine().runtime.place(request.tensor.data, request.tensor.shape));
          return undefined;
        case 'losses':
          return computeLosses(engine(), request, context);
        case 'candidates':
          return engine().candidates.run(request, context);
        case 'routing':
          return computeRouting(engine(), request.tokens, context);
        case 'append':
          return (decoding ??= createDecoding({ ...engine(), first: engine().session })).append(request, () => stopIfCancelled(context));
        case 'train':
          return runTraining(request.job, { ...engine(), ...context, onProgress: (progress) => context.emit({ kind: 'training', progress }) });
      }
    },
  };
}

async function open(request: OpenRequest, { emit }: RequestContext): Promise<Loaded> {
  const runtime = await openRuntime({ device: request.device, threads: request.threads, onNotice: (notice) => emit({ kind: 'notice', notice }) });
  const program = compile({ ...request, profile: runtime.profile });
  const weights = new Map<string, Tensor>();
  const session = await runtime.createSession(program);
  return { runtime, program, session, superposed: await openSuperposed(runtime, request), topology: request.topology, shapes: request.shapes, present: request.present, weights, candidates: openCandidateRuns({ runtime, weights, request }) };
}

async function openSuperposed(runtime: Runtime, request: OpenRequest): Promise<LoadedEngine['superposed']> {
  if (request.purpose !== 'training' || request.bag === 1) return undefined;
  const program = compileTraining({ ...request, profile: runtime.profile });
  return { program, session: await runtime.createSession(program) };
}

function compile(request: OpenRequest & { readonly profile: GraphProfile }): Program {
  if (request.purpose === 'training') return compileTraining({ ...request, bag: 1 });
  if (request.purpose === 'generation') return compileDecoding({ ...request, ...FIRST_DECODING });
  return request.purpose === 'routing' ? compileRouting(request) : compileEvaluation(request);
}

function fail(message: string): never {
  throw new MoeEngineError('runtime-failed', message, { device: 'unknown', during: 'worker' });
}
