/**
 * A validator's tools. One evaluator serves all its cycles: candidates differ only in the trained experts, which are swapped as inputs.
 *
 * @module
 */
import type { ExpertWeights } from '@connito/moe-core';
import { createEvaluator, type Evaluator } from '@connito/moe-engine';
import type { RoleContext } from './context.ts';
import { openCycleData, type CycleData } from './cycle-data.ts';
import { selectionOf } from './task-manifest.ts';
import { openWeightsSettlement, type WeightsSettlement } from './weights-settlement.ts';

/** Rows evaluated at once: 1,024 tokens of 128, a good size for the CPU's matrix kernels. */
const ROWS_PER_BATCH = 8;

/** A validator's tools, opened when first needed. */
export interface ValidatorDesk {
  readonly context: RoleContext;
  readonly settlement: Pick<WeightsSettlement, 'set' | 'revealed'>;
  /** Mean loss of each row in nats per token, with these experts in the task's model. */
  rowLosses(tokens: Int32Array, experts: ExpertWeights): Promise<Float64Array>;
  /** The same for one candidate after the other, in order. A few are asked for and computed together; what comes before the task's first layer of experts is computed once for these. */
  candidateLosses(tokens: Int32Array, candidates: AsyncIterable<ExpertWeights> | Iterable<ExpertWeights>): AsyncGenerator<Float64Array, void, undefined>;
  /** The rows of a cycle, drawn once. */
  cycleData(cycle: number): Promise<CycleData>;
  close(): Promise<void>;
}

/** Opens the desk; nothing is loaded before the first score. @throws SubnetError `damaged-state` */
export async function openValidatorDesk(context: RoleContext): Promise<ValidatorDesk> {
  const settlement = await openWeightsSettlement(context);
  let evaluator: Promise<Evaluator> | undefined;
  let drawn: { readonly cycle: number; readonly data: CycleData } | undefined;
  const desk: ValidatorDesk = {
    context,
    settlement,
    async *candidateLosses(tokens, candidates) {
      const current = (evaluator ??= openEvaluator(context));
      try {
        for await (const { rows } of (await current).candidateLosses(tokens, candidates, { signal: context.signal })) yield rows;
      } catch (error) {
        evaluator = undefined; // it may be beyond use: the next cycle gets a fresh one
        await closeQuietly(current);
        throw error;
      }
    },
    async rowLosses(tokens, experts) {
      for await (const losses of desk.candidateLosses(tokens, [experts])) return losses;
      throw new TypeError('one candidate has losses');
    },
    async cycleData(cycle) {
      if (drawn?.cycle !== cycle) drawn = { cycle, data: await openCycleData(context, cycle) };
      return drawn.data;
    },
    async close() {
      await settlement.close();
      await closeQuietly(evaluator);
    },
  };
  return desk;
}

/** What could not be opened need not be closed, and a failure to close must not hide the error that led to it. */
async function closeQuietly(evaluator: Promise<Evaluator> | undefined): Promise<void> {
  await evaluator?.then((opened) => opened.close()).catch(() => undefined);
}

function openEvaluator({ checkpoint, manifest, engine }: RoleContext): Promise<Evaluator> {
  return createEvaluator({ checkpoint, sequenceLength: manifest.data.sequenceLength, batchSize: ROWS_PER_BATCH, experts: selectionOf(manifest), ...engine });
}
