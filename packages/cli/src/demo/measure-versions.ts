/**
 * Measures every version of the model after the run: on target rows, on the general set, and on the test split that neither selection,
 * score nor gate has seen. Leaves what is needed to repeat the scores by hand.
 *
 * @module
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '@connito/artifacts';
import { pulseRandomness, fromHex } from '@connito/commit-reveal';
import { encodeShard, openShard, takeRows, type DatasetManifest, type Shard, type ShardEntry } from '@connito/dataset';
import { graftExperts, type Checkpoint, type ExpertWeights } from '@connito/moe-core';
import { writeSafetensorsFile } from '@connito/moe-core/node';
import { createEvaluator, type DeviceChoice } from '@connito/moe-engine';
import { drawCycleRows, openVersionStore, selectionOf, type CycleRecord, type ModelVersion, type TaskManifest, type VersionStore } from '@connito/subnet';

/** Losses by row in nats per token. */
export interface VersionLosses {
  readonly version: ModelVersion;
  readonly target: Float64Array;
  readonly general: Float64Array;
  readonly test: Float64Array;
}

/** What the run left behind. */
export interface Measurements {
  readonly checkpoint: Checkpoint;
  readonly manifest: TaskManifest;
  readonly store: ArtifactStore;
  readonly modelDirectory: string;
  readonly dataDirectory: string;
  readonly dataset: DatasetManifest;
  readonly device: DeviceChoice;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** Rows of each set that are measured; fixed, so that versions can be compared. */
const ROWS = 256;
const BATCH_ROWS = 8;

/** Losses of `versions` on the same rows. */
export async function measureVersions(run: Measurements, versions: readonly ModelVersion[]): Promise<readonly VersionLosses[]> {
  const { checkpoint, manifest, dataset, device, threads, signal } = run;
  const heldOut = dataset.heldOut[0];
  if (!heldOut) throw new TypeError('a prepared dataset has a held-out shard');
  const rows = { target: await readRows(run, heldOut), general: await readRows(run, dataset.general), test: await readRows(run, dataset.test) };
  const versionStore = await openVersions(run);
  const evaluator = await createEvaluator({ checkpoint, sequenceLength: manifest.data.sequenceLength, batchSize: BATCH_ROWS, experts: selectionOf(manifest), device, threads });
  try {
    const measured: VersionLosses[] = [];
    for (const version of versions) {
      const { weights: experts } = await versionStore.load(version);
      const losses = (tokens: Int32Array): Promise<Float64Array> => evaluator.rowLosses(tokens, { experts, signal });
      measured.push({ version, target: await losses(rows.target), general: await losses(rows.general), test: await losses(rows.test) });
    }
    return measured;
  } finally {
    await evaluator.close();
  }
}

/** The versions of the run. */
function openVersions({ checkpoint, manifest, store }: Measurements): Promise<VersionStore> {
  return openVersionStore({ checkpoint, selection: selectionOf(manifest), stores: [store] });
}

/** Writes a cycle's base model, its drawn rows and the opened updates, for `connito pol check`. */
export async function writeCycleFiles(run: Measurements, record: CycleRecord, directory: string): Promise<void> {
  const { checkpoint, manifest, store, dataset } = run;
  await mkdir(directory, { recursive: true });
  const { weights } = await (await openVersions(run)).load(record.base);
  await writeCheckpoint(checkpoint, weights, { from: run.modelDirectory, to: join(directory, 'base') });
  const entry = dataset.heldOut[record.cycle];
  if (!entry) throw new TypeError(`no held-out shard for cycle ${record.cycle}`);
  const shard = await openSplit(run, entry);
  const rows = drawCycleRows(manifest, record.cycle, pulseRandomness(fromHex(record.pulses.r1.signature))).score;
  const tokens = takeRows(shard, rows);
  const { sequenceLength } = dataset;
  await writeFile(join(directory, 'score-rows.safetensors'), encodeShard({ tokens, split: 'score', sequenceLength, vocabularySize: checkpoint.topology.vocabularySize }));
  for (const { uid, artifact } of record.miners) {
    if (artifact === null || !(await store.has(artifact))) continue;
    await store.fetchTo(join(directory, `update-${uid}.safetensors`), { sha256: artifact, maxBytes: manifest.scoring.maxBytes });
  }
}

/** A whole checkpoint in Hugging Face layout, with these experts in float32. */
async function writeCheckpoint(checkpoint: Checkpoint, experts: ExpertWeights, { from, to }: { readonly from: string; readonly to: string }): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) await writeFile(join(to, name), await readFile(join(from, name)));
  const grafted = graftExperts(checkpoint, experts);
  const tensors = [...grafted.tensors.values()].map((tensor) => ({ ...tensor, read: async () => (await grafted.readTensor(tensor.name)).data }));
  await writeSafetensorsFile(join(to, 'model.safetensors'), tensors, { format: 'pt' });
}

async function readRows(run: Measurements, entry: ShardEntry): Promise<Int32Array> {
  const shard = await openSplit(run, entry);
  return takeRows(shard, Array.from({ length: Math.min(ROWS, shard.rows) }, (_, row) => row));
}

function openSplit({ dataDirectory, dataset, checkpoint }: Measurements, { file, sha256 }: ShardEntry): Promise<Shard> {
  return openShard(join(dataDirectory, file), { sha256, sequenceLength: dataset.sequenceLength, vocabularySize: checkpoint.topology.vocabularySize });
}
