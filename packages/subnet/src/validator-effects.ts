/**
 * Carries out a validator's effects; each may be repeated after a crash.
 *
 * @module
 */
import type { Neuron } from '@connito/chain';
import { fromHex } from '@connito/commit-reveal';
import { rateMiners, weightsFromRatings } from '@connito/pol-scoring';
import { resolveVersion } from './canonical-version.ts';
import { keepChainEvidence } from './chain-evidence.ts';
import { readPhaseSnapshot } from './chain-reader.ts';
import { commitInPhase } from './commitment-writer.ts';
import type { RoleContext } from './context.ts';
import type { CycleRecord } from './cycle-record.ts';
import { SubnetError } from './error.ts';
import { mergeCycle } from './merge-cycle.ts';
import { scoreMiners } from './score-cycle.ts';
import type { ValidatorDesk } from './validator-desk.ts';
import type { MedianScores, ValidatorEffect, ValidatorEvent, Vote } from './validator.ts';

/** Carries out one effect. */
export async function executeValidatorEffect(desk: ValidatorDesk, effect: ValidatorEffect): Promise<ValidatorEvent> {
  const { context } = desk;
  const { cycle } = effect;
  switch (effect.kind) {
    case 'resolve-version': {
      const { version, record } = await resolveVersion(context, cycle, effect.known);
      context.report({ kind: 'version', cycle, version: version.number, root: version.root });
      reportMinority(context, record, effect.voted);
      if (cycle > 0) await keepChainEvidence(context, cycle - 1, ['publish']);
      return { kind: 'version-resolved', cycle, version, settled: record && settledScores(record) };
    }
    case 'score':
      return scoreMiners(desk, effect);
    case 'commit-sheet':
      await commitInPhase(context, { cycle, phase: 'score', record: { kind: 'sheet', cycle, sheetSha256: fromHex(effect.sheet) } });
      return { kind: 'sheet-committed', cycle };
    case 'set-weights':
      await payMiners(desk, effect);
      return { kind: 'weights-set', cycle };
    case 'forget':
      for (const sha256 of effect.artifacts) await context.ownStore.remove(sha256);
      return { kind: 'forgotten', cycle };
    case 'upload-sheet': {
      const stored = await context.store.put(await readOwn(context, effect.sheet));
      context.report({ kind: 'uploaded', cycle, ...stored });
      await serveArtifacts(context, effect.serve);
      return { kind: 'sheet-uploaded', cycle };
    }
    case 'merge':
      return { kind: 'merged', cycle, outcome: await mergeCycle(desk, effect) };
    case 'commit-root':
      return commitRoot(context, effect);
  }
}

/** A positive score obliges to have the bytes for others (DESIGN §3.4.3): a miner may have withdrawn them since. */
async function serveArtifacts({ store, ownStore, manifest }: RoleContext, artifacts: readonly string[]): Promise<void> {
  for (const sha256 of artifacts) {
    if (!(await store.has(sha256))) await store.put(ownStore.get({ sha256, maxBytes: manifest.scoring.maxBytes }));
  }
}

function settledScores({ cycle, medians, miners }: CycleRecord): MedianScores {
  const hotkeys = new Map(miners.map(({ uid, hotkey }) => [uid, hotkey]));
  const scores = medians.flatMap(({ uid, score }) => {
    const hotkey = hotkeys.get(uid);
    return hotkey === undefined ? [] : [{ hotkey, score }];
  });
  return { cycle, scores };
}

function reportMinority({ report }: RoleContext, record: CycleRecord | null, voted: Vote | null): void {
  if (!record || record.cycle !== voted?.cycle || record.version.root === voted.root) return;
  report({ kind: 'notice', message: `cycle ${record.cycle}: the majority of stake came to root ${record.version.root}, this validator to ${voted.root}; it follows the majority. Check this machine if that happens again` });
}

function readOwn({ ownStore, manifest }: RoleContext, sha256: string): Promise<Uint8Array> {
  return ownStore.getBytes({ sha256, maxBytes: manifest.scoring.maxBytes });
}

async function commitRoot(context: RoleContext, { cycle, outcome }: Extract<ValidatorEffect, { kind: 'commit-root' }>): Promise<ValidatorEvent> {
  const { version, accepted, recordHash } = outcome;
  const record = { kind: 'root', cycle, mergedRoot: fromHex(version.root), gateAccepted: accepted, taskHash: context.taskHash, recordHash: fromHex(recordHash) } as const;
  await commitInPhase(context, { cycle, phase: 'publish', record });
  context.report({ kind: 'root-committed', cycle, root: version.root, accepted, recordHash });
  await keepChainEvidence(context, cycle, ['commit', 'score']);
  return { kind: 'root-committed', cycle };
}

/** Weights by ratings, for the hotkeys that were registered at the commit snapshot; what is not earned burns at the owner's uid. */
async function payMiners({ context, settlement }: ValidatorDesk, { cycle, history }: Extract<ValidatorEffect, { kind: 'set-weights' }>): Promise<void> {
  const { manifest } = context;
  const { neurons } = await readPhaseSnapshot(context, cycle, 'commit');
  const ratings = rateMiners({ cycles: history.map(({ scores }) => new Map(scores.map(({ hotkey, score }) => [hotkey, score]))), window: manifest.weights.window });
  const scores = new Map(neurons.map(({ uid, hotkey }) => [uid, ratings.get(hotkey) ?? 0]));
  const weights = weightsFromRatings({ ratings: scores, targetGain: manifest.weights.targetGain, burnUid: burnUid(neurons, context.ownerHotkey) });
  const way = await settlement.set(cycle, weights);
  context.report({ kind: 'weights-set', cycle, way, weights });
}

/** To burn is to pay the owner's hotkey. Where that is not registered, no other uid may take its place: uid 0 is just some miner. */
function burnUid(neurons: readonly Neuron[], ownerHotkey: string): number {
  const owner = neurons.find(({ hotkey }) => hotkey === ownerHotkey);
  if (owner) return owner.uid;
  throw new SubnetError('not-registered', `The owner's hotkey ${ownerHotkey} is not registered, so that nothing can burn; weights stay as they are until it is`, { hotkey: ownerHotkey });
}
