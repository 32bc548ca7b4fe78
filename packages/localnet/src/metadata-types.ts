/**
 * The portable type registry of the metadata: type strings of the description become numbered, self-describing types.
 * @module
 * @see https://docs.rs/scale-info (PortableRegistry)
 */
import { extensions } from './pallets/extensions.ts';
import { palletList, pallets, type FieldsDescription, type PalletDescription, type PalletName } from './pallets/index.ts';
import { namedTypes } from './pallets/named-types.ts';
import { ScaleWriter } from './scale/bytes.ts';
import { formatType, parseType, type TypeTree } from './scale/parse.ts';

const PRIMITIVES = ['bool', 'char', 'Text', 'u8', 'u16', 'u32', 'u64', 'u128', 'u256', 'i8', 'i16', 'i32', 'i64', 'i128', 'i256'];

interface Field {
  readonly name?: string;
  /** How the source writes the type; the Python codecs want one with every argument of a call. */
  readonly typeName?: string;
  readonly type: number;
}
interface Variant {
  readonly name: string;
  readonly index: number;
  readonly fields: readonly Field[];
}
type Definition =
  | { readonly kind: 'composite'; readonly fields: readonly Field[] }
  | { readonly kind: 'variant'; readonly variants: readonly Variant[] }
  | { readonly kind: 'sequence' | 'compact'; readonly of: number }
  | { readonly kind: 'array'; readonly of: number; readonly length: number }
  | { readonly kind: 'tuple'; readonly of: readonly number[] }
  | { readonly kind: 'primitive'; readonly index: number };
interface PortableType {
  readonly path?: string;
  readonly params?: readonly (readonly [string, number | undefined])[];
  readonly definition: Definition;
}

/** Numbers types in the order in which they are asked for. */
export class TypeRegistry {
  readonly #ids = new Map<string, number>();
  readonly #types: (PortableType | undefined)[] = [];

  /** The number of a type. */
  id(tree: TypeTree): number {
    return this.#define(formatType(tree), () => this.#describe(tree));
  }

  /** The pallet's `Call` enum. */
  calls(name: PalletName): number {
    return this.#palletEnum(name, 'Call', (pallet) => pallet.calls);
  }

  /** The pallet's `Event` enum. */
  events(name: PalletName): number {
    return this.#palletEnum(name, 'Event', (pallet) => pallet.events);
  }

  /** The pallet's `Error` enum. */
  errors(name: PalletName): number {
    return this.#palletEnum(name, 'Error', (pallet) => Object.fromEntries(pallet.errors.map((error, index) => [error, [index, []]])));
  }

  /** `RuntimeCall`, `RuntimeEvent`, `RuntimeError`. */
  outer(): [number, number, number] {
    return [this.id(parseType('RuntimeCall')), this.id(parseType('RuntimeEvent')), this.#outerEnum('RuntimeError')];
  }

  /** The (empty) `Runtime` type. */
  runtime(): number {
    return this.#define('Runtime', () => ({ path: 'node_subtensor_runtime::Runtime', definition: { kind: 'composite', fields: [] } }));
  }

  /** The types of an extrinsic and of its parts. */
  extrinsic(): { extrinsic: number; address: number; call: number; signature: number; extra: number } {
    const [address, call, signature] = ['MultiAddress', 'RuntimeCall', 'MultiSignature'].map((name) => this.id(parseType(name))) as [number, number, number];
    const extra = this.id(parseType(`(${extensions.map(([, type]) => type).join(',')})`));
    return { extrinsic: this.id(parseType('UncheckedExtrinsic')), address, call, signature, extra };
  }

  /** The registry's SCALE encoding. */
  encode(): Uint8Array {
    const writer = new ScaleWriter().compact(this.#types.length);
    this.#types.forEach((type, id) => writeType(writer.compact(id), type as PortableType));
    return writer.finish();
  }

  #define(key: string, describe: () => PortableType): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#types.push(undefined) - 1;
    this.#ids.set(key, id);
    this.#types[id] = describe();
    return id;
  }

  #describe(tree: TypeTree): PortableType {
    switch (tree.kind) {
      case 'name':
        return this.#describeName(tree.name);
      case 'vec':
        return { definition: { kind: 'sequence', of: this.id(tree.of) } };
      case 'compact':
        return { definition: { kind: 'compact', of: this.id(tree.of) } };
      case 'array':
        return { definition: { kind: 'array', of: this.id(tree.of), length: tree.length } };
      case 'tuple':
        return { definition: { kind: 'tuple', of: tree.of.map((item) => this.id(item)) } };
      case 'option':
        return this.#option(this.id(tree.of));
      case 'result':
        return this.#result(this.id(tree.ok), this.id(tree.err));
      case 'map':
        return this.#map(tree);
      default:
        return this.#wrapper(tree);
    }
  }

  #wrapper(tree: Extract<TypeTree, { kind: 'bounded' | 'set' | 'cow' | 'perClass' }>): PortableType {
    const of = this.id(tree.of);
    if (tree.kind === 'cow') return { path: 'Cow', params: [['T', of]], definition: composite([{ type: of }]) };
    if (tree.kind === 'perClass') {
      const fields = ['normal', 'operational', 'mandatory'].map((name) => ({ name, type: of }));
      return { path: 'frame_support::dispatch::PerDispatchClass', params: [['T', of]], definition: composite(fields) };
    }
    const list = this.id({ kind: 'vec', of: tree.of });
    if (tree.kind === 'set') return { path: 'BTreeSet', params: [['T', of]], definition: composite([{ type: list }]) };
    const params = [['T', of], ['S', undefined]] as const;
    return { path: 'bounded_collections::bounded_vec::BoundedVec', params, definition: composite([{ type: list }]) };
  }

  #map({ key, value }: Extract<TypeTree, { kind: 'map' }>): PortableType {
    const params = [['K', this.id(key)], ['V', this.id(value)]] as const;
    return { path: 'BTreeMap', params, definition: composite([{ type: this.id({ kind: 'vec', of: { kind: 'tuple', of: [key, value] } }) }]) };
  }

  #option(of: number): PortableType {
    const variants = [
      { name: 'None', index: 0, fields: [] },
      { name: 'Some', index: 1, fields: [{ type: of }] },
    ];
    return { path: 'Option', params: [['T', of]], definition: { kind: 'variant', variants } };
  }

  #result(ok: number, err: number): PortableType {
    const variants = [
      { name: 'Ok', index: 0, fields: [{ type: ok }] },
      { name: 'Err', index: 1, fields: [{ type: err }] },
    ];
    return { path: 'Result', params: [['T', ok], ['E', err]], definition: { kind: 'variant', variants } };
  }

  #describeName(name: string): PortableType {
    const primitive = PRIMITIVES.indexOf(name);
    if (primitive >= 0) return { definition: { kind: 'primitive', index: primitive } };
    if (name === 'AccountId') return { path: 'sp_core::crypto::AccountId32', definition: composite([{ type: this.id(parseType('[u8;32]')) }]) };
    if (name === 'H256') return { path: 'primitive_types::H256', definition: composite([{ type: this.id(parseType('[u8;32]')) }]) };
    if (name === 'RuntimeCall' || name === 'RuntimeEvent') return this.#outerType(name);
    if (name === 'Era') return this.#era();
    if (name === 'CommitmentData') return this.#data();
    return this.#named(name);
  }

  #named(name: string): PortableType {
    const description = (namedTypes as Readonly<Record<string, NamedDescription>>)[name] as NamedDescription;
    const params = this.#params(name);
    if ('struct' in description) return { path: description.path, params, definition: composite(this.#fields(description.struct)) };
    const variants = Object.entries(description.enum).map(([key, [index, fields]]) => ({ name: key, index, fields: this.#fields(fields ?? []) }));
    return { path: description.path, params, definition: { kind: 'variant', variants } };
  }

  /** Clients find the types of accounts, extrinsics and events in these parameters. */
  #params(name: string): readonly (readonly [string, number])[] {
    if (name === 'EventRecord') return [['E', this.id(parseType('RuntimeEvent'))], ['T', this.id(parseType('H256'))]];
    if (name === 'MultiAddress') return [['AccountId', this.id(parseType('AccountId'))], ['AccountIndex', this.id(parseType('()'))]];
    if (name !== 'UncheckedExtrinsic') return [];
    const extra = `(${extensions.map(([, type]) => type).join(',')})`;
    const parts = { Address: 'MultiAddress', Call: 'RuntimeCall', Signature: 'MultiSignature', Extra: extra };
    return Object.entries(parts).map(([key, type]) => [key, this.id(parseType(type))] as const);
  }

  #fields(fields: FieldsDescription): Field[] {
    if (Array.isArray(fields)) return (fields as readonly string[]).map((type) => this.#field(type));
    return Object.entries(fields as Readonly<Record<string, string>>).map(([name, type]) => ({ name, ...this.#field(type) }));
  }

  #field(type: string): Field {
    return { type: this.id(parseType(type)), typeName: type.replaceAll(/\bAccountId\b/g, 'T::AccountId').replaceAll(/;(\d+)>/g, ', ConstU32<$1>>') };
  }

  #palletEnum(name: PalletName, kind: string, select: (pallet: PalletDescription) => Readonly<Record<string, readonly [number, FieldsDescription]>>): number {
    const pallet = pallets[name] as PalletDescription;
    return this.#define(`${name}::${kind}`, () => {
      const variants = Object.entries(select(pallet)).map(([key, [index, fields]]) => ({ name: key, index, fields: this.#fields(fields) }));
      return { path: `${pallet.path}::${kind}`, definition: { kind: 'variant', variants } };
    });
  }

  #outerEnum(name: 'RuntimeCall' | 'RuntimeEvent' | 'RuntimeError'): number {
    return this.#define(name, () => this.#outerType(name));
  }

  #outerType(name: 'RuntimeCall' | 'RuntimeEvent' | 'RuntimeError'): PortableType {
    const variants = palletList
      .filter(([, pallet]) => Object.keys(name === 'RuntimeCall' ? pallet.calls : name === 'RuntimeEvent' ? pallet.events : pallet.errors).length > 0)
      .map(([key, pallet]) => ({ name: key, index: pallet.index, fields: [{ type: this.#part(name, key) }] }));
    return { path: `node_subtensor_runtime::${name}`, definition: { kind: 'variant', variants } };
  }

  #part(name: 'RuntimeCall' | 'RuntimeEvent' | 'RuntimeError', pallet: PalletName): number {
    if (name === 'RuntimeCall') return this.calls(pallet);
    return name === 'RuntimeEvent' ? this.events(pallet) : this.errors(pallet);
  }

  /** `Immortal`, and `Mortal1(u8)` to `Mortal255(u8)`, as `sp_runtime` describes it. */
  #era(): PortableType {
    const byte = this.id(parseType('u8'));
    const mortal = Array.from({ length: 255 }, (_, index) => ({ name: `Mortal${index + 1}`, index: index + 1, fields: [{ type: byte }] }));
    const variants = [{ name: 'Immortal', index: 0, fields: [] }, ...mortal];
    return { path: 'sp_runtime::generic::era::Era', definition: { kind: 'variant', variants } };
  }

  /** `Raw0([u8; 0])` to `Raw128([u8; 128])` between the named variants. */
  #data(): PortableType {
    const field = (type: string): Field => ({ type: this.id(parseType(type)) });
    const raw = Array.from({ length: 129 }, (_, size) => ({ name: `Raw${size}`, index: size + 1, fields: [field(`[u8;${size}]`)] }));
    const hashes = ['BlakeTwo256', 'Sha256', 'Keccak256', 'ShaThree256'].map((name, index) => ({ name, index: 130 + index, fields: [field('[u8;32]')] }));
    const timelock = [
      { name: 'encrypted', type: this.id(parseType('BoundedVec<u8;1024>')) },
      { name: 'reveal_round', type: this.id(parseType('u64')) },
    ];
    const variants = [
      { name: 'None', index: 0, fields: [] },
      ...raw,
      ...hashes,
      { name: 'TimelockEncrypted', index: 134, fields: timelock },
      { name: 'ResetBondsFlag', index: 135, fields: [] },
      { name: 'BigRaw', index: 136, fields: [field('BoundedVec<u8;512>')] },
    ];
    return { path: 'pallet_commitments::types::Data', definition: { kind: 'variant', variants } };
  }
}

type NamedDescription = { readonly path: string } & (
  | { readonly struct: FieldsDescription }
  | { readonly enum: Readonly<Record<string, readonly [number, FieldsDescription?]>> }
);

function composite(fields: readonly Field[]): Definition {
  return { kind: 'composite', fields };
}

function writeType(writer: ScaleWriter, type: PortableType): void {
  const path = type.path?.split('::') ?? [];
  writer.compact(path.length);
  for (const part of path) writeText(writer, part);
  const params = type.params ?? [];
  writer.compact(params.length);
  for (const [name, id] of params) {
    writeText(writer, name).uint(id === undefined ? 0 : 1, 1);
    if (id !== undefined) writer.compact(id);
  }
  writeDefinition(writer, type.definition);
  writer.compact(0);
}

function writeDefinition(writer: ScaleWriter, definition: Definition): void {
  switch (definition.kind) {
    case 'composite':
      return writeFields(writer.uint(0, 1), definition.fields);
    case 'variant':
      writer.uint(1, 1).compact(definition.variants.length);
      for (const variant of definition.variants) {
        writeFields(writeText(writer, variant.name), variant.fields);
        writer.uint(variant.index, 1).compact(0);
      }
      return;
    case 'sequence':
      return void writer.uint(2, 1).compact(definition.of);
    case 'array':
      return void writer.uint(3, 1).uint(definition.length, 4).compact(definition.of);
    case 'tuple':
      writer.uint(4, 1).compact(definition.of.length);
      for (const id of definition.of) writer.compact(id);
      return;
    case 'primitive':
      return void writer.uint(5, 1).uint(definition.index, 1);
    case 'compact':
      return void writer.uint(6, 1).compact(definition.of);
  }
}

function writeFields(writer: ScaleWriter, fields: readonly Field[]): void {
  writer.compact(fields.length);
  for (const field of fields) {
    writer.uint(field.name === undefined ? 0 : 1, 1);
    if (field.name !== undefined) writeText(writer, field.name);
    writer.compact(field.type).uint(field.typeName === undefined ? 0 : 1, 1);
    if (field.typeName !== undefined) writeText(writer, field.typeName);
    writer.compact(0);
  }
}

function writeText(writer: ScaleWriter, text: string): ScaleWriter {
  const bytes = new TextEncoder().encode(text);
  return writer.compact(bytes.length).put(bytes);
}
