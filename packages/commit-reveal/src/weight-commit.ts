/**
 * What a validator hides when it commits weights on Subtensor.
 *
 * - Commit-reveal by hash (`commit_weights`, `reveal_weights`): `blake2_256(SCALE(hotkey:32, netuidIndex:u16, uids:Vec<u16>, values:Vec<u16>,
 *   salt:Vec<u16>, versionKey:u64))`. `values` are hashed as given, before the chain scales them up.
 * - Timelocked, version 4 (`commit_timelocked_weights`): the plaintext of a timelock ciphertext, `SCALE(hotkey:Vec<u8>, uids:Vec<u16>,
 *   values:Vec<u16>, versionKey:u64)`. The hotkey is inside and must be the committer's, so that a copied ciphertext reveals nothing. The chain still
 *   reads the older form without it.
 *
 * `netuidIndex` is `mechanism · 4096 + netuid`: for the first mechanism the netuid itself. When a commit is to be revealed is the chain's matter (`@connito/chain`).
 * @module
 * @see https://github.com/opentensor/subtensor/blob/14bc6f9f9/pallets/subtensor/src/subnets/weights.rs `get_commit_hash`
 * @see https://github.com/opentensor/subtensor/blob/14bc6f9f9/pallets/subtensor/src/coinbase/reveal_commits.rs `WeightsTlockPayload`
 */
import { blake2b } from '@noble/hashes/blake2.js';
import { CommitRevealError } from './errors.ts';
import { assertBytes, assertLength, bigU64, concatBytes, readBigU64, u16 } from './internal/bytes.ts';
import { compactLength, createScaleReader, encodeU16s, type ScaleReader } from './internal/scale.ts';

/** What the hash of a weight commit binds. */
export interface WeightsCommit {
  /** The committer's public key, 32 bytes. */
  readonly hotkey: Uint8Array;
  /** `mechanism · 4096 + netuid`. */
  readonly netuidIndex: number;
  readonly uids: readonly number[];
  /** u16 each, exactly those that will be revealed. */
  readonly values: readonly number[];
  /** u16 each, random, secret until the reveal. */
  readonly salt: readonly number[];
  /** u64. */
  readonly versionKey: bigint;
}

/** The plaintext of a timelocked weight commit. */
export interface WeightsPayload {
  /** The committer's public key, 32 bytes; absent only in decoded payloads of the older form. */
  readonly hotkey?: Uint8Array;
  readonly uids: readonly number[];
  /** u16 each, as many as `uids`. */
  readonly values: readonly number[];
  /** u64. */
  readonly versionKey: bigint;
}

/**
 * The hash that `commit_weights` takes: 32 bytes.
 * @throws bad-length, out-of-range, weights-payload (as many values as uids: nothing else could be revealed)
 */
export function hashWeightsCommit(commit: WeightsCommit): Uint8Array {
  assertPaired(commit);
  const preimage = concatBytes(
    assertLength('hotkey', commit.hotkey, 32),
    u16('netuidIndex', commit.netuidIndex),
    encodeU16s('uids', commit.uids),
    encodeU16s('values', commit.values),
    encodeU16s('salt', commit.salt),
    bigU64('versionKey', commit.versionKey),
  );
  return blake2b(preimage, { dkLen: 32 });
}

/**
 * The plaintext for `encryptTimelock` of a timelocked weight commit.
 * @throws bad-length, out-of-range, weights-payload (as many values as uids)
 */
export function encodeWeightsPayload(payload: WeightsPayload & { readonly hotkey: Uint8Array }): Uint8Array {
  assertPaired(payload);
  return concatBytes(
    compactLength('hotkey', 32),
    assertLength('hotkey', payload.hotkey, 32),
    encodeU16s('uids', payload.uids),
    encodeU16s('values', payload.values),
    bigU64('versionKey', payload.versionKey),
  );
}

/**
 * Reads a payload; without a hotkey where it is of the older form. Every byte is accounted for.
 * @throws bad-length (no bytes), weights-payload
 */
export function decodeWeightsPayload(bytes: Uint8Array): WeightsPayload {
  assertBytes('the payload', bytes);
  const payload = decodeCurrent(createScaleReader(bytes)) ?? decodeRest(createScaleReader(bytes));
  if (payload === undefined) {
    throw new CommitRevealError('weights-payload', `expected SCALE of (hotkey, uids, values, version key), got ${bytes.length} bytes that are not`, { actual: bytes.length });
  }
  assertPaired(payload);
  return payload;
}

function decodeCurrent(reader: ScaleReader): WeightsPayload | undefined {
  if (reader.length() !== 32) return undefined;
  const hotkey = reader.bytes(32)?.slice();
  const rest = decodeRest(reader);
  return hotkey && rest && { hotkey, ...rest };
}

function decodeRest(reader: ScaleReader): WeightsPayload | undefined {
  const uids = reader.u16s();
  const values = uids && reader.u16s();
  const key = values && reader.bytes(8);
  return uids && values && key && reader.done ? { uids, values, versionKey: readBigU64(key, 0) } : undefined;
}

function assertPaired({ uids, values }: Pick<WeightsPayload, 'uids' | 'values'>): void {
  if (uids.length === values.length) return;
  throw new CommitRevealError('weights-payload', `expected one value for each of ${uids.length} uids, got ${values.length}`, {
    field: 'values',
    expected: uids.length,
    actual: values.length,
  });
}
