/**
 * Codecs for the types of the runtime's description.
 *
 * Decoding is strict: lengths are checked against what is left before anything is allocated, compact integers must be in their
 * shortest form, bounds of bounded vectors hold, and {@link decodeScale} leaves no byte over.
 * @module
 */
import { palletList, type FieldsDescription, type PalletDescription } from '../pallets/index.ts';
import { namedTypes } from '../pallets/named-types.ts';
import { badScale, ScaleReader, ScaleWriter } from './bytes.ts';
import { parseType, type TypeTree } from './parse.ts';
import type { CommitmentData, Era, RuntimeCall, RuntimeEvent, TypeOf } from './type-of.ts';

/** Reads and writes one type. */
export interface Codec {
  encode(writer: ScaleWriter, value: unknown): void;
  decode(reader: ScaleReader): unknown;
}

/** Encodes `value` as the type that `name` names. */
export function encodeScale<S extends string>(name: S, value: TypeOf<S>): Uint8Array {
  const writer = new ScaleWriter();
  codecOf(parseType(name)).encode(writer, value);
  return writer.finish();
}

/** Decodes all of `bytes`. @throws bad-scale */
export function decodeScale<S extends string>(name: S, bytes: Uint8Array): TypeOf<S> {
  const reader = new ScaleReader(bytes);
  const value = codecOf(parseType(name)).decode(reader);
  reader.end();
  return value as TypeOf<S>;
}

/** Decodes from where the reader stands. @throws bad-scale */
export function readScale<S extends string>(name: S, reader: ScaleReader): TypeOf<S> {
  return codecOf(parseType(name)).decode(reader) as TypeOf<S>;
}

const codecs = new Map<TypeTree, Codec>();

/** The codec of a type; made once. */
export function codecOf(tree: TypeTree): Codec {
  const known = codecs.get(tree);
  if (known !== undefined) return known;
  const made = makeCodec(tree);
  codecs.set(tree, made);
  return made;
}

function makeCodec(tree: TypeTree): Codec {
  switch (tree.kind) {
    case 'name':
      return BUILTINS[tree.name] ?? namedCodec(tree.name);
    case 'vec':
    case 'set':
      return listCodec(tree.of, Number.POSITIVE_INFINITY);
    case 'bounded':
      return listCodec(tree.of, tree.max);
    case 'map':
      return listCodec({ kind: 'tuple', of: [tree.key, tree.value] }, Number.POSITIVE_INFINITY);
    case 'option':
      return tree.of.kind === 'option' ? nestedOptionCodec(codecOf(tree.of)) : optionCodec(codecOf(tree.of));
    case 'compact':
      return compactCodec(tree.of);
    case 'cow':
      return codecOf(tree.of);
    case 'perClass':
      return recordCodec({ normal: tree.of, operational: tree.of, mandatory: tree.of });
    case 'array':
      return arrayCodec(tree.of, tree.length);
    case 'tuple':
      return tree.of.length === 0 ? UNIT : tupleCodec(tree.of.map(codecOf));
    case 'result':
      return enumCodec({ Ok: [0, codecOf(tree.ok)], Err: [1, codecOf(tree.err)] });
  }
}

const UNIT: Codec = { encode: () => undefined, decode: () => undefined };

const BUILTINS: Readonly<Record<string, Codec>> = {
  bool: { encode: (writer, value) => void writer.uint(value === true ? 1 : 0, 1), decode: decodeBool },
  u8: uintCodec(1),
  u16: uintCodec(2),
  u32: uintCodec(4),
  i16: {
    encode: (writer, value) => void writer.uint((value as number) & 0xffff, 2),
    decode: (reader) => (reader.uint(2) << 16) >> 16,
  },
  i32: { encode: (writer, value) => void writer.uint((value as number) >>> 0, 4), decode: (reader) => reader.uint(4) | 0 },
  u64: bigUintCodec(8),
  u128: bigUintCodec(16),
  i64: bigIntCodec(8),
  i128: bigIntCodec(16),
  Text: {
    encode: (writer, value) => encodeBytes(writer, new TextEncoder().encode(value as string)),
    decode: decodeText,
  },
  AccountId: hexCodec(32),
  H256: hexCodec(32),
  Era: { encode: (writer, value) => encodeEra(writer, value as Era), decode: decodeEra },
  CommitmentData: { encode: (writer, value) => encodeData(writer, value as CommitmentData), decode: decodeData },
  RuntimeCall: { encode: (writer, value) => encodeCall(writer, value as RuntimeCall), decode: (reader) => reader.nested(() => decodeCall(reader)) },
  RuntimeEvent: { encode: (writer, value) => encodeEvent(writer, value as RuntimeEvent), decode: decodeEvent },
};

function uintCodec(size: 1 | 2 | 4): Codec {
  return { encode: (writer, value) => void writer.uint(value as number, size), decode: (reader) => reader.uint(size) };
}

function bigUintCodec(size: 8 | 16): Codec {
  return { encode: (writer, value) => void writer.bigUint(value as bigint, size), decode: (reader) => reader.bigUint(size) };
}

function bigIntCodec(size: 8 | 16): Codec {
  return { encode: (writer, value) => void writer.bigUint(value as bigint, size), decode: (reader) => BigInt.asIntN(8 * size, reader.bigUint(size)) };
}

function hexCodec(size: number): Codec {
  return { encode: (writer, value) => void writer.hex(value as string), decode: (reader) => reader.hex(size) };
}

function decodeBool(reader: ScaleReader): boolean {
  const byte = reader.uint(1);
  if (byte > 1) throw badScale('a bool (0 or 1)', `${byte}`, reader.offset - 1);
  return byte === 1;
}

function encodeBytes(writer: ScaleWriter, bytes: Uint8Array): void {
  writer.compact(bytes.length).put(bytes);
}

function isByte(tree: TypeTree): boolean {
  return tree.kind === 'name' && tree.name === 'u8';
}

function readLength(reader: ScaleReader, max: number): number {
  const length = reader.length();
  if (length > max) throw badScale(`at most ${max} items`, `${length}`, reader.offset);
  return length;
}

function listCodec(of: TypeTree, max: number): Codec {
  if (isByte(of)) {
    return {
      encode: (writer, value) => encodeBytes(writer, value as Uint8Array),
      decode: (reader) => reader.take(readLength(reader, max)),
    };
  }
  const item = codecOf(of);
  return {
    encode: (writer, value) => {
      const list = value as readonly unknown[];
      writer.compact(list.length);
      for (const entry of list) item.encode(writer, entry);
    },
    decode: (reader) => {
      const length = readLength(reader, max);
      const list: unknown[] = [];
      for (let index = 0; index < length; index++) list.push(item.decode(reader));
      return list;
    },
  };
}

function arrayCodec(of: TypeTree, length: number): Codec {
  if (isByte(of)) {
    return { encode: (writer, value) => void writer.put(value as Uint8Array), decode: (reader) => reader.take(length) };
  }
  return tupleCodec(Array.from({ length }, () => codecOf(of)));
}

function tupleCodec(items: readonly Codec[]): Codec {
  return {
    encode: (writer, value) => items.forEach((item, index) => item.encode(writer, (value as readonly unknown[])[index])),
    decode: (reader) => items.map((item) => item.decode(reader)),
  };
}

function optionCodec(item: Codec): Codec {
  return {
    encode: (writer, value) => {
      writer.uint(value === undefined ? 0 : 1, 1);
      if (value !== undefined) item.encode(writer, value);
    },
    decode: (reader) => (decodeBool(reader) ? item.decode(reader) : undefined),
  };
}

/** `Option<Option<T>>`: the outer `Some` is `{ value }`, since `undefined` could not tell `None` from `Some(None)`. */
function nestedOptionCodec(item: Codec): Codec {
  const outer = optionCodec({
    encode: (writer, some) => item.encode(writer, (some as { value?: unknown }).value),
    decode: (reader) => ({ value: item.decode(reader) }),
  });
  return outer;
}

function compactCodec(of: TypeTree): Codec {
  if (of.kind !== 'name') return UNIT;
  const bits = Number(of.name.slice(1));
  return {
    encode: (writer, value) => void writer.compact(value as bigint | number),
    decode: (reader) => {
      const value = reader.compact();
      if (value >> BigInt(bits) !== 0n) throw badScale(`at most ${bits} bits`, `${value}`, reader.offset);
      return bits <= 32 ? Number(value) : value;
    },
  };
}

function recordCodec(fields: Readonly<Record<string, TypeTree>>): Codec {
  const entries = Object.entries(fields).map(([name, tree]) => [name, lazyCodec(tree)] as const);
  return {
    encode: (writer, value) => {
      for (const [name, codec] of entries) codec.encode(writer, (value as Record<string, unknown>)[name]);
    },
    decode: (reader) => Object.fromEntries(entries.map(([name, codec]) => [name, codec.decode(reader)])),
  };
}

function lazyCodec(tree: TypeTree): Codec {
  return { encode: (writer, value) => codecOf(tree).encode(writer, value), decode: (reader) => codecOf(tree).decode(reader) };
}

/** Fields of structs and variants: none, one, a list, or a record. */
function fieldsCodec(fields: FieldsDescription | undefined): Codec {
  if (fields === undefined) return UNIT;
  if (!isList(fields)) return recordCodec(Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, parseType(type)])));
  if (fields.length === 0) return UNIT;
  const items = fields.map((type) => lazyCodec(parseType(type)));
  return items.length === 1 ? (items[0] as Codec) : tupleCodec(items);
}

function isList(fields: FieldsDescription): fields is readonly string[] {
  return Array.isArray(fields);
}

type NamedDescription =
  | { readonly struct: FieldsDescription }
  | { readonly enum: Readonly<Record<string, readonly [number, FieldsDescription?]>> };

function namedCodec(name: string): Codec {
  const description = (namedTypes as Readonly<Record<string, NamedDescription>>)[name];
  if (description === undefined) throw new Error(`The runtime's description has no type ${name}.`);
  if ('struct' in description) return fieldsCodec(description.struct);
  return enumCodec(
    Object.fromEntries(Object.entries(description.enum).map(([key, [index, fields]]) => [key, [index, fieldsCodec(fields)] as const])),
  );
}

function enumCodec(variants: Readonly<Record<string, readonly [number, Codec]>>): Codec {
  const byIndex = new Map(Object.entries(variants).map(([type, [index, codec]]) => [index, { type, codec }]));
  return {
    encode: (writer, value) => {
      const { type, value: inner } = value as { type: string; value?: unknown };
      const [index, codec] = variants[type] as readonly [number, Codec];
      writer.uint(index, 1);
      codec.encode(writer, inner);
    },
    decode: (reader) => {
      const index = reader.uint(1);
      const variant = byIndex.get(index);
      if (variant === undefined) throw badScale('a known variant', `index ${index}`, reader.offset - 1);
      const inner = variant.codec.decode(reader);
      return inner === undefined ? { type: variant.type } : { type: variant.type, value: inner };
    },
  };
}

/** @see `sp_runtime::generic::Era` */
function encodeEra(writer: ScaleWriter, era: Era): void {
  if (era.type === 'Immortal') return void writer.uint(0, 1);
  const quantize = Math.max(era.period >> 12, 1);
  const low = Math.min(15, Math.max(1, Math.log2(era.period) - 1));
  writer.uint(low | ((era.phase / quantize) << 4), 2);
}

/** As in Rust, text that is not UTF-8 is refused; a byte order mark is text like any other. */
function decodeText(reader: ScaleReader): string {
  const at = reader.offset;
  const bytes = reader.take(reader.length());
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badScale('UTF-8 text', 'other bytes', at);
  }
}

function decodeEra(reader: ScaleReader): Era {
  const first = reader.uint(1);
  if (first === 0) return { type: 'Immortal' };
  const encoded = first | (reader.uint(1) << 8);
  const period = 2 << (encoded % 16);
  const phase = (encoded >> 4) * Math.max(period >> 12, 1);
  if (period < 4 || phase >= period) throw badScale('a mortal era', `period ${period}, phase ${phase}`, reader.offset - 2);
  return { type: 'Mortal', period, phase };
}

const HASH_TAGS = ['BlakeTwo256', 'Sha256', 'Keccak256', 'ShaThree256'] as const;

/** @see pallets/commitments/src/types.rs: tag 1 + n stands for n raw bytes without a length prefix */
function encodeData(writer: ScaleWriter, data: CommitmentData): void {
  if (data.type === 'None') writer.uint(0, 1);
  else if (data.type === 'Raw') writer.uint(data.value.length + 1, 1).put(data.value);
  else if (data.type === 'TimelockEncrypted') {
    encodeBytes(writer.uint(134, 1), data.value.encrypted);
    writer.bigUint(data.value.reveal_round, 8);
  } else if (data.type === 'ResetBondsFlag') writer.uint(135, 1);
  else if (data.type === 'BigRaw') encodeBytes(writer.uint(136, 1), data.value);
  else writer.uint(130 + HASH_TAGS.indexOf(data.type as (typeof HASH_TAGS)[number]), 1).put(data.value as Uint8Array);
}

function decodeData(reader: ScaleReader): CommitmentData {
  const tag = reader.uint(1);
  if (tag === 0) return { type: 'None' };
  if (tag <= 129) return { type: 'Raw', value: reader.take(tag - 1) };
  const hash = HASH_TAGS[tag - 130];
  if (hash !== undefined) return { type: hash, value: reader.take(32) };
  if (tag === 134) {
    const encrypted = reader.take(readLength(reader, 1024));
    return { type: 'TimelockEncrypted', value: { encrypted, reveal_round: reader.bigUint(8) } };
  }
  if (tag === 135) return { type: 'ResetBondsFlag' };
  if (tag === 136) return { type: 'BigRaw', value: reader.take(readLength(reader, 512)) };
  throw badScale('a tag of Data (0..=136)', `${tag}`, reader.offset - 1);
}

interface OuterVariant {
  readonly pallet: string;
  readonly palletIndex: number;
  readonly name: string;
  readonly index: number;
  readonly codec: Codec;
}

function outerTable(select: (pallet: PalletDescription) => Readonly<Record<string, readonly [number, FieldsDescription]>>, listed: boolean): {
  readonly byName: ReadonlyMap<string, OuterVariant>;
  readonly byIndex: ReadonlyMap<number, OuterVariant>;
} {
  const all = palletList.flatMap(([pallet, description]) =>
    Object.entries(select(description)).map(([name, [index, fields]]): OuterVariant => {
      const codec = listed && isList(fields) ? tupleCodec(fields.map((type) => lazyCodec(parseType(type)))) : fieldsCodec(fields);
      return { pallet, palletIndex: description.index, name, index, codec };
    }),
  );
  return {
    byName: new Map(all.map((variant) => [`${variant.pallet}.${variant.name}`, variant])),
    byIndex: new Map(all.map((variant) => [variant.palletIndex * 256 + variant.index, variant])),
  };
}

const CALLS = outerTable((pallet) => pallet.calls, false);
const EVENTS = outerTable((pallet) => pallet.events, true);

function encodeCall(writer: ScaleWriter, call: RuntimeCall): void {
  const variant = CALLS.byName.get(`${call.pallet}.${call.call}`) as OuterVariant;
  variant.codec.encode(writer.uint(variant.palletIndex, 1).uint(variant.index, 1), call.args);
}

function decodeCall(reader: ScaleReader): RuntimeCall {
  const pallet = reader.uint(1);
  const index = reader.uint(1);
  const variant = CALLS.byIndex.get(pallet * 256 + index);
  if (variant === undefined) throw badScale('a call that this chain has', `pallet ${pallet}, call ${index}`, reader.offset - 2);
  return { pallet: variant.pallet, call: variant.name, args: (variant.codec.decode(reader) ?? {}) as Record<string, unknown> };
}

function encodeEvent(writer: ScaleWriter, event: RuntimeEvent): void {
  const variant = EVENTS.byName.get(`${event.pallet}.${event.event}`) as OuterVariant;
  variant.codec.encode(writer.uint(variant.palletIndex, 1).uint(variant.index, 1), event.data);
}

function decodeEvent(reader: ScaleReader): RuntimeEvent {
  const pallet = reader.uint(1);
  const index = reader.uint(1);
  const variant = EVENTS.byIndex.get(pallet * 256 + index);
  if (variant === undefined) throw badScale('an event that this chain has', `pallet ${pallet}, event ${index}`, reader.offset - 2);
  return { pallet: variant.pallet, event: variant.name, data: variant.codec.decode(reader) };
}
