/**
 * Typed access to storage items: `storage.SubtensorModule.Tempo.get(netuid)`.
 *
 * A key is twox128(pallet) ‖ twox128(item) ‖ the hashed map keys.
 * @module
 */
import { blake2Short, concatBytes, fromHex, toHex, twox } from '../hex.ts';
import { palletList, type HasherName, type PalletName, type Pallets, type StorageDescription } from '../pallets/index.ts';
import { ScaleReader, ScaleWriter } from '../scale/bytes.ts';
import { codecOf, type Codec } from '../scale/codec.ts';
import { parseType } from '../scale/parse.ts';
import type { TypeOf } from '../scale/type-of.ts';
import type { StateOverlay, StateView } from '../state.ts';

type KeysOf<D> = D extends { readonly keys: infer K extends readonly string[] } ? { -readonly [I in keyof K]: TypeOf<K[I]> } : [];
type StoredOf<D> = D extends { readonly value: infer V extends string } ? TypeOf<V> : never;
type ReadOf<D> = D extends { readonly optional: true } ? StoredOf<D> | undefined : StoredOf<D>;

/** One storage item, a value or a map. */
export interface StorageItem<D> {
  /** The value, the default of an item that has one, or `undefined`. */
  get(...keys: KeysOf<D>): ReadOf<D>;
  has(...keys: KeysOf<D>): boolean;
  set(...keysAndValue: [...KeysOf<D>, StoredOf<D>]): void;
  remove(...keys: KeysOf<D>): void;
  /** All entries whose first keys are these, in the order of their storage keys. */
  entries(...first: Partial<KeysOf<D>>): readonly (readonly [KeysOf<D>, StoredOf<D>])[];
  /** Removes all entries whose first keys are these. */
  clear(...first: Partial<KeysOf<D>>): void;
  /** The storage key, hex. */
  key(...keys: KeysOf<D>): string;
}

/** All storage items by pallet and name. */
export type Storage = {
  readonly [P in PalletName]: { readonly [I in keyof Pallets[P]['storage']]: StorageItem<Pallets[P]['storage'][I]> };
};

/** Storage that reads `view`, and writes to it if it is an overlay. */
export function openStorage(view: StateView | StateOverlay): Storage {
  layouts ??= palletList.map(([pallet, { storage }]) => [pallet, palletLayout(pallet, storage)]);
  return Object.fromEntries(layouts.map(([pallet, Pallet]) => [pallet, new Pallet(view as StateOverlay)])) as unknown as Storage;
}

/** The key prefix of an item, hex. */
export function storagePrefix(pallet: string, item: string): string {
  const id = `${pallet}.${item}`;
  const known = prefixes.get(id);
  if (known !== undefined) return known;
  const made = toHex(concatBytes(twox(utf8(pallet), 16), twox(utf8(item), 16)));
  prefixes.set(id, made);
  return made;
}

/** A whole storage key, hex, of encoded map keys. */
export function storageKey(pallet: string, item: string, keys: readonly { readonly hasher: HasherName; readonly bytes: Uint8Array }[]): string {
  return keys.reduce((key, { hasher, bytes }) => key + toHex(hashKey(hasher, bytes)), storagePrefix(pallet, item));
}

const prefixes = new Map<string, string>();

/** The items of one pallet, each opened when it is first asked for: a block uses few of the hundreds that there are. */
class PalletStorage {
  readonly view: StateOverlay;
  readonly opened: Record<string, Item> = {};

  constructor(view: StateOverlay) {
    this.view = view;
  }
}

let layouts: readonly (readonly [pallet: string, typeof PalletStorage])[] | undefined;

function palletLayout(pallet: string, items: Readonly<Record<string, StorageDescription>>): typeof PalletStorage {
  const Pallet = class extends PalletStorage {};
  for (const [name, description] of Object.entries(items)) {
    const layout = itemLayout(storagePrefix(pallet, name), description);
    Object.defineProperty(Pallet.prototype, name, {
      get(this: PalletStorage) {
        return (this.opened[name] ??= new Item(this.view, layout));
      },
    });
  }
  return Pallet;
}

interface ItemLayout {
  readonly prefix: string;
  readonly keys: readonly MapKey[];
  readonly value: Codec;
  readonly defaultBytes: Uint8Array | undefined;
  /** What larger values were decoded to, as long as their bytes are there: an epoch reads hundreds of rows that few blocks change. Nobody may write to them. */
  readonly decoded: WeakMap<Uint8Array, unknown>;
}

/** Shorter values are as soon decoded as found. */
const MIN_REMEMBERED_BYTES = 128;

function itemLayout(prefix: string, { hashers = [], keys = [], value, default: absent }: StorageDescription): ItemLayout {
  return {
    prefix,
    keys: keys.map((type, index) => mapKey(type, hashers[index] as HasherName)),
    value: codecOf(parseType(value)),
    defaultBytes: absent === undefined ? undefined : fromHex(absent.slice(2)),
    decoded: new WeakMap(),
  };
}

class Item {
  readonly #view: StateOverlay;
  readonly #layout: ItemLayout;

  constructor(view: StateOverlay, layout: ItemLayout) {
    this.#view = view;
    this.#layout = layout;
  }

  get(...keys: unknown[]): unknown {
    const bytes = this.#view.get(this.key(...keys)) ?? this.#layout.defaultBytes;
    return bytes === undefined ? undefined : this.#decode(bytes);
  }

  has(...keys: unknown[]): boolean {
    return this.#view.get(this.key(...keys)) !== undefined;
  }

  set(...keysAndValue: unknown[]): void {
    const value = keysAndValue.pop();
    this.#view.set(this.key(...keysAndValue), encodeWith(this.#layout.value, value));
  }

  remove(...keys: unknown[]): void {
    this.#view.set(this.key(...keys), undefined);
  }

  entries(...first: unknown[]): (readonly [unknown[], unknown])[] {
    return this.#keys(first).map((key) => [this.#decodeKey(key), this.#decode(this.#view.get(key) as Uint8Array)]);
  }

  clear(...first: unknown[]): void {
    for (const key of this.#keys(first)) this.#view.set(key, undefined);
  }

  #keys(first: readonly unknown[]): readonly string[] {
    return this.#view.keys?.(this.key(...first)) ?? [];
  }

  #decode(bytes: Uint8Array): unknown {
    const { decoded, value: codec } = this.#layout;
    const known = bytes.length < MIN_REMEMBERED_BYTES ? undefined : decoded.get(bytes);
    if (known !== undefined) return known;
    const reader = new ScaleReader(bytes);
    const value = codec.decode(reader);
    reader.end();
    if (bytes.length >= MIN_REMEMBERED_BYTES) decoded.set(bytes, value);
    return value;
  }

  /** The map keys; every hasher here ends with the key itself. */
  #decodeKey(key: string): unknown[] {
    const reader = new ScaleReader(fromHex(key.slice(this.#layout.prefix.length)));
    return this.#layout.keys.map(({ codec, hasher }) => {
      reader.take(HASH_BYTES[hasher]);
      return codec.decode(reader);
    });
  }

  key(...keys: unknown[]): string {
    let key = this.#layout.prefix;
    for (let index = 0; index < keys.length; index++) key += hashedKey(this.#layout.keys[index] as MapKey, keys[index]);
    return key;
  }
}

/** A type of map keys with its hasher, and what the keys that were used last are hashed to: the same accounts and subnets come again and again. */
interface MapKey {
  readonly codec: Codec;
  readonly hasher: HasherName;
  readonly hashed: Map<unknown, string>;
}

/** Hashes that are remembered of one kind of keys. */
const MAX_HASHED = 8192;
const mapKeys = new Map<string, MapKey>();

function mapKey(type: string, hasher: HasherName): MapKey {
  const id = `${hasher} ${type}`;
  const known = mapKeys.get(id);
  if (known !== undefined) return known;
  const made: MapKey = { codec: codecOf(parseType(type)), hasher, hashed: new Map() };
  mapKeys.set(id, made);
  return made;
}

function hashedKey({ codec, hasher, hashed }: MapKey, value: unknown): string {
  const known = hashed.get(value);
  if (known !== undefined) return known;
  const made = toHex(hashKey(hasher, encodeWith(codec, value)));
  // An object is another key each time, whatever it holds.
  if (typeof value === 'object') return made;
  if (hashed.size >= MAX_HASHED) hashed.clear();
  hashed.set(value, made);
  return made;
}

function encodeWith(codec: Codec, value: unknown): Uint8Array {
  const writer = new ScaleWriter();
  codec.encode(writer, value);
  return writer.finish();
}

const HASH_BYTES: Readonly<Record<HasherName, number>> = { Identity: 0, Twox64Concat: 8, Blake2_128Concat: 16 };

function hashKey(hasher: HasherName, bytes: Uint8Array): Uint8Array {
  if (hasher === 'Identity') return bytes;
  return concatBytes(hasher === 'Twox64Concat' ? twox(bytes, 8) : blake2Short(bytes), bytes);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
