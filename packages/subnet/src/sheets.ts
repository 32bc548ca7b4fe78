/**
 * Which verdict sheets count in a cycle: those of validators with a permit that were committed at the score snapshot, could be
 * fetched by hash, and speak of the right miners and base.
 *
 * @module
 */
import { isArtifactError } from '@connito/artifacts';
import { hotkeyToBytes, type Neuron } from '@connito/chain';
import { computeMinersHash, decodeSheet, equalBytes, isCommitRevealError, SHEET_BYTES, toHex, type Sheet, type SheetEntry } from '@connito/commit-reveal';
import type { PhaseSnapshot } from './chain-reader.ts';
import type { RoleContext } from './context.ts';

/** A sheet that counts, with its author's stake at the score snapshot. */
export interface CountedSheet {
  readonly hotkey: string;
  readonly stakeRao: bigint;
  readonly sha256: string;
  readonly entries: readonly SheetEntry[];
}

/** What a cycle's sheets must agree on. `baseRoot` may be unknown to somebody who only counts stake. */
export interface SheetExpectation {
  readonly cycle: number;
  readonly minersHash: Uint8Array;
  readonly baseRoot?: Uint8Array;
}

/** Identifies the miners of a cycle: the neurons at its commit snapshot. */
export function minersHashOf(neurons: readonly Neuron[]): Uint8Array {
  return computeMinersHash(neurons.map(({ uid, hotkey }) => ({ uid, hotkey: hotkeyToBytes(hotkey) })));
}

/** The counted sheets in uid order of their authors. */
export async function readCountedSheets(context: RoleContext, score: PhaseSnapshot, expected: SheetExpectation): Promise<readonly CountedSheet[]> {
  const sheets: CountedSheet[] = [];
  for (const { neuron, record } of score.authored) {
    if (record?.kind !== 'sheet' || record.cycle !== expected.cycle || !neuron.validatorPermit || neuron.stakeRao <= 0n) continue;
    const sha256 = toHex(record.sheetSha256);
    const sheet = await fetchSheet(context, sha256);
    if (!sheet || !matches(sheet, neuron, context.manifest.netuid, expected)) continue;
    sheets.push({ hotkey: neuron.hotkey, stakeRao: neuron.stakeRao, sha256, entries: sheet.entries });
  }
  return sheets;
}

/** Sum of stake in rao. */
export function totalStake(sheets: readonly Pick<CountedSheet, 'stakeRao'>[]): bigint {
  return sheets.reduce((sum, { stakeRao }) => sum + stakeRao, 0n);
}

async function fetchSheet({ store }: RoleContext, sha256: string): Promise<Sheet | null> {
  try {
    return decodeSheet(await store.getBytes({ sha256, sizeBytes: SHEET_BYTES, maxBytes: SHEET_BYTES }));
  } catch (error) {
    if (isArtifactError(error) || isCommitRevealError(error)) return null;
    throw error;
  }
}

function matches(sheet: Sheet, neuron: Neuron, netuid: number, { cycle, minersHash, baseRoot }: SheetExpectation): boolean {
  return (
    equalBytes(sheet.hotkey, hotkeyToBytes(neuron.hotkey)) &&
    sheet.netuid === netuid &&
    sheet.cycle === cycle &&
    equalBytes(sheet.minersHash, minersHash.subarray(0, 8)) &&
    (baseRoot === undefined || equalBytes(sheet.baseRoot, baseRoot.subarray(0, 8)))
  );
}
