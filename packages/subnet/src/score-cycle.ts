/**
 * Scores a cycle: every registered hotkey gets a score or the code that says why not and whose fault it is; the result is the sheet.
 *
 * @module
 */
import { hotkeyToBytes, phaseWindow, type Neuron } from '@connito/chain';
import { encodeSheet, fromHex, SHEET_ENTRIES, type SheetEntry } from '@connito/commit-reveal';
import type { ExpertWeights } from '@connito/moe-core';
import { findResubmission, scoreCycle, type CandidateScore, type OpenedWeights } from '@connito/pol-scoring';
import { chainTimeMs, readPhaseSnapshot, type PhaseSnapshot } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import { beaconTimesOf } from './moment.ts';
import { minersHashOf } from './sheets.ts';
import { decodeUpdate } from './update-artifact.ts';
import { subtractUpdate } from './merge-cycle.ts';
import { openUpdate, type RefusalCode } from './open-update.ts';
import { searchStores } from './store-search.ts';
import type { MinerScore, OpenedUpdate, ValidatorEffect, ValidatorEvent } from './validator.ts';
import type { ValidatorDesk } from './validator-desk.ts';
import type { LoadedVersion } from './version-store.ts';

/** A miner before the floor is known: refused with a code, or measured. */
export type Examined = { readonly neuron: Neuron; readonly code: RefusalCode } | Measured;

interface Measured {
  readonly neuron: Neuron;
  /** Of its artifact, which the own store holds. */
  readonly sha256: string;
  readonly losses: Float64Array;
}

/** Opens and measures what was committed, writes the sheet to the own store. */
export async function scoreMiners(desk: ValidatorDesk, { cycle, version, opened }: Extract<ValidatorEffect, { kind: 'score' }>): Promise<ValidatorEvent> {
  const { context } = desk;
  const startedMs = performance.now();
  const commit = await readPhaseSnapshot(context, cycle, 'commit');
  const { score: tokens } = await desk.cycleData(cycle);
  const start = await context.versions.load(version);
  const past = await loadOpened(desk, cycle, opened);
  const baseAtMs = await chainTimeMs(context);
  const baseLosses = await desk.rowLosses(tokens, start.weights);
  const evaluationMs = (await chainTimeMs(context)) - baseAtMs;
  const examined = await examineAll(desk, { cycle, commit, start, past, tokens, evaluationMs });
  const scores = judge(desk, baseLosses, examined);
  const sheet = encodeSheet({
    hotkey: hotkeyToBytes(context.keypair.hotkey),
    netuid: context.manifest.netuid,
    cycle,
    minersHash: minersHashOf(commit.neurons),
    baseRoot: fromHex(version.root),
    entries: sheetEntries(scores),
  });
  const { sha256 } = await context.ownStore.put(sheet);
  context.report({ kind: 'scored', cycle, seconds: (performance.now() - startedMs) / 1000, scores });
  const scoreOf = new Map(scores.map(({ uid, score }) => [uid, score]));
  const newlyOpened = examined.flatMap((miner) => ('sha256' in miner ? [{ cycle, uid: miner.neuron.uid, sha256: miner.sha256, score: scoreOf.get(miner.neuron.uid) ?? 0, base: version }] : []));
  return { kind: 'scored', cycle, sheet: sha256, scores, opened: newlyOpened };
}

/** Before the score phase ends, so much chain time is left for the sheet to reach a finalised block; at most half of what there is after R1. */
const COMMIT_MARGIN_MS = 60_000;

/** When scoring must stop for the sheet to be in time, chain time. */
export function scoringDeadlineMs({ timetable }: Pick<RoleContext, 'timetable'>, cycle: number): number {
  const { endMs } = phaseWindow(timetable.schedule, cycle, 'score');
  return endMs - Math.min(COMMIT_MARGIN_MS, (endMs - beaconTimesOf(timetable, cycle).r1.timeMs) / 2);
}

/** What miners of a cycle are examined with. */
export interface Examinations {
  readonly cycle: number;
  readonly commit: PhaseSnapshot;
  readonly start: LoadedVersion;
  readonly past: readonly OpenedWeights[];
  readonly tokens: Int32Array;
  /** Chain time that one set of weights takes; what candidates share makes them cheaper. */
  readonly evaluationMs: number;
}

/**
 * Whom time does not suffice for gets an abstention: a sheet that comes too late is worth nothing to anybody. Uids beyond the sheet's have no entry.
 * Updates are opened in uid order, as many as are evaluated together, but near the deadline no more than will be measured before it.
 */
export async function examineAll(desk: ValidatorDesk, work: Examinations): Promise<readonly Examined[]> {
  const { context } = desk;
  const deadlineMs = scoringDeadlineMs(context, work.cycle);
  const left = work.commit.neurons.filter(({ uid }) => uid < SHEET_ENTRIES);
  const examined: Examined[] = [];
  const waiting: Omit<Measured, 'losses'>[] = [];
  async function* openInTurn(): AsyncGenerator<ExpertWeights> {
    while (left.length > 0) {
      const nowMs = await chainTimeMs(context);
      if (waiting.length > 0 && nowMs + waiting.length * work.evaluationMs >= deadlineMs) return;
      const neuron = left.shift()!;
      const opened = nowMs >= deadlineMs ? { code: 'validator-fault' as const } : await openCandidate(desk, neuron, work);
      if ('code' in opened) examined.push({ neuron, code: opened.code });
      else {
        waiting.push({ neuron, sha256: opened.sha256 });
        yield opened.weights;
      }
    }
  }
  while (left.length > 0) {
    for await (const losses of desk.candidateLosses(work.tokens, openInTurn())) examined.push({ ...waiting.shift()!, losses });
  }
  return examined.toSorted((a, b) => a.neuron.uid - b.neuron.uid);
}

async function openCandidate(desk: ValidatorDesk, neuron: Neuron, { commit, cycle, start, past }: Examinations): Promise<{ readonly code: RefusalCode } | { readonly sha256: string; readonly weights: ExpertWeights }> {
  const { manifest, store, ownStore } = desk.context;
  const authored = commit.authored.find((entry) => entry.neuron.uid === neuron.uid);
  if (!authored) return { code: 'absent' };
  const opened = await openUpdate({ store, manifest, cycle, hotkey: neuron.hotkey, record: authored.record, start: start.weights });
  if ('code' in opened) return opened;
  const { update, bytes } = opened;
  if (findResubmission({ update, start: start.weights, opened: past })) return { code: 'resubmission' };
  const { sha256 } = await ownStore.put(bytes);
  return { sha256, weights: subtractUpdate(start.weights, update) };
}

/** The opened updates of the last cycles that were worth something, and the weights they were trained from. All are in memory at once. */
async function loadOpened({ context }: ValidatorDesk, now: number, opened: readonly OpenedUpdate[]): Promise<readonly OpenedWeights[]> {
  const { store, ownStore, versions, manifest } = context;
  const { maxBytes, resubmissionCycles } = manifest.scoring;
  const loaded: OpenedWeights[] = [];
  for (const { cycle, sha256, base, score } of opened) {
    if (score <= 0 || cycle < now - resubmissionCycles) continue;
    const { weights } = await versions.load(base);
    const { update } = await decodeUpdate(await searchStores([ownStore, store]).getBytes({ sha256, maxBytes }), { manifest, start: weights });
    loaded.push({ cycle, update, start: weights });
  }
  return loaded;
}

function judge({ context }: ValidatorDesk, baseLosses: Float64Array, examined: readonly Examined[]): MinerScore[] {
  const { clip, minGain, floorShare, errorRate } = context.manifest.scoring;
  const candidates = examined.flatMap((miner) => ('losses' in miner ? [{ uid: miner.neuron.uid, losses: miner.losses }] : []));
  const judged = new Map(scoreCycle({ baseLosses, candidates, clip, minGain, floorShare, errorRate }).map((result) => [result.uid, result]));
  return examined.map((miner) => ({ uid: miner.neuron.uid, hotkey: miner.neuron.hotkey, ...outcomeOf(miner, judged.get(miner.neuron.uid)) }));
}

function outcomeOf(miner: Examined, judged: CandidateScore | undefined): Omit<MinerScore, 'uid' | 'hotkey'> {
  if ('code' in miner) return { code: miner.code, score: 0 };
  if (!judged) throw new TypeError(`scoreCycle left out uid ${miner.neuron.uid}`);
  return judged;
}

function sheetEntries(scores: readonly MinerScore[]): SheetEntry[] {
  const entries: SheetEntry[] = [];
  for (const { uid, code, score } of scores) {
    while (entries.length < uid) entries.push({ code: 'empty' });
    entries.push(code === 'scored' ? { score } : { code: code as RefusalCode });
  }
  return entries;
}

