/**
 * Carries out a miner's effects. Each may be repeated after a crash: training is deterministic, stores are content-addressed, and a
 * commitment that already stands is not sent again.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { phaseWindow } from '@connito/chain';
import { fromHex, toHex } from '@connito/commit-reveal';
import type { ExpertWeights } from '@connito/moe-core';
import { resolveVersion } from './canonical-version.ts';
import { chainTimeMs } from './chain-reader.ts';
import { commitInPhase } from './commitment-writer.ts';
import type { RoleContext } from './context.ts';
import { SubnetError } from './error.ts';
import type { MinerEffect, MinerEvent, PreparedUpdate } from './miner.ts';
import { compressWithResidual } from './residual.ts';
import { genesisOf, updateRulesOf } from './task-manifest.ts';
import { commitmentFor, encodeUpdate, type EncodedUpdate } from './update-artifact.ts';
import { trainingDirectory, type UpdateStrategy } from './update-strategy.ts';

/** Carries out one effect of a miner that comes to its updates by `strategy`. */
export async function executeMinerEffect(context: RoleContext, strategy: UpdateStrategy, effect: MinerEffect): Promise<MinerEvent> {
  const { cycle } = effect;
  switch (effect.kind) {
    case 'resolve-version': {
      const { version } = await resolveVersion(context, cycle, effect.known);
      context.report({ kind: 'version', cycle, version: version.number, root: version.root });
      return { kind: 'version-resolved', cycle, version };
    }
    case 'train':
      await assertInTime(context, cycle);
      return { kind: 'trained', cycle, update: await prepareUpdate(context, strategy, effect) };
    case 'commit': {
      await assertInTime(context, cycle);
      const blockNumber = await commitUpdate(context, cycle, effect.update);
      context.report({ kind: 'committed', cycle, blockNumber });
      return { kind: 'committed', cycle, blockNumber };
    }
    case 'upload': {
      const { sha256, sizeBytes } = effect.update;
      await context.store.put(context.ownStore.get({ sha256, sizeBytes, maxBytes: sizeBytes }));
      context.report({ kind: 'uploaded', cycle, sha256, sizeBytes });
      return { kind: 'uploaded', cycle };
    }
  }
}

/** Who comes back after the commit phase has ended must not spend the present cycle on the past one's work. */
async function assertInTime(context: RoleContext, cycle: number): Promise<void> {
  const { endMs } = phaseWindow(context.timetable.schedule, cycle, 'commit');
  if ((await chainTimeMs(context)) >= endMs) throw new SubnetError('late', `The commit phase of cycle ${cycle} has ended`, { cycle });
}

async function prepareUpdate(context: RoleContext, strategy: UpdateStrategy, { cycle, version }: Extract<MinerEffect, { kind: 'train' }>): Promise<PreparedUpdate | null> {
  const startedMs = performance.now();
  const { update, steps, loss } = await strategy({ context, cycle, start: await context.versions.load(version) });
  if (!update) {
    context.report({ kind: 'notice', message: `cycle ${cycle}: nothing to submit` });
    return null;
  }
  const { bytes, updateRoot, salt } = await encodeForTask(context, cycle, update);
  const { sha256, sizeBytes } = await context.ownStore.put(bytes);
  await rm(trainingDirectory(context), { recursive: true, force: true });
  context.report({ kind: 'trained', cycle, steps, loss, artifactSha256: sha256, sizeBytes, seconds: (performance.now() - startedMs) / 1000 });
  return { sha256, sizeBytes, updateRoot: toHex(updateRoot), salt: toHex(salt) };
}

async function encodeForTask(context: RoleContext, cycle: number, update: ExpertWeights): Promise<EncodedUpdate & { readonly salt: Uint8Array }> {
  const rules = updateRulesOf(context.manifest);
  if (rules.encoding === 'top-k') return compressWithResidual(context, rules, { cycle, update });
  const salt = randomBytes(32);
  return { ...encodeUpdate(update, { cycle, salt }), salt };
}

function commitUpdate(context: RoleContext, cycle: number, { sha256, sizeBytes, salt, updateRoot }: PreparedUpdate): Promise<number> {
  const { manifest, keypair } = context;
  const author = { genesis: genesisOf(manifest), netuid: manifest.netuid, cycle, hotkey: keypair.hotkey };
  const commitment = commitmentFor(author, { salt: fromHex(salt), updateRoot: fromHex(updateRoot) });
  return commitInPhase(context, { cycle, phase: 'commit', record: { kind: 'update', cycle, commitment, locator: '', artifactSha256: fromHex(sha256), sizeBytes } });
}
