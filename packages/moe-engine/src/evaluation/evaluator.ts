/**
 * Loss evaluation: one loaded base model, any number of candidates whose experts take the place of the base's.
 *
 * @module
 */
import { assertSelection, type ExpertSelection, type ExpertWeights } from '@connito/moe-core';
import { presentInLayer } from '../model/present-experts.ts';
import { openEngine, toExpertMessages, type EngineClient, type EngineOptions } from '../runtime/engine-client.ts';
import { MoeEngineError } from '../error.ts';
import type { Device } from '../runtime/device.ts';
import type { TensorMessage } from '../runtime/tensor-message.ts';
import { changedTensors, groupCandidates, tensorsOf, type CandidateLosses, type CandidateOptions } from './candidates.ts';
import { toTokenIds, type TokenMatrix } from './token-matrix.ts';

/** Options of {@link createEvaluator}. */
export interface EvaluatorOptions extends EngineOptions {
  /** Experts that candidates may replace; all that the model holds, if left out. */
  readonly experts?: ExpertSelection;
}

/** Options of one evaluation. */
export interface EvaluationOptions {
  /** Take the place of the base's for this call only. */
  readonly experts?: ExpertWeights | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A loaded model in a worker thread. Calls are answered in order. Keeps the process alive only while it computes. */
export interface Evaluator {
  /** Where it computes. */
  readonly device: Device;
  /**
   * Mean next-token loss of each row in nats: float32 token losses, averaged in float64 in order.
   *
   * @param tokens `[N, S]`, each in `[0, V)`; the last batch is filled up and the filling dropped
   * @returns `[N]`; NaN where the candidate's weights make it so
   * @throws {bad-shape} {unknown-tensor} {aborted} {closed} {runtime-failed} {worker-crashed}
   */
  rowLosses(tokens: TokenMatrix, options?: EvaluationOptions): Promise<Float64Array>;
  /**
   * Loss of each predicted token in nats, `[N, S − 1]`: entry `[n, s]` is that of token `s + 1`.
   *
   * @throws as {@link Evaluator.rowLosses}
   */
  tokenLosses(tokens: TokenMatrix, options?: EvaluationOptions): Promise<Float32Array>;
  /**
   * Losses of many candidates on the same rows, with the bits that separate calls give. What lies before the first expert that any of them changes
   * (attention and router of its layer included) is computed once a batch for all that are held together.
   *
   * Results come in order, a group at a time; a candidate is asked for when its group's turn comes, so an iterator may load them one by one.
   * Leaving the loop ends the work. Candidates should change the same layers: the one that begins first decides what a group shares.
   *
   * @param candidates absolute weights; an empty map is the base
   * @throws as {@link Evaluator.rowLosses}, and {bad-option}; what `candidates` throws comes through
   */
  candidateLosses(tokens: TokenMatrix, candidates: Iterable<ExpertWeights> | AsyncIterable<ExpertWeights>, options?: CandidateOptions): AsyncGenerator<CandidateLosses, void, undefined>;
  /** Ends the worker thread. May be called twice. */
  close(): Promise<void>;
}

/**
 * Loads a model for evaluation.
 *
 * @example
 * const evaluator = await createEvaluator({ checkpoint: 'model', sequenceLength: 128, batchSize: 8 });
 * const base = await evaluator.rowLosses(tokens);
 * const candidate = await evaluator.rowLosses(tokens, { experts });
 * await evaluator.close();
 * @throws {bad-option} {unknown-tensor} {bad-shape} {device-unavailable} {runtime-failed} {worker-crashed} {aborted}
 * @throws moe-core's `selection-invalid`, and its codes of `openCheckpoint` where a directory is given
 */
export async function createEvaluator(options: EvaluatorOptions): Promise<Evaluator> {
  const client = await openEngine(options, { purpose: 'evaluation' });
  const { topology, worker } = client;
  const { sequenceLength } = options;
  const replaceable = await replaceableExperts(client, options.experts);
  const mayReplace = new Set(tensorsOf(topology, replaceable));
  const toIds = (tokens: TokenMatrix): Int32Array => toTokenIds(tokens, { sequenceLength, vocabularySize: topology.vocabularySize });
  const toMessages = (experts: ExpertWeights): TensorMessage[] => {
    const messages = toExpertMessages(client, experts);
    for (const { name } of messages) assertReplaceable(name, mayReplace);
    return messages;
  };
  const evaluator: Evaluator = {
    device: client.device,
    async tokenLosses(tokens, { experts = new Map(), signal } = {}) {
      return worker.call({ kind: 'losses', tokens: toIds(tokens), experts: toMessages(experts) }, { signal });
    },
    async rowLosses(tokens, evaluation) {
      return meanPerRow(await evaluator.tokenLosses(tokens, evaluation), sequenceLength - 1);
    },
    async *candidateLosses(tokens, candidates, { signal, ...holding } = {}) {
      const ids = toIds(tokens);
      let index = 0;
      for await (const group of groupCandidates(candidates, { ...holding, toMessages })) {
        const changed = changedTensors(topology, replaceable, group);
        for (const losses of await worker.call({ kind: 'candidates', tokens: ids, changed, candidates: group }, { signal })) {
          yield { index: index++, rows: meanPerRow(losses, sequenceLength - 1), tokens: losses };
        }
      }
    },
    close: () => worker.close(),
  };
  return evaluator;
}

function meanPerRow(losses: Float32Array, width: number): Float64Array {
  return Float64Array.from({ length: losses.length / width }, (_, row) => {
    let sum = 0;
    for (let index = row * width; index < (row + 1) * width; index++) sum += losses[index]!;
    return sum / width;
  });
}

async function replaceableExperts({ topology, worker, present }: EngineClient, selection: ExpertSelection | undefined): Promise<ExpertSelection> {
  if (selection === undefined) return new Map(topology.moeLayers.map((layer) => [layer, presentInLayer(topology, present, layer)]));
  try {
    assertSelection(topology, selection);
  } catch (error) {
    await worker.close();
    throw error;
  }
  return selection;
}

function assertReplaceable(name: string, replaceable: ReadonlySet<string>): void {
  if (replaceable.has(name)) return;
  throw new MoeEngineError('unknown-tensor', `"${name}" does not belong to the experts that this evaluator may replace: name it in the option experts`, { name });
}
