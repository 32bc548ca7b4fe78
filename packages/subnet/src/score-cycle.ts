/**
 * Scores a cycle: every registered hotkey gets a score or the code that says why not and whose fault it is; the result is the sheet.
 *
 * @module
 */
import { hotkeyToBytes, phaseWindow, type Neuron } from '@connito/chain';
import { encodeSheet, fromHex, SHEET_ENTRIES, type SheetEntry } from '@connito/commit-reveal';
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
type Examined = { readonly neuron: Neuron } & ({ readonly code: RefusalCode } | { readonly losses: Float64Array; readonly sha256: string });

/** Opens and measures what was committed, writes the sheet to the own store. */
export async function scoreMiners(desk: ValidatorDesk, { cycle, version, opened }: Extract<ValidatorEffect, { kind: 'score' }>): Promise<ValidatorEvent> {
  const { context } = desk;
  const startedMs = performance.now();
  const commit = await readPhaseSnapshot(context, cycle, 'commit');
  const { score: tokens } = await desk.cycleData(cycle);
  const start = await context.versions.load(version);
  const baseLosses = await desk.rowLosses(tokens, start.weights);
  const past = await loadOpened(desk, cycle, opened);
  const examined = await examineAll(desk, { cycle, commit, start, past, tokens });
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

interface Examinations {
  readonly cycle: number;
  readonly commit: PhaseSnapshot;
  readonly start: LoadedVersion;
  readonly past: readonly OpenedWeights[];
  readonly tokens: Int32Array;
}

/** Whom time does not suffice for gets an abstention: a sheet that comes too late is worth nothing to anybody. Uids beyond the sheet's have no entry. */
async function examineAll(desk: ValidatorDesk, work: Examinations): Promise<readonly Examined[]> {
  const { context } = desk;
  const deadlineMs = scoringDeadlineMs(context, work.cycle);
  const examined: Examined[] = [];
  for (const neuron of work.commit.neurons.filter(({ uid }) => uid < SHEET_ENTRIES)) {
    const isLate = (await chainTimeMs(context)) >= deadlineMs;
    examined.push(isLate ? { neuron, code: 'validator-fault' } : await examine(desk, neuron, work));
  }
  return examined;
}

async function examine(desk: ValidatorDesk, neuron: Neuron, { commit, cycle, start, past, tokens }: Examinations): Promise<Examined> {
  const { manifest, store, ownStore } = desk.context;
  const authored = commit.authored.find((entry) => entry.neuron.uid === neuron.uid);
  if (!authored) return { neuron, code: 'absent' };
  const opened = await openUpdate({ store, manifest, cycle, hotkey: neuron.hotkey, record: authored.record, start: start.weights });
  if ('code' in opened) return { neuron, code: opened.code };
  const { update, bytes } = opened;
  if (findResubmission({ update, start: start.weights, opened: past })) return { neuron, code: 'resubmission' };
  const { sha256 } = await ownStore.put(bytes);
  return { neuron, sha256, losses: await desk.rowLosses(tokens, subtractUpdate(start.weights, update)) };
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

