/**
 * From everybody's sheets to the next version: quorum, medians, merge, gate, record (DESIGN §3.4). All of it but the gate's vote is a
 * pure function of what the cycle record holds.
 *
 * @module
 */
import { phaseWindow } from '@connito/chain';
import { fromHex, toHex } from '@connito/commit-reveal';
import { applyOuterStep, averageUpdates, updateNorm, type ExpertWeights, type OuterRule } from '@connito/moe-core';
import { gate, medianScores, weightedLowerMedian, type GateOutcome } from '@connito/pol-scoring';
import { awaitRound, readPhaseSnapshot, type PhaseSnapshot } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import { encodeCycleRecord, type CycleRecord, type ModelVersion } from './cycle-record.ts';
import { SubnetError } from './error.ts';
import { openUpdate } from './open-update.ts';
import { minersHashOf, quorumStake, readCountedSheets, totalStake, type CountedSheet } from './sheets.ts';
import { searchStores } from './store-search.ts';
import type { MergeOutcome, ValidatorEffect } from './validator.ts';
import type { ValidatorDesk } from './validator-desk.ts';
import type { LoadedVersion } from './version-store.ts';

type MergeEffect = Extract<ValidatorEffect, { kind: 'merge' }>;

/** A miner whose update takes part, with its median score. */
interface Participant {
  readonly uid: number;
  readonly score: number;
  readonly update: ExpertWeights;
}

/** A way from the version to the next. */
interface MergeStep {
  readonly name: 'manifest' | 'average' | 'best';
  readonly weights: ExpertWeights;
  readonly velocity: ExpertWeights | null;
}

/** θ − Δ in float32. */
export function subtractUpdate(weights: ExpertWeights, update: ExpertWeights): ExpertWeights {
  return applyOuterStep({ weights, update, rule: { kind: 'average' } }).weights;
}

/** Counts, merges, gates, and publishes version and record. */
export async function mergeCycle(desk: ValidatorDesk, { cycle, version }: MergeEffect): Promise<MergeOutcome> {
  const { context } = desk;
  const startedMs = performance.now();
  const commit = await readPhaseSnapshot(context, cycle, 'commit');
  const score = await readPhaseSnapshot(context, cycle, 'score');
  const sheets = await readCountedSheets(context, score, { cycle, minersHash: minersHashOf(commit.neurons), baseRoot: fromHex(version.root) });
  assertQuorum(cycle, sheets, score);

  const medians = medianScores(sheets).filter(({ uid }) => commit.neurons.some((neuron) => neuron.uid === uid));
  const start = await context.versions.load(version);
  const participants = await openParticipants(context, { commit, cycle, medians, start });
  const accepted = await firstAccepted(desk, cycle, start, participants);
  const next = accepted ? await saveVersion(context, version.number + 1, accepted.step) : await versionAfterRejection(context, start);

  const step = accepted?.step.name ?? 'none';
  const record = await buildRecord(desk, { cycle, commit, score, sheets, medians, participants, base: version, step, version: next });
  const bytes = encodeCycleRecord(record);
  await context.ownStore.put(bytes);
  const stored = await context.store.put(bytes);
  context.report({
    kind: 'merged',
    cycle,
    step,
    accepted: accepted !== undefined,
    version: next.number,
    root: next.root,
    ...(accepted ? { target: accepted.gate.target, general: accepted.gate.general } : {}),
    seconds: (performance.now() - startedMs) / 1000,
  });
  return { version: next, accepted: accepted !== undefined, recordHash: stored.sha256 };
}

/** More than half the stake of those who have worked lately must have a sheet that counts now. */
function assertQuorum(cycle: number, sheets: readonly CountedSheet[], score: PhaseSnapshot): void {
  const expectedStake = quorumStake(score, cycle);
  const countedStake = totalStake(sheets);
  if (countedStake * 2n > expectedStake) return;
  throw new SubnetError('void-cycle', `Cycle ${cycle}: sheets with ${countedStake} of ${expectedStake} rao of stake count, which is no majority; the version stays`, { cycle });
}

/** Miners with a positive median, best first, ties to the lower uid. */
export function rankPaid(medians: CycleRecord['medians']): CycleRecord['medians'] {
  return medians.filter(({ score }) => score > 0).toSorted((a, b) => b.score - a.score || a.uid - b.uid);
}

interface PaidMiners {
  readonly commit: PhaseSnapshot;
  readonly cycle: number;
  readonly medians: readonly { readonly uid: number; readonly score: number }[];
  readonly start: LoadedVersion;
}

/**
 * The best by median, ties to the lower uid, with their updates. They come from the own store first, where scoring has left what it opened: what a miner
 * deletes after it was scored is not missing. What only others have scored passes the same checks as in scoring before it is computed with.
 */
async function openParticipants({ manifest, store, ownStore }: RoleContext, { commit, cycle, medians, start }: PaidMiners): Promise<readonly Participant[]> {
  const participants: Participant[] = [];
  for (const { uid, score } of rankPaid(medians).slice(0, manifest.merge.participants)) {
    const authored = commit.authored.find(({ neuron }) => neuron.uid === uid);
    const stores = searchStores([ownStore, store]);
    const opened = authored ? await openUpdate({ store: stores, manifest, cycle, hotkey: authored.neuron.hotkey, record: authored.record, start: start.weights }) : ({ code: 'absent' } as const);
    if ('code' in opened) throw new SubnetError('unopenable-participant', `Cycle ${cycle}: the majority scored uid ${uid} with ${score}, here its update is ${opened.code}`, { uid, cycle, code: opened.code });
    participants.push({ uid, score, update: opened.update });
  }
  return participants;
}

/** What a miner has committed to for `cycle`: the SHA-256 of its artifact. */
export function artifactOf(commit: PhaseSnapshot, cycle: number, uid: number): string | null {
  const record = commit.authored.find(({ neuron }) => neuron.uid === uid)?.record;
  return record?.kind === 'update' && record.cycle === cycle ? toHex(record.artifactSha256) : null;
}

/** Tries the steps in order on the gate's rows; undefined when none passes. */
async function firstAccepted(desk: ValidatorDesk, cycle: number, start: LoadedVersion, participants: readonly Participant[]): Promise<{ readonly step: MergeStep; readonly gate: GateOutcome } | undefined> {
  if (participants.length === 0) return undefined;
  const { context } = desk;
  const { level, forgettingAllowance } = context.manifest.gate;
  const rows = await desk.cycleData(cycle);
  const first = await context.versions.load(context.versions.base);
  const targetBase = await desk.rowLosses(rows.gate, start.weights);
  const generalFirst = await desk.rowLosses(rows.general, first.weights);
  for (const step of mergeSteps(start, participants, context.manifest.merge.step)) {
    const outcome = gate({
      targetBase,
      targetCandidate: await desk.rowLosses(rows.gate, step.weights),
      generalFirst,
      generalCandidate: await desk.rowLosses(rows.general, step.weights),
      level,
      forgettingAllowance,
    });
    if (outcome.accepted) return { step, gate: outcome };
  }
  return undefined;
}

/** The manifest's step, the plain average where that is another, and the best update alone where there are several. */
function mergeSteps(start: LoadedVersion, participants: readonly Participant[], rule: OuterRule): readonly MergeStep[] {
  const mean = averageUpdates(
    participants.map(({ update, score }) => ({ update, weight: score })),
    { clipNorm: medianNorm(participants) },
  );
  const average: MergeStep = { name: 'average', weights: subtractUpdate(start.weights, mean), velocity: null };
  const best = participants[0];
  const alone: MergeStep[] = best && participants.length > 1 ? [{ name: 'best', weights: subtractUpdate(start.weights, best.update), velocity: null }] : [];
  if (rule.kind === 'average') return [{ ...average, name: 'manifest' }, ...alone];
  const { weights, velocity } = applyOuterStep({ weights: start.weights, update: mean, rule, ...(start.velocity ? { velocity: start.velocity } : {}) });
  return [{ name: 'manifest', weights, velocity: velocity ?? null }, average, ...alone];
}

function medianNorm(participants: readonly Participant[]): number {
  return weightedLowerMedian(participants.map(({ update, score }) => ({ value: updateNorm(update), weight: score })));
}

function saveVersion({ versions, store }: RoleContext, number: number, { weights, velocity }: MergeStep): Promise<ModelVersion> {
  return versions.save(store, { number, weights, velocity });
}

/** After total rejection the velocity is zeroed, which makes another root of the same weights; without one the version stays. */
async function versionAfterRejection(context: RoleContext, { version, weights, velocity }: LoadedVersion): Promise<ModelVersion> {
  if (!velocity) return version;
  return context.versions.save(context.store, { number: version.number, weights, velocity: null });
}

interface RecordParts {
  readonly cycle: number;
  readonly commit: PhaseSnapshot;
  readonly score: PhaseSnapshot;
  readonly sheets: readonly CountedSheet[];
  readonly medians: readonly { readonly uid: number; readonly score: number }[];
  readonly participants: readonly Participant[];
  readonly base: ModelVersion;
  readonly step: CycleRecord['step'];
  readonly version: ModelVersion;
}

async function buildRecord({ context }: ValidatorDesk, parts: RecordParts): Promise<CycleRecord> {
  const { cycle, commit, score, sheets, medians, participants, base, step, version } = parts;
  const { manifest, timetable, taskHash } = context;
  const { endMs } = phaseWindow(timetable.schedule, cycle, 'publish');
  const [r1, r2] = [await awaitRound(context, cycle, 'r1', endMs), await awaitRound(context, cycle, 'r2', endMs)];
  return {
    format: 'connito/cycle-record/v1',
    genesis: manifest.genesis,
    netuid: manifest.netuid,
    cycle,
    taskHash: toHex(taskHash),
    snapshots: { commit: blockOf(commit), score: blockOf(score) },
    pulses: { r1: { round: r1.round, signature: r1.signature }, r2: { round: r2.round, signature: r2.signature } },
    base,
    miners: commit.neurons.map(({ uid, hotkey }) => ({ uid, hotkey, artifact: artifactOf(commit, cycle, uid) })),
    sheets: sheets.map(({ hotkey, stakeRao, sha256 }) => ({ hotkey, stakeRao: String(stakeRao), sha256 })),
    medians: [...medians],
    participants: participants.map(({ uid }) => uid),
    step,
    accepted: step !== 'none',
    version,
  };
}

function blockOf({ block }: PhaseSnapshot): { number: number; hash: string } {
  return { number: block.blockNumber, hash: block.blockHash.replace(/^0x/, '') };
}
