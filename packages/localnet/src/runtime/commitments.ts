/**
 * Commitments: one record of up to three fields per hotkey and subnet, within a space limit per epoch.
 * @module
 * @see pallets/commitments/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { CommitmentData } from '../scale/type-of.ts';
import { ensure, ensureRoot, ensureSigned, type CallHandlers } from './execution.ts';

/** What a call costs at least, in bytes. */
const MIN_SPACE = 100n;
const MAX_FIELDS = 3;

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
    ensure(used <= BigInt(MaxSpace.get()), 'Commitments', 'SpaceLimitExceeded');
    if (info.fields.some(({ type }) => type === 'ResetBondsFlag')) LastBondsReset.set(netuid, who, execution.blockNumber);
    UsedSpaceOf.set(netuid, who, { last_epoch: epoch, used_space: used });
    CommitmentOf.set(netuid, who, { deposit: 0n, block: execution.blockNumber, info });
    LastCommitment.set(netuid, who, execution.blockNumber);
    const sealed = info.fields.find((field) => field.type === 'TimelockEncrypted');
    if (sealed?.type === 'TimelockEncrypted') {
      execution.deposit('Commitments', 'TimelockCommitment', { netuid, who, reveal_round: sealed.value.reveal_round });
    } else execution.deposit('Commitments', 'Commitment', { netuid, who });
  },
  set_max_space: (execution, origin, { new_limit }) => {
    ensureRoot(origin);
    execution.storage.Commitments.MaxSpace.set(new_limit);
  },
};

/** The sum of the fields' bytes, or the minimum. */
function spaceOf(fields: readonly CommitmentData[]): bigint {
  const sum = BigInt(fields.reduce((total, field) => total + fieldBytes(field), 0));
  return sum > MIN_SPACE ? sum : MIN_SPACE;
}

function fieldBytes(field: CommitmentData): number {
  if (field.type === 'TimelockEncrypted') return field.value.encrypted.length;
  return field.value?.length ?? 0;
}
