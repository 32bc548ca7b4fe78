/**
 * Which version is canonical when a cycle begins: what holders of more than half the stake of the last cycle's counted sheets
 * committed (DESIGN §3.4.6). Anybody can find it from the chain and the store, also who was not there.
 *
 * @module
 */
import { equalBytes, toHex, type RootRecord } from '@connito/commit-reveal';
import { readPhaseSnapshot, type PhaseSnapshot } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import { MAX_RECORD_BYTES, parseCycleRecord, type CycleRecord, type KnownVersion, type ModelVersion } from './cycle-record.ts';
import { SubnetError } from './error.ts';
import { minersHashOf, quorumStake, readCountedSheets, totalStake, type CountedSheet } from './sheets.ts';
import { searchStores } from './store-search.ts';

/** How many cycles back a newcomer looks for the last one that had a majority. */
const MAX_LOOKBACK_CYCLES = 16;

/** The version that a cycle starts from, and the record that led to it; null where that is older than what was known. */
export interface ResolvedVersion {
  readonly version: ModelVersion;
  readonly record: CycleRecord | null;
}

/**
 * The version that `cycle` starts from; the task's own model where no cycle has led to another. Cycles before the known one are not read
 * again: nodes that are no archives forget their state within an hour.
 */
export async function resolveVersion(context: RoleContext, cycle: number, known: KnownVersion | null): Promise<ResolvedVersion> {
  await assertTaskUnchanged(context, cycle);
  const oldest = Math.max(0, cycle - MAX_LOOKBACK_CYCLES, known?.cycle ?? 0);
  for (let past = cycle - 1; past >= oldest; past -= 1) {
    const record = await findCanonicalRecord(context, past);
    if (record) return { version: record.version, record };
  }
  return { version: known?.version ?? context.versions.base, record: null };
}

/** The record of a past cycle that the majority of counted stake committed to; undefined where there was none, or no quorum. */
export async function findCanonicalRecord(context: RoleContext, cycle: number): Promise<CycleRecord | undefined> {
  const commit = await readPhaseSnapshot(context, cycle, 'commit');
  const score = await readPhaseSnapshot(context, cycle, 'score');
  const sheets = await readCountedSheets(context, score, { cycle, minersHash: minersHashOf(commit.neurons) });
  if (totalStake(sheets) * 2n <= quorumStake(score, cycle)) return undefined;
  const winner = majorityRoot(sheets, await readPhaseSnapshot(context, cycle, 'publish'), { cycle, taskHash: context.taskHash });
  return winner && fetchRecord(context, winner);
}

/** The root that authors of more than half the counted stake have committed alike. */
export function majorityRoot(sheets: readonly Pick<CountedSheet, 'hotkey' | 'stakeRao'>[], publish: Pick<PhaseSnapshot, 'authored'>, { cycle, taskHash }: { readonly cycle: number; readonly taskHash: Uint8Array }): RootRecord | undefined {
  const stakes = new Map(sheets.map(({ hotkey, stakeRao }) => [hotkey, stakeRao]));
  const votes = new Map<string, { record: RootRecord; stakeRao: bigint }>();
  for (const { neuron, record } of publish.authored) {
    if (record?.kind !== 'root' || record.cycle !== cycle || !equalBytes(record.taskHash, taskHash)) continue;
    const key = `${toHex(record.mergedRoot)} ${record.gateAccepted} ${toHex(record.recordHash)}`;
    const vote = votes.get(key) ?? { record, stakeRao: 0n };
    vote.stakeRao += stakes.get(neuron.hotkey) ?? 0n;
    votes.set(key, vote);
  }
  return [...votes.values()].find(({ stakeRao }) => stakeRao * 2n > totalStake(sheets))?.record;
}

async function fetchRecord({ store, ownStore, taskHash }: RoleContext, root: RootRecord): Promise<CycleRecord> {
  const record = parseCycleRecord(await searchStores([ownStore, store]).getBytes({ sha256: toHex(root.recordHash), maxBytes: MAX_RECORD_BYTES }));
  const agrees = record.cycle === root.cycle && record.version.root === toHex(root.mergedRoot) && record.accepted === root.gateAccepted && record.taskHash === toHex(taskHash);
  if (agrees) return record;
  throw new SubnetError('invalid-record', `The record of cycle ${root.cycle} says something else than the root that was committed with it`, { cycle: root.cycle });
}

/** A new manifest means new rules: better to stop than to work by the old ones. */
async function assertTaskUnchanged(context: RoleContext, cycle: number): Promise<void> {
  if (cycle === 0) return;
  const { authored } = await readPhaseSnapshot(context, cycle - 1, 'publish');
  const record = authored.find(({ neuron }) => neuron.hotkey === context.ownerHotkey)?.record;
  if (record?.kind !== 'task' || equalBytes(record.taskHash, context.taskHash)) return;
  throw new SubnetError('task-changed', `The owner has committed another task, ${toHex(record.taskHash).slice(0, 12)}…. Start again to take part in it`, { taskHash: toHex(record.taskHash) });
}
