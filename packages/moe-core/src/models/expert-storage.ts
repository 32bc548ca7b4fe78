/**
 * Where the tensors of an expert lie on disk, and moving values between there and the logical order (gate and up `[I, H]`, down `[H, I]`).
 *
 * One description covers every layout: the value at `[r, c]` of a logical tensor is element `offset + r · strides[0] + c · strides[1]` of a stored tensor. For a tensor
 * of its own that is `0 + r · C + c`; for gpt-oss' `[E, H, 2I]` with gate and up in turn, gate is `e · H · 2I + r · 2 + c · 2I`.
 * @module
 */
import type { FusedExperts } from './families/family.ts';
import { FAMILY_DEFINITIONS } from './families/registry.ts';
import { elementsOf, gatherMatrix, scatterMatrix, type StridedMatrix } from '../internal/strided-copy.ts';
import { blockPrefix, expertTensorNames, expertTensorShape, type ExpertId, type Projection } from './tensor-names.ts';
import type { Topology } from './topology.ts';

/** A logical tensor inside of a stored one; all in elements. */
export interface ExpertTensorPlace {
  /** Name of the stored tensor. */
  readonly tensor: string;
  /** Its shape. */
  readonly storedShape: readonly number[];
  /** Everything that the stored tensor holds of this expert, in one run. */
  readonly slab: { readonly offset: number; readonly length: number };
  /** Logical shape. */
  readonly shape: readonly number[];
  /** Of the first value; inside of the slab. */
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Where a tensor of an expert lies. */
export function locateExpertTensor(topology: Topology, id: ExpertId, projection: Projection): ExpertTensorPlace {
  const { experts } = FAMILY_DEFINITIONS[topology.family].naming;
  const shape = expertTensorShape(topology, projection);
  if (experts.kind === 'fused') return locateFused(topology, { id, projection, shape, layout: experts });
  const length = shape.reduce((product, size) => product * size, 1);
  const tensor = expertTensorNames(topology, id)[projection]!;
  return { tensor, storedShape: shape, slab: { offset: 0, length }, shape, offset: 0, strides: [shape[1] ?? 1, 1] };
}

interface FusedRequest {
  readonly id: ExpertId;
  readonly projection: Projection;
  readonly shape: readonly number[];
  readonly layout: FusedExperts;
}

function locateFused(topology: Topology, { id, projection, shape, layout }: FusedRequest): ExpertTensorPlace {
  const isDown = projection === 'down' || projection === 'downBias';
  const isBias = shape.length === 1;
  const storedShape = fusedShape(topology, layout, { isDown, isBias });
  const length = storedShape.slice(1).reduce((product, size) => product * size, 1);
  const slab = { offset: id.expert * length, length };
  const name = isDown ? (isBias ? layout.downBias! : layout.down) : isBias ? layout.gateUpBias! : layout.gateUp;
  // Outputs of gate and up share an axis of 2I; those of down have theirs alone.
  const outputStep = !isDown && layout.order === 'interleaved' ? 2 : 1;
  const isUp = projection === 'up' || projection === 'upBias';
  const firstOutput = isUp ? (layout.order === 'interleaved' ? 1 : topology.expertWidth) : 0;
  const columns = layout.outputs === 'columns' || isBias;
  const outputStride = columns ? 1 : storedShape[2]!;
  const inputStride = columns ? (storedShape[2] ?? 1) : 1;
  return {
    tensor: blockPrefix(topology, id.layer) + name,
    storedShape,
    slab,
    shape,
    offset: slab.offset + firstOutput * outputStride,
    strides: isBias ? [outputStep * outputStride] : [outputStep * outputStride, inputStride],
  };
}

/** Shape of a fused tensor. */
function fusedShape(topology: Topology, { outputs }: FusedExperts, of: { readonly isDown: boolean; readonly isBias: boolean }): readonly number[] {
  const { expertsPerLayer: experts, expertWidth, hiddenSize } = topology;
  const rows = of.isDown ? hiddenSize : 2 * expertWidth;
  const columns = of.isDown ? expertWidth : hiddenSize;
  if (of.isBias) return [experts, rows];
  return outputs === 'rows' ? [experts, rows, columns] : [experts, columns, rows];
}

/**
 * Takes a logical tensor out of the stored values.
 * @param stored values of the stored tensor from element `storedFrom` on
 * @returns the values in logical order, row-major; a new array
 */
export function gatherExpertTensor(place: ExpertTensorPlace, stored: Float32Array, storedFrom = 0): Float32Array {
  const values = new Float32Array(place.shape.reduce((product, size) => product * size, 1));
  gatherMatrix(stored, matrixOf(place, storedFrom), values);
  return values;
}

/**
 * Puts a logical tensor into the stored values; the reverse of {@link gatherExpertTensor}.
 * @param into values of the stored tensor from element `storedFrom` on
 */
export function scatterExpertTensor(place: ExpertTensorPlace, values: Float32Array, into: Float32Array, storedFrom = 0): void {
  scatterMatrix(values, matrixOf(place, storedFrom), into);
}

/** How values are stored that are moved as bytes. */
export interface StoredBytes {
  /** Width of a value: 1, 2, 4 or 8. */
  readonly elementBytes: number;
  readonly storedFrom?: number;
}

/** {@link gatherExpertTensor} over bytes: the same values in the type in which they are stored. */
export function gatherExpertBytes(place: ExpertTensorPlace, stored: Uint8Array, { elementBytes, storedFrom = 0 }: StoredBytes): Uint8Array {
  const bytes = new Uint8Array(place.shape.reduce((product, size) => product * size, elementBytes));
  gatherMatrix(elementsOf(stored, elementBytes), matrixOf(place, storedFrom), elementsOf(bytes, elementBytes));
  return bytes;
}

/** {@link scatterExpertTensor} over bytes. */
export function scatterExpertBytes(place: ExpertTensorPlace, bytes: Uint8Array, into: Uint8Array, { elementBytes, storedFrom = 0 }: StoredBytes): void {
  const elements = elementsOf(into, elementBytes);
  scatterMatrix(elementsOf(bytes, elementBytes), matrixOf(place, storedFrom), elements);
  // Where `into` lies unaligned, `elements` is a copy of it.
  if (elements.buffer !== into.buffer) into.set(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength));
}

/** A bias is one column. */
function matrixOf({ shape, strides, offset }: ExpertTensorPlace, storedFrom: number): StridedMatrix {
  return { rows: shape[0]!, columns: shape[1] ?? 1, start: offset - storedFrom, rowStride: strides[0]!, columnStride: strides[1] ?? 1 };
}
