/**
 * Opens what a role needs, in the order in which things can be missing: its state directory, the chain, the task, the model.
 *
 * @module
 */
import { join } from 'node:path';
import { openFileStore, type ArtifactStore } from '@connito/artifacts';
import { assertSchedule, connectChain, cycleMs, describeStatus, parseNetwork, readBeacon, readNeurons, readSubnetOwner, releaseUntil, watchBlocks, type Chain, type Keypair } from '@connito/chain';
import { equalBytes, toHex } from '@connito/commit-reveal';
import { openCheckpoint } from '@connito/moe-core/node';
import type { AgentEvent, AgentReport, Role } from './agent-event.ts';
import type { EngineOptions, RoleContext } from './context.ts';
import { SubnetError } from './error.ts';
import { openJournal, type Journal } from './journal.ts';
import type { ChainClock } from './runner.ts';
import { lockState } from './state-lock.ts';
import { beaconOf, scheduleOf, selectionOf } from './task-manifest.ts';
import { awaitTask, fetchModel, type PublishedTask } from './task.ts';
import type { Timetable } from './moment.ts';
import { openVersionStore } from './version-store.ts';

/** How a role is started. */
export interface RoleOptions {
  /** Where the chain is: a WebSocket endpoint, several of one chain with commas between, or the name of a network (`parseNetwork`). */
  readonly endpoint: string;
  readonly netuid: number;
  readonly keypair: Keypair;
  /** Where the journal and this role's own artifacts live; one role of one hotkey per directory. */
  readonly stateDirectory: string;
  /** The shared artifact store. */
  readonly storeDirectory: string;
  readonly engine: EngineOptions;
  readonly signal: AbortSignal;
  readonly onEvent: (event: AgentEvent) => void;
}

/** A role that is ready to run; `close` gives everything back. */
export interface OpenRole<E> {
  readonly context: RoleContext;
  readonly journal: Journal<E>;
  readonly clock: ChainClock;
  close(): Promise<void>;
}

/** What has been opened so far, closed in reverse order. */
export class Closing {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) await closer();
  }
}

/** State directory, connection and stores: what also an owner has before there is a task. */
export interface Station {
  readonly chain: Chain;
  readonly store: ArtifactStore;
  readonly ownStore: ArtifactStore;
  readonly report: (report: AgentReport) => void;
}

/** Locks the state directory and connects. */
export async function openStation(role: Role, options: RoleOptions, closing: Closing): Promise<Station> {
  closing.add(lockState(options.stateDirectory));
  const chain = await connectChain({ network: parseNetwork(options.endpoint) });
  closing.add(() => chain.close());
  const store = await openFileStore(options.storeDirectory);
  const ownStore = await openFileStore(join(options.stateDirectory, 'artifacts'));
  const report = (event: AgentReport): void => options.onEvent({ role, hotkey: options.keypair.hotkey, ...event });
  chain.onStatus((status) => report({ kind: 'notice', message: describeStatus(status) }));
  return { chain, store, ownStore, report };
}

/** Opens a miner or validator: waits for the owner's task, fetches the model, and checks that the hotkey is registered. */
export async function openRole<E>(role: Role, options: RoleOptions): Promise<OpenRole<E>> {
  const closing = new Closing();
  try {
    const station = await openStation(role, options, closing);
    await assertRegistered(station.chain, options);
    const task = await awaitTask(station, { ...options, onWait: () => station.report({ kind: 'waiting', netuid: options.netuid }) });
    const context = await openContext(options, station, task, closing);
    const journal = await openRoleJournal<E>(role, options, task);
    closing.add(() => journal.close());
    const clock = await openClock(context, closing);
    reportJoined(context);
    return { context, journal, clock, close: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** Tells what the role takes part in, before the first wait. */
export function reportJoined({ report, manifest: { name, netuid, cycles, schedule } }: RoleContext): void {
  report({ kind: 'joined', task: name, netuid, cycles, cycleMs: cycleMs(schedule), startMs: schedule.t0Ms });
}

/** The journal of this role, hotkey and task. */
export function openRoleJournal<E>(role: Role, { stateDirectory, keypair, netuid }: RoleOptions, task: PublishedTask): Promise<Journal<E>> {
  return openJournal<E>(stateDirectory, `${role} ${keypair.hotkey} netuid ${netuid} task ${toHex(task.taskHash)}`);
}

/** The context over a task whose model lies in the state directory. */
export async function openContext(options: RoleOptions, station: Station, task: PublishedTask, closing: Closing): Promise<RoleContext> {
  const { manifest, taskHash, ownerHotkey } = task;
  const timetable = { schedule: scheduleOf(manifest), beacon: beaconOf(manifest) };
  await assertTimetable(station.chain, timetable);
  const modelDirectory = await fetchModel(station.store, manifest, join(options.stateDirectory, 'model'));
  const checkpoint = await openCheckpoint(modelDirectory);
  closing.add(() => checkpoint.close());
  const versions = await openVersionStore({ checkpoint, selection: selectionOf(manifest), stores: [station.ownStore, station.store] });
  if (versions.base.root !== manifest.model.baseRoot) {
    throw new SubnetError('root-mismatch', `The task's model has root ${versions.base.root}, its manifest says ${manifest.model.baseRoot}. Ask the subnet owner for a corrected manifest`);
  }
  const { keypair, stateDirectory, engine, signal } = options;
  return { ...station, keypair, stateDirectory, manifest, taskHash, ownerHotkey, timetable, checkpoint, modelDirectory, versions, engine, signal };
}

/** Chain time from finalised blocks. */
export async function openClock({ chain, keypair, signal }: RoleContext, closing: Closing): Promise<ChainClock> {
  let nowMs = 0;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of waiting) check();
  };
  const stop = await watchBlocks(chain, ({ timestampMs }) => {
    nowMs = timestampMs;
    wake();
  });
  closing.add(stop);
  signal.addEventListener('abort', wake);
  return {
    waitUntil: (timeMs) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!signal.aborted && nowMs < timeMs) return;
          waiting.delete(check);
          if (signal.aborted) reject(signal.reason as Error);
          else resolve(nowMs);
        };
        waiting.add(check);
        check();
      }),
    release: (timeMs) => releaseUntil(chain, { participant: keypair.hotkey, timeMs }),
  };
}

/** An owner that could choose the beacon would know the held-out draw before everybody else. */
async function assertTimetable(chain: Chain, { schedule, beacon }: Timetable): Promise<void> {
  assertSchedule(schedule, beacon);
  const { publicKey, genesisTimeMs, periodMs } = await readBeacon(chain);
  if (equalBytes(publicKey, beacon.publicKey) && genesisTimeMs === beacon.genesisTimeMs && periodMs === beacon.periodMs) return;
  throw new SubnetError('invalid-manifest', `The task's beacon ${toHex(beacon.publicKey).slice(0, 12)}… is not the one that the chain follows, ${toHex(publicKey).slice(0, 12)}…. Ask the subnet owner for a corrected manifest`, { field: 'beacon' });
}

async function assertRegistered(chain: Chain, { netuid, keypair }: RoleOptions): Promise<void> {
  await readSubnetOwner(chain, { netuid }); // says so where there is no such subnet
  const neurons = await readNeurons(chain, { netuid });
  if (neurons.some(({ hotkey }) => hotkey === keypair.hotkey)) return;
  throw new SubnetError('not-registered', `The hotkey ${keypair.hotkey} is not registered on subnet ${netuid} at ${chain.endpoint}. Register it there (\`connito subnet register\`), or correct hotkey, netuid or network, then start again`, { hotkey: keypair.hotkey, netuid });
}
