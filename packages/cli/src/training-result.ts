/**
 * What `connito train` leaves: a module with its provenance, or an update as miners submit it.
 *
 * @module
 */
import type { Checkpoint, ExpertSelection, ExpertWeights } from '@connito/moe-core';
import { provenanceOf } from './module-provenance.ts';

/** `module`: weights in float32, for `model graft` and `pol check`; `update`: start minus trained, for `pol check` and stores. */
export type TrainedFormat = 'module' | 'update';

/** What is written, and as what. */
export interface TrainedExperts {
  readonly checkpoint: Checkpoint;
  readonly selection: ExpertSelection;
  readonly start: ExpertWeights;
  readonly trained: ExpertWeights;
  readonly flags: { readonly as: TrainedFormat; readonly meta: ReadonlyMap<string, string>; readonly out: string };
}

/** @returns the file's size in bytes */
export async function writeTrained({ checkpoint, selection, start, trained, flags }: TrainedExperts): Promise<number> {
  const { computePseudoGradient, createExpertModule, encodeExpertWeights, graftExperts } = await import('@connito/moe-core');
  const { writeExpertModuleFile, writeFileAtomic } = await import('@connito/moe-core/node');
  if (flags.as === 'update') return writeFileAtomic(flags.out, encodeExpertWeights(computePseudoGradient(start, trained), { kind: 'update' }));
  const provenance = await provenanceOf(checkpoint, flags.meta);
  return writeExpertModuleFile(flags.out, createExpertModule({ checkpoint: graftExperts(checkpoint, trained), selection, provenance, dtype: 'F32' }));
}
