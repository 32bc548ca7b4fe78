/**
 * Values of the runtime's types as JSON, in both directions.
 *
 * Integers are numbers, above 2^53 decimal strings (either is read, and `0x…`); bytes and hashes are `0x…`, bytes also text that
 * does not begin with `0x`; accounts are ss58 (or `0x…`); an enum is its name, or `{ name: value }`; a missing option is null (an option in an option `{ value }`); structs
 * are records, tuples are lists, maps lists of pairs; a call is `{ pallet, call, args }`.
 * @module
 */
import { accountOfAddress, addressOf } from '../accounts.ts';
import { LocalnetError } from '../errors.ts';
import { parseHex, toHex } from '../hex.ts';
import { palletList, type FieldsDescription } from '../pallets/index.ts';
import { namedTypes } from '../pallets/named-types.ts';
import { formatType, parseType, type TypeTree } from './parse.ts';
import type { RuntimeCall } from './type-of.ts';

/** Anything that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Reads a value of a type from JSON. @throws bad-control, naming the place as `where` */
export function valueFromJson(type: string, json: unknown, where: string): unknown {
  return read(parseType(type), json, where);
}

/** Writes a value of a type as JSON. */
export function valueToJson(type: string, value: unknown): Json {
  return write(parseType(type), value);
}

/** Writes the fields of an event, a call or a struct. */
export function fieldsToJson(fields: FieldsDescription, value: unknown): Json {
  const items = value as Readonly<Record<string, unknown>>;
  if (!isList(fields)) return Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, valueToJson(type, items[name])]));
  return fields.map((type, index) => valueToJson(type, (value as readonly unknown[])[index]));
}

/** A call by its names. @throws bad-control */
export function callFromJson(json: unknown, where: string): RuntimeCall {
  const { pallet, call, args = {} } = record(json, where);
  const found = palletList.find(([name]) => name === pallet)?.[1].calls;
  const [, fields] = found !== undefined && typeof call === 'string' && Object.hasOwn(found, call) ? (found[call] ?? []) : [];
  if (fields === undefined) throw wrong(where, 'a call that this chain has, such as { "pallet": "System", "call": "remark", "args": { "remark": "0x00" } }', json);
  return { pallet: pallet as string, call: call as string, args: readFields(fields, args, `${where}.args`) as Readonly<Record<string, unknown>> };
}

type NamedDescription = { readonly struct: FieldsDescription } | { readonly enum: Readonly<Record<string, readonly [number, FieldsDescription?]>> };

interface Plain {
  read(json: unknown, where: string): unknown;
  write(value: never): Json;
}

const PLAIN: Readonly<Record<string, Plain>> = {
  bool: { read: readBool, write: (value: boolean) => value },
  u8: uint(8),
  u16: uint(16),
  u32: uint(32),
  i16: { read: (json, where) => Number(integer(json, where, signedRange(16))), write: (value: number) => value },
  i32: { read: (json, where) => Number(integer(json, where, signedRange(32))), write: (value: number) => value },
  i64: { read: (json, where) => integer(json, where, signedRange(64)), write: (value: bigint) => integerJson(value) },
  i128: { read: (json, where) => integer(json, where, signedRange(128)), write: (value: bigint) => integerJson(value) },
  u64: bigUint(64),
  u128: bigUint(128),
  Text: { read: readText, write: (value: string) => value },
  AccountId: { read: readAccount, write: addressOf },
  H256: { read: (json, where) => toHex(readBytes(json, where, 32)), write: (value: string) => `0x${value}` },
  RuntimeCall: { read: callFromJson, write: writeCall },
};

function signedRange(bits: number): { min: bigint; max: bigint } {
  const half = 1n << BigInt(bits - 1);
  return { min: -half, max: half - 1n };
}

function uint(bits: number): Plain {
  return { read: (json, where) => Number(integer(json, where, { min: 0n, max: (1n << BigInt(bits)) - 1n })), write: (value: number) => value };
}

function bigUint(bits: number): Plain {
  return { read: (json, where) => integer(json, where, { min: 0n, max: (1n << BigInt(bits)) - 1n }), write: (value: bigint) => integerJson(value) };
}

function read(tree: TypeTree, json: unknown, where: string): unknown {
  switch (tree.kind) {
    case 'name':
      return PLAIN[tree.name]?.read(json, where) ?? readNamed(tree.name, json, where);
    case 'vec':
    case 'set':
    case 'bounded':
      return readList(tree, json, where);
    case 'array':
      if (isByte(tree.of)) return readBytes(json, where, tree.length);
      return list(json, where, tree.length).map((item, index) => read(tree.of, item, `${where}[${index}]`));
    case 'map':
      return list(json, where).map((pair, index) => read({ kind: 'tuple', of: [tree.key, tree.value] }, pair, `${where}[${index}]`));
    case 'option':
      if (json === null || json === undefined) return undefined;
      return tree.of.kind === 'option' ? { value: read(tree.of, record(json, where)['value'], `${where}.value`) } : read(tree.of, json, where);
    case 'compact':
    case 'cow':
      return read(tree.of, json, where);
    case 'perClass':
      return readFields({ normal: formatType(tree.of), operational: formatType(tree.of), mandatory: formatType(tree.of) }, json, where);
    case 'tuple':
      return tree.of.length === 0 ? undefined : list(json, where, tree.of.length).map((item, index) => read(tree.of[index] as TypeTree, item, `${where}[${index}]`));
    case 'result':
      return readVariant({ Ok: [0, [formatType(tree.ok)]], Err: [1, [formatType(tree.err)]] }, json, where);
  }
}

function readList(tree: TypeTree & { readonly kind: 'vec' | 'set' | 'bounded' }, json: unknown, where: string): unknown {
  const max = tree.kind === 'bounded' ? tree.max : Number.POSITIVE_INFINITY;
  const items = isByte(tree.of) ? readBytes(json, where) : list(json, where);
  if (items.length > max) throw wrong(where, `at most ${max} items`, `${items.length}`);
  return isByte(tree.of) ? items : (items as readonly unknown[]).map((item, index) => read(tree.of, item, `${where}[${index}]`));
}

function readNamed(name: string, json: unknown, where: string): unknown {
  const description = (namedTypes as unknown as Readonly<Record<string, NamedDescription>>)[name];
  if (description === undefined) throw wrong(where, `raw hex, because values of ${name} have no form in JSON`, json);
  return 'struct' in description ? readFields(description.struct, json, where) : readVariant(description.enum, json, where);
}

function readFields(fields: FieldsDescription, json: unknown, where: string): unknown {
  if (isList(fields)) {
    if (fields.length === 1) return read(parseType(fields[0] as string), json, where);
    return fields.length === 0 ? undefined : list(json, where, fields.length).map((item, index) => read(parseType(fields[index] as string), item, `${where}[${index}]`));
  }
  const given = record(json, where);
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) throw wrong(where, `the fields ${Object.keys(fields).join(', ')}`, { [unknown]: given[unknown] });
  return Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, read(parseType(type), given[name], `${where}.${name}`)]));
}

function readVariant(variants: Readonly<Record<string, readonly [number, FieldsDescription?]>>, json: unknown, where: string): unknown {
  const [name, inner] = typeof json === 'string' ? [json, undefined] : (Object.entries(record(json, where))[0] ?? ['', undefined]);
  if (!Object.hasOwn(variants, name) || (typeof json !== 'string' && Object.keys(json as object).length !== 1)) {
    throw wrong(where, `one of ${Object.keys(variants).join(', ')}, as a name or as { name: value }`, json);
  }
  const fields = variants[name]?.[1];
  const value = fields === undefined ? undefined : readFields(fields, inner, `${where}.${name}`);
  return value === undefined ? { type: name } : { type: name, value };
}

function write(tree: TypeTree, value: unknown): Json {
  switch (tree.kind) {
    case 'name':
      return PLAIN[tree.name] === undefined ? writeNamed(tree.name, value) : (PLAIN[tree.name] as Plain).write(value as never);
    case 'vec':
    case 'set':
    case 'bounded':
    case 'array':
      if (isByte(tree.of)) return `0x${toHex(value as Uint8Array)}`;
      return (value as readonly unknown[]).map((item) => write(tree.of, item));
    case 'map':
      return (value as readonly unknown[]).map((pair) => write({ kind: 'tuple', of: [tree.key, tree.value] }, pair));
    case 'option':
      if (value === undefined) return null;
      return tree.of.kind === 'option' ? { value: write(tree.of, (value as { readonly value: unknown }).value) } : write(tree.of, value);
    case 'compact':
    case 'cow':
      return write(tree.of, value);
    case 'perClass':
      return Object.fromEntries(Object.entries(value as object).map(([name, item]) => [name, write(tree.of, item)]));
    case 'tuple':
      return tree.of.map((item, index) => write(item, (value as readonly unknown[])[index]));
    case 'result':
      return writeVariant({ Ok: [0, [formatType(tree.ok)]], Err: [1, [formatType(tree.err)]] }, value as Variant);
  }
}

interface Variant {
  readonly type: string;
  readonly value?: unknown;
}

function writeNamed(name: string, value: unknown): Json {
  const description = (namedTypes as unknown as Readonly<Record<string, NamedDescription>>)[name];
  if (description === undefined) return looseJson(value);
  return 'struct' in description ? writeStruct(description.struct, value) : writeVariant(description.enum, value as Variant);
}

function writeStruct(fields: FieldsDescription, value: unknown): Json {
  return isList(fields) && fields.length === 1 ? valueToJson(fields[0] as string, value) : fieldsToJson(fields, value);
}

function writeVariant(variants: Readonly<Record<string, readonly [number, FieldsDescription?]>>, { type, value }: Variant): Json {
  const fields = variants[type]?.[1];
  return fields === undefined || value === undefined ? type : { [type]: writeStruct(fields, value) };
}

function writeCall({ pallet, call, args }: RuntimeCall): Json {
  const fields = palletList.find(([name]) => name === pallet)?.[1].calls[call]?.[1] ?? {};
  return { pallet, call, args: fieldsToJson(fields, args) };
}

/** Values whose codec is written by hand (eras, commitments): by what they are in JavaScript. */
function looseJson(value: unknown): Json {
  if (value instanceof Uint8Array) return `0x${toHex(value)}`;
  if (typeof value === 'bigint') return integerJson(value);
  if (Array.isArray(value)) return value.map(looseJson);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, looseJson(item)]));
  return (value ?? null) as Json;
}

function integerJson(value: bigint): Json {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value.toString();
}

function integer(json: unknown, where: string, { min, max }: { min: bigint; max: bigint }): bigint {
  const whole = (typeof json === 'number' && Number.isSafeInteger(json)) || typeof json === 'bigint' || (typeof json === 'string' && /^(-?\d{1,40}|0x[0-9a-f]{1,32})$/i.test(json));
  const value = whole ? BigInt(json as string) : undefined;
  if (value === undefined || value < min || value > max) throw wrong(where, `a whole number from ${min} to ${max}`, json);
  return value;
}

function readBool(json: unknown, where: string): boolean {
  if (typeof json !== 'boolean') throw wrong(where, 'true or false', json);
  return json;
}

function readText(json: unknown, where: string): string {
  if (typeof json !== 'string') throw wrong(where, 'text', json);
  return json;
}

function readAccount(json: unknown, where: string): string {
  const account = accountOfAddress(json);
  if (account === undefined) throw wrong(where, 'an account as an ss58 address or 0x and 64 digits', json);
  return account;
}

function readBytes(json: unknown, where: string, length?: number): Uint8Array {
  const hex = typeof json === 'string' && json.startsWith('0x');
  const bytes = hex ? parseHex(json) : typeof json === 'string' ? new TextEncoder().encode(json) : undefined;
  if (bytes === undefined || (length !== undefined && bytes.length !== length)) throw wrong(where, `${length === undefined ? 'bytes' : `${length} bytes`} as 0x and hex digits`, json);
  return bytes;
}

function list(json: unknown, where: string, length?: number): readonly unknown[] {
  if (!Array.isArray(json) || (length !== undefined && json.length !== length)) throw wrong(where, `a list${length === undefined ? '' : ` of ${length}`}`, json);
  return json;
}

function record(json: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong(where, 'an object', json);
  return json as Readonly<Record<string, unknown>>;
}

function isByte(tree: TypeTree): boolean {
  return tree.kind === 'name' && tree.name === 'u8';
}

function isList(fields: FieldsDescription): fields is readonly string[] {
  return Array.isArray(fields);
}

function wrong(where: string, expected: string, came: unknown): LocalnetError {
  const shown = (typeof came === 'bigint' ? String(came) : (JSON.stringify(came) ?? 'nothing')).slice(0, 100);
  return new LocalnetError('bad-control', `${where}: expected ${expected}, got ${shown}.`, { context: { where, expected } });
}
