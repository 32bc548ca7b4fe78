/**
 * Rate limits of transactions by kind, hotkey and subnet (`TransactionKeyLastBlock`).
 * @module
 * @see pallets/subtensor/src/utils/rate_limiting.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, type Execution } from './execution.ts';

/** `TransactionType` as a number. */
const KINDS = { SetChildren: 0, SetChildkeyTake: 1, SetWeightsVersionKey: 4, MechanismCountUpdate: 7, MechanismEmission: 8, MaxUidsTrimming: 9, TempoUpdate: 11 } as const;

/** A kind of transaction that is limited per account and subnet. */
export type LimitedKind = keyof typeof KINDS;

interface Limited {
  readonly kind: LimitedKind;
  readonly who: string;
  readonly netuid: number;
}

/** `SetChildren` and `TempoUpdate`, in blocks; the others' limits are theirs to say. */
export const SET_CHILDREN_BLOCKS = 150n;
/** `MechanismCountSetRateLimit` and `MechanismEmissionRateLimit`. */
export const MECHANISM_BLOCKS = 7_200n;
/** `MaxUidsTrimmingRateLimit`: 30 days. */
export const TRIMMING_BLOCKS = 216_000n;

/** Whether `limit` blocks have passed since the last one. */
export function passesLimit(execution: Execution, { kind, who, netuid }: Limited, limit: bigint): boolean {
  const last = execution.storage.SubtensorModule.TransactionKeyLastBlock.get(who, netuid, KINDS[kind]);
  return last === 0n || execution.block - last >= limit;
}

/** Fails with `TxRateLimitExceeded` unless `limit` blocks have passed. */
export function ensureLimit(execution: Execution, limited: Limited, limit: bigint): void {
  ensure(passesLimit(execution, limited, limit), 'SubtensorModule', 'TxRateLimitExceeded');
}

/** Notes that one was made in this block. */
export function noteLimited(execution: Execution, { kind, who, netuid }: Limited): void {
  execution.storage.SubtensorModule.TransactionKeyLastBlock.set(who, netuid, KINDS[kind], execution.block);
}
