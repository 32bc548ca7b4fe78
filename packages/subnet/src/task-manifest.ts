/**
 * The task manifest: every rule and parameter of one domain task. Its SHA-256 is what the owner commits on chain, so whoever
 * has the hash knows the model, the data, the schedule and how work is paid (DESIGN §3).
 *
 * @module
 */
import { fromHex, sha256, toHex, type Beacon } from '@connito/commit-reveal';
import type { Schedule } from '@connito/chain';
import type { ExpertSelection } from '@connito/moe-core';
import { z } from 'zod';
import { SubnetError } from './error.ts';

/** A manifest larger than this is refused before it is parsed: 1,000 shards and files fit into a tenth of it. */
export const MAX_MANIFEST_BYTES = 1_048_576;

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lowercase hex digits');
const positive = z.number().positive().finite();
const count = z.int().positive();
const share = z.number().gt(0).lte(1);
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'expected a plain file name');

const artifact = z.strictObject({ sha256: hash, sizeBytes: count });
const shard = artifact.extend({ rows: count });

const outerStep = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('average') }),
  z.strictObject({ kind: z.literal('nesterov'), learningRate: positive, momentum: z.number().min(0).lt(1) }),
]);

const manifestSchema = z.strictObject({
  format: z.literal('connito/task/v1'),
  name: z.string().min(1).max(64),
  genesis: hash,
  netuid: z.int().min(1).max(65_535),
  cycles: count.max(100_000),
  schedule: z.strictObject({
    t0Ms: z.int().nonnegative(),
    distributeMs: count,
    trainMs: count,
    commitMs: count,
    scoreMs: count,
    publishMs: count,
  }),
  beacon: z.strictObject({ publicKey: z.string().regex(/^[0-9a-f]{192}$/, 'expected a compressed G2 point, 192 hex digits'), genesisTimeMs: z.int().nonnegative(), periodMs: count }),
  model: z.strictObject({
    files: z.array(artifact.extend({ name: fileName })).min(2).max(10_000),
    selection: z.record(z.string().regex(/^\d{1,4}$/), z.array(z.int().nonnegative().max(65_535)).min(1)),
    baseRoot: hash,
  }),
  data: z.strictObject({
    sequenceLength: count.min(2),
    trainShards: z.array(shard).min(1).max(1_000_000),
    heldOut: z.array(shard).min(1),
    general: shard,
  }),
  training: z.strictObject({
    steps: count,
    batchSize: count,
    learningRate: positive,
    beta1: z.number().min(0).lt(1),
    beta2: z.number().min(0).lt(1),
    epsilon: positive,
    weightDecay: z.number().min(0),
    clipNorm: positive,
    warmupSteps: z.int().nonnegative(),
  }),
  scoring: z.strictObject({
    rows: count.min(2),
    clip: positive,
    minGain: z.number().min(0),
    floorShare: z.number().min(0).max(1),
    errorRate: share,
    maxUpdateNorm: positive,
    maxBytes: count,
    resubmissionCycles: z.int().nonnegative().max(64),
  }),
  merge: z.strictObject({ participants: count, step: outerStep }),
  gate: z.strictObject({ rows: count.min(2), generalRows: count.min(2), level: z.number().gt(0.5).lt(1), forgettingAllowance: z.number().min(0) }),
  weights: z.strictObject({ window: count.max(64), targetGain: positive, versionKey: z.int().nonnegative() }),
});

/** Everything that the participants of one task agree on. Times in ms, sizes in bytes, losses in nats per token. */
export type TaskManifest = z.infer<typeof manifestSchema>;

/** The manifest's bytes: JSON with keys in the schema's order, so that equal manifests have equal hashes. */
export function encodeTaskManifest(manifest: TaskManifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifestSchema.parse(manifest), null, 1)}\n`);
}

/** SHA-256 of the manifest's bytes, as the owner commits it. */
export function hashTaskManifest(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}

/**
 * Parses a manifest that came from another party.
 *
 * @throws SubnetError `invalid-manifest` naming the first field that is wrong
 */
export function parseTaskManifest(bytes: Uint8Array): TaskManifest {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new SubnetError('invalid-manifest', `A task manifest has at most ${MAX_MANIFEST_BYTES} bytes, this one ${bytes.length}`, { sizeBytes: bytes.length });
  }
  const result = manifestSchema.safeParse(parseJson(bytes));
  if (!result.success) {
    const issue = result.error.issues[0];
    const field = issue?.path.join('.') || 'the manifest';
    throw new SubnetError('invalid-manifest', `Task manifest: ${field}: ${issue?.message ?? 'invalid'}. Ask the subnet owner for a corrected manifest`, { field });
  }
  assertConsistent(result.data);
  return result.data;
}

/** The cycle clock's part of the manifest. */
export function scheduleOf(manifest: TaskManifest): Schedule {
  return manifest.schedule;
}

/** The beacon whose rounds R1 and R2 the task uses. */
export function beaconOf(manifest: TaskManifest): Beacon {
  const { publicKey, genesisTimeMs, periodMs } = manifest.beacon;
  return { publicKey: fromHex(publicKey), genesisTimeMs, periodMs };
}

/** The experts that the task trains: layer → expert ids, in the manifest's order. */
export function selectionOf(manifest: TaskManifest): ExpertSelection {
  return new Map(Object.entries(manifest.model.selection).map(([layer, experts]) => [Number(layer), experts]));
}

/** The chain's genesis hash as bytes. */
export function genesisOf(manifest: TaskManifest): Uint8Array {
  return fromHex(manifest.genesis);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new SubnetError('invalid-manifest', `The task manifest ${toHex(sha256(bytes)).slice(0, 12)}… is not UTF-8 JSON`, {}, { cause });
  }
}

function assertConsistent({ cycles, data, scoring, gate, model }: TaskManifest): void {
  const fail = (field: string, message: string): never => {
    throw new SubnetError('invalid-manifest', `Task manifest: ${field}: ${message}`, { field });
  };
  if (data.heldOut.length !== cycles) fail('data.heldOut', `expected one single-use shard for each of ${cycles} cycles, got ${data.heldOut.length}`);
  const short = data.heldOut.findIndex(({ rows }) => rows < scoring.rows + gate.rows);
  if (short >= 0) fail(`data.heldOut.${short}.rows`, `score and gate draw ${scoring.rows + gate.rows} disjoint rows, the shard has ${data.heldOut[short]?.rows}`);
  if (data.general.rows < gate.generalRows) fail('data.general.rows', `the gate draws ${gate.generalRows} rows, the shard has ${data.general.rows}`);
  if (new Set(model.files.map(({ name }) => name)).size !== model.files.length) fail('model.files', 'a name stands twice');
}
