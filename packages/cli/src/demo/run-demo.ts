/**
 * The whole demo: prepare, run the network, measure, report.
 *
 * @module
 */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileStore } from '@connito/artifacts';
import { connectChain, phaseWindow, readSnapshot, type Chain } from '@connito/chain';
import { countParameters } from '@connito/moe-core';
import { openCheckpoint, writeFileAtomic } from '@connito/moe-core/node';
import { resolveDevice, type DeviceChoice } from '@connito/moe-engine';
import { computeFloor } from '@connito/pol-scoring';
import { MAX_RECORD_BYTES, openVersionStore, parseCycleRecord, readTask, selectionOf, type CycleRecord, type ModelVersion, type TaskManifest } from '@connito/subnet';
import { CliError } from '../cli-error.ts';
import { buildReport, meanLoss, type PlacedParticipant } from './build-report.ts';
import { eventsOfKind, type LoggedEvent } from './event-log.ts';
import { measureVersions, writeCycleFiles, type Measurements } from './measure-versions.ts';
import { runNetwork, type FinishedNetwork } from './network.ts';
import { demoParticipants, type Participant } from './participants.ts';
import { prepareTask, type PreparedTask } from './prepare-task.ts';
import type { DemoReport } from './report.ts';
import { renderReportHtml } from './report-html.ts';
import type { DemoSubnet } from './set-up-chain.ts';
import type { DemoEvent, DemoViewEvent } from './view-state.ts';

/** What the demo's command line decides. */
export interface DemoPlan {
  readonly cycles: number;
  readonly miners: number;
  readonly validators: number;
  readonly seed: number;
  readonly out: string;
  readonly modelDirectory: string;
  readonly textDirectory: string;
  /** What the target text is about. */
  readonly domain: string;
  readonly device: DeviceChoice;
  readonly signal: AbortSignal;
  /** Everything that happens, for the view. */
  readonly show: (event: DemoViewEvent) => void;
}

/** Marks a directory as the demo's, so that no other is ever cleared. */
const MARKER = '.connito-demo';
/** Incentive on chain is a fraction of this. */
const U16_MAX = 65_535;

/** Runs it all and leaves `report.json` and `report.html` in `plan.out`. */
export async function runDemo(options: DemoPlan): Promise<DemoReport> {
  const startedAt = new Date();
  const started = performance.now();
  await claimDirectory(options.out);
  // All roles must use one runtime: two would differ in the last bits, and so in the root.
  const plan = { ...options, device: await resolveDevice(options.device, { onNotice: ({ message }) => options.show({ kind: 'progress', message }) }) };
  const progress = (message: string): void => plan.show({ kind: 'progress', message });
  progress('preparing data and choosing experts');
  const task = await prepareTask(plan);
  const participants = demoParticipants(plan);
  const log: LoggedEvent[] = [];
  const bytesOnDisk: number[] = [];
  progress('starting the chain and the network');
  const network = await runNetwork({
    ...plan,
    participants,
    task,
    taskName: plan.domain,
    onReady: (subnet) => plan.show(setUpEvent(plan, place(participants, subnet))),
    onHead: ({ number, timestampMs }) => plan.show({ kind: 'head', blockNumber: number, timeMs: timestampMs }),
    onEvent: (name, event) => {
      log.push({ name, event, atMs: performance.now() });
      // Roles are at work there: a directory that vanishes during the count costs a figure, not the demo.
      if (event.kind === 'root-committed') void directoryBytes(plan.out).then((size) => (bytesOnDisk[event.cycle] = size), () => undefined);
      plan.show(event);
    },
  });
  try {
    const endMs = performance.now();
    progress('measuring every version');
    const placed = place(participants, network);
    const inputs = await gather(plan, { task, network, log });
    const report = buildReport({ ...inputs, ...plan, startedAt, endMs, netuid: network.netuid, participants: placed, log, bytesOnDisk, seconds: (performance.now() - started) / 1000 });
    await writeFileAtomic(join(plan.out, 'report.json'), new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`));
    await writeFileAtomic(join(plan.out, 'report.html'), new TextEncoder().encode(renderReportHtml(report)));
    return report;
  } finally {
    await network.close();
  }
}

interface Run {
  readonly task: PreparedTask;
  readonly network: FinishedNetwork;
  readonly log: readonly LoggedEvent[];
}

async function gather(plan: DemoPlan, { task, network, log }: Run) {
  const chain = await connectChain({ endpoint: network.endpoint });
  const store = await openFileStore(network.storeDirectory);
  const checkpoint = await openCheckpoint(plan.modelDirectory);
  try {
    const published = await readTask({ chain, store }, network.netuid);
    if (!published) throw new CliError('failed', 'the demo network ended without a task on chain');
    const { manifest } = published;
    const records = await readRecords(store, log, manifest.cycles);
    const run: Measurements = { ...plan, ...task, checkpoint, manifest, store, threads: 2 };
    const measured = await measureVersions(run, await versionsOf(run, records));
    for (const { version, target, general, test } of measured) plan.show({ kind: 'losses', version: version.number, target: meanLoss(target), general: meanLoss(general), test: meanLoss(test) });
    const commands: string[] = [];
    for (const record of records) if (record) commands.push(...(await leaveCycleFiles(plan, run, record, log)));
    const { total, perExpert } = countParameters(checkpoint.topology);
    const trainableParameters = Object.values(manifest.model.selection).reduce((sum, experts) => sum + experts.length * perExpert, 0);
    return { manifest, records, measured, commands, incentives: await readIncentives(chain, manifest), trainableParameters, totalParameters: total };
  } finally {
    await checkpoint.close();
    await chain.close();
  }
}

/** One record a cycle, as the first validator that committed a root published it; validators that disagree show up in the roots. */
async function readRecords(store: Measurements['store'], log: readonly LoggedEvent[], cycles: number): Promise<(CycleRecord | undefined)[]> {
  const records: (CycleRecord | undefined)[] = [];
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const committed = eventsOfKind(log, 'root-committed').find(({ event }) => event.cycle === cycle)?.event;
    records.push(committed && parseCycleRecord(await store.getBytes({ sha256: committed.recordHash, maxBytes: MAX_RECORD_BYTES })));
  }
  return records;
}

async function versionsOf({ checkpoint, manifest, store }: Measurements, records: readonly (CycleRecord | undefined)[]): Promise<readonly ModelVersion[]> {
  const { base } = await openVersionStore({ checkpoint, selection: selectionOf(manifest), stores: [store] });
  return [base, ...records.flatMap((record) => (record?.accepted ? [record.version] : []))];
}

/** The chain's own incentive at each cycle's end. */
async function readIncentives(chain: Chain, { schedule, cycles, netuid }: TaskManifest): Promise<ReadonlyMap<number, number>[]> {
  const incentives: ReadonlyMap<number, number>[] = [];
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const { neurons } = await readSnapshot(chain, { netuid, beforeMs: phaseWindow(schedule, cycle, 'publish').endMs });
    incentives.push(new Map(neurons.map(({ uid, incentive }) => [uid, incentive / U16_MAX])));
  }
  return incentives;
}

/** Files of one cycle, and the command lines that score them again. */
async function leaveCycleFiles(plan: DemoPlan, run: Measurements, record: CycleRecord, log: readonly LoggedEvent[]): Promise<readonly string[]> {
  const directory = join(plan.out, 'cycles', String(record.cycle));
  await writeCycleFiles(run, record, directory);
  const scores = eventsOfKind(log, 'scored').find(({ event }) => event.cycle === record.cycle)?.event.scores ?? [];
  const measured = scores.filter(({ gain }) => gain !== undefined);
  const { minGain, floorShare, clip } = run.manifest.scoring;
  const floor = computeFloor({ gains: measured.map(({ gain }) => gain ?? 0), minGain, floorShare });
  return measured.map(
    ({ uid }) =>
      `connito pol check --base ${join(directory, 'base')} --candidate ${join(directory, `update-${uid}.safetensors`)} --data ${join(directory, 'score-rows.safetensors')} --candidates ${measured.length} --clip ${clip} --min-gain ${floor}`,
  );
}

function setUpEvent({ seed, cycles }: DemoPlan, participants: readonly PlacedParticipant[]): DemoEvent {
  const miners = participants.filter(({ role }) => role === 'miner').map(({ uid, name, hotkey, strategy }) => ({ uid, name, hotkey, behaviour: strategy ?? ('honest' as const) }));
  const validators = participants.filter(({ role }) => role === 'validator').map(({ uid, name, hotkey }) => ({ uid, name, hotkey }));
  return { kind: 'set-up', seed, cycles, miners, validators };
}

function place(participants: readonly Participant[], { uids, hotkeys }: DemoSubnet): PlacedParticipant[] {
  return participants.map((participant) => ({ ...participant, uid: uids.get(participant.name) ?? -1, hotkey: hotkeys.get(participant.name) ?? '' }));
}

/** Takes `out` for the demo: a new directory, or one that an earlier demo has left, which is cleared. */
async function claimDirectory(out: string): Promise<void> {
  const entries = await readdir(out).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (entries.length > 0 && !entries.includes(MARKER)) {
    throw new CliError('usage', `${out} is not empty and was not left by an earlier demo: choose another --out directory`);
  }
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await writeFile(join(out, MARKER), '');
}

async function directoryBytes(directory: string): Promise<number> {
  let sizeBytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined); // a temporary file may be gone by now
    sizeBytes += found?.size ?? 0;
  }
  return sizeBytes;
}
