/**
 * The owner at work: makes the manifest of its plan once, publishes model, data and manifest, commits the hash, and later hands out
 * each cycle's held-out shard. Until then that shard lies in the owner's own store only.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredArtifact } from '@connito/artifacts';
import { assertSchedule, readBeacon, readCommitmentSpace, readHyperparameters, readSubnetOwner } from '@connito/chain';
import { encodeRecord, toHex } from '@connito/commit-reveal';
import { readManifest, type DatasetManifest, type ShardEntry } from '@connito/dataset';
import { openCheckpoint, writeFileAtomic } from '@connito/moe-core/node';
import { ensureCommitted } from './commitment-writer.ts';
import { SubnetError } from './error.ts';
import type { FailedEvent, MomentEvent } from './machine.ts';
import type { OwnerEffect, OwnerEvent } from './owner.ts';
import { assertRoutable, assertSamePlan, assertTokenizer, assertUnused, assertVersionKey } from './owner-checks.ts';
import { START_DELAY_MS, type OwnerPlan } from './owner-plan.ts';
import { Closing, openClock, openContext, openRoleJournal, openStation, reportJoined, type OpenRole, type RoleOptions, type Station } from './role.ts';
import { encodeTaskManifest, hashTaskManifest, parseTaskManifest, type ManifestArtifact, type TaskManifest } from './task-manifest.ts';
import { openVersionStore } from './version-store.ts';

type OwnerJournalEvent = MomentEvent | FailedEvent | OwnerEvent;

/** An owner that has published its task. */
export interface OpenOwner extends OpenRole<OwnerJournalEvent> {
  execute(effect: OwnerEffect): Promise<OwnerEvent>;
}

/** The files of a checkpoint that participants need. */
const MODEL_FILE = /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|model\.safetensors\.index)\.json$|\.safetensors$/;

/** Publishes the plan's task, or takes up the one that this state directory has already published. */
export async function openOwner(options: RoleOptions & { readonly plan: OwnerPlan }): Promise<OpenOwner> {
  const closing = new Closing();
  try {
    const station = await openStation('owner', options, closing);
    await assertOwner(station, options);
    const own = await readOwnManifest(options);
    const bytes = own ?? (await makeTask(station, options));
    const manifest = parseTaskManifest(bytes);
    if (own) assertSamePlan(manifest, options, await readManifest(options.plan.dataDirectory));
    const taskHash = hashTaskManifest(bytes);
    await ensureCommitted({ chain: station.chain, manifest, keypair: options.keypair }, encodeRecord({ kind: 'task', taskHash, sizeBytes: bytes.length, locator: '' }));
    const task = { manifest, taskHash, ownerHotkey: options.keypair.hotkey };
    const context = await openContext(options, station, task, closing);
    const journal = await openRoleJournal<OwnerJournalEvent>('owner', options, task);
    closing.add(() => journal.close());
    const clock = await openClock(context, closing);
    reportJoined(context);
    return { context, journal, clock, execute: (effect) => publishHeldOut(station, manifest, effect), close: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function publishHeldOut({ store, ownStore, report }: Station, { data }: TaskManifest, { cycle }: OwnerEffect): Promise<OwnerEvent> {
  const shard = data.heldOut[cycle];
  if (!shard) throw new SubnetError('late', `The task has no held-out shard for cycle ${cycle}`, { cycle });
  const { sha256, sizeBytes } = shard;
  await store.put(ownStore.get({ sha256, sizeBytes, maxBytes: sizeBytes }));
  report({ kind: 'uploaded', cycle, sha256, sizeBytes });
  return { kind: 'held-out-published', cycle };
}

async function assertOwner({ chain }: Station, { netuid, keypair }: RoleOptions): Promise<void> {
  const { hotkey } = await readSubnetOwner(chain, { netuid });
  if (hotkey === keypair.hotkey) return;
  throw new SubnetError('not-registered', `Subnet ${netuid} is owned by ${hotkey}, this is ${keypair.hotkey}. Run the owner with the owner's hotkey`, { netuid, hotkey });
}

function manifestPath({ stateDirectory }: RoleOptions): string {
  return join(stateDirectory, 'task.json');
}

async function readOwnManifest(options: RoleOptions): Promise<Uint8Array | undefined> {
  try {
    return await readFile(manifestPath(options));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function makeTask(station: Station, options: RoleOptions & { readonly plan: OwnerPlan }): Promise<Uint8Array> {
  const { chain, store } = station;
  const { plan, netuid } = options;
  const beacon = await readBeacon(chain);
  const { timestampMs } = await chain.finalisedHead();
  const dataset = await readManifest(plan.dataDirectory);
  await assertUnused(store, dataset, plan.dataDirectory);
  await assertTokenizer(plan, dataset);
  const { weightsVersionKey } = await readHyperparameters(chain, { netuid, names: ['weightsVersionKey'] });
  assertVersionKey(plan, weightsVersionKey ?? 0);
  const { schedule, ...rules } = plan.rules;
  const timetable = { t0Ms: plan.t0Ms ?? timestampMs + START_DELAY_MS, ...schedule };
  assertSchedule(timetable, beacon, await readCommitmentSpace(chain, { netuid }));
  const bytes = encodeTaskManifest({
    format: 'connito/task/v1',
    name: plan.name,
    genesis: toHex(chain.genesisHash),
    netuid,
    cycles: dataset.heldOut.length,
    schedule: timetable,
    beacon: { publicKey: toHex(beacon.publicKey), genesisTimeMs: beacon.genesisTimeMs, periodMs: beacon.periodMs },
    model: await publishModel(station, plan),
    data: await publishData(station, plan.dataDirectory, dataset),
    ...rules,
  });
  parseTaskManifest(bytes);
  await store.put(bytes);
  await writeFileAtomic(manifestPath(options), bytes);
  return bytes;
}

async function publishModel({ store }: Station, plan: OwnerPlan): Promise<TaskManifest['model']> {
  const { modelDirectory, selection } = plan;
  const checkpoint = await openCheckpoint(modelDirectory);
  try {
    assertRoutable(plan, checkpoint.topology);
    const files: (ManifestArtifact & { readonly name: string })[] = [];
    for (const name of (await readdir(modelDirectory)).filter((file) => MODEL_FILE.test(file)).toSorted()) {
      files.push({ name, ...(await store.put(createReadStream(join(modelDirectory, name)))) });
    }
    const { base } = await openVersionStore({ checkpoint, selection, stores: [store] });
    const entries = [...selection].toSorted(([a], [b]) => a - b).map(([layer, experts]): [string, number[]] => [String(layer), [...experts]]);
    return { files, selection: Object.fromEntries(entries), baseRoot: base.root };
  } finally {
    await checkpoint.close();
  }
}

async function publishData({ store, ownStore }: Station, directory: string, dataset: DatasetManifest): Promise<TaskManifest['data']> {
  const put = async (target: Station['store'], { file, rows, sha256 }: ShardEntry): Promise<StoredArtifact & { rows: number }> => {
    const stored = await target.put(createReadStream(join(directory, file)));
    if (stored.sha256 !== sha256) throw new SubnetError('invalid-manifest', `${file} in ${directory} differs from its manifest. Run \`connito data prepare\` again`, { file });
    return { ...stored, rows };
  };
  const trainShards = [];
  for (const entry of dataset.train) trainShards.push(await put(store, entry));
  const heldOut = [];
  for (const entry of dataset.heldOut) heldOut.push(await put(ownStore, entry));
  return { sequenceLength: dataset.sequenceLength, trainShards, heldOut, general: await put(store, dataset.general) };
}
