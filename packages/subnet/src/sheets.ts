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
export function minersHashOf(neurons: readonly { readonly uid: number; readonly hotkey: string }[]): Uint8Array {
  return computeMinersHash(neurons.map(({ uid, hotkey }) => ({ uid, hotkey: hotkeyToBytes(hotkey) })));
}

/** The counted sheets in uid order of their authors. */
export async function readCountedSheets(context: RoleContext, score: PhaseSnapshot, expected: SheetExpectation): Promise<readonly CountedSheet[]> {
  const { netuid } = context.manifest;
  const sheets: CountedSheet[] = [];
  for (const { neuron, sha256 } of sheetCandidates(score, expected.cycle)) {
    const sheet = await fetchSheet(context, sha256);
    if (!sheet || !matchesSheet(sheet, neuron.hotkey, { ...expected, netuid })) continue;
    sheets.push({ hotkey: neuron.hotkey, stakeRao: neuron.stakeRao, sha256, entries: sheet.entries });
  }
  return sheets;
}

/** Who has committed a sheet of `cycle` that may count, in uid order: validators with a permit and stake. */
export function sheetCandidates({ authored }: Pick<PhaseSnapshot, 'authored'>, cycle: number): readonly { readonly neuron: Neuron; readonly sha256: string }[] {
  return authored.flatMap(({ neuron, record }) => {
    if (record?.kind !== 'sheet' || record.cycle !== cycle || !neuron.validatorPermit || neuron.stakeRao <= 0n) return [];
    return [{ neuron, sha256: toHex(record.sheetSha256) }];
  });
}

/** For how many cycles a validator that has fallen silent keeps its stake in the quorum's denominator (DESIGN §3.4.2). */
const QUORUM_CYCLES = 3;

/**
 * The stake that a cycle's counted sheets must have more than half of: of everybody with a permit whose record at the score snapshot is a sheet or
 * root of this cycle or of the {@link QUORUM_CYCLES} before. It needs that one snapshot and no memory, so that whoever comes later finds the same.
 */
export function quorumStake({ authored }: Pick<PhaseSnapshot, 'authored'>, cycle: number): bigint {
  const working = authored.filter(({ neuron, record }) => neuron.validatorPermit && (record?.kind === 'sheet' || record?.kind === 'root') && record.cycle >= cycle - QUORUM_CYCLES);
  return totalStake(working.map(({ neuron }) => neuron));
}

/** Sum of stake in rao. */
export function totalStake(holders: readonly Pick<CountedSheet, 'stakeRao'>[]): bigint {
  return holders.reduce((sum, { stakeRao }) => sum + stakeRao, 0n);
}

async function fetchSheet({ store }: RoleContext, sha256: string): Promise<Sheet | null> {
  try {
    return decodeSheet(await store.getBytes({ sha256, sizeBytes: SHEET_BYTES, maxBytes: SHEET_BYTES }));
  } catch (error) {
    if (isArtifactError(error) || isCommitRevealError(error)) return null;
    throw error;
  }
}

/** Whether a sheet is its author's, and of this subnet, cycle, miners and base. */
export function matchesSheet(sheet: Sheet, hotkey: string, { cycle, netuid, minersHash, baseRoot }: SheetExpectation & { readonly netuid: number }): boolean {
  return (
    equalBytes(sheet.hotkey, hotkeyToBytes(hotkey)) &&
    sheet.netuid === netuid &&
    sheet.cycle === cycle &&
    equalBytes(sheet.minersHash, minersHash.subarray(0, 8)) &&
    (baseRoot === undefined || equalBytes(sheet.baseRoot, baseRoot.subarray(0, 8)))
  );
}
