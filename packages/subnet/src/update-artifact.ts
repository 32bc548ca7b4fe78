/**
 * The artifact of an update: the pseudo-gradient Δ = θ_start − θ_miner of every trained tensor, in float32 as safetensors or compressed
 * (moe-core's UPDATE-FORMAT.md), as the task's manifest says, with the salt of its commitment in the metadata (open mode: the hash on
 * chain keeps both secret until the upload). What is committed to are the tensors that the artifact decodes to.
 *
 * @module
 */
import { createCommitment, equalBytes, fromHex, toHex, type UpdateRecord } from '@connito/commit-reveal';
import { compressUpdate, decodeExpertWeights, decompressUpdate, encodeExpertWeights, fromBytes, openSafetensors, type ExpertWeights } from '@connito/moe-core';
import { hotkeyToBytes } from '@connito/chain';
import { SubnetError } from './error.ts';
import { updateRulesOf, type TaskManifest } from './task-manifest.ts';
import type { TopKUpdateRules } from './update-rules.ts';
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

/** A compressed artifact and what it leaves for the next one. */
export interface EncodedTopKUpdate extends EncodedUpdate {
  readonly residual: ExpertWeights;
}

/** Encodes an update in float32 under a 32-byte salt that nobody has seen. */
export function encodeUpdate(update: ExpertWeights, { cycle, salt }: { readonly cycle: number; readonly salt: Uint8Array }): EncodedUpdate {
  return { bytes: encodeExpertWeights(update, metadataOf(cycle, salt)), updateRoot: weightsRoot(update) };
}

/**
 * Compresses an update together with the residual of earlier ones; none counts as zeros.
 *
 * @throws MoeError `experts-not-finite`, `experts-mismatch`, `tensor-shape-unexpected`
 */
export function encodeTopKUpdate(
  update: ExpertWeights,
  { cycle, salt, rules, residual }: { readonly cycle: number; readonly salt: Uint8Array; readonly rules: TopKUpdateRules; readonly residual?: ExpertWeights | undefined },
): EncodedTopKUpdate {
  const { chunkSize, keep, valueBits, decay } = rules;
  const compressed = compressUpdate(update, { chunkSize, keep, valueBits, decay, residual, metadata: metadataOf(cycle, salt) });
  return { bytes: compressed.bytes, updateRoot: weightsRoot(compressed.sent), residual: compressed.residual };
}

function metadataOf(cycle: number, salt: Uint8Array): Record<string, string> {
  return { format: UPDATE_FORMAT, kind: 'update', cycle: String(cycle), salt: toHex(salt) };
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

/** What an artifact must agree with. */
export interface UpdateFrame {
  readonly manifest: Pick<TaskManifest, 'update' | 'scoring'>;
  /** The weights that the update starts from; only their names and shapes count. */
  readonly start: ExpertWeights;
}

/**
 * Parses another party's artifact, in the manifest's encoding and no other. Rejects with moe-core's typed errors; names and shapes of a
 * float32 artifact are left to `checkUpdate`, those of a compressed one must be right before anything is allocated.
 *
 * @throws SubnetError `unexpected-encoding` where it was compressed by another rule than the manifest's
 */
export async function decodeUpdate(bytes: Uint8Array, { manifest, start }: UpdateFrame): Promise<DecodedUpdate> {
  const rules = updateRulesOf(manifest);
  if (rules.encoding === 'dense') return decodeDense(bytes);
  const { update, metadata, rule } = decompressUpdate(bytes, { expected: start, maxBytes: manifest.scoring.maxBytes });
  if (rule.chunkSize === rules.chunkSize && rule.keep === rules.keep && rule.valueBits === rules.valueBits) return { update, salt: saltIn(metadata) };
  const expected = `${rules.keep} of ${rules.chunkSize} values at ${rules.valueBits} bits`;
  throw new SubnetError('unexpected-encoding', `The task's updates keep ${expected}, this one ${rule.keep} of ${rule.chunkSize} at ${rule.valueBits}. Compress by the manifest's rule`, { rule });
}

async function decodeDense(bytes: Uint8Array): Promise<DecodedUpdate> {
  const file = await openSafetensors(fromBytes(bytes), { maxHeaderBytes: MAX_UPDATE_HEADER_BYTES });
  return { update: await decodeExpertWeights(file), salt: saltIn(file.metadata) };
}

/** The salt of an artifact's metadata; null where there is none. */
export function saltIn(metadata: ReadonlyMap<string, string>): Uint8Array | null {
  const salt = metadata.get('salt') ?? '';
  return /^[0-9a-f]{64}$/.test(salt) ? fromHex(salt) : null;
}

/** Whether the artifact opens the commitment of `record` for this author. */
export function opensCommitment({ update, salt }: DecodedUpdate, record: UpdateRecord, author: UpdateAuthor): boolean {
  return salt !== null && equalBytes(commitmentFor(author, { salt, updateRoot: weightsRoot(update) }), record.commitment);
}
