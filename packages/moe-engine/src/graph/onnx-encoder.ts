/**
 * Writes ONNX models: the few protobuf messages that ONNX Runtime needs to load a graph, encoded by hand.
 *
 * Own code because the only encoder in the registry (`onnx-proto` 8.0.1) is stale and drags in an old protobufjs, while the
 * subset used here is a page. Weights never pass through it: they are graph inputs.
 *
 * @see https://github.com/onnx/onnx/blob/v1.19.0/onnx/onnx.proto3 field numbers
 * @see https://protobuf.dev/programming-guides/encoding/
 * @module
 */

/** Element types used by the engine's graphs. */
export type ElementType = 'float32' | 'float64' | 'int32' | 'int64' | 'bool';

/** `TensorProto.DataType` of onnx.proto3. */
const DATA_TYPE: Readonly<Record<ElementType, number>> = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 };

/** A node attribute: a number with its ONNX kind, a string, or a list of integers. */
export type OnnxAttribute = { readonly int: number } | { readonly float: number } | { readonly ints: readonly number[] } | { readonly string: string };

/** One operator call. An empty string among `inputs` or `outputs` stands for an omitted optional one. */
export interface OnnxNode {
  readonly operator: string;
  /** `''` is the ONNX standard set, `com.microsoft` ONNX Runtime's own. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** Name, type and shape of a graph input or output; a `null` dimension is known only when the graph runs. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | null)[];
}

/** A constant inside the model: little-endian, row-major bytes. */
export interface OnnxConstant {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A whole model. */
export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly constants: readonly OnnxConstant[];
}

/** IR version 10 with operator set 23: RotaryEmbedding and everything older, read by ONNX Runtime 1.23 and later. */
const IR_VERSION = 10;
const OPERATOR_SET = 23;

type Chunk = Uint8Array;

const UTF8 = new TextEncoder();

/**
 * Encodes a model as `ModelProto` bytes.
 *
 * @param model nodes in topological order
 * @returns the protobuf bytes that `InferenceSession.create` takes
 */
export function encodeOnnxModel(model: OnnxModel): Uint8Array {
  return join([
    integer(1, IR_VERSION),
    text(2, 'connito'),
    message(7, graph(model)),
    message(8, [integer(2, OPERATOR_SET)]),
    message(8, [text(1, 'com.microsoft'), integer(2, 1)]),
  ]);
}

function graph(model: OnnxModel): Chunk[] {
  return [
    ...model.nodes.map((entry) => message(1, node(entry))),
    text(2, 'connito'),
    ...model.constants.map((entry) => message(5, constant(entry))),
    ...model.inputs.map((entry) => message(11, value(entry))),
    ...model.outputs.map((entry) => message(12, value(entry))),
  ];
}

function node(entry: OnnxNode): Chunk[] {
  return [
    ...entry.inputs.map((name) => text(1, name)),
    ...entry.outputs.map((name) => text(2, name)),
    text(4, entry.operator),
    ...Object.entries(entry.attributes).map(([name, given]) => message(5, [text(1, name), ...attribute(given)])),
    ...(entry.domain === '' ? [] : [text(7, entry.domain)]),
  ];
}

function attribute(given: OnnxAttribute): Chunk[] {
  if ('float' in given) return [float(2, given.float), integer(20, 1)];
  if ('int' in given) return [integer(3, given.int), integer(20, 2)];
  if ('string' in given) return [text(4, given.string), integer(20, 3)];
  return [...given.ints.map((entry) => integer(8, entry)), integer(20, 7)];
}

function value(entry: OnnxValue): Chunk[] {
  const dimensions = entry.shape.map((size, axis) => message(1, [size === null ? text(2, `${entry.name}.${axis}`) : integer(1, size)]));
  return [text(1, entry.name), message(2, [message(1, [integer(1, DATA_TYPE[entry.type]), message(2, dimensions)])])];
}

function constant(entry: OnnxConstant): Chunk[] {
  return [...entry.shape.map((size) => integer(1, size)), integer(2, DATA_TYPE[entry.type]), text(8, entry.name), bytes(9, entry.data)];
}

function integer(field: number, given: number): Chunk {
  return join([varint(field << 3), varint(given)]);
}

function float(field: number, given: number): Chunk {
  const fixed = new Uint8Array(4);
  new DataView(fixed.buffer).setFloat32(0, given, true);
  return join([varint((field << 3) | 5), fixed]);
}

function text(field: number, given: string): Chunk {
  return bytes(field, UTF8.encode(given));
}

function message(field: number, parts: readonly Chunk[]): Chunk {
  return bytes(field, join(parts));
}

function bytes(field: number, data: Uint8Array): Chunk {
  return join([varint((field << 3) | 2), varint(data.length), data]);
}

/** Base-128 varint; negative numbers take the ten bytes of their 64-bit two's complement. */
function varint(given: number): Chunk {
  if (given >= 0 && given < 128) return Uint8Array.of(given);
  let rest = BigInt.asUintN(64, BigInt(given));
  const out: number[] = [];
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Uint8Array.of(...out, Number(rest));
}

function join(parts: readonly Chunk[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
