/**
 * The artifact of an update: the pseudo-gradient Δ = θ_start − θ_miner of every trained tensor in float32, as safetensors, with the
 * salt of its commitment in the metadata (open mode: the hash on chain keeps both secret until the upload).
 *
 * @module
 */
import { createCommitment, equalBytes, fromHex, toHex, type UpdateRecord } from '@connito/commit-reveal';
import { decodeExpertWeights, encodeExpertWeights, fromBytes, openSafetensors, type ExpertWeights } from '@connito/moe-core';
import { hotkeyToBytes } from '@connito/chain';
import { weightsRoot } from './version-store.ts';

/** The metadata's `format`. */
export const UPDATE_FORMAT = 'connito/update/v1';

/** A header of about 30,000 tensors; parsing one of the format's own limit would cost a validator seconds. */
const MAX_UPDATE_HEADER_BYTES = 4_194_304;

/** Whose update it is, and for which cycle. */
export interface UpdateAuthor {
  readonly genesis: Uint8Array;
  readonly netuid: number;
  readonly cycle: number;
  readonly hotkey: string;
}

/** An artifact's bytes and what must be committed for it. */
export interface EncodedUpdate {
  readonly bytes: Uint8Array;
  /** 32 bytes. */
  readonly updateRoot: Uint8Array;
}

/** Encodes an update under a fresh 32-byte salt. */
export function encodeUpdate(update: ExpertWeights, { cycle, salt }: { readonly cycle: number; readonly salt: Uint8Array }): EncodedUpdate {
  const bytes = encodeExpertWeights(update, { format: UPDATE_FORMAT, kind: 'update', cycle: String(cycle), salt: toHex(salt) });
  return { bytes, updateRoot: weightsRoot(update) };
}

/** The commitment to an update by its author (DESIGN §3.1). */
export function commitmentFor({ genesis, netuid, cycle, hotkey }: UpdateAuthor, opening: { readonly salt: Uint8Array; readonly updateRoot: Uint8Array }): Uint8Array {
  return createCommitment({ genesis, netuid, cycle, hotkey: hotkeyToBytes(hotkey), ...opening });
}

/** An artifact that could be read, with the salt that its metadata claims (null where it has none). */
export interface DecodedUpdate {
  readonly update: ExpertWeights;
  readonly salt: Uint8Array | null;
}

/** Parses another party's artifact. Rejects with moe-core's typed errors. */
export async function decodeUpdate(bytes: Uint8Array): Promise<DecodedUpdate> {
  const file = await openSafetensors(fromBytes(bytes), { maxHeaderBytes: MAX_UPDATE_HEADER_BYTES });
  const update = await decodeExpertWeights(file);
  const salt = file.metadata.get('salt') ?? '';
  return { update, salt: /^[0-9a-f]{64}$/.test(salt) ? fromHex(salt) : null };
}

/** Whether the artifact opens the commitment of `record` for this author. */
export function opensCommitment({ update, salt }: DecodedUpdate, record: UpdateRecord, author: UpdateAuthor): boolean {
  return salt !== null && equalBytes(commitmentFor(author, { salt, updateRoot: weightsRoot(update) }), record.commitment);
}
