/**
 * What a request to the engine works with, inside the worker thread.
 *
 * @module
 */
import type { Topology } from '@connito/moe-core';
import type { Tensor } from 'onnxruntime-common';
import { MoeEngineError } from '../error.ts';
import type { Program } from '../model/program.ts';
import type { EngineEvent, OpenRequest } from './messages.ts';
import type { Runtime, Session } from './runtime.ts';

/** A program that is ready to run, with what it is fed. */
export interface LoadedEngine {
  readonly runtime: Runtime;
  readonly program: Program;
  readonly session: Session;
  /** The graph of superposed steps, where training asked for bags. */
  readonly superposed: { readonly program: Program; readonly session: Session } | undefined;
  readonly topology: Topology;
  readonly present: OpenRequest['present'];
  readonly weights: Map<string, Tensor>;
}

/** What a running request may do besides computing. */
export interface RequestContext {
  readonly emit: (event: EngineEvent) => void;
  readonly isCancelled: () => boolean;
}

/** Between two runs of a graph. @throws {aborted} the caller has given up */
export function stopIfCancelled({ isCancelled }: Pick<RequestContext, 'isCancelled'>): void {
  if (isCancelled()) throw new MoeEngineError('aborted', 'the work was aborted by its signal', { completedSteps: undefined });
}
