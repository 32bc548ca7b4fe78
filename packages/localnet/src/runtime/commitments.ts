/**
 * Commitments: one record of up to three fields per hotkey and subnet, within a space limit per epoch.
 * @module
 * @see pallets/commitments/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { CommitmentData, TypeOf } from '../scale/type-of.ts';
import { ensure, ensureRoot, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { mechanismIndex } from './subnet-lookup.ts';
import { openTimelock } from './timelocked-weights.ts';

/** What a call costs at least, in bytes. */
const MIN_SPACE = 100n;
const MAX_FIELDS = 3;
const MAX_REVEALS = 10;

/** The pallet's calls. */
export const commitmentsCalls: CallHandlers<'Commitments'> = {
  set_commitment: (execution, origin, { netuid, info }) => {
    const who = ensureSigned(origin);
    const { CommitmentOf, LastCommitment, LastBondsReset, UsedSpaceOf, MaxSpace } = execution.storage.Commitments;
    ensure(execution.storage.SubtensorModule.Uids.has(netuid, who), 'Commitments', 'AccountNotAllowedCommit');
    ensure(info.fields.length <= MAX_FIELDS, 'Commitments', 'TooManyFieldsInCommitmentInfo');
    const epoch = execution.storage.SubtensorModule.SubnetEpochIndex.get(netuid);
    const before = UsedSpaceOf.get(netuid, who);
    const used = (before?.last_epoch === epoch ? before.used_space : 0n) + spaceOf(info.fields);
    if (info.fields.some(({ type }) => type === 'ResetBondsFlag')) {
      LastBondsReset.set(netuid, who, execution.blockNumber);
      resetBonds(execution, netuid, who);
    }
    ensure(used <= BigInt(MaxSpace.get()), 'Commitments', 'SpaceLimitExceeded');
    UsedSpaceOf.set(netuid, who, { last_epoch: epoch, used_space: used });
    CommitmentOf.set(netuid, who, { deposit: 0n, block: execution.blockNumber, info });
    LastCommitment.set(netuid, who, execution.blockNumber);
    const sealed = info.fields.find((field) => field.type === 'TimelockEncrypted');
    indexTimelocked(execution, { netuid, who, timelocked: sealed !== undefined });
    if (sealed?.type === 'TimelockEncrypted') {
      execution.deposit('Commitments', 'TimelockCommitment', { netuid, who, reveal_round: sealed.value.reveal_round });
    } else execution.deposit('Commitments', 'Commitment', { netuid, who });
  },
  set_max_space: (execution, origin, { new_limit }) => {
    ensureRoot(origin);
    execution.storage.Commitments.MaxSpace.set(new_limit);
  },
};

/** Notes whether the commitment holds fields that are to be opened. The set is kept in SCALE's order of its members. */
function indexTimelocked(execution: Execution, { netuid, who, timelocked }: { netuid: number; who: string; timelocked: boolean }): void {
  const { TimelockedIndex } = execution.storage.Commitments;
  const others = TimelockedIndex.get().filter(([id, account]) => id !== netuid || account !== who);
  const next = timelocked ? [...others, [netuid, who] as const] : others;
  TimelockedIndex.set([...next].sort(([a, x], [b, y]) => a - b || (x < y ? -1 : 1)));
}

/** Bonds on a neuron that asks for it begin anew, where the subnet allows that. @see runtime/src/lib.rs (ResetBondsOnCommit) */
function resetBonds(execution: Execution, netuid: number, who: string): void {
  const { BondsResetOn, Bonds, MechanismCountCurrent, Uids } = execution.storage.SubtensorModule;
  const uid = Uids.get(netuid, who);
  if (!BondsResetOn.get(netuid) || uid === undefined) return;
  for (let mechanism = 0; mechanism < MechanismCountCurrent.get(netuid); mechanism++) {
    const index = mechanismIndex(netuid, mechanism);
    for (const [[, row], bonds] of Bonds.entries(index)) Bonds.set(index, row, bonds.filter(([to]) => to !== uid));
  }
}

/** Opens, at the start of a block, the fields whose pulse is there; what cannot be opened is dropped, plain fields stay. */
export function revealCommitments(execution: Execution): void {
  for (const [netuid, who] of execution.storage.Commitments.TimelockedIndex.get()) revealCommitment(execution, netuid, who);
}

function revealCommitment(execution: Execution, netuid: number, who: string): void {
  const { CommitmentOf } = execution.storage.Commitments;
  const registration = CommitmentOf.get(netuid, who);
  const sealed = registration?.info.fields.filter(({ type }) => type === 'TimelockEncrypted') ?? [];
  if (registration === undefined || sealed.length === 0) return indexTimelocked(execution, { netuid, who, timelocked: false });
  const due = sealed.filter((field) => pulseOf(execution, field) !== undefined);
  if (due.length === 0) return;
  const opened = due.map((field) => openField(execution, field)).filter((plaintext) => plaintext !== undefined && plaintext.length > 0);
  keepRevealed(execution, { netuid, who, opened: opened as Uint8Array[] });
  const fields = registration.info.fields.filter((field) => !due.includes(field));
  if (fields.length === 0) CommitmentOf.remove(netuid, who);
  else CommitmentOf.set(netuid, who, { ...registration, info: { fields } });
  if (due.length === sealed.length) indexTimelocked(execution, { netuid, who, timelocked: false });
}

function pulseOf(execution: Execution, field: CommitmentData): TypeOf<'Pulse'> | undefined {
  return field.type === 'TimelockEncrypted' ? execution.storage.Drand.Pulses.get(field.value.reveal_round) : undefined;
}

function openField(execution: Execution, field: CommitmentData): Uint8Array | undefined {
  const pulse = pulseOf(execution, field);
  return field.type === 'TimelockEncrypted' && pulse !== undefined ? openTimelock(field.value.encrypted, pulse.signature) : undefined;
}

/** The last ten are kept. */
function keepRevealed(execution: Execution, { netuid, who, opened }: { netuid: number; who: string; opened: readonly Uint8Array[] }): void {
  if (opened.length === 0) return;
  const { RevealedCommitments } = execution.storage.Commitments;
  const all = [...(RevealedCommitments.get(netuid, who) ?? []), ...opened.map((plaintext) => [plaintext, execution.block] as const)];
  RevealedCommitments.set(netuid, who, all.slice(-MAX_REVEALS));
  for (const _ of opened) execution.deposit('Commitments', 'CommitmentRevealed', { netuid, who });
}

/** The sum of the fields' bytes, or the minimum. */
function spaceOf(fields: readonly CommitmentData[]): bigint {
  const sum = BigInt(fields.reduce((total, field) => total + fieldBytes(field), 0));
  return sum > MIN_SPACE ? sum : MIN_SPACE;
}

function fieldBytes(field: CommitmentData): number {
  if (field.type === 'TimelockEncrypted') return field.value.encrypted.length;
  return field.value?.length ?? 0;
}
