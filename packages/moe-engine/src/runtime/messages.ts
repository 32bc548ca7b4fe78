/**
 * What the main thread and the engine's worker thread say to each other.
 *
 * @module
 */
import type { Topology } from '@connito/moe-core';
import type { AuxiliaryLosses } from '../model/objective.ts';
import type { AppendRequest } from '../generation/decoding.ts';
import type { PortableError } from '../error.ts';
import type { PresentExperts } from '../model/present-experts.ts';
import type { Device, DeviceChoice, EngineNotice } from './device.ts';
import type { TensorMessage } from './tensor-message.ts';
import type { TrainingJob, TrainingOutcome, TrainingProgress } from '../training/training-job.ts';

/** What the worker compiles. */
export interface OpenRequest {
  readonly kind: 'open';
  readonly purpose: 'evaluation' | 'routing' | 'training' | 'generation';
  readonly topology: Topology;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly trained: readonly string[];
  /** For training: see `compileTraining`. */
  readonly packed: boolean;
  readonly auxiliary: AuxiliaryLosses;
  /** Where more than 1, a second graph for steps with superposed tokens is compiled. */
  readonly bag: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly device: DeviceChoice;
  readonly threads: number;
  readonly present: PresentExperts | undefined;
}

/** Losses of several candidates on the same rows. */
export interface CandidatesRequest {
  readonly kind: 'candidates';
  readonly tokens: Int32Array;
  /** Names of the tensors that candidates may change; those of each candidate are among them. */
  readonly changed: readonly string[];
  readonly candidates: readonly (readonly TensorMessage[])[];
}

/** Everything that the worker can be asked. */
export type EngineRequest =
  | OpenRequest
  | { readonly kind: 'load'; readonly tensor: TensorMessage }
  | { readonly kind: 'losses'; readonly tokens: Int32Array; readonly experts: readonly TensorMessage[] }
  | CandidatesRequest
  | { readonly kind: 'routing'; readonly tokens: Int32Array }
  | AppendRequest
  | { readonly kind: 'train'; readonly job: TrainingJob };

/** Answer by kind of request. */
export interface EngineResponses {
  readonly open: { readonly device: Device; readonly weights: readonly string[] };
  readonly load: undefined;
  /** `[N, S − 1]` */
  readonly losses: Float32Array;
  /** `[N, S − 1]` for each candidate */
  readonly candidates: readonly Float32Array[];
  readonly routing: readonly LayerRouting[];
  /** Logits `[V]` of what follows. */
  readonly append: Float32Array;
  readonly train: TrainingOutcome;
}

/** Routing of all given tokens at one layer, row-major `[T, K]`, by descending weight. */
export interface LayerRouting {
  readonly layer: number;
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
}

/** A request. `cancel[0]` is set to 1 when the caller gives up. */
export interface RequestMessage {
  readonly id: number;
  readonly request: EngineRequest;
  readonly cancel: Int32Array;
}

/** Everything sent to the worker; `close` asks it to end after what came before. */
export type WorkerMessage = RequestMessage | { readonly close: true };

/** Word of the shared control array that the main thread sets to 1 when all work shall stop. */
export const STOP = 0;

/** Word that the worker holds at 1 while it handles a request, perhaps in native code. */
export const BUSY = 1;

/** Sent while a request runs. */
export type EngineEvent = { readonly kind: 'notice'; readonly notice: EngineNotice } | { readonly kind: 'training'; readonly progress: TrainingProgress };

/** Sent by the worker. */
export type ResponseMessage = { readonly id: number } & ({ readonly result: EngineResponses[keyof EngineResponses] } | { readonly error: PortableError } | { readonly event: EngineEvent });
