/**
 * Scores a cycle: every registered hotkey gets a score or the code that says why not and whose fault it is; the result is the sheet.
 *
 * @module
 */
import { hotkeyToBytes, type Neuron } from '@connito/chain';
import { encodeSheet, fromHex, type SheetEntry } from '@connito/commit-reveal';
import { findResubmission, scoreCycle, type CandidateScore, type OpenedWeights } from '@connito/pol-scoring';
import { readPhaseSnapshot, type PhaseSnapshot } from './chain-reader.ts';
import { minersHashOf } from './sheets.ts';
import { decodeUpdate } from './update-artifact.ts';
import { subtractUpdate } from './merge-cycle.ts';
import { openUpdate, type RefusalCode } from './open-update.ts';
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
  const past = await loadOpened(desk, opened);

  const examined: Examined[] = [];
  for (const neuron of commit.neurons) examined.push(await examine(desk, { cycle, neuron, commit, start, past, tokens }));

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
  const newlyOpened = examined.flatMap((miner) => ('sha256' in miner ? [{ cycle, uid: miner.neuron.uid, sha256: miner.sha256, base: version }] : []));
  return { kind: 'scored', cycle, sheet: sha256, scores, opened: newlyOpened };
}

interface Examination {
  readonly cycle: number;
  readonly neuron: Neuron;
  readonly commit: PhaseSnapshot;
  readonly start: LoadedVersion;
  readonly past: readonly OpenedWeights[];
  readonly tokens: Int32Array;
}

async function examine(desk: ValidatorDesk, { neuron, commit, cycle, start, past, tokens }: Examination): Promise<Examined> {
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

/** Every opened update of the last cycles, and the weights it was trained from. */
async function loadOpened({ context }: ValidatorDesk, opened: readonly OpenedUpdate[]): Promise<readonly OpenedWeights[]> {
  const { ownStore, versions, manifest } = context;
  const loaded: OpenedWeights[] = [];
  for (const { cycle, sha256, base } of opened) {
    const { update } = await decodeUpdate(await ownStore.getBytes({ sha256, maxBytes: manifest.scoring.maxBytes }));
    const { weights } = await versions.load(base);
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

