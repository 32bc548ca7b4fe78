/**
 * Quantised checkpoints as if they were not: tensors show under their own names as floats, their companions do not show. Factors are read with the tensor, nothing is
 * kept between reads.
 *
 * | stored | shows as |
 * |---|---|
 * | `x` F8_E4M3 `[R, C]`, `x_scale_inv` | `x` F32 `[R, C]` |
 * | `x_blocks` U8 `[E, O, I/32, 16]`, `x_scales` U8 `[E, O, I/32]` | `x` BF16 `[E, I, O]` |
 * @module
 */
import { applyBlockScales, dequantizeMxfp4, MXFP4_BLOCK } from '../safetensors/block-scaling.ts';
import type { Dtype } from '../safetensors/dtype.ts';
import { MoeError } from '../errors.ts';
import { expectedTensors } from './expected-tensors.ts';
import { fromFloat32, toFloat32 } from '../safetensors/float-conversion.ts';
import { quote } from '../internal/quote.ts';
import { requireTensor } from '../safetensors/safetensors.ts';
import { assertShape, countElements, rangeBytes, tensorSizeBytes, type ElementRange, type Tensor, type TensorDescription } from '../safetensors/tensor.ts';
import type { Quantization, Topology } from './topology.ts';

/** Tensors by name. Arrays that it returns belong to the caller. */
export interface TensorReader {
  /** Of a quantised checkpoint, tensors as the floats that they are read as; their factors do not show. */
  readonly tensors: ReadonlyMap<string, TensorDescription>;
  /** @throws tensor-missing, dtype-not-convertible, source-short-read */
  readFloat32(name: string): Promise<Float32Array>;
  /** @throws tensor-missing, source-short-read */
  readTensor(name: string): Promise<Tensor>;
  /** The bytes of a run of elements; nothing else of the tensor is read. @throws tensor-missing, tensor-range-invalid, source-short-read */
  readRange(name: string, range: ElementRange): Promise<Uint8Array>;
}

/** A tensor that is computed from stored ones. */
interface Derived {
  readonly description: TensorDescription;
  readFloat32Range(range: ElementRange): Promise<Float32Array>;
}

/**
 * The tensors of a quantised checkpoint as floats.
 * @throws tensor-missing a companion; tensor-shape-unexpected, tensor-dtype-unexpected, config-contradiction blocks that do not fit the model
 */
export function dequantizedTensors(stored: TensorReader, topology: Topology, quantization: Quantization): TensorReader {
  const derived = new Map<string, Derived>();
  const companions = new Set<string>();
  for (const { name, shape } of expectedTensors(topology)) {
    const made = quantization.kind === 'mxfp4' ? deriveMxfp4(stored, { name, shape }) : deriveFp8(stored, { name, shape, quantization });
    if (made === undefined) continue;
    derived.set(name, made);
    for (const suffix of COMPANIONS) companions.add(name + suffix);
  }
  const tensors = new Map([...stored.tensors].filter(([name]) => !companions.has(name)));
  for (const [name, { description }] of derived) tensors.set(name, description);
  const readRange: TensorReader['readRange'] = async (name, range) => {
    const tensor = derived.get(name);
    if (tensor === undefined) return stored.readRange(name, range);
    rangeBytes(tensor.description, range);
    return fromFloat32(await tensor.readFloat32Range(range), tensor.description.dtype);
  };
  return {
    tensors,
    readRange,
    readFloat32: async (name) => derived.get(name)?.readFloat32Range(whole(derived.get(name)!.description)) ?? stored.readFloat32(name),
    readTensor: async (name) => {
      const { dtype, shape } = requireTensor(tensors, name);
      return derived.has(name) ? { name, dtype, shape, data: await readRange(name, whole({ shape })) } : stored.readTensor(name);
    },
  };
}

/** Suffixes of the names of what belongs to a quantised tensor. */
export const COMPANIONS = ['_scale_inv', '_blocks', '_scales'] as const;

/**
 * Refuses weights that need factors which the config does not speak of: they would be read as if the factors were 1.
 * @throws config-contradiction
 */
export function assertNotQuantized(tensors: ReadonlyMap<string, TensorDescription>, topology: Topology): void {
  for (const { name } of expectedTensors(topology)) {
    const companion = COMPANIONS.map((suffix) => name + suffix).find((candidate) => tensors.has(candidate));
    if (companion === undefined) continue;
    throw new MoeError('config-contradiction', {
      message: `the tensors hold ${quote(companion)}, but config.json has no quantization_config that says how to read ${quote(name)}`,
      context: { field: 'quantization_config', other: companion },
    });
  }
}

interface Wanted {
  readonly name: string;
  readonly shape: readonly number[];
}

function deriveFp8(stored: TensorReader, wanted: Wanted & { readonly quantization: Extract<Quantization, { kind: 'fp8-blocks' }> }): Derived | undefined {
  const { name, shape, quantization } = wanted;
  const weight = stored.tensors.get(name);
  if (weight?.dtype !== 'F8_E4M3') return undefined;
  assertShape(weight, shape);
  const [rows, columns] = [shape[0]!, shape[1] ?? 1];
  const grid = { columns, blockRows: quantization.rows, blockColumns: quantization.columns };
  const scaleName = `${name}_scale_inv`;
  const scale = requireCompanion(stored, { name: scaleName, shape: [Math.ceil(rows / grid.blockRows), Math.ceil(columns / grid.blockColumns)] });
  return {
    description: describe(wanted, 'F32'),
    async readFloat32Range(range) {
      const values = toFloat32({ dtype: 'F8_E4M3', data: await stored.readRange(name, range) });
      applyBlockScales(values, { grid, scales: await stored.readFloat32(scale.name), offset: range.offset });
      return values;
    },
  };
}

function deriveMxfp4(stored: TensorReader, wanted: Wanted): Derived | undefined {
  const { name, shape } = wanted;
  if (!stored.tensors.has(`${name}_blocks`)) return undefined;
  const [experts, inputs, outputs] = shape as [number, number, number];
  const groups = inputs / MXFP4_BLOCK;
  const blocks = requireCompanion(stored, { name: `${name}_blocks`, shape: [experts, outputs, groups, MXFP4_BLOCK / 2], dtype: 'U8' });
  const scales = requireCompanion(stored, { name: `${name}_scales`, shape: [experts, outputs, groups], dtype: 'U8' });
  const perExpert = inputs * outputs;
  return {
    description: describe(wanted, 'BF16'),
    async readFloat32Range({ offset, length }) {
      const first = Math.floor(offset / perExpert);
      const count = Math.ceil((offset + length) / perExpert) - first;
      const run = async (tensor: TensorDescription, size: number): Promise<Uint8Array> => stored.readRange(tensor.name, { offset: first * size, length: count * size });
      const values = dequantizeMxfp4(await run(blocks, perExpert / 2), { scales: await run(scales, perExpert / MXFP4_BLOCK), outputs, inputs });
      return length === values.length ? values : values.slice(offset - first * perExpert, offset - first * perExpert + length);
    },
  };
}

function requireCompanion(stored: TensorReader, expected: Wanted & { readonly dtype?: Dtype }): TensorDescription {
  const found = requireTensor(stored.tensors, expected.name);
  assertShape(found, expected.shape);
  if (expected.dtype === undefined || found.dtype === expected.dtype) return found;
  throw new MoeError('tensor-dtype-unexpected', {
    message: `tensor ${quote(found.name)} is ${found.dtype}, expected ${expected.dtype}`,
    context: { tensor: found.name, expected: expected.dtype, actual: found.dtype },
  });
}

function describe({ name, shape }: Wanted, dtype: Dtype): TensorDescription {
  return { name, dtype, shape, sizeBytes: tensorSizeBytes({ name, dtype, shape }) };
}

function whole({ shape }: { readonly shape: readonly number[] }): ElementRange {
  return { offset: 0, length: countElements(shape)! };
}
