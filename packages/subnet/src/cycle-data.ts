/**
 * What a cycle is measured on: the held-out shard, which its owner publishes at R1, and the rows that the seed of R1 draws from it.
 *
 * @module
 */
import { phaseWindow } from '@connito/chain';
import { openShard, takeRows, type Shard } from '@connito/dataset';
import { derivePolSeed, drawRows } from '@connito/pol-scoring';
import { awaitRound, chainTimeMs, pause, type OpenedRound } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import { SubnetError } from './error.ts';
import { genesisOf } from './task-manifest.ts';

/** Rows of tokens, `[rows, sequenceLength]` row-major each. */
export interface CycleData {
  readonly round: OpenedRound;
  /** For scores. */
  readonly score: Shard;
  /** For the gate, disjoint from `score`. */
  readonly gate: Shard;
  /** For forgetting, from the general set. */
  readonly general: Shard;
}

/**
 * Draws the cycle's rows, once R1 is known and the owner has published the shard.
 *
 * @throws SubnetError `void-cycle` when either has not come by the end of the score phase
 */
export async function openCycleData(context: RoleContext, cycle: number): Promise<CycleData> {
  const { manifest, timetable } = context;
  const { netuid, data, scoring, gate } = manifest;
  const { endMs } = phaseWindow(timetable.schedule, cycle, 'score');
  const round = await awaitRound(context, cycle, 'r1', endMs);
  const seed = derivePolSeed({ genesis: genesisOf(manifest), netuid, cycle, randomness: round.randomness });
  const heldOut = await fetchShard(context, data.heldOut[cycle], endMs);
  const general = await fetchShard(context, data.general, endMs);
  const scoreRows = drawRows({ seed, label: 'score', population: heldOut.rows, count: scoring.rows });
  const gateRows = drawRows({ seed, label: 'gate', population: heldOut.rows, count: gate.rows, exclude: scoreRows });
  const generalRows = drawRows({ seed, label: 'general', population: general.rows, count: gate.generalRows });
  return { round, score: takeRows(heldOut, scoreRows), gate: takeRows(heldOut, gateRows), general: takeRows(general, generalRows) };
}

async function fetchShard(context: RoleContext, entry: { readonly sha256: string; readonly sizeBytes: number } | undefined, untilMs: number): Promise<Shard> {
  const { store, manifest, checkpoint, signal } = context;
  if (!entry) throw new SubnetError('void-cycle', 'The task has no held-out shard for this cycle');
  const { sha256, sizeBytes } = entry;
  while (!(await store.has(sha256))) {
    if ((await chainTimeMs(context)) >= untilMs) throw new SubnetError('void-cycle', `The owner has not published the shard ${sha256.slice(0, 12)}… in time`, { sha256 });
    await pause(200, signal);
  }
  const bytes = await store.getBytes({ sha256, sizeBytes, maxBytes: sizeBytes });
  return openShard(bytes, { sequenceLength: manifest.data.sequenceLength, vocabularySize: checkpoint.topology.vocabularySize });
}
