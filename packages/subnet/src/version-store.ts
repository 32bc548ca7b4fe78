/**
 * Versions of the trained experts: version 0 is the task's checkpoint, each later one an artifact whose Merkle root is on chain.
 * With Nesterov's outer step the velocity belongs to the version and its root (DESIGN §3.4.4).
 *
 * @module
 */
import type { ArtifactStore } from '@connito/artifacts';
import { computeTensorRoot, toHex } from '@connito/commit-reveal';
import { createSha256 } from '@connito/commit-reveal/node';
import { decodeExpertWeights, encodeExpertWeights, extractExperts, fromBytes, openSafetensors, type Checkpoint, type ExpertSelection, type ExpertWeights, type Float32Tensor } from '@connito/moe-core';
import type { ModelVersion } from './cycle-record.ts';
import { SubnetError } from './error.ts';
import { searchStores } from './store-search.ts';

/** The tensors of a version. */
export interface LoadedVersion {
  readonly version: ModelVersion;
  readonly weights: ExpertWeights;
  /** The outer optimizer's; null where it has none. */
  readonly velocity: ExpertWeights | null;
}

/** Loads and saves versions. */
export interface VersionStore {
  readonly base: ModelVersion;
  /** Fetches, verifies against the version's root, and keeps the newest few. @throws SubnetError `root-mismatch`; errors of the store */
  load(version: ModelVersion): Promise<LoadedVersion>;
  /** Writes a new version to the given store. */
  save(store: ArtifactStore, version: { readonly number: number; readonly weights: ExpertWeights; readonly velocity: ExpertWeights | null }): Promise<ModelVersion>;
}

const VELOCITY = 'velocity.';
const KEPT_VERSIONS = 4;

/** Opens the versions of a task. `stores` are searched in order. */
export async function openVersionStore(options: { readonly checkpoint: Checkpoint; readonly selection: ExpertSelection; readonly stores: readonly ArtifactStore[] }): Promise<VersionStore> {
  const weights = await extractExperts(options.checkpoint, options.selection);
  const base: ModelVersion = { number: 0, root: toHex(weightsRoot(weights)), artifact: null };
  const loaded = new Map<string, LoadedVersion>([[base.root, { version: base, weights, velocity: null }]]);
  return {
    base,
    async load(version) {
      const known = loaded.get(version.root);
      if (known) return { ...known, version };
      const fresh = await fetchVersion(options.stores, version, weights);
      loaded.set(version.root, fresh);
      for (const root of [...loaded.keys()].slice(1, -KEPT_VERSIONS)) loaded.delete(root);
      return fresh;
    },
    async save(store, { number, weights: next, velocity }) {
      const tensors = withVelocity(next, velocity);
      const artifact = await store.put(encodeExpertWeights(tensors, { format: 'connito/version/v1', number: String(number) }));
      return { number, root: toHex(weightsRoot(tensors)), artifact };
    },
  };
}

/** Merkle root over float32 tensors, as versions and updates are committed. */
export function weightsRoot(weights: ExpertWeights): Uint8Array {
  return computeTensorRoot(hashableTensors(weights), { createSha256 });
}

function* hashableTensors(weights: ExpertWeights): Generator<{ name: string; dtype: string; shape: readonly number[]; data: Uint8Array }> {
  for (const [name, { shape, data }] of weights) {
    yield { name, dtype: 'F32', shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  }
}

async function fetchVersion(stores: readonly ArtifactStore[], version: ModelVersion, base: ExpertWeights): Promise<LoadedVersion> {
  const { artifact } = version;
  if (!artifact) throw new SubnetError('root-mismatch', `Version ${version.number} names root ${version.root} and no artifact, but the task's model has another root. The model files differ from the task's`, { version });
  const bytes = await searchStores(stores).getBytes({ ...artifact, maxBytes: maxVersionBytes(base) });
  const tensors = await decodeExpertWeights(await openSafetensors(fromBytes(bytes)));
  const root = toHex(weightsRoot(tensors));
  if (root !== version.root) throw new SubnetError('root-mismatch', `Version ${version.number}: expected root ${version.root}, its artifact has ${root}`, { expected: version.root, actual: root });
  return { version, ...splitVelocity(tensors, base) };
}

/** Weights and velocity in float32, and room for the header. */
function maxVersionBytes(base: ExpertWeights): number {
  let sizeBytes = 1_000_000;
  for (const { data } of base.values()) sizeBytes += 2 * data.byteLength + 1_000;
  return sizeBytes;
}

function withVelocity(weights: ExpertWeights, velocity: ExpertWeights | null): ExpertWeights {
  if (!velocity) return weights;
  return new Map([...weights, ...[...velocity].map(([name, tensor]): [string, Float32Tensor] => [VELOCITY + name, tensor])]);
}

/** Exactly the base's tensors, each in the base's shape, and a velocity for all of them or for none. */
function splitVelocity(tensors: ExpertWeights, base: ExpertWeights): { weights: ExpertWeights; velocity: ExpertWeights | null } {
  const take = (prefix: string): ExpertWeights =>
    new Map(
      [...base].map(([name, { shape }]): [string, Float32Tensor] => {
        const tensor = tensors.get(prefix + name);
        if (!tensor || tensor.shape.join() !== shape.join()) {
          throw new SubnetError('root-mismatch', `A version's artifact lacks ${prefix}${name} of shape [${shape.join(', ')}]`, { name: prefix + name });
        }
        return [name, tensor];
      }),
    );
  const weights = take('');
  if (tensors.size === base.size) return { weights, velocity: null };
  const velocity = take(VELOCITY);
  if (tensors.size !== 2 * base.size) throw new SubnetError('root-mismatch', `A version's artifact holds ${tensors.size} tensors, expected ${base.size} or ${2 * base.size}`);
  return { weights, velocity };
}
