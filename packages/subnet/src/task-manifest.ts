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
import { KNOWN_UPDATE_RULES, updateRulesInPartSchema, updateRulesSchema, type UpdateRules, type UpdateRulesInPart } from './update-rules.ts';

/** A manifest larger than this is refused before it is parsed: 1,000 shards and files fit into a tenth of it. */
export const MAX_MANIFEST_BYTES = 1_048_576;

/** An artifact by its SHA-256 (hex) and size. */
export interface ManifestArtifact {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** A shard of token rows. */
export interface ManifestShard extends ManifestArtifact {
  readonly rows: number;
}

/** How the merged update is applied: θ − Δ, or SGD with Nesterov momentum. */
export type ManifestOuterStep = { readonly kind: 'average' } | { readonly kind: 'nesterov'; readonly learningRate: number; readonly momentum: number };

/** Inner AdamW of a miner. */
export interface TrainingRules {
  readonly steps: number;
  /** Rows a step. */
  readonly batchSize: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  readonly warmupSteps: number;
  /**
   * Miners train a model that holds the task's experts only, and this becomes of tokens that go to others (DESIGN §3.5). Left out, they train the full model: natural routing on the full
   * topology. Scores and gate are measured on the full model in any case.
   */
  readonly partial?: 'natural' | 'masked' | undefined;
}

/** What a score is measured on, and what is refused. */
export interface ScoringRules {
  /** Rows of the cycle's held-out shard, drawn by R1. */
  readonly rows: number;
  /** A row's gain counts at most so much; a candidate that is worse by more is invalid. Nats per token. */
  readonly clip: number;
  /** Least lower bound that is paid, nats per token. */
  readonly minGain: number;
  /** And at least this share of the mean of the cycle's three best gains. */
  readonly floorShare: number;
  /** Probability that any bound of a cycle is wrong. */
  readonly errorRate: number;
  /** L2 norm over all tensors of an update. */
  readonly maxUpdateNorm: number;
  /** Size of an artifact. */
  readonly maxBytes: number;
  /** For how many cycles an opened update is looked for in new ones. */
  readonly resubmissionCycles: number;
}

/** How updates become a version. */
export interface MergeRules {
  /** At most so many take part, the best by median. */
  readonly participants: number;
  readonly step: ManifestOuterStep;
}

/** What a merged version must pass. */
export interface GateRules {
  /** Rows of the held-out shard, disjoint from the score's. */
  readonly rows: number;
  readonly generalRows: number;
  /** Of both one-sided bounds. */
  readonly level: number;
  /** Most that the general loss may rise over the first version's, upper bound, nats per token. */
  readonly forgettingAllowance: number;
}

/** How scores become weights. */
export interface WeightRules {
  /** Cycles that a rating is the mean of. */
  readonly window: number;
  /** Sum of ratings that is paid in full, nats per token. */
  readonly targetGain: number;
  readonly versionKey: number;
}

/** Everything that the participants of one task agree on. Times in ms, sizes in bytes, losses in nats per token. */
export interface TaskManifest {
  readonly format: 'connito/task/v1';
  readonly name: string;
  /** Hash of the chain's block 0, hex. */
  readonly genesis: string;
  readonly netuid: number;
  readonly cycles: number;
  readonly schedule: Schedule;
  /** `publicKey` in hex. */
  readonly beacon: { readonly publicKey: string; readonly genesisTimeMs: number; readonly periodMs: number };
  readonly model: {
    readonly files: readonly (ManifestArtifact & { readonly name: string })[];
    /** Layer → experts that are trained. */
    readonly selection: Readonly<Record<string, readonly number[]>>;
    /** Merkle root over those experts' tensors in float32, hex. */
    readonly baseRoot: string;
  };
  readonly data: {
    readonly sequenceLength: number;
    readonly trainShards: readonly ManifestShard[];
    /** One for each cycle, single use. */
    readonly heldOut: readonly ManifestShard[];
    readonly general: ManifestShard;
  };
  readonly training: TrainingRules;
  readonly scoring: ScoringRules;
  readonly merge: MergeRules;
  readonly gate: GateRules;
  readonly weights: WeightRules;
  /** Manifests from before there was a choice have none, and keep their bytes and hash; {@link updateRulesOf} reads them as dense. */
  readonly update?: UpdateRules | undefined;
}

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

/** Every rule that an owner may set; `t0Ms` comes with the schedule. */
const ruleSchemas = {
  schedule: z.strictObject({
    t0Ms: z.int().nonnegative(),
    distributeMs: count,
    trainMs: count,
    commitMs: count,
    scoreMs: count,
    publishMs: count,
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
    partial: z.enum(['natural', 'masked']).optional(),
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
  update: updateRulesSchema,
};

const manifestSchema: z.ZodType<TaskManifest> = z.strictObject({
  format: z.literal('connito/task/v1'),
  name: z.string().min(1).max(64),
  genesis: hash,
  netuid: z.int().min(1).max(65_535),
  cycles: count.max(100_000),
  schedule: ruleSchemas.schedule,
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
  training: ruleSchemas.training,
  scoring: ruleSchemas.scoring,
  merge: ruleSchemas.merge,
  gate: ruleSchemas.gate,
  weights: ruleSchemas.weights,
  update: ruleSchemas.update.optional(),
});

/** The manifest's bytes: JSON with keys in the schema's order, so that equal manifests have equal hashes. @throws SubnetError `invalid-manifest` */
export function encodeTaskManifest(manifest: TaskManifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(checked(manifest), null, 1)}\n`);
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
  const manifest = checked(parseJson(bytes));
  assertConsistent(manifest);
  return manifest;
}

function checked(value: unknown): TaskManifest {
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') || 'the manifest';
  throw new SubnetError('invalid-manifest', `Task manifest: ${field}: ${issue?.message ?? 'invalid'}. Ask the subnet owner for a corrected manifest`, { field });
}

/** Parts of a task's rules, each in part, as an owner writes them. */
export interface RulesInPart {
  readonly schedule?: Partial<Omit<TaskManifest['schedule'], 't0Ms'>>;
  readonly training?: Partial<TrainingRules>;
  readonly scoring?: Partial<ScoringRules>;
  readonly merge?: Partial<MergeRules>;
  readonly gate?: Partial<GateRules>;
  readonly weights?: Partial<WeightRules>;
  readonly update?: UpdateRulesInPart;
}

const rulesInPartSchema = z.strictObject({
  schedule: ruleSchemas.schedule.omit({ t0Ms: true }).partial().optional(),
  training: ruleSchemas.training.partial().optional(),
  scoring: ruleSchemas.scoring.partial().optional(),
  merge: ruleSchemas.merge.partial().optional(),
  gate: ruleSchemas.gate.partial().optional(),
  weights: ruleSchemas.weights.partial().optional(),
  update: updateRulesInPartSchema.optional(),
});

/**
 * Checks rules that a person has written: a mistyped name must not become a task with a default in its place.
 *
 * @param where - for the message, such as the file's path
 * @throws SubnetError `invalid-rules` naming the first field that is wrong
 */
export function parseRules(value: unknown, where: string): RulesInPart {
  const result = rulesInPartSchema.safeParse(value);
  if (result.success) return result.data as RulesInPart;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  const known = issue?.code === 'unrecognized_keys' ? `; known are ${knownRules(issue.path[0]).join(', ')}` : '';
  throw new SubnetError('invalid-rules', `${where}: ${field === '' ? '' : `${field}: `}${issue?.message ?? 'invalid'}${known}`, { field });
}

function knownRules(part: PropertyKey | undefined): readonly string[] {
  if (part === 'update') return KNOWN_UPDATE_RULES;
  const { update: _update, ...parts } = ruleSchemas;
  const known: Readonly<Record<string, { readonly shape: object }>> = parts;
  const names = part === undefined ? Object.keys(ruleSchemas) : Object.keys(known[String(part)]?.shape ?? {});
  return names.filter((name) => name !== 't0Ms');
}

/** The cycle clock's part of the manifest. */
export function scheduleOf(manifest: TaskManifest): Schedule {
  return manifest.schedule;
}

/** How the task's updates are encoded. */
export function updateRulesOf({ update }: Pick<TaskManifest, 'update'>): UpdateRules {
  return update ?? { encoding: 'dense' };
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
  if (data.heldOut.length !== cycles) fail('data.heldOut', `expected one single-use shard for each of ${cycles} cycles, got ${data.heldOut.length}`);
  const short = data.heldOut.findIndex(({ rows }) => rows < scoring.rows + gate.rows);
  if (short >= 0) fail(`data.heldOut.${short}.rows`, `score and gate draw ${scoring.rows + gate.rows} disjoint rows, the shard has ${data.heldOut[short]?.rows}`);
  if (data.general.rows < gate.generalRows) fail('data.general.rows', `the gate draws ${gate.generalRows} rows, the shard has ${data.general.rows}`);
  if (new Set(model.files.map(({ name }) => name)).size !== model.files.length) fail('model.files', 'a name stands twice');
}

function fail(field: string, message: string): never {
  throw new SubnetError('invalid-manifest', `Task manifest: ${field}: ${message}`, { field });
}
