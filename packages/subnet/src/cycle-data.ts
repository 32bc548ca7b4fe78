/**
 * What a cycle is measured on: the held-out shard, which its owner publishes at R1, and the rows that the seed of R1 draws from it.
 *
 * @module
 */
import { isArtifactError, type ArtifactStore } from '@connito/artifacts';
import { phaseWindow } from '@connito/chain';
import { openShard, takeRows, type Shard } from '@connito/dataset';
import { derivePolSeed, drawRows } from '@connito/pol-scoring';
import { awaitRound, chainTimeMs, pause, type OpenedRound } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import { SubnetError } from './error.ts';
import { genesisOf, type TaskManifest } from './task-manifest.ts';

/** Rows of tokens, `[rows, sequenceLength]` row-major each. */
export interface CycleData {
  readonly round: OpenedRound;
  /** For scores. */
  readonly score: Int32Array;
  /** For the gate, disjoint from `score`. */
  readonly gate: Int32Array;
  /** For forgetting, from the general set. */
  readonly general: Int32Array;
}

/** Which rows of the held-out shard and of the general set a cycle uses. */
export interface CycleRows {
  readonly score: readonly number[];
  readonly gate: readonly number[];
  readonly general: readonly number[];
}

/** The draw of a cycle: a pure function of the manifest and of R1's randomness, so that anybody can repeat it. */
export function drawCycleRows(manifest: TaskManifest, cycle: number, randomness: Uint8Array): CycleRows {
  const { netuid, data, scoring, gate } = manifest;
  const seed = derivePolSeed({ genesis: genesisOf(manifest), netuid, cycle, randomness });
  const population = data.heldOut[cycle]?.rows ?? 0;
  const score = drawRows({ seed, label: 'score', population, count: scoring.rows });
  return {
    score,
    gate: drawRows({ seed, label: 'gate', population, count: gate.rows, exclude: score }),
    general: drawRows({ seed, label: 'general', population: data.general.rows, count: gate.generalRows }),
  };
}

/**
 * Opens the cycle's rows, once R1 is known and the owner has published the shard.
 *
 * @throws SubnetError `void-cycle` when either has not come by the end of the score phase
 */
export async function openCycleData(context: RoleContext, cycle: number): Promise<CycleData> {
  const { manifest, timetable } = context;
  const { endMs } = phaseWindow(timetable.schedule, cycle, 'score');
  const round = await awaitRound(context, cycle, 'r1', endMs);
  const heldOut = await fetchShard(context, manifest.data.heldOut[cycle], endMs);
  const general = await fetchShard(context, manifest.data.general, endMs);
  const rows = drawCycleRows(manifest, cycle, round.randomness);
  return { round, score: takeRows(heldOut, rows.score), gate: takeRows(heldOut, rows.gate), general: takeRows(general, rows.general) };
}

async function fetchShard(context: RoleContext, entry: TaskManifest['data']['general'] | undefined, untilMs: number): Promise<Shard> {
  const { store, manifest, checkpoint, signal } = context;
  if (!entry) throw new SubnetError('void-cycle', 'The task has no held-out shard for this cycle');
  const { sha256, sizeBytes } = entry;
  let bytes = await bytesOrNull(store, { sha256, sizeBytes });
  while (!bytes) {
    if ((await chainTimeMs(context)) >= untilMs) throw new SubnetError('void-cycle', `The owner has not published the shard ${sha256.slice(0, 12)}… in time`, { sha256 });
    await pause(200, signal);
    bytes = await bytesOrNull(store, { sha256, sizeBytes });
  }
  const shard = await openShard(bytes, { sequenceLength: manifest.data.sequenceLength, vocabularySize: checkpoint.topology.vocabularySize });
  if (shard.rows !== entry.rows) throw new SubnetError('void-cycle', `The shard ${sha256.slice(0, 12)}… has ${shard.rows} rows, the manifest says ${entry.rows}`, { sha256 });
  return shard;
}

/** Null while the store does not have it; what somebody else has planted at its address is as good as nothing. */
async function bytesOrNull(store: ArtifactStore, { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number }): Promise<Uint8Array | null> {
  try {
    return await store.getBytes({ sha256, sizeBytes, maxBytes: sizeBytes });
  } catch (error) {
    const isAbsent = isArtifactError(error) && error.code !== 'io';
    if (isAbsent) return null;
    throw error;
  }
}
