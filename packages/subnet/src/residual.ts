/**
 * What compression has left of a miner's earlier updates: one file a cycle in the state directory, so that the train effect can be
 * repeated after a crash. Cycle c reads the residual of the latest cycle before c and writes its own; a repetition reads the same
 * one, takes the salt from its own file, and comes to the same artifact.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '@connito/commit-reveal';
import { decodeExpertWeights, encodeExpertWeights, isMoeError, type ExpertWeights } from '@connito/moe-core';
import { openSafetensorsFile, writeFileAtomic } from '@connito/moe-core/node';
import type { RoleContext } from './context.ts';
import { encodeTopKUpdate, saltIn, type EncodedUpdate } from './update-artifact.ts';
import type { TopKUpdateRules } from './update-rules.ts';
import { weightsRoot } from './version-store.ts';

const RESIDUAL_FORMAT = 'connito/residual/v1';
const FILE = /^(\d{1,6})\.safetensors$/;

type ResidualContext = Pick<RoleContext, 'stateDirectory' | 'taskHash' | 'report'>;

/** Where residuals are kept. */
export function residualDirectory({ stateDirectory }: Pick<RoleContext, 'stateDirectory'>): string {
  return join(stateDirectory, 'residuals');
}

/**
 * Compresses a cycle's update with what earlier ones left, and keeps what it leaves. A residual that does not fit (of another task,
 * of other shapes, damaged) is left out and reported: the update is compressed as a first one.
 *
 * @throws MoeError `experts-not-finite` where training has diverged; `file-write-failed`
 */
export async function compressWithResidual(context: ResidualContext, rules: TopKUpdateRules, { cycle, update }: { readonly cycle: number; readonly update: ExpertWeights }): Promise<EncodedUpdate & { readonly salt: Uint8Array }> {
  const directory = residualDirectory(context);
  await mkdir(directory, { recursive: true });
  const kept = await keptCycles(directory);
  const previous = kept.filter((earlier) => earlier < cycle).at(-1);
  const before = previous === undefined ? undefined : await readResidual(context, previous, update);
  if (before && 'reason' in before) context.report({ kind: 'notice', message: `cycle ${cycle}: the residual of cycle ${previous} is left out, compression starts without one: ${before.reason}` });
  const own = kept.includes(cycle) ? await readResidual(context, cycle, update) : undefined;
  const salt = own && 'salt' in own ? own.salt : new Uint8Array(randomBytes(32));
  const { residual, ...encoded } = encodeTopKUpdate(update, { cycle, salt, rules, residual: before && 'residual' in before ? before.residual : undefined });
  await writeResidual(context, { cycle, salt, residual });
  // Cycles only go forward: a repetition of this one needs the one before, nothing needs any other.
  for (const other of kept) if (other !== previous && other !== cycle) await rm(pathOf(context, other), { force: true });
  return { ...encoded, salt };
}

interface KeptResidual {
  readonly residual: ExpertWeights;
  /** Of the cycle's artifact. */
  readonly salt: Uint8Array;
}

function writeResidual(context: ResidualContext, { cycle, salt, residual }: KeptResidual & { readonly cycle: number }): Promise<number> {
  const metadata = { format: RESIDUAL_FORMAT, task: toHex(context.taskHash), cycle: String(cycle), root: toHex(weightsRoot(residual)), salt: toHex(salt) };
  return writeFileAtomic(pathOf(context, cycle), encodeExpertWeights(residual, metadata));
}

/** A cycle's residual, or why there is none for such an update. */
async function readResidual(context: ResidualContext, cycle: number, update: ExpertWeights): Promise<KeptResidual | { readonly reason: string }> {
  try {
    const file = await openSafetensorsFile(pathOf(context, cycle));
    try {
      const { metadata } = file;
      if (metadata.get('format') !== RESIDUAL_FORMAT || metadata.get('cycle') !== String(cycle)) return { reason: 'its file says that it is something else' };
      if (metadata.get('task') !== toHex(context.taskHash)) return { reason: 'it is of another task' };
      const residual = await decodeExpertWeights(file);
      const salt = saltIn(metadata);
      if (!salt || metadata.get('root') !== toHex(weightsRoot(residual))) return { reason: 'its file is damaged' };
      return fits(residual, update) ? { residual, salt } : { reason: 'it has other tensors' };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMoeError(error)) return { reason: error.message };
    throw error;
  }
}

function fits(residual: ExpertWeights, update: ExpertWeights): boolean {
  return residual.size === update.size && [...update].every(([name, { shape }]) => residual.get(name)?.shape.join() === shape.join());
}

/** Ascending. */
async function keptCycles(directory: string): Promise<number[]> {
  const cycles = (await readdir(directory)).flatMap((name) => FILE.exec(name)?.[1] ?? []);
  return cycles.map(Number).toSorted((a, b) => a - b);
}

function pathOf(context: ResidualContext, cycle: number): string {
  return join(residualDirectory(context), `${cycle}.safetensors`);
}
