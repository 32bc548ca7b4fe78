/**
 * Which training shard a miner uses in a cycle (DESIGN §3, train phase): a hash nobody can choose freely, so that miners spread over the shards.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { DatasetError } from './error.ts';

/** Who draws, when, from how many. */
export interface TrainingShardDraw {
  /** ss58 address. */
  readonly hotkey: string;
  /** u32 */
  readonly cycle: number;
  /** Number of training shards, at least 1. */
  readonly shards: number;
}

/**
 * `u64le(SHA-256("connito/train-shard/v1" ‖ length:u8 ‖ hotkey:utf8 ‖ cycle:u32le)[0..8]) mod shards`; the bias is below `shards / 2^64`.
 *
 * @returns 0 … shards − 1
 * @throws {DatasetError} `invalid-option`
 */
export function drawTrainingShard({ hotkey, cycle, shards }: TrainingShardDraw): number {
  if (!Number.isInteger(shards) || shards < 1 || shards > 0xffff_ffff) throw invalid('shards', '1 … 2^32 − 1', shards);
  if (!Number.isInteger(cycle) || cycle < 0 || cycle > 0xffff_ffff) throw invalid('cycle', '0 … 2^32 − 1', cycle);
  const name = Buffer.from(hotkey, 'utf8');
  if (name.length === 0 || name.length > 255) throw invalid('hotkey', 'an ss58 address', hotkey);
  const suffix = Buffer.alloc(4);
  suffix.writeUInt32LE(cycle);
  const digest = createHash('sha256').update('connito/train-shard/v1').update(Uint8Array.of(name.length)).update(name).update(suffix).digest();
  return Number(digest.readBigUInt64LE(0) % BigInt(shards));
}

function invalid(option: string, expected: string, actual: unknown): DatasetError {
  return new DatasetError('invalid-option', `expected ${option} to be ${expected}, got ${String(actual)}`, { option });
}
