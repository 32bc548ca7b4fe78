/**
 * Which version is canonical when a cycle begins: what holders of more than half the stake of the last cycle's counted sheets
 * committed (DESIGN §3.4.6). Anybody can find it from the chain and the store, also who was not there.
 *
 * @module
 */
import { equalBytes, toHex, type RootRecord } from '@connito/commit-reveal';
import { readPhaseSnapshot } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import { MAX_RECORD_BYTES, parseCycleRecord, type CycleRecord, type ModelVersion } from './cycle-record.ts';
import { SubnetError } from './error.ts';
import { minersHashOf, readCountedSheets, totalStake } from './sheets.ts';

/** How many cycles back a newcomer looks for the last one that had a majority. */
const MAX_LOOKBACK_CYCLES = 16;

/** The version that cycle `cycle` starts from; the task's own model where no cycle has led to another. */
export async function resolveVersion(context: RoleContext, cycle: number): Promise<ModelVersion> {
  await assertTaskUnchanged(context, cycle);
  for (let past = cycle - 1; past >= Math.max(0, cycle - MAX_LOOKBACK_CYCLES); past -= 1) {
    const record = await findCanonicalRecord(context, past);
    if (record) return record.version;
  }
  return context.versions.base;
}

/** The record of a past cycle that the majority of counted stake committed to; undefined where there was none. */
export async function findCanonicalRecord(context: RoleContext, cycle: number): Promise<CycleRecord | undefined> {
  const commit = await readPhaseSnapshot(context, cycle, 'commit');
  const score = await readPhaseSnapshot(context, cycle, 'score');
  const sheets = await readCountedSheets(context, score, { cycle, minersHash: minersHashOf(commit.neurons) });
  const stakes = new Map(sheets.map(({ hotkey, stakeRao }) => [hotkey, stakeRao]));
  const publish = await readPhaseSnapshot(context, cycle, 'publish');

  const votes = new Map<string, { record: RootRecord; stakeRao: bigint }>();
  for (const { neuron, record } of publish.authored) {
    if (record?.kind !== 'root' || record.cycle !== cycle || !equalBytes(record.taskHash, context.taskHash)) continue;
    const key = `${toHex(record.mergedRoot)} ${record.gateAccepted} ${toHex(record.recordHash)}`;
    const vote = votes.get(key) ?? { record, stakeRao: 0n };
    vote.stakeRao += stakes.get(neuron.hotkey) ?? 0n;
    votes.set(key, vote);
  }
  const winner = [...votes.values()].find(({ stakeRao }) => stakeRao * 2n > totalStake(sheets));
  return winner && fetchRecord(context, winner.record);
}

async function fetchRecord({ store, taskHash }: RoleContext, root: RootRecord): Promise<CycleRecord> {
  const record = parseCycleRecord(await store.getBytes({ sha256: toHex(root.recordHash), maxBytes: MAX_RECORD_BYTES }));
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
