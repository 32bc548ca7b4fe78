/**
 * Typed access to storage items: `storage.SubtensorModule.Tempo.get(netuid)`.
 *
 * A key is twox128(pallet) ‖ twox128(item) ‖ the hashed map keys.
 * @module
 */
import { blake2Short, concatBytes, fromHex, toHex, twox } from '../hex.ts';
import { palletList, type HasherName, type PalletName, type Pallets, type StorageDescription } from '../pallets/index.ts';
import { ScaleReader } from '../scale/bytes.ts';
import { decodeScale, encodeScale, readScale } from '../scale/codec.ts';
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
  const opened = Object.fromEntries(
    palletList.map(([pallet, { storage }]) => [
      pallet,
      Object.fromEntries(Object.entries(storage).map(([name, description]) => [name, new Item(view as StateOverlay, pallet, name, description)])),
    ]),
  );
  return opened as unknown as Storage;
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

class Item {
  readonly #view: StateOverlay;
  readonly #description: StorageDescription;
  readonly #prefix: string;

  constructor(view: StateOverlay, pallet: string, name: string, description: StorageDescription) {
    this.#view = view;
    this.#description = description;
    this.#prefix = storagePrefix(pallet, name);
  }

  get(...keys: unknown[]): unknown {
    const bytes = this.#view.get(this.key(...keys));
    if (bytes !== undefined) return decodeScale(this.#description.value, bytes);
    return this.#description.default === undefined ? undefined : decodeScale(this.#description.value, fromHex(this.#description.default.slice(2)));
  }

  has(...keys: unknown[]): boolean {
    return this.#view.get(this.key(...keys)) !== undefined;
  }

  set(...keysAndValue: unknown[]): void {
    const value = keysAndValue.pop() as never;
    this.#view.set(this.key(...keysAndValue), encodeScale(this.#description.value, value));
  }

  remove(...keys: unknown[]): void {
    this.#view.set(this.key(...keys), undefined);
  }

  entries(...first: unknown[]): (readonly [unknown[], unknown])[] {
    return this.#keys(first).map((key) => [this.#decodeKey(key), decodeScale(this.#description.value, this.#view.get(key) as Uint8Array)]);
  }

  clear(...first: unknown[]): void {
    for (const key of this.#keys(first)) this.#view.set(key, undefined);
  }

  #keys(first: readonly unknown[]): readonly string[] {
    return this.#view.keys?.(this.key(...first)) ?? [];
  }

  /** The map keys; every hasher here ends with the key itself. */
  #decodeKey(key: string): unknown[] {
    const { hashers = [], keys: types = [] } = this.#description;
    const reader = new ScaleReader(fromHex(key.slice(this.#prefix.length)));
    return types.map((type, index) => {
      reader.take(HASH_BYTES[hashers[index] as HasherName]);
      return readScale(type, reader);
    });
  }

  key(...keys: unknown[]): string {
    const { hashers = [], keys: types = [] } = this.#description;
    return keys.reduce<string>(
      (key, value, index) => key + toHex(hashKey(hashers[index] as HasherName, encodeScale(types[index] as string, value as never))),
      this.#prefix,
    );
  }
}

const HASH_BYTES: Readonly<Record<HasherName, number>> = { Identity: 0, Twox64Concat: 8, Blake2_128Concat: 16 };

function hashKey(hasher: HasherName, bytes: Uint8Array): Uint8Array {
  if (hasher === 'Identity') return bytes;
  return concatBytes(hasher === 'Twox64Concat' ? twox(bytes, 8) : blake2Short(bytes), bytes);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
