/**
 * Reading safetensors over a byte source: the header at once, each tensor when it is asked for.
 * @module
 */
import { readInto, type ByteSource } from './byte-source.ts';
import { dtypeBits } from './dtype.ts';
import { MoeError } from '../errors.ts';
import { assertFloat, decodeFloats, type FloatDtype } from './float-conversion.ts';
import { LENGTH_FIELD_BYTES, parseHeaderLength, parseSafetensorsHeader, tooSmall, type TensorInfo } from './safetensors-header.ts';
import { countElements, rangeBytes, type ElementRange, type Tensor } from './tensor.ts';
import { quote } from '../internal/quote.ts';

/** An open file. Arrays that it returns belong to the caller. */
export interface SafetensorsFile {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
  /** @throws tensor-missing, source-short-read */
  read(name: string): Promise<Tensor>;
  /**
   * The values as float32; float types only.
   * @param into where to write them, as many as the tensor has; a new array without it. Whoever reads tensor after tensor and keeps none saves the system most of the work by
   *   giving the same array again: fresh memory costs more than reading and converting.
   * @returns `into`, or the new array
   * @throws tensor-missing, dtype-not-convertible, tensor-size-unexpected, source-short-read
   */
  readFloat32(name: string, into?: Float32Array): Promise<Float32Array>;
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
  const readFloat32 = async (name: string, into?: Float32Array): Promise<Float32Array> => readFloats(source, requireTensor(tensors, name), into);
  return { tensors, metadata, read, readFloat32, readRange };
}

/** Bytes that are read and converted at once. Measured from 256 KiB to 8 MiB: below, handing a piece over from the reading thread counts; above, pieces fall out of the cache. */
const PIECE_BYTES = 1 << 20;

/** Reads straight into the result where it is float32 already, narrower types piece by piece, so that a tensor's own bytes are never in memory as a whole. */
async function readFloats(source: ByteSource, tensor: TensorInfo, into: Float32Array | undefined): Promise<Float32Array> {
  const { dtype, byteOffset, sizeBytes } = tensor;
  assertFloat(dtype);
  const values = countElements(tensor.shape)!;
  assertRoom(tensor, values, into);
  const target = into ?? new Float32Array(values);
  if (dtype === 'F32') await readInto(source, byteOffset, bytesOf(target));
  else if (dtype === 'F64') decodeFloats({ dtype, data: await source.read(byteOffset, sizeBytes) }, target);
  else await widenInPlace(source, { byteOffset, sizeBytes, dtype, target });
  return target;
}

interface Widening {
  readonly byteOffset: number;
  readonly sizeBytes: number;
  readonly dtype: FloatDtype;
  readonly target: Float32Array;
}

/**
 * A piece is read into the end of its own place in the result and widened from there to the front of it, value after value: no value is written over before it has been
 * read, and there is no other memory to fill. While one piece is widened, the next is on its way; half of the system's work of handing out fresh memory, which takes longer
 * than reading and widening together, is done there.
 */
async function widenInPlace(source: ByteSource, { byteOffset, sizeBytes, dtype, target }: Widening): Promise<void> {
  const elementBytes = dtypeBits(dtype) / 8;
  const bytes = bytesOf(target);
  const readPiece = async (from: number): Promise<{ readonly data: Uint8Array; readonly place: Float32Array }> => {
    const to = Math.min(sizeBytes, from + PIECE_BYTES);
    const placeEnd = (4 * to) / elementBytes;
    const data = bytes.subarray(placeEnd - (to - from), placeEnd);
    await readInto(source, byteOffset + from, data);
    return { data, place: target.subarray(from / elementBytes, to / elementBytes) };
  };
  let next = readPiece(0);
  for (let from = 0; from < sizeBytes; from += PIECE_BYTES) {
    const { data, place } = await next;
    if (from + PIECE_BYTES < sizeBytes) next = readPiece(from + PIECE_BYTES);
    decodeFloats({ dtype, data }, place);
  }
  await next;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function assertRoom({ name }: TensorInfo, expected: number, into: Float32Array | undefined): void {
  if (into === undefined || into.length === expected) return;
  throw new MoeError('tensor-size-unexpected', {
    message: `tensor ${quote(name)} has ${expected} values, the array to read them into has ${into.length}`,
    context: { tensor: name, expected, actual: into.length },
  });
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
