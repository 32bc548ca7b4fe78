/**
 * The validator at work. One evaluator serves all its cycles: candidates differ only in the trained experts, which are swapped as inputs.
 *
 * @module
 */
import { setWeights, type Neuron } from '@connito/chain';
import { encodeRecord, fromHex } from '@connito/commit-reveal';
import type { ExpertWeights } from '@connito/moe-core';
import { createEvaluator, type Evaluator } from '@connito/moe-engine';
import { rateMiners, weightsFromRatings } from '@connito/pol-scoring';
import { resolveVersion } from './canonical-version.ts';
import { readPhaseSnapshot } from './chain-reader.ts';
import { ensureCommitted } from './commitment-writer.ts';
import type { RoleContext } from './context.ts';
import { openCycleData, type CycleData } from './cycle-data.ts';
import { mergeCycle } from './merge-cycle.ts';
import { scoreMiners } from './score-cycle.ts';
import { selectionOf } from './task-manifest.ts';
import type { MedianScores, ValidatorEffect, ValidatorEvent } from './validator.ts';

/** Rows evaluated at once: 1,024 tokens of 128, a good size for the CPU's matrix kernels. */
const ROWS_PER_BATCH = 8;

/** A validator's tools, opened when first needed. */
export interface ValidatorDesk {
  readonly context: RoleContext;
  /** Mean loss of each row in nats per token, with these experts in the task's model. */
  rowLosses(tokens: Int32Array, experts: ExpertWeights): Promise<Float64Array>;
  /** The rows of a cycle, drawn once. */
  cycleData(cycle: number): Promise<CycleData>;
  execute(effect: ValidatorEffect): Promise<ValidatorEvent>;
  close(): Promise<void>;
}

/** Opens the desk; nothing is loaded before the first score. */
export function openValidatorDesk(context: RoleContext): ValidatorDesk {
  let evaluator: Promise<Evaluator> | undefined;
  let drawn: { readonly cycle: number; readonly data: CycleData } | undefined;
  const desk: ValidatorDesk = {
    context,
    async rowLosses(tokens, experts) {
      evaluator ??= openEvaluator(context);
      return (await evaluator).rowLosses(tokens, { experts, signal: context.signal });
    },
    async cycleData(cycle) {
      if (drawn?.cycle !== cycle) drawn = { cycle, data: await openCycleData(context, cycle) };
      return drawn.data;
    },
    execute: (effect) => execute(desk, effect),
    async close() {
      await (await evaluator)?.close();
    },
  };
  return desk;
}

function openEvaluator({ checkpoint, manifest, engine }: RoleContext): Promise<Evaluator> {
  return createEvaluator({ checkpoint, sequenceLength: manifest.data.sequenceLength, batchSize: ROWS_PER_BATCH, experts: selectionOf(manifest), ...engine });
}

async function execute(desk: ValidatorDesk, effect: ValidatorEffect): Promise<ValidatorEvent> {
  const { context } = desk;
  const { cycle } = effect;
  switch (effect.kind) {
    case 'resolve-version': {
      const version = await resolveVersion(context, cycle);
      context.report({ kind: 'version', cycle, version: version.number, root: version.root });
      return { kind: 'version-resolved', cycle, version };
    }
    case 'score':
      return scoreMiners(desk, effect);
    case 'commit-sheet':
      await ensureCommitted(context, encodeRecord({ kind: 'sheet', cycle, sheetSha256: fromHex(effect.sheet) }));
      return { kind: 'sheet-committed', cycle };
    case 'set-weights':
      await payMiners(context, cycle, effect.history);
      return { kind: 'weights-set', cycle };
    case 'upload-sheet': {
      const stored = await context.store.put(await readOwn(context, effect.sheet));
      context.report({ kind: 'uploaded', cycle, ...stored });
      return { kind: 'sheet-uploaded', cycle };
    }
    case 'merge':
      return { kind: 'merged', cycle, outcome: await mergeCycle(desk, effect) };
    case 'commit-root':
      return commitRoot(context, effect);
  }
}

function readOwn({ ownStore, manifest }: RoleContext, sha256: string): Promise<Uint8Array> {
  return ownStore.getBytes({ sha256, maxBytes: manifest.scoring.maxBytes });
}

async function commitRoot(context: RoleContext, { cycle, outcome }: Extract<ValidatorEffect, { kind: 'commit-root' }>): Promise<ValidatorEvent> {
  const { version, accepted, recordHash } = outcome;
  const record = { kind: 'root', cycle, mergedRoot: fromHex(version.root), gateAccepted: accepted, taskHash: context.taskHash, recordHash: fromHex(recordHash) } as const;
  await ensureCommitted(context, encodeRecord(record));
  context.report({ kind: 'root-committed', cycle, root: version.root, accepted, recordHash });
  return { kind: 'root-committed', cycle };
}

/** Weights by ratings, for the hotkeys that were registered at the commit snapshot; what is not earned burns at the owner's uid. */
async function payMiners(context: RoleContext, cycle: number, history: readonly MedianScores[]): Promise<void> {
  const { chain, manifest, keypair } = context;
  const { neurons } = await readPhaseSnapshot(context, cycle, 'commit');
  const ratings = rateMiners({ cycles: history.map(({ scores }) => new Map(scores.map(({ hotkey, score }) => [hotkey, score]))), window: manifest.weights.window });
  const scores = new Map(neurons.map(({ uid, hotkey }) => [uid, ratings.get(hotkey) ?? 0]));
  const weights = weightsFromRatings({ ratings: scores, targetGain: manifest.weights.targetGain, burnUid: burnUid(neurons, context.ownerHotkey) });
  await setWeights(chain, { netuid: manifest.netuid, weights, versionKey: manifest.weights.versionKey, signer: keypair });
  context.report({ kind: 'weights-set', cycle, weights });
}

function burnUid(neurons: readonly Neuron[], ownerHotkey: string): number {
  return neurons.find(({ hotkey }) => hotkey === ownerHotkey)?.uid ?? 0;
}
