/**
 * Putting modules into a base. The base's own bytes stay as they are, but for the experts that a module brings; these take the base's dtype, so that a grafted model has
 * its base's names, shapes and dtypes, and the same fingerprint: modules can be grafted one after another or together.
 * @module
 */
import { fingerprintCheckpoint } from './base-fingerprint.ts';
import type { Checkpoint } from '../models/checkpoint.ts';
import { dtypeBits } from '../safetensors/dtype.ts';
import { MoeError } from '../errors.ts';
import type { ExpertModule } from './expert-module.ts';
import { assertSelection } from '../experts/expert-selection.ts';
import { scatterExpertBytes } from '../models/expert-storage.ts';
import { toFloat32 } from '../safetensors/float-conversion.ts';
import { compareCodePoints } from '../internal/code-points.ts';
import { expertParts, type ExpertPart } from '../internal/expert-storage.ts';
import { isFiniteTensor } from '../internal/finite-tensor.ts';
import { quote } from '../internal/quote.ts';
import { fromFloat64, toFloat64 } from '../internal/round-once.ts';
import { sha256Hex } from '../internal/sha256.ts';
import { requireTensor } from '../safetensors/safetensors.ts';
import type { ExpertId } from '../models/tensor-names.ts';
import { assertShape, countElements, rangeBytes, type ElementRange, type Tensor, type TensorDescription } from '../safetensors/tensor.ts';

/** A module and what to call it in messages and reports: its file, say. */
export interface NamedModule {
  readonly name: string;
  readonly module: ExpertModule;
}

/**
 * What happens to an expert that several modules bring.
 * - `error`: refused.
 * - `newest`: the latest `createdAt` wins, then the higher `version` (one without counts as −1), then the lower SHA-256 of the gate's bytes
 *   as the module holds them, then of up's, down's and the biases'. So the order in which modules are given never matters.
 * - `weighted`: `Σ c_i · x_i` with `c_i = w_i / Σ w`, each element in float64 in ascending order of those SHA-256, rounded once to the base's dtype.
 */
export type ConflictPolicy = 'error' | 'newest' | 'weighted';

/** How modules are grafted. */
export interface GraftOptions {
  /** `error` by default. */
  readonly onConflict?: ConflictPolicy | undefined;
  /** Take modules that were made for another model of the same family and shapes. Their experts then answer to a router that never knew them. */
  readonly allowOtherBase?: boolean | undefined;
  /** The base's root, 64 hex digits: modules that name a root must then name this one. */
  readonly baseRoot?: string | undefined;
}

/** An expert that was replaced, and by which modules: one, or all that took part in a mean, in the order of its sum. */
export interface GraftedExpert extends ExpertId {
  readonly modules: readonly string[];
}

/** A base with modules in it. */
export interface GraftedModel {
  /** A view: tensors are read, converted and averaged when they are asked for. Closing it closes the base. */
  readonly checkpoint: Checkpoint;
  /** Layers and experts ascending. */
  readonly experts: readonly GraftedExpert[];
}

/**
 * Grafts modules into a base. Reads the base's routers (for its fingerprint) and, where modules meet under `newest` or `weighted`, the experts that they share.
 * A value of another dtype is rounded once to the base's, to nearest, ties to even; bytes of the same dtype are taken as they are. Experts that a partial base lacks are added in
 * the dtype of the module, of several the first in the order of {@link GraftedExpert.modules}.
 * @throws module-mismatch another family, fingerprint or root than the base's, two modules of one name; a missing `createdAt` or `weight` that the policy needs
 * @throws module-conflict an expert that two modules bring, under `error`
 * @throws selection-invalid, tensor-shape-unexpected a module whose experts the base does not have
 * @throws experts-not-finite, when a tensor is read: a NaN or an infinity, or a value that the base's dtype cannot hold
 * @example
 * const { checkpoint, experts } = await graftModules(base, [{ name: 'law', module: law }, { name: 'math', module: math }], { onConflict: 'weighted' });
 */
export async function graftModules(base: Checkpoint, modules: readonly NamedModule[], options: GraftOptions = {}): Promise<GraftedModel> {
  await assertFit(base, modules, options);
  const patches = new Map<string, Patch[]>();
  const experts: GraftedExpert[] = [];
  for (const { layer, expert, candidates } of collect(modules)) {
    const parts = expertParts(base.topology, { layer, expert });
    const chosen = candidates.length === 1 ? candidates : await resolve({ layer, expert, candidates, parts, policy: options.onConflict ?? 'error' });
    const total = chosen.reduce((sum, { module }) => sum + (module.provenance.weight ?? 1), 0);
    const sources = chosen.map(({ module }) => ({ module, share: chosen.length === 1 ? 1 : (module.provenance.weight ?? 1) / total }));
    for (const part of parts) patches.set(part.place.tensor, [...(patches.get(part.place.tensor) ?? []), { part, sources }]);
    experts.push({ layer, expert, modules: chosen.map(({ name }) => name) });
  }
  return { checkpoint: graftedView(base, patches), experts };
}

/** Where a logical tensor's values come from. */
interface Source {
  readonly module: ExpertModule;
  /** c_i */
  readonly share: number;
}

/** What changes in a stored tensor: all of it, or one expert's values in a fused one. */
interface Patch {
  readonly part: ExpertPart;
  readonly sources: readonly Source[];
}

async function assertFit(base: Checkpoint, modules: readonly NamedModule[], options: GraftOptions): Promise<void> {
  const fingerprint = options.allowOtherBase === true || modules.length === 0 ? undefined : await fingerprintCheckpoint(base);
  const names = new Set<string>();
  for (const { name, module } of modules) {
    const { family, base: made } = module.provenance;
    if (names.has(name)) throw mismatch(name, 'name', 'another module has the same name');
    names.add(name);
    if (family !== base.topology.family) throw mismatch(name, 'family', `it holds experts of the family ${family}, the base is ${base.topology.family}`);
    assertExperts(base, module);
    if (fingerprint !== undefined && made.fingerprint !== fingerprint) {
      throw mismatch(name, 'base_fingerprint', `it was made for another base${made.name === undefined ? '' : ` (${quote(made.name)})`}: ${short(made.fingerprint)}, this base is ${short(fingerprint)}; allow it explicitly if you mean it`);
    }
    if (options.baseRoot !== undefined && made.root !== undefined && made.root !== options.baseRoot) {
      throw mismatch(name, 'base_root', `it was made for the root ${short(made.root)}, the base has ${short(options.baseRoot)}`);
    }
  }
}

function assertExperts({ topology }: Checkpoint, module: ExpertModule): void {
  assertSelection(topology, module.selection);
  for (const [layer, ids] of module.selection) {
    for (const expert of ids) {
      for (const { name, shape } of expertParts(topology, { layer, expert })) assertShape(requireTensor(module.tensors, name), shape);
    }
  }
}

interface Candidates extends ExpertId {
  readonly candidates: readonly NamedModule[];
}

/** Who brings which expert, layers and experts ascending. */
function collect(modules: readonly NamedModule[]): Candidates[] {
  const found = new Map<string, { layer: number; expert: number; candidates: NamedModule[] }>();
  for (const named of modules) {
    for (const [layer, ids] of named.module.selection) {
      for (const expert of ids) {
        const entry = found.get(`${layer} ${expert}`) ?? { layer, expert, candidates: [] };
        entry.candidates.push(named);
        found.set(`${layer} ${expert}`, entry);
      }
    }
  }
  return [...found.values()].sort((a, b) => a.layer - b.layer || a.expert - b.expert);
}

interface Conflict extends Candidates {
  readonly parts: readonly ExpertPart[];
  readonly policy: ConflictPolicy;
}

async function resolve(conflict: Conflict): Promise<readonly NamedModule[]> {
  const { layer, expert, candidates, policy, parts } = conflict;
  if (policy === 'error') {
    const [first, second] = [candidates[0]!.name, candidates[1]!.name];
    throw new MoeError('module-conflict', {
      message: `expert ${expert} of layer ${layer} is in ${quote(first)} and in ${quote(second)}; graft one of them, or choose the policy newest or weighted`,
      context: { layer, expert, modules: [first, second] },
    });
  }
  const field = policy === 'newest' ? 'createdAt' : 'weight';
  for (const { name, module } of candidates) {
    if (module.provenance[field] !== undefined) continue;
    throw mismatch(name, field === 'createdAt' ? 'created_at' : 'weight', `the policy ${policy} needs it, because expert ${expert} of layer ${layer} is in several modules, but it has none`);
  }
  const ranked = await rank(candidates, parts);
  if (policy === 'weighted' && !Number.isFinite(ranked.reduce((sum, { weight }) => sum + weight, 0))) throw mismatch(candidates[0]!.name, 'weight', 'the sum of the weights is not finite');
  return policy === 'weighted' ? ranked.map(({ named }) => named) : [ranked.toSorted(newestFirst)[0]!.named];
}

interface Ranked {
  readonly named: NamedModule;
  readonly time: number;
  readonly version: number;
  readonly weight: number;
  /** Of gate, up, down and biases, one after the other. */
  readonly digest: string;
}

/** Ascending by digest; equal bytes by weight, after which nothing is left that the order could change. */
async function rank(candidates: readonly NamedModule[], parts: readonly ExpertPart[]): Promise<Ranked[]> {
  const ranked: Ranked[] = [];
  for (const named of candidates) {
    const { provenance, readTensor } = named.module;
    const digests: string[] = [];
    for (const { name } of parts) digests.push(await sha256Hex((await readTensor(name)).data));
    ranked.push({ named, time: Date.parse(provenance.createdAt ?? ''), version: provenance.version ?? -1, weight: provenance.weight ?? 1, digest: digests.join('') });
  }
  return ranked.sort((a, b) => compareCodePoints(a.digest, b.digest) || a.weight - b.weight);
}

function newestFirst(a: Ranked, b: Ranked): number {
  return b.time - a.time || b.version - a.version;
}

function graftedView(base: Checkpoint, patches: ReadonlyMap<string, readonly Patch[]>): Checkpoint {
  const tensors = new Map([...base.tensors, ...addedTensors(base, patches)]);
  const target: Target = { base, tensors };
  const readTensor = async (name: string): Promise<Tensor> => {
    const patched = patches.get(name);
    return patched === undefined ? base.readTensor(name) : readPatched(target, name, patched);
  };
  return {
    topology: base.topology,
    tensors,
    readTensor,
    readFloat32: async (name) => (patches.has(name) ? toFloat32(await readTensor(name)) : base.readFloat32(name)),
    readRange: async (name, range) => readPatchedRange(target, { name, range, patched: patches.get(name) ?? [] }),
    close: () => base.close(),
  };
}

/** A base and the tensors that it has with its modules. */
interface Target {
  readonly base: Checkpoint;
  readonly tensors: ReadonlyMap<string, TensorDescription>;
}

/** Tensors of experts that a partial base lacks: only experts with tensors of their own can. */
function* addedTensors(base: Checkpoint, patches: ReadonlyMap<string, readonly Patch[]>): Generator<readonly [string, TensorDescription], void, undefined> {
  for (const [name, [patch]] of patches) {
    if (!base.tensors.has(name)) yield [name, requireTensor(patch!.sources[0]!.module.tensors, patch!.part.name)];
  }
}

async function readPatched(target: Target, name: string, patched: readonly Patch[]): Promise<Tensor> {
  const tensor = requireTensor(target.tensors, name);
  const [first] = patched;
  if (first!.part.name === name) return blend(tensor, first!);
  const { dtype, shape } = tensor;
  return { name, dtype, shape, data: await readPatchedRange(target, { name, range: { offset: 0, length: countElements(shape)! }, patched }) };
}

interface RangeRequest {
  readonly name: string;
  readonly range: ElementRange;
  readonly patched: readonly Patch[];
}

/** Only the experts that the range meets are blended, so that extracting one of a fused layer stays one. */
async function readPatchedRange({ base, tensors }: Target, { name, range, patched }: RangeRequest): Promise<Uint8Array> {
  const tensor = requireTensor(tensors, name);
  const bytes = base.tensors.has(name) ? await base.readRange(name, range) : new Uint8Array(rangeBytes(tensor, range).length);
  for (const patch of patched) {
    const { slab } = patch.part.place;
    if (slab.offset >= range.offset + range.length || range.offset >= slab.offset + slab.length) continue;
    const { data } = await blend(tensor, patch);
    scatterExpertBytes(patch.part.place, data, bytes, { elementBytes: dtypeBits(tensor.dtype) / 8, storedFrom: range.offset });
  }
  return bytes;
}

/** A logical tensor from its sources, in the dtype of the stored tensor. */
async function blend({ dtype }: TensorDescription, { part: { name, shape }, sources }: Patch): Promise<Tensor> {
  const [first] = sources;
  const only = sources.length === 1 ? await first!.module.readTensor(name) : undefined;
  if (only?.dtype === dtype) return only;
  const values = only === undefined ? await mean(name, sources) : toFloat64(only);
  const tensor = { name, dtype, shape, data: fromFloat64(values, dtype) };
  if (isFiniteTensor(tensor)) return tensor;
  throw new MoeError('experts-not-finite', { message: `tensor ${quote(name)} has values that the base's ${dtype} cannot hold`, context: { tensor: name } });
}

/** `Σ c_i · x_i` in float64, in the order of `sources`. */
async function mean(name: string, sources: readonly Source[]): Promise<Float64Array> {
  let sum: Float64Array | undefined;
  for (const { module, share } of sources) {
    const values = toFloat64(await module.readTensor(name));
    sum ??= new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) sum[i] = sum[i]! + share * values[i]!;
  }
  return sum!;
}

function short(hex: string): string {
  return `${hex.slice(0, 12)}…`;
}

function mismatch(module: string, field: string, why: string): MoeError<'module-mismatch'> {
  return new MoeError('module-mismatch', { message: `module ${quote(module)} does not fit, ${field}: ${why}`, context: { field, module } });
}
