/**
 * A model with only the named experts, as a checkpoint of its own: experts renumbered, router rows and selection biases cut to them, the config rewritten.
 *
 * It routes among what is left, so it equals the full model whose router is masked to these experts (`masked`), not one in which absent experts merely contribute nothing (`natural`).
 * Weights that are shares of all experts (a softmax that is not renormalised over the chosen K) become shares of the kept ones; and where a token's best K were not all kept, others take
 * their places.
 * @module
 */
import { assertComplete, type Checkpoint } from '../models/checkpoint.ts';
import { MoeError } from '../errors.ts';
import { assertSelection, type ExpertSelection } from '../experts/expert-selection.ts';
import { toFloat32 } from '../safetensors/float-conversion.ts';
import { keptTensors, type TensorOrigin } from '../internal/expert-storage.ts';
import { parseStrictJson, toPlainValue } from '../internal/strict-json.ts';
import { rightSizeConfig, type ConfigChange } from './right-sized-config.ts';
import { requireTensor } from '../safetensors/safetensors.ts';
import { countElements, rangeBytes, type ElementRange, type Tensor, type TensorDescription } from '../safetensors/tensor.ts';
import { parseTopology } from '../models/topology-config.ts';
import type { Topology } from '../models/topology.ts';

/** What is kept, and the full model's `config.json` as text. */
export interface RightSizing {
  readonly selection: ExpertSelection;
  readonly config: string;
}

/** A smaller model. */
export interface RightSizedModel {
  /** A view: tensors are cut when they are asked for. Closing it closes the full model. */
  readonly checkpoint: Checkpoint;
  /** The text of its `config.json`. */
  readonly config: string;
  /** What is new in the config. */
  readonly changes: readonly ConfigChange[];
  /** Layers and experts ascending: expert i of a layer is the full model's `experts.get(layer)[i]`. */
  readonly experts: ExpertSelection;
  /** Tensors that were left out besides experts: those of layers beyond the decoder's (DeepSeek-V3's extra prediction layers), whose experts nobody selected. */
  readonly dropped: readonly string[];
}

/**
 * Makes the smaller model. Kept experts are renumbered by ascending id, whatever the order of the selection, so that the lower id still wins where logits are equal. Tensors that the topology does not
 * know are kept as they are, quantised weights become the floats that they are read as. Every layer must keep the same number of experts (`evenSelection` fills layers up), because a config has one number for all.
 * @throws selection-invalid; export-uneven layers that keep different numbers of experts, or none
 * @throws export-unsupported what the family's config cannot say of fewer experts
 * @throws json-invalid, json-duplicate-key, json-forbidden-key, and the codes of `parseTopology`, for the config
 * @example
 * const { checkpoint, config } = rightSizeModel(full, { selection: new Map([[0, [3, 7]], [1, [2, 4]]]), config: configText });
 */
export function rightSizeModel(full: Checkpoint, { selection, config }: RightSizing): RightSizedModel {
  const { topology } = full;
  assertSelection(topology, selection);
  const experts: ExpertSelection = new Map(topology.moeLayers.map((layer) => [layer, [...(selection.get(layer) ?? [])].sort((a, b) => a - b)]));
  const count = assertEven(topology, experts);
  const { kept, dropped } = sortOut(full);
  const { text, changes } = rightSizeConfig(config, { topology, kept: experts, count, dropsExtraLayers: dropped.length > 0 });
  const small = parseTopology(toPlainValue(parseStrictJson(text, 'config.json')));
  const origins = new Map<string, TensorOrigin>(topology.moeLayers.flatMap((layer) => [...keptTensors(topology, layer, experts.get(layer)!)]));
  for (const name of kept) origins.set(name, { name, rows: undefined });
  return { checkpoint: cutView(full, { topology: small, origins }), config: text, changes, experts, dropped };
}

function assertEven({ moeLayers, expertsPerLayer }: Topology, experts: ExpertSelection): number {
  const counts = moeLayers.map((layer) => experts.get(layer)!.length);
  const expected = Math.max(...counts);
  if (expected === 0) throw new MoeError('export-uneven', { message: 'no experts are selected; a model keeps at least one in every layer', context: { layer: moeLayers[0]!, expected, actual: 0 } });
  const at = counts.findIndex((count) => count !== expected || count === 0);
  if (at < 0) return expected;
  const [layer, actual] = [moeLayers[at]!, counts[at]!];
  throw new MoeError('export-uneven', {
    message: `layer ${layer} keeps ${actual} of its ${expertsPerLayer} experts, others ${expected}; a config has one number for all layers: fill the layers up by scores, or select as many in each`,
    context: { layer, expected, actual },
  });
}

/** Of all tensors but experts and routers: which stay. */
function sortOut({ topology, tensors }: Checkpoint): { readonly kept: readonly string[]; readonly dropped: readonly string[] } {
  const every = Array.from({ length: topology.expertsPerLayer }, (_, expert) => expert);
  const cut = new Set(topology.moeLayers.flatMap((layer) => Array.from(keptTensors(topology, layer, every), ([name]) => name)));
  const others = [...tensors.keys()].filter((name) => !cut.has(name));
  const isBeyond = (name: string): boolean => Number(/(?:^|\.)layers\.(\d{1,9})\./.exec(name)?.[1] ?? -1) >= topology.layers;
  return { kept: others.filter((name) => !isBeyond(name)), dropped: others.filter(isBeyond) };
}

function cutView(full: Checkpoint, { topology, origins }: { readonly topology: Topology; readonly origins: ReadonlyMap<string, TensorOrigin> }): Checkpoint {
  const tensors = new Map(Array.from(origins, ([name, origin]) => [name, describe(name, { origin, stored: requireTensor(full.tensors, origin.name) })]));
  assertComplete(topology, tensors);
  const readRange = async (name: string, range: ElementRange): Promise<Uint8Array> => {
    const origin = requireTensor(origins, name);
    return origin.rows === undefined ? full.readRange(origin.name, range) : readRows(full, { ...origin, rows: origin.rows, range, cut: tensors.get(name)! });
  };
  const readTensor = async (name: string): Promise<Tensor> => {
    const { dtype, shape } = requireTensor(tensors, name);
    return { name, dtype, shape, data: await readRange(name, { offset: 0, length: countElements(shape)! }) };
  };
  return { topology, tensors, readTensor, readRange, readFloat32: async (name) => toFloat32(await readTensor(name)), close: () => full.close() };
}

function describe(name: string, { origin, stored }: { readonly origin: TensorOrigin; readonly stored: TensorDescription }): TensorDescription {
  const { dtype, shape, sizeBytes } = stored;
  if (origin.rows === undefined) return { name, dtype, shape, sizeBytes };
  return { name, dtype, shape: [origin.rows.length, ...shape.slice(1)], sizeBytes: (sizeBytes / shape[0]!) * origin.rows.length };
}

interface RowsRequest {
  /** In the full model. */
  readonly name: string;
  readonly rows: readonly number[];
  /** Elements of the cut tensor. */
  readonly range: ElementRange;
  readonly cut: TensorDescription;
}

/** Elements of a tensor that consists of some entries of another's first axis; of the other, only what is asked for is read. */
async function readRows(full: Checkpoint, { name, rows, range, cut }: RowsRequest): Promise<Uint8Array> {
  const { offset, length } = rangeBytes(cut, range);
  const rowElements = countElements(cut.shape.slice(1))!;
  const bytes = new Uint8Array(length);
  const end = range.offset + range.length;
  for (let at = range.offset; at < end; ) {
    const row = Math.floor(at / rowElements);
    const next = Math.min(end, (row + 1) * rowElements);
    const part = await full.readRange(name, { offset: rows[row]! * rowElements + (at - row * rowElements), length: next - at });
    bytes.set(part, rangeBytes(cut, { offset: at, length: 0 }).offset - offset);
    at = next;
  }
  return bytes;
}
