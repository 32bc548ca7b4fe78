/**
 * Expert modules: selected experts of a model in one safetensors file that says where they come from. Tensors have their logical names (gate and up `[I, H]`,
 * down `[H, I]`), whatever the base's layout, so that a module does not depend on how a checkpoint was sharded or fused. MODULE-FORMAT.md is the specification.
 * @module
 */
import type { Checkpoint } from '../models/checkpoint.ts';
import type { Dtype } from '../safetensors/dtype.ts';
import { MoeError } from '../errors.ts';
import { assertSelection, type ExpertSelection } from '../experts/expert-selection.ts';
import { fromFloat32, toFloat32, type FloatDtype } from '../safetensors/float-conversion.ts';
import { expertParts, readExpertPart, storedTensor, type ExpertPart } from '../internal/expert-storage.ts';
import { isFiniteTensor } from '../internal/finite-tensor.ts';
import { quote } from '../internal/quote.ts';
import { formatModuleMetadata, parseModuleMetadata, type ModuleMetadata, type ModuleProvenance } from './module-metadata.ts';
import type { SafetensorsFile } from '../safetensors/safetensors.ts';
import { streamSafetensors } from '../safetensors/safetensors-writer.ts';
import { assertShape, tensorSizeBytes, type Tensor, type TensorDescription } from '../safetensors/tensor.ts';
import type { Topology } from '../models/topology.ts';

/** Experts with their provenance, read one tensor at a time. Arrays that it returns belong to the caller. */
export interface ExpertModule extends ModuleMetadata {
  /** Logical tensors, layers and experts ascending; all of `dtype`. */
  readonly tensors: ReadonlyMap<string, TensorDescription>;
  /** @throws tensor-missing, source-short-read; experts-not-finite where the values hold a NaN or an infinity */
  readTensor(name: string): Promise<Tensor>;
}

/** What a module is made from. */
export interface ModuleParts {
  readonly checkpoint: Checkpoint;
  readonly selection: ExpertSelection;
  readonly provenance: ModuleProvenance;
  /** `base`: the bytes as they are stored (default). `F32`: converted, exact for every narrower float. */
  readonly dtype?: 'base' | 'F32' | undefined;
}

/** Header cap for modules of strangers: huggingface.js's for any safetensors header, enough for 150 thousand tensors. */
export const MAX_MODULE_HEADER_BYTES = 25_000_000;

/**
 * A module over selected experts of a checkpoint; nothing is read yet. Trained experts come in through `graftExperts(checkpoint, weights)`.
 * The order of the selection carries no meaning: layers and experts are stored ascending.
 * @throws selection-invalid, also where nothing is selected
 * @throws module-invalid a field that the format cannot hold, another family's provenance, or experts of more than one dtype with dtype `base`
 * @example
 * const base = { fingerprint: await fingerprintCheckpoint(checkpoint), name: 'my-model' };
 * const experts = createExpertModule({ checkpoint, selection: new Map([[0, [3, 7]]]), provenance: { family: 'qwen3_moe', base, license: 'MIT' } });
 * await writeFileAtomic('module.safetensors', encodeExpertModule(experts));
 */
export function createExpertModule(parts: ModuleParts): ExpertModule {
  const { checkpoint, provenance } = parts;
  const { topology } = checkpoint;
  assertSelection(topology, parts.selection);
  const selection = ascending(parts.selection);
  if (selection.size === 0) throw new MoeError('selection-invalid', { message: 'selection: expected at least one expert', context: { layer: 0, expert: undefined } });
  if (provenance.family !== topology.family) throw invalid('family', `expected the checkpoint's own, ${topology.family}, got ${provenance.family}`);
  const wanted = logicalTensors(topology, selection);
  const dtype = parts.dtype === 'F32' ? 'F32' : commonDtype(checkpoint, wanted);
  const byName = new Map(wanted.map((part) => [part.name, part]));
  const module = { provenance, selection, dtype, tensors: describeAll(wanted, dtype) };
  formatModuleMetadata(module);
  return { ...module, readTensor: async (name) => finite(convert(await readExpertPart(checkpoint, requirePart(byName, name)), dtype)) };
}

/**
 * The bytes of a module file, holding one tensor at a time.
 * @throws the codes of `streamSafetensors` and of the module's `readTensor`, when iterated
 */
export function encodeExpertModule(module: ExpertModule): AsyncGenerator<Uint8Array, void, undefined> {
  const sources = Array.from(module.tensors.values(), ({ name, dtype, shape }) => ({ name, dtype, shape, read: async () => (await module.readTensor(name)).data }));
  return streamSafetensors(sources, formatModuleMetadata(module));
}

/**
 * Opens a stranger's module for a model. Checked before this returns: the metadata; the family; that every selected expert is one of the model; that names, shapes and
 * dtype of the tensors are exactly those of the selection. Checked when a tensor is read: that its values are finite.
 * Whether the module was made for this very base, `graftModules` checks. Cap the header when you open the file ({@link MAX_MODULE_HEADER_BYTES}).
 * @throws the codes of `parseModuleMetadata`; module-mismatch another family; selection-invalid
 * @throws experts-mismatch, tensor-missing, tensor-shape-unexpected, tensor-dtype-unexpected
 */
export function openExpertModule(file: SafetensorsFile, topology: Topology): ExpertModule {
  const metadata = parseModuleMetadata(file.metadata);
  assertFamily(metadata.provenance, topology);
  assertSelection(topology, metadata.selection);
  const wanted = logicalTensors(topology, metadata.selection);
  const names = new Set(wanted.map(({ name }) => name));
  for (const name of file.tensors.keys()) {
    if (!names.has(name)) throw new MoeError('experts-mismatch', { message: `tensor ${quote(name)}: this is not a tensor of the experts that the module names`, context: { tensor: name } });
  }
  for (const { name, shape } of wanted) assertStored(file, { name, shape, dtype: metadata.dtype });
  return { ...metadata, tensors: describeAll(wanted, metadata.dtype), readTensor: async (name) => finite(await file.read(name)) };
}

function assertFamily({ family }: ModuleProvenance, topology: Topology): void {
  if (family === topology.family) return;
  throw new MoeError('module-mismatch', { message: `the module holds experts of the family ${family}, the model is ${topology.family}`, context: { field: 'family', module: '' } });
}

function assertStored(file: SafetensorsFile, expected: { readonly name: string; readonly shape: readonly number[]; readonly dtype: Dtype }): void {
  const { name, dtype } = expected;
  const found = file.tensors.get(name);
  if (found === undefined) throw new MoeError('tensor-missing', { message: `the module lacks the tensor ${quote(name)} of an expert that it names`, context: { tensor: name } });
  assertShape(found, expected.shape);
  if (found.dtype === dtype) return;
  throw new MoeError('tensor-dtype-unexpected', { message: `tensor ${quote(name)} is ${found.dtype}, the module says that all of its tensors are ${dtype}`, context: { tensor: name, expected: dtype, actual: found.dtype } });
}

/** Layers and experts ascending, layers without experts left out. */
function ascending(selection: ExpertSelection): ExpertSelection {
  const layers = [...selection].filter(([, ids]) => ids.length > 0).sort(([a], [b]) => a - b);
  return new Map(layers.map(([layer, ids]) => [layer, [...ids].sort((a, b) => a - b)]));
}

function logicalTensors(topology: Topology, selection: ExpertSelection): ExpertPart[] {
  return [...selection].flatMap(([layer, ids]) => ids.flatMap((expert) => expertParts(topology, { layer, expert })));
}

function commonDtype(checkpoint: Checkpoint, parts: readonly ExpertPart[]): FloatDtype {
  const dtypes = new Set(parts.map((part) => storedTensor(checkpoint, part).dtype));
  const [dtype] = dtypes;
  // Whether it is a float, formatModuleMetadata checks.
  if (dtypes.size === 1) return dtype as FloatDtype;
  throw invalid('dtype', `the selected experts are stored in ${[...dtypes].sort().join(' and ')}, a module has one dtype; ask for F32`);
}

function describeAll(parts: readonly ExpertPart[], dtype: Dtype): ReadonlyMap<string, TensorDescription> {
  return new Map(parts.map(({ name, shape }) => [name, { name, dtype, shape, sizeBytes: tensorSizeBytes({ name, dtype, shape }) }]));
}

function convert(tensor: Tensor, dtype: Dtype): Tensor {
  return tensor.dtype === dtype ? tensor : { ...tensor, dtype, data: fromFloat32(toFloat32(tensor), dtype) };
}

function finite(tensor: Tensor): Tensor {
  if (isFiniteTensor(tensor)) return tensor;
  throw new MoeError('experts-not-finite', { message: `tensor ${quote(tensor.name)} holds a NaN or an infinity`, context: { tensor: tensor.name } });
}

function requirePart(parts: ReadonlyMap<string, ExpertPart>, name: string): ExpertPart {
  const part = parts.get(name);
  if (part !== undefined) return part;
  throw new MoeError('tensor-missing', { message: `the module has no tensor ${quote(name)}`, context: { tensor: name } });
}

function invalid(field: string, message: string): MoeError<'module-invalid'> {
  return new MoeError('module-invalid', { message: `module, field ${field}: ${message}`, context: { field } });
}
