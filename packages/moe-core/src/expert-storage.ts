/**
 * Where the tensors of an expert lie on disk, and moving values between there and the logical order (gate and up `[I, H]`, down `[H, I]`).
 *
 * One description covers every layout: the value at `[r, c]` of a logical tensor is element `offset + r · strides[0] + c · strides[1]` of a stored tensor. For a tensor
 * of its own that is `0 + r · C + c`; for gpt-oss' `[E, H, 2I]` with gate and up in turn, gate is `e · H · 2I + r · 2 + c · 2I`.
 * @module
 */
import type { FusedExperts } from './families/family.ts';
import { FAMILY_DEFINITIONS } from './families/registry.ts';
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
  walkRuns(place, storedFrom, ({ logical, at, stride, length }) => {
    for (let i = 0; i < length; i++) values[logical + i] = stored[at + i * stride]!;
  });
  return values;
}

/**
 * Puts a logical tensor into the stored values; the reverse of {@link gatherExpertTensor}. What lies outside of `into` is left out.
 * @param into values of the stored tensor from element `storedFrom` on
 */
export function scatterExpertTensor(place: ExpertTensorPlace, values: Float32Array, into: Float32Array, storedFrom = 0): void {
  walkRuns(place, storedFrom, ({ logical, at, stride, length }) => {
    for (let i = 0; i < length; i++) into[at + i * stride] = values[logical + i]!;
  });
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
  walkRuns(place, storedFrom, ({ logical, at, stride, length }) => {
    for (let i = 0; i < length; i++) {
      for (let byte = 0; byte < elementBytes; byte++) bytes[(logical + i) * elementBytes + byte] = stored[(at + i * stride) * elementBytes + byte]!;
    }
  });
  return bytes;
}

/** {@link scatterExpertTensor} over bytes. */
export function scatterExpertBytes(place: ExpertTensorPlace, bytes: Uint8Array, into: Uint8Array, { elementBytes, storedFrom = 0 }: StoredBytes): void {
  walkRuns(place, storedFrom, ({ logical, at, stride, length }) => {
    for (let i = 0; i < length; i++) {
      for (let byte = 0; byte < elementBytes; byte++) into[(at + i * stride) * elementBytes + byte] = bytes[(logical + i) * elementBytes + byte]!;
    }
  });
}

/** Part of a logical row: where it begins, in the logical and in the stored tensor, and the step between stored values. */
interface Run {
  readonly logical: number;
  readonly at: number;
  readonly stride: number;
  readonly length: number;
}

/** Values of a row, and rows, that are moved before going on to the next of them: where a transposed tensor has its rows, both sides of a tile fit the first-level cache. */
const TILE = 32;

/** Visits a logical tensor in runs of rows, tile by tile; a bias is one row. */
function walkRuns({ shape, strides, offset }: ExpertTensorPlace, storedFrom: number, visit: (run: Run) => void): void {
  const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
  const [rowStride, stride] = shape.length === 1 ? [0, strides[0]!] : [strides[0]!, strides[1]!];
  const width = stride === 1 ? columns : TILE;
  for (let row = 0; row < rows; row += TILE) {
    const rowEnd = Math.min(rows, row + TILE);
    for (let column = 0; column < columns; column += width) {
      const length = Math.min(width, columns - column);
      for (let r = row; r < rowEnd; r++) visit({ logical: r * columns + column, at: offset - storedFrom + r * rowStride + column * stride, stride, length });
    }
  }
}
