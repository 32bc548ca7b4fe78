/**
 * What an owner is asked before a task is published or taken up again: does the command line agree with the state directory, was the
 * data made for this model, and has nobody seen its held-out rows?
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '@connito/artifacts';
import { sha256, toHex } from '@connito/commit-reveal';
import type { DatasetManifest, ShardEntry } from '@connito/dataset';
import type { Topology } from '@connito/moe-core';
import { SubnetError } from './error.ts';
import type { OwnerPlan } from './owner-plan.ts';
import { updateRulesOf, type TaskManifest } from './task-manifest.ts';

/**
 * A state directory has one task. Started again with another plan, an owner would silently go on with the first.
 *
 * @throws SubnetError `another-plan` naming the first difference
 */
export function assertSamePlan(manifest: TaskManifest, { plan, stateDirectory }: { readonly plan: OwnerPlan; readonly stateDirectory: string }, dataset: DatasetManifest): void {
  const published = describeTask(manifest);
  const planned = describePlan(plan, dataset);
  const field = Object.keys(published).find((name) => planned[name] !== undefined && planned[name] !== published[name]);
  if (field === undefined) return;
  const difference = `${field} is ${shorten(published[field])} there and ${shorten(planned[field])} now`;
  throw new SubnetError('another-plan', `${stateDirectory} has published another task: ${difference}. Repeat that task's options, or choose another --state directory for a new task`, { field });
}

/**
 * Held-out rows are single use: a shard that is already public cannot score anybody.
 *
 * @throws SubnetError `used-data`
 */
export async function assertUnused(store: ArtifactStore, { heldOut }: DatasetManifest, dataDirectory: string): Promise<void> {
  for (const { file, sha256: hash } of heldOut) {
    if (!(await store.has(hash))) continue;
    throw new SubnetError('used-data', `${join(dataDirectory, file)} is already public in the store, and held-out rows are for one use. Run \`connito data prepare\` on new text or with another --seed`, { file });
  }
}

/**
 * Tokens of another tokenizer mean nothing to a model, even where its vocabulary is large enough. A model without a tokenizer is not compared.
 *
 * @throws SubnetError `invalid-manifest`
 */
export async function assertTokenizer({ modelDirectory, dataDirectory }: OwnerPlan, { tokenizer }: DatasetManifest): Promise<void> {
  const bytes = await readFile(join(modelDirectory, 'tokenizer.json')).catch(() => undefined);
  if (!bytes || toHex(sha256(bytes)) === tokenizer.files['tokenizer.json']) return;
  throw new SubnetError('invalid-manifest', `${dataDirectory} was prepared with another tokenizer than that of ${modelDirectory}. Run \`connito data prepare --tokenizer ${modelDirectory}\``);
}

/**
 * In a partial model with masked routing every layer needs an expert that tokens can go to; miners could not train such a task.
 *
 * @throws SubnetError `invalid-rules`
 */
export function assertRoutable({ rules, selection }: Pick<OwnerPlan, 'rules' | 'selection'>, { moeLayers }: Pick<Topology, 'moeLayers'>): void {
  const empty = rules.training.partial === 'masked' ? moeLayers.find((layer) => (selection.get(layer)?.length ?? 0) === 0) : undefined;
  if (empty === undefined) return;
  throw new SubnetError('invalid-rules', `training.partial: masked routing needs an expert in every layer, and layer ${empty} has none in the task. Select one there, or choose natural`, { field: 'training.partial' });
}

/**
 * Validators send the task's version key with their weights; one below the subnet's has all of them refused.
 *
 * @throws SubnetError `invalid-rules`
 */
export function assertVersionKey({ rules }: Pick<OwnerPlan, 'rules'>, subnetKey: bigint | number): void {
  const { versionKey } = rules.weights;
  if (BigInt(versionKey) >= BigInt(subnetKey)) return;
  throw new SubnetError('invalid-rules', `weights.versionKey: the subnet's weightsVersionKey is ${subnetKey}, and with ${versionKey} no validator of this task could set weights. Give {"weights":{"versionKey":${subnetKey}}} by --rules, or lower weightsVersionKey`, { field: 'weights.versionKey' });
}

type Description = Readonly<Record<string, string | undefined>>;

function describeTask(manifest: TaskManifest): Description {
  const { name, schedule: { t0Ms, ...schedule }, model, data, training, scoring, merge, gate, weights } = manifest;
  const { sequenceLength, trainShards, heldOut, general } = data;
  return { '--name': name, ...describeRules({ schedule, training: { ...training, partial: training.partial ?? 'none' }, scoring, merge, gate, weights, update: updateRulesOf(manifest) }), '--start': String(t0Ms), '--experts': describeSelection(Object.entries(model.selection)), '--data': describeData(sequenceLength, [...trainShards, ...heldOut, general]) };
}

function describePlan({ name, rules, t0Ms, selection }: OwnerPlan, { sequenceLength, train, heldOut, general }: DatasetManifest): Description {
  return { '--name': name, ...describeRules({ ...rules, training: { ...rules.training, partial: rules.training.partial ?? 'none' } }), '--start': t0Ms === undefined ? undefined : String(t0Ms), '--experts': describeSelection(selection), '--data': describeData(sequenceLength, [...train, ...heldOut, general]) };
}

/** A model that is held whole is said too, so that it differs from one that is not. */
type DescribedRules = Omit<OwnerPlan['rules'], 'training'> & { readonly training: Omit<OwnerPlan['rules']['training'], 'partial'> & { readonly partial: string } };

function describeRules(rules: DescribedRules): Description {
  const fields = Object.entries(rules).flatMap(([part, values]) => Object.entries(values as object).map(([name, value]): [string, string] => [`${part}.${name}`, JSON.stringify(value)]));
  return Object.fromEntries(fields.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function describeSelection(selection: Iterable<readonly [number | string, readonly number[]]>): string {
  const layers = [...selection].map(([layer, experts]): [number, readonly number[]] => [Number(layer), experts]);
  return JSON.stringify(Object.fromEntries(layers.toSorted(([a], [b]) => a - b)));
}

function describeData(sequenceLength: number, shards: readonly Pick<ShardEntry, 'sha256'>[]): string {
  return `${shards.length} shards of ${sequenceLength} tokens a row, ${toHex(sha256(new TextEncoder().encode(shards.map((shard) => shard.sha256).join(' ')))).slice(0, 12)}…`;
}

function shorten(text = ''): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
