/**
 * Who computes losses. Everything else in this package is arithmetic; this is its one interface to a model.
 *
 * @module
 */
import type { ExpertWeights } from '@connito/moe-core';
import { scorePair, type PairOutcome } from './paired.ts';

/** Computes losses of rows of tokens. */
export interface LossEvaluator {
  /**
   * @param tokens `[N, S]` row-major
   * @returns `[N]` mean nats per predicted token of each row
   */
  rowLosses(tokens: Int32Array | Uint16Array, options?: RowLossOptions): Promise<Float64Array>;
}

/** What to measure with. */
export interface RowLossOptions {
  /** Tensors in place of the checkpoint's. */
  readonly experts?: ExpertWeights;
  readonly signal?: AbortSignal;
}

/** A candidate to measure against a base. */
export interface Measurement {
  readonly evaluator: LossEvaluator;
  /** `[N, S]` row-major. */
  readonly tokens: Int32Array | Uint16Array;
  /** The base's experts where they are not the checkpoint's own. */
  readonly base?: ExpertWeights;
  /** The candidate's experts, absolute. */
  readonly candidate: ExpertWeights;
  /** See {@link scorePair}; default 2 nats per token. */
  readonly clip?: number;
  /** One-sided; default 0.99. */
  readonly level?: number;
  readonly signal?: AbortSignal;
}

/**
 * Measures base and candidate on the same rows and scores the pair: Proof-of-Loss for one candidate.
 *
 * @throws {PolError} as {@link scorePair}; errors of the evaluator come through
 */
export async function measureCandidate({ evaluator, tokens, base, candidate, clip = 2, level = 0.99, signal }: Measurement): Promise<PairOutcome> {
  const shared = signal === undefined ? {} : { signal };
  const baseLosses = await evaluator.rowLosses(tokens, base === undefined ? shared : { ...shared, experts: base });
  const candidateLosses = await evaluator.rowLosses(tokens, { ...shared, experts: candidate });
  return scorePair({ baseLosses, candidateLosses, clip, level });
}
