/**
 * The cycle record: what a cycle's result was derived from, in bytes that every honest validator produces alike. Its hash goes on
 * chain with the root, so that a newcomer can find the current version and anybody can derive the cycle again.
 *
 * @module
 */
import { z } from 'zod';
import { SubnetError } from './error.ts';

/** A record larger than this is refused: 256 miners and 64 sheets need about a tenth of it. */
export const MAX_RECORD_BYTES = 1_048_576;

/** A version of the trained experts: its number, the Merkle root over its tensors, and its bytes (none for version 0: the model itself). */
export interface ModelVersion {
  readonly number: number;
  /** Hex. */
  readonly root: string;
  readonly artifact: { readonly sha256: string; readonly sizeBytes: number } | null;
}

/** What a role knows already: the version that `cycle` started from. */
export interface KnownVersion {
  readonly cycle: number;
  readonly version: ModelVersion;
}

/** A block by number and hash (hex without 0x). */
export interface RecordedBlock {
  readonly number: number;
  readonly hash: string;
}

/** A beacon round and its signature, hex. */
export interface RecordedPulse {
  readonly round: number;
  readonly signature: string;
}

/** A finished cycle; `base` is the version it started from, `version` the one it led to (equal to `base` when nothing was accepted). */
export interface CycleRecord {
  readonly format: 'connito/cycle-record/v1';
  readonly genesis: string;
  readonly netuid: number;
  readonly cycle: number;
  readonly taskHash: string;
  readonly snapshots: { readonly commit: RecordedBlock; readonly score: RecordedBlock };
  readonly pulses: { readonly r1: RecordedPulse; readonly r2: RecordedPulse };
  readonly base: ModelVersion;
  /** Everybody at the commit snapshot; `artifact` is the committed SHA-256. */
  readonly miners: readonly { readonly uid: number; readonly hotkey: string; readonly artifact: string | null }[];
  /** The sheets that counted. */
  readonly sheets: readonly { readonly hotkey: string; readonly stakeRao: string; readonly sha256: string }[];
  readonly medians: readonly { readonly uid: number; readonly score: number }[];
  /** Uids whose updates were merged, best first. */
  readonly participants: readonly number[];
  readonly step: 'manifest' | 'average' | 'best' | 'none';
  readonly accepted: boolean;
  readonly version: ModelVersion;
}

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const hotkey = z.string().min(46).max(50);
const round = z.strictObject({ round: z.int().positive(), signature: z.string().regex(/^[0-9a-f]{96}$/) });
const block = z.strictObject({ number: z.int().nonnegative(), hash });
const version: z.ZodType<ModelVersion> = z.strictObject({
  number: z.int().nonnegative(),
  root: hash,
  artifact: z.strictObject({ sha256: hash, sizeBytes: z.int().positive() }).nullable(),
});

const recordSchema: z.ZodType<CycleRecord> = z.strictObject({
  format: z.literal('connito/cycle-record/v1'),
  genesis: hash,
  netuid: z.int(),
  cycle: z.int().nonnegative(),
  taskHash: hash,
  snapshots: z.strictObject({ commit: block, score: block }),
  pulses: z.strictObject({ r1: round, r2: round }),
  base: version,
  miners: z.array(z.strictObject({ uid: z.int(), hotkey, artifact: hash.nullable() })).max(4096),
  sheets: z.array(z.strictObject({ hotkey, stakeRao: z.string().regex(/^\d{1,20}$/), sha256: hash })).max(4096),
  medians: z.array(z.strictObject({ uid: z.int(), score: z.number().nonnegative() })).max(4096),
  participants: z.array(z.int()).max(4096),
  step: z.enum(['manifest', 'average', 'best', 'none']),
  accepted: z.boolean(),
  version,
});

/** The record's canonical bytes. */
export function encodeCycleRecord(record: CycleRecord): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(recordSchema.parse(record))}\n`);
}

/**
 * Parses a record that came from another party.
 *
 * @throws SubnetError `invalid-record`
 */
export function parseCycleRecord(bytes: Uint8Array): CycleRecord {
  if (bytes.length > MAX_RECORD_BYTES) throw new SubnetError('invalid-record', `A cycle record has at most ${MAX_RECORD_BYTES} bytes, this one ${bytes.length}`);
  try {
    return recordSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new SubnetError('invalid-record', 'These bytes are no cycle record: the validator that published them is at fault', {}, { cause });
  }
}
