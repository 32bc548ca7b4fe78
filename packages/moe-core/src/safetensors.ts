/**
 * Reading safetensors over a byte source: the header at once, each tensor when it is asked for.
 * @module
 */
import type { ByteSource } from './byte-source.ts';
import { MoeError } from './errors.ts';
import { toFloat32 } from './float-conversion.ts';
import { LENGTH_FIELD_BYTES, parseHeaderLength, parseSafetensorsHeader, tooSmall, type TensorInfo } from './safetensors-header.ts';
import { rangeBytes, type ElementRange, type Tensor } from './tensor.ts';
import { quote } from './internal/quote.ts';

/** An open file. Arrays that it returns belong to the caller. */
export interface SafetensorsFile {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
  /** @throws tensor-missing, source-short-read */
  read(name: string): Promise<Tensor>;
  /** The values as float32; float types only. @throws tensor-missing, dtype-not-convertible, source-short-read */
  readFloat32(name: string): Promise<Float32Array>;
  /** The bytes of a run of elements; nothing else is read. @throws tensor-missing, tensor-range-invalid, source-short-read */
  readRange(name: string, range: ElementRange): Promise<Uint8Array>;
}

/**
 * Opens a safetensors file; every rule of the format is checked before this returns.
 * @param options.maxHeaderBytes a smaller cap than the format's 100 MB, for files of strangers whose tensors are few
 * @throws the codes of {@link parseHeaderLength} and {@link parseSafetensorsHeader}
 * @example
 * const file = await openSafetensors(fromBytes(bytes));
 * for (const { name, dtype, shape } of file.tensors.values()) console.log(name, dtype, shape);
 */
export async function openSafetensors(source: ByteSource, options: { readonly maxHeaderBytes?: number } = {}): Promise<SafetensorsFile> {
  if (source.sizeBytes < LENGTH_FIELD_BYTES) throw tooSmall(source.sizeBytes);
  const headerBytes = parseHeaderLength(await source.read(0, LENGTH_FIELD_BYTES), source.sizeBytes, options.maxHeaderBytes);
  const header = await source.read(LENGTH_FIELD_BYTES, headerBytes);
  const { tensors, metadata } = parseSafetensorsHeader(header, source.sizeBytes);
  const read = async (name: string): Promise<Tensor> => {
    const { dtype, shape, byteOffset, sizeBytes } = requireTensor(tensors, name);
    return { name, dtype, shape, data: await source.read(byteOffset, sizeBytes) };
  };
  const readRange = async (name: string, range: ElementRange): Promise<Uint8Array> => {
    const tensor = requireTensor(tensors, name);
    const { offset, length } = rangeBytes(tensor, range);
    return source.read(tensor.byteOffset + offset, length);
  };
  return { tensors, metadata, read, readFloat32: async (name) => toFloat32(await read(name)), readRange };
}

/**
 * The entry of a tensor.
 * @throws tensor-missing
 */
export function requireTensor<T>(tensors: ReadonlyMap<string, T>, name: string): T {
  const info = tensors.get(name);
  if (info !== undefined) return info;
  throw new MoeError('tensor-missing', { message: `there is no tensor ${quote(name)}`, context: { tensor: name } });
}
