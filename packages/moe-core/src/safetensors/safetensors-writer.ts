/**
 * Writing safetensors, byte for byte as the reference writer does for the same tensors: sorted by dtype (widest first, the
 * reference's enum order reversed), then by name in code point order; compact JSON; the header padded with spaces to a multiple of 8.
 * Only the order of several `__metadata__` keys differs: the reference iterates over a hash map and changes it from run to run, here they are sorted.
 * @see https://github.com/huggingface/safetensors/blob/24b0b28/safetensors/src/tensor.rs (prepare)
 * @module
 */
import { dtypeRank } from './dtype.ts';
import { MoeError } from '../errors.ts';
import { compareCodePoints } from '../internal/code-points.ts';
import { assertName, LENGTH_FIELD_BYTES } from './safetensors-header.ts';
import { MAX_HEADER_BYTES, MAX_TENSOR_RANK } from './safetensors-limits.ts';
import { tensorSizeBytes, type Tensor, type TensorDescription } from './tensor.ts';
import { quote } from '../internal/quote.ts';

/** A tensor whose values are fetched only when its turn comes. */
export interface TensorSource extends Omit<TensorDescription, 'sizeBytes'> {
  /** Exactly the bytes of dtype and shape. */
  read(): Promise<Uint8Array>;
}

/** String pairs for `__metadata__`. */
export type SafetensorsMetadata = ReadonlyMap<string, string> | Readonly<Record<string, string>>;

/**
 * A whole file in memory.
 * @throws safetensors-duplicate-tensor, safetensors-name-invalid, safetensors-name-too-long, safetensors-rank-too-large,
 *   safetensors-size-overflow, safetensors-partial-byte, safetensors-header-too-large, safetensors-metadata-invalid, tensor-size-unexpected
 * @example
 * const bytes = encodeSafetensors([{ name: 'a', dtype: 'U8', shape: [2], data: Uint8Array.of(1, 2) }], { made: 'here' });
 */
export function encodeSafetensors(tensors: Iterable<Tensor>, metadata?: SafetensorsMetadata): Uint8Array {
  const sorted = sortTensors(tensors);
  for (const tensor of sorted) assertData(tensor, tensor.data);
  const header = encodeHeader(sorted, metadata);
  const bytes = new Uint8Array(sorted.reduce((size, { data }) => size + data.byteLength, header.byteLength));
  bytes.set(header);
  let offset = header.byteLength;
  for (const { data } of sorted) {
    bytes.set(data, offset);
    offset += data.byteLength;
  }
  return bytes;
}

/**
 * The same bytes as {@link encodeSafetensors} in chunks, holding one tensor at a time: the header first, then one chunk per tensor.
 * @throws the codes of {@link encodeSafetensors}, when iterated
 */
export async function* streamSafetensors(tensors: Iterable<TensorSource>, metadata?: SafetensorsMetadata): AsyncGenerator<Uint8Array, void, undefined> {
  const sorted = sortTensors(tensors);
  yield encodeHeader(sorted, metadata);
  for (const tensor of sorted) {
    const data = await tensor.read();
    assertData(tensor, data);
    yield data;
  }
}

type Described = Omit<TensorDescription, 'sizeBytes'>;

function sortTensors<T extends Described>(tensors: Iterable<T>): T[] {
  return [...tensors].sort((a, b) => dtypeRank(b.dtype) - dtypeRank(a.dtype) || compareCodePoints(a.name, b.name));
}

function assertData(tensor: Described, data: Uint8Array): void {
  const expected = tensorSizeBytes(tensor);
  if (data.byteLength === expected) return;
  throw new MoeError('tensor-size-unexpected', {
    message: `tensor ${quote(tensor.name)} of ${tensor.dtype} [${tensor.shape.join(', ')}] takes ${expected} bytes, got ${data.byteLength}`,
    context: { tensor: tensor.name, expected, actual: data.byteLength },
  });
}

/** Length field, JSON and padding. */
function encodeHeader(sorted: readonly Described[], metadata: SafetensorsMetadata | undefined): Uint8Array {
  const members: string[] = metadata === undefined ? [] : [`"__metadata__":${formatMetadata(metadata)}`];
  const names = new Set<string>();
  let offset = 0;
  for (const tensor of sorted) {
    assertWritable(tensor, names);
    const end = offset + tensorSizeBytes(tensor);
    members.push(`${JSON.stringify(tensor.name)}:{"dtype":"${tensor.dtype}","shape":[${tensor.shape.join(',')}],"data_offsets":[${offset},${end}]}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const headerBytes = Math.ceil(json.byteLength / 8) * 8;
  assertHeaderSize(headerBytes);
  const bytes = new Uint8Array(LENGTH_FIELD_BYTES + headerBytes).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, LENGTH_FIELD_BYTES);
  return bytes;
}

function assertWritable(tensor: Described, names: Set<string>): void {
  const { name, shape } = tensor;
  assertName(name);
  if (name === '__metadata__' || name === '__proto__' || /\p{Surrogate}/u.test(name)) {
    throw new MoeError('safetensors-name-invalid', {
      message: `${quote(name)} cannot be the name of a tensor: it is reserved or not well-formed`,
      context: { tensor: name },
    });
  }
  if (names.has(name)) {
    throw new MoeError('safetensors-duplicate-tensor', { message: `the tensor ${quote(name)} is given twice`, context: { tensor: name } });
  }
  names.add(name);
  if (shape.length > MAX_TENSOR_RANK) {
    throw new MoeError('safetensors-rank-too-large', {
      message: `tensor ${quote(name)} has ${shape.length} dimensions, the limit is ${MAX_TENSOR_RANK}`,
      context: { tensor: name, rank: shape.length, limit: MAX_TENSOR_RANK },
    });
  }
}

function assertHeaderSize(headerBytes: number): void {
  if (headerBytes <= MAX_HEADER_BYTES) return;
  throw new MoeError('safetensors-header-too-large', {
    message: `the header would take ${headerBytes} bytes, the limit is ${MAX_HEADER_BYTES}; split the tensors over several files`,
    context: { headerBytes: BigInt(headerBytes), limitBytes: MAX_HEADER_BYTES },
  });
}

function formatMetadata(metadata: SafetensorsMetadata): string {
  const pairs = metadata instanceof Map ? [...metadata] : Object.entries(metadata as Readonly<Record<string, string>>);
  pairs.sort(([a], [b]) => compareCodePoints(a, b));
  const members = pairs.map(([key, value]) => {
    if (typeof value !== 'string' || key === '__proto__' || /\p{Surrogate}/u.test(key + value)) {
      throw new MoeError('safetensors-metadata-invalid', {
        message: `__metadata__ must map well-formed strings to well-formed strings, ${quote(key)} does not`,
        context: { key },
      });
    }
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  return `{${members.join(',')}}`;
}
