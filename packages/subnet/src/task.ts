/**
 * Finding the owner's task: the hash on chain, the manifest behind it, and the model's files.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isArtifactError, type ArtifactStore } from '@connito/artifacts';
import { readCommitments, readSubnetOwner, type Chain } from '@connito/chain';
import { decodeRecord, isCommitRevealError, toHex, type TaskRecord } from '@connito/commit-reveal';
import { createSha256 } from '@connito/commit-reveal/node';
import { pause } from './chain-reader.ts';
import { SubnetError } from './error.ts';
import { MAX_MANIFEST_BYTES, parseTaskManifest, type ManifestArtifact, type TaskManifest } from './task-manifest.ts';

/** A task as the owner committed it. */
export interface PublishedTask {
  readonly manifest: TaskManifest;
  /** SHA-256 of the manifest's bytes. */
  readonly taskHash: Uint8Array;
  readonly ownerHotkey: string;
}

/** Where to look for a task. */
export interface TaskSource {
  readonly chain: Chain;
  readonly store: ArtifactStore;
}

/** How long a role waits for the owner to publish before it gives up, wall-clock. */
const TASK_WAIT_MS = 120_000;

/**
 * Waits until the subnet's owner has committed a task whose manifest is in the store. Calls `onWait` where there is none yet.
 *
 * @throws SubnetError `no-task`, `invalid-manifest`, `wrong-network`
 */
export async function awaitTask(source: TaskSource, { netuid, signal, onWait }: { readonly netuid: number; readonly signal: AbortSignal; readonly onWait?: () => void }): Promise<PublishedTask> {
  const deadline = performance.now() + TASK_WAIT_MS;
  for (let tries = 0; ; tries += 1) {
    const task = await readTask(source, netuid);
    if (task) return task;
    if (tries === 0) onWait?.();
    if (performance.now() > deadline) throw new SubnetError('no-task', `The owner of subnet ${netuid} has not published a task. Start \`connito owner run\`, or check --netuid and --store`, { netuid });
    await pause(250, signal);
  }
}

/** The task as it stands now; undefined where there is none yet. */
export async function readTask({ chain, store }: TaskSource, netuid: number): Promise<PublishedTask | undefined> {
  const { hash } = await chain.finalisedHead();
  const { hotkey: ownerHotkey } = await readSubnetOwner(chain, { netuid, at: hash });
  const record = taskRecord((await readCommitments(chain, { netuid, at: hash })).get(ownerHotkey)?.fields);
  const bytes = record && (await fetchManifest(store, record));
  if (!bytes) return undefined;
  const manifest = parseTaskManifest(bytes);
  if (manifest.genesis !== toHex(chain.genesisHash) || manifest.netuid !== netuid) {
    throw new SubnetError('wrong-network', `The task is for subnet ${manifest.netuid} of chain ${manifest.genesis.slice(0, 12)}…, this is subnet ${netuid} of ${toHex(chain.genesisHash).slice(0, 12)}…`);
  }
  return { manifest, taskHash: record.taskHash, ownerHotkey };
}

/** Fetches the model's files into `directory`, verified; files that are there already are hashed, and fetched again only where they differ. */
export async function fetchModel(store: ArtifactStore, { model }: TaskManifest, directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const { name, sha256, sizeBytes } of model.files) {
    const path = join(directory, name);
    if (!(await isFile(path, { sha256, sizeBytes }))) await store.fetchTo(path, { sha256, sizeBytes, maxBytes: sizeBytes });
  }
  return directory;
}

/** A damaged router would go unnoticed otherwise: only the trained experts are checked against a root. */
async function isFile(path: string, { sha256, sizeBytes }: ManifestArtifact): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== sizeBytes) return false;
  const hash = createSha256();
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return toHex(hash.digest()) === sha256;
}

async function fetchManifest(store: ArtifactStore, { taskHash, sizeBytes }: TaskRecord): Promise<Uint8Array | undefined> {
  try {
    return await store.getBytes({ sha256: toHex(taskHash), sizeBytes, maxBytes: MAX_MANIFEST_BYTES });
  } catch (error) {
    if (isArtifactError(error, 'not-found')) return undefined;
    throw error;
  }
}

function taskRecord(fields: readonly Uint8Array[] | undefined): TaskRecord | undefined {
  if (!fields) return undefined;
  try {
    const record = decodeRecord(fields);
    return record.kind === 'task' ? record : undefined;
  } catch (error) {
    if (isCommitRevealError(error)) return undefined;
    throw error;
  }
}
