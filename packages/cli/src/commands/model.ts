/**
 * `connito model`: look into models, and make models of models; here `inspect`: what a checkpoint, a module or another safetensors file holds.
 *
 * @module
 */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Checkpoint, ModelPart, ModuleMetadata, TensorDescription, Topology } from '@connito/moe-core';
import { printable, wantsColor, type CliContext } from '../context.ts';
import { countExperts } from '../expert-config-file.ts';
import { describeUse } from '../options.ts';
import { addGroup } from '../program.ts';
import { createPaint, formatBytes, renderTable, type Column } from '../terminal.ts';
import { registerModelDiff } from './model-diff.ts';
import { registerModelExport } from './model-export.ts';
import { registerModelExtract } from './model-extract.ts';
import { registerModelGraft } from './model-graft.ts';

interface InspectFlags {
  readonly tensors?: true;
  readonly json?: true;
}

/** What is printed with `--json`. */
type Inspection = CheckpointInspection | FileInspection | ModuleInspection;

interface TensorTotals {
  readonly tensorCount: number;
  readonly parameters: number;
  readonly sizeBytes: number;
  /** Tensors by dtype. */
  readonly dtypes: Readonly<Record<string, number>>;
  readonly tensors?: readonly Pick<TensorDescription, 'name' | 'dtype' | 'shape' | 'sizeBytes'>[];
}

interface CheckpointInspection extends TensorTotals {
  readonly kind: 'checkpoint';
  readonly path: string;
  readonly topology: Topology;
  readonly parts: Readonly<Record<ModelPart, { readonly parameters: number; readonly sizeBytes: number }>>;
  readonly parametersPerExpert: number;
  readonly parametersPerToken: number;
}

interface FileInspection extends TensorTotals {
  readonly kind: 'safetensors';
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Why a file that calls itself an expert module is none. */
  readonly problem?: string;
}

interface ModuleInspection extends TensorTotals, ModuleMetadata {
  readonly kind: 'module';
  readonly path: string;
}

/** Adds `connito model`. */
export function registerModel(program: Command, context: CliContext): void {
  const group = addGroup(program, 'model', 'Look into models, take experts out, put them in, compare.');
  const command = group
    .command('inspect')
    .description('Show the topology of a checkpoint, the provenance of an expert module, or what another safetensors file holds, with parameters and bytes. Reads headers only.')
    .argument('<path>', 'directory in Hugging Face layout, or one .safetensors file')
    .option('--tensors', 'list every tensor')
    .action((path: string, flags: InspectFlags) => inspect(path, flags, context));
  describeUse(command, ['connito model inspect model/', 'connito model inspect update.safetensors --tensors', 'connito model inspect model/ --json']);
  registerModelExtract(group, context);
  registerModelGraft(group, context);
  registerModelExport(group, context);
  registerModelDiff(group, context);
}

async function inspect(path: string, flags: InspectFlags, context: CliContext): Promise<void> {
  const isDirectory = (await stat(path)).isDirectory();
  const inspection = isDirectory ? await inspectCheckpoint(path, flags) : await inspectFile(path, flags);
  if (flags.json) context.printJson(inspection);
  else context.print(renderInspection(inspection, context).join('\n'));
}

async function inspectCheckpoint(path: string, flags: InspectFlags): Promise<CheckpointInspection> {
  const { countBytes, countParameters } = await import('@connito/moe-core');
  const { openCheckpoint } = await import('@connito/moe-core/node');
  const checkpoint: Checkpoint = await openCheckpoint(path);
  try {
    const { topology } = checkpoint;
    const tensors = checkpoint.stored ?? checkpoint.tensors;
    const counts = countParameters(topology);
    const bytes = countBytes(topology, tensors);
    const parts = Object.fromEntries(Object.entries(counts.parts).map(([part, parameters]) => [part, { parameters, sizeBytes: bytes.parts[part as ModelPart] }]));
    const totals = { ...totalsOf(tensors.values(), flags), parameters: counts.total, sizeBytes: bytes.total };
    return { kind: 'checkpoint', path, topology, parts: parts as CheckpointInspection['parts'], parametersPerExpert: counts.perExpert, parametersPerToken: counts.activePerToken, ...totals };
  } finally {
    await checkpoint.close();
  }
}

async function inspectFile(path: string, flags: InspectFlags): Promise<FileInspection | ModuleInspection> {
  const { openSafetensorsFile } = await import('@connito/moe-core/node');
  const file = await openSafetensorsFile(path);
  try {
    const totals = totalsOf(file.tensors.values(), flags);
    const module = await readModuleMetadata(file.metadata);
    if (module !== undefined && 'selection' in module) return { kind: 'module', path, ...module, ...totals };
    return { kind: 'safetensors', path, ...module, metadata: Object.fromEntries(file.metadata), ...totals };
  } finally {
    await file.close();
  }
}

/** What a module says about itself; without its base nothing else can be checked. `undefined` for files that claim to be no module. */
async function readModuleMetadata(metadata: ReadonlyMap<string, string>): Promise<ModuleMetadata | { readonly problem: string } | undefined> {
  const { isModuleMetadata, isMoeError, parseModuleMetadata } = await import('@connito/moe-core');
  if (!isModuleMetadata(metadata)) return undefined;
  try {
    return parseModuleMetadata(metadata);
  } catch (error) {
    if (isMoeError(error)) return { problem: error.message };
    throw error;
  }
}

function totalsOf(tensors: Iterable<TensorDescription>, flags: InspectFlags): TensorTotals {
  const all = [...tensors].map(({ name, dtype, shape, sizeBytes }) => ({ name, dtype, shape, sizeBytes }));
  const dtypes: Record<string, number> = {};
  for (const { dtype } of all) dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
  const parameters = all.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  return { tensorCount: all.length, parameters, sizeBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), dtypes, ...(flags.tensors ? { tensors: all } : {}) };
}

function renderInspection(inspection: Inspection, { stdout, env }: CliContext): string[] {
  const width = stdout.columns ?? 120;
  const paint = createPaint(wantsColor(stdout, env));
  const { tensorCount, parameters, sizeBytes, dtypes, tensors } = inspection;
  const kinds = Object.entries(dtypes).map(([dtype, count]) => `${count} ${dtype}`).join(', ');
  const lines = [paint.bold(printable(inspection.path)), ...describeKind(inspection)];
  lines.push(`${number(tensorCount)} tensors (${kinds || 'none'}), ${number(parameters)} parameters, ${formatBytes(sizeBytes)}`);
  if (inspection.kind === 'checkpoint') {
    lines.push(`one expert has ${number(inspection.parametersPerExpert)} parameters; a token passes through ${number(inspection.parametersPerToken)}`);
    lines.push('', ...renderTable(PART_COLUMNS, partRows(inspection), width, paint));
  }
  if (tensors !== undefined) {
    const rows = tensors.map(({ name, dtype, shape, sizeBytes: size }) => [name, dtype, `[${shape.join(', ')}]`, number(size)].map((text) => ({ text: printable(text) })));
    lines.push('', ...renderTable(TENSOR_COLUMNS, rows, stdout.isTTY === true ? width : Infinity, paint));
  }
  return lines;
}

const PART_COLUMNS: readonly Column[] = [{ title: 'PART' }, { title: 'PARAMETERS', align: 'right' }, { title: 'SHARE', align: 'right', priority: 1 }, { title: 'BYTES', align: 'right' }];
const TENSOR_COLUMNS: readonly Column[] = [{ title: 'TENSOR', minWidth: 20 }, { title: 'DTYPE' }, { title: 'SHAPE' }, { title: 'BYTES', align: 'right', priority: 1 }];

function partRows({ parts, parameters: total }: CheckpointInspection): { text: string }[][] {
  return Object.entries(parts)
    .filter(([, { parameters }]) => parameters > 0)
    .map(([part, { parameters, sizeBytes }]) => [part, number(parameters), `${((parameters / total) * 100).toFixed(1)} %`, formatBytes(sizeBytes)].map((text) => ({ text })));
}

function describeKind(inspection: Inspection): string[] {
  if (inspection.kind === 'checkpoint') return describeTopology(inspection.topology);
  if (inspection.kind === 'module') return describeModule(inspection);
  const { problem, metadata } = inspection;
  return [...(problem === undefined ? [] : [`no valid expert module: ${printable(problem)}`]), ...describeMetadata(metadata)];
}

function describeModule({ provenance, selection }: ModuleInspection): string[] {
  const { family, base, author, description, license, createdAt, version, weight, extra } = provenance;
  const fields = { base: base.name, 'base fingerprint': base.fingerprint, 'base root': base.root, author, description, license, created: createdAt, version: version?.toString(), weight: weight?.toString(), ...Object.fromEntries(extra ?? []) };
  const known = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return [
    `expert module of ${family}: ${countExperts(selection)} experts of ${selection.size} layers`,
    ...describeMetadata(Object.fromEntries(known)),
    ...Array.from(selection, ([layer, ids]) => `layer ${layer}: ${ids.join(', ')}`),
  ];
}

function describeTopology(topology: Topology): string[] {
  const { family, layers, hiddenSize, vocabularySize, expertsPerLayer, expertsPerToken, expertWidth, moeLayers, sharedExperts, tiedEmbeddings, quantization } = topology;
  const shared = sharedExperts === undefined ? '' : `, beside a shared network of width ${sharedExperts.width}${sharedExperts.gated ? ' behind a gate' : ''}`;
  return [
    `${family}: ${countLayers(layers)}, hidden size ${hiddenSize}, vocabulary ${number(vocabularySize)}${tiedEmbeddings ? ', tied embeddings' : ''}`,
    describeAttention(topology),
    `${expertsPerLayer} experts of width ${expertWidth} in ${moeLayers.length === layers ? 'every layer' : `${moeLayers.length} of the layers`}, ${expertsPerToken} for each token${shared}`,
    describeRouting(topology),
    ...(quantization === undefined ? [] : [quantization.kind === 'mxfp4' ? 'experts quantised as MXFP4' : `weights quantised as F8_E4M3 in blocks of ${quantization.rows} × ${quantization.columns}`]),
  ];
}

function describeAttention({ attention, rope, spans }: Topology): string {
  const kind =
    attention.kind === 'latent'
      ? `latent attention: ${attention.heads} heads, ${attention.queryRank === undefined ? '' : `queries of rank ${attention.queryRank}, `}keys and values of rank ${attention.keyValueRank}`
      : `attention: ${attention.heads} heads (${attention.keyValueHeads} for keys and values) of ${attention.headDim}`;
  const limited = spans.filter(({ kind: span }) => span !== 'full');
  const notes = [rope.kind === 'default' ? '' : `, rope ${rope.kind}`, rope.skippedLayers.length > 0 ? `, no rope in ${countLayers(rope.skippedLayers.length)}` : ''];
  const [first] = limited;
  if (first !== undefined && first.kind !== 'full') notes.push(`, ${first.kind}s of ${number(first.tokens)} tokens in ${countLayers(limited.length)}`);
  return kind + notes.join('');
}

function countLayers(count: number): string {
  return count === 1 ? '1 layer' : `${count} layers`;
}

function describeRouting({ routing, routingWeightsOn }: Topology): string {
  const { scoring = 'softmax', normalizeTopK, scale = 1, groups } = routing;
  const parts = [`router: ${scoring}`];
  if (groups !== undefined) parts.push(`best ${groups.kept} of ${groups.count} groups`);
  if (normalizeTopK) parts.push('weights divided by their sum');
  if (scale !== 1) parts.push(`weights times ${scale}`);
  if (routingWeightsOn === 'input') parts.push("weights on the experts' inputs");
  return parts.join(', ');
}

function describeMetadata(metadata: Readonly<Record<string, string>>): string[] {
  return Object.entries(metadata).map(([key, value]) => `${printable(key, 40)}: ${printable(value, 80)}`);
}

function number(value: number): string {
  return value.toLocaleString('en');
}
