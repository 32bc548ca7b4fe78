import { existsSync, readFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';
import type { PortableRegistry } from '@polkadot/types/metadata';
import type { MetadataV16 } from '@polkadot/types/interfaces';
import { describe, expect, it } from 'vitest';
import { encodeMetadata } from '../src/metadata.ts';
import { DEPARTURES, FIELD_DEPARTURES } from './departures.ts';

const FINNEY = new URL('../../../../shared/data/subtensor/finney-393.scale', import.meta.url);
const present = existsSync(FINNEY);
if (!present) console.warn('SKIPPED: conformance with finney metadata; ../shared/data/subtensor/finney-393.scale is absent.');

/** Every described thing as one line of text, by a name: `SubtensorModule call set_weights` → `0 (netuid: u16, …)`. */
type Items = Map<string, string>;

describe.skipIf(!present)('conformance with the metadata of finney, spec 393', () => {
  const finney = present ? itemsOf(decode(new Uint8Array(readFileSync(FINNEY)))) : new Map<string, string>();

  it.each([14, 15, 16] as const)('has the same indices, names, hashers, types, defaults and values in V%i', (version) => {
    const ours = itemsOf(decode(encodeMetadata(version)));
    // @polkadot/types loses the implicit types when it lifts V14 and V15 to V16 (it writes `implict`).
    const lost = (name: string): boolean => version < 16 && name.endsWith('implicit');
    const wrong = [...ours].filter(([name, text]) => finney.get(name) !== asFinney(text) && !(name in DEPARTURES) && !lost(name));
    expect(wrong.map(([name, text]) => `${name}\n  ours   ${text}\n  finney ${finney.get(name)}`)).toEqual([]);
    expect(ours.size).toBeGreaterThan(450);
  });

  it('lists no departure that is none', () => {
    const ours = itemsOf(decode(encodeMetadata(16)));
    const stale = Object.keys(DEPARTURES).filter((name) => !ours.has(name) || finney.get(name) === ours.get(name));
    expect(stale).toEqual([]);
    const all = [...ours.values()].join('\n');
    expect(FIELD_DEPARTURES.filter(([field]) => !all.includes(field))).toEqual([]);
  });

  it('sees a wrong type when there is one', () => {
    expect(finney.get('SubtensorModule call set_weights')).toBe('0 (netuid: u16, dests: Vec<u16>, weights: Vec<u16>, version_key: u64)');
    expect(finney.get('SubtensorModule storage Uids')).toMatch(/^Optional Identity\+Blake2_128Concat \(u16, sp_core::crypto::AccountId32/);
  });
});

/** A type's structure with the fields written that finney has in their place. */
function asFinney(text: string): string {
  return FIELD_DEPARTURES.reduce((written, [ours, theirs]) => written.replaceAll(ours, theirs), text);
}

function decode(bytes: Uint8Array): MetadataV16 {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, bytes);
  registry.setMetadata(metadata, undefined, undefined, true);
  return metadata.asLatest;
}

function itemsOf(metadata: MetadataV16): Items {
  const items: Items = new Map();
  const { lookup } = metadata;
  for (const pallet of metadata.pallets) {
    const name = pallet.name.toString();
    items.set(`${name} index`, pallet.index.toString());
    if (pallet.calls.isSome) variants(items, `${name} call`, lookup, pallet.calls.unwrap().type.toNumber());
    if (pallet.events.isSome) variants(items, `${name} event`, lookup, pallet.events.unwrap().type.toNumber());
    if (pallet.errors.isSome) variants(items, `${name} error`, lookup, pallet.errors.unwrap().type.toNumber());
    for (const constant of pallet.constants) items.set(`${name} constant ${constant.name.toString()}`, `${shape(lookup, constant.type.toNumber())} ${constant.value.toHex()}`);
    if (pallet.storage.isSome) storage(items, name, lookup, pallet.storage.unwrap());
  }
  for (const api of metadata.apis) {
    for (const method of api.methods) {
      const inputs = method.inputs.map((input) => `${input.name.toString()}: ${shape(lookup, input.type.toNumber())}`);
      items.set(`${api.name.toString()} api ${method.name.toString()}`, `(${inputs.join(', ')}) -> ${shape(lookup, method.output.toNumber())}`);
    }
  }
  metadata.extrinsic.transactionExtensions.forEach((extension, index) => {
    items.set(`extension ${index}`, `${extension.identifier.toString()} ${shape(lookup, extension.type.toNumber())}`);
    items.set(`extension ${index} implicit`, shape(lookup, extension.implicit.toNumber()));
  });
  return items;
}

function storage(items: Items, pallet: string, lookup: PortableRegistry, { prefix, items: entries }: { prefix: { toString(): string }; items: MetadataV16['pallets'][number]['storage'] extends never ? never : Iterable<StorageEntry> }): void {
  items.set(`${pallet} prefix`, prefix.toString());
  for (const entry of entries) {
    const type = entry.type.isMap
      ? `${entry.type.asMap.hashers.map((hasher) => hasher.type).join('+')} ${shape(lookup, entry.type.asMap.key.toNumber())} -> ${shape(lookup, entry.type.asMap.value.toNumber())}`
      : shape(lookup, entry.type.asPlain.toNumber());
    items.set(`${pallet} storage ${entry.name.toString()}`, `${entry.modifier.type} ${type} = ${entry.fallback.toHex()}`);
  }
}

interface StorageEntry {
  readonly name: { toString(): string };
  readonly modifier: { readonly type: string };
  readonly fallback: { toHex(): string };
  readonly type: {
    readonly isMap: boolean;
    readonly asMap: { readonly hashers: readonly { readonly type: string }[]; readonly key: Id; readonly value: Id };
    readonly asPlain: Id;
  };
}
interface Id {
  toNumber(): number;
}

function variants(items: Items, kind: string, lookup: PortableRegistry, id: number): void {
  for (const variant of lookup.getSiType(id).def.asVariant.variants) {
    items.set(`${kind} ${variant.name.toString()}`, `${variant.index.toString()} ${fieldsOf(lookup, variant.fields as never)}`);
  }
}

interface Field {
  readonly name: { readonly isSome: boolean; unwrap(): { toString(): string } };
  readonly type: Id;
}

function fieldsOf(lookup: PortableRegistry, fields: readonly Field[], seen: readonly number[] = []): string {
  return `(${fields.map(({ name, type }) => `${name.isSome ? `${name.unwrap().toString()}: ` : ''}${shape(lookup, type.toNumber(), seen)}`).join(', ')})`;
}

/** The structure of a type, with paths, fields, variants and their indices; the outer enums by their name only. */
function shape(lookup: PortableRegistry, id: number, seen: readonly number[] = []): string {
  const { path, def } = lookup.getSiType(id);
  const name = path.map((part) => part.toString()).join('::');
  if (seen.includes(id)) return `<${name}>`;
  const inside = (inner: Id): string => shape(lookup, inner.toNumber(), [...seen, id]);
  if (/Runtime(Call|Event|Error)$/.test(name)) return name;
  if (def.isPrimitive) return def.asPrimitive.type.toLowerCase();
  if (def.isCompact) return `Compact<${inside(def.asCompact.type)}>`;
  if (def.isSequence) return `Vec<${inside(def.asSequence.type)}>`;
  if (def.isArray) return `[${inside(def.asArray.type)}; ${def.asArray.len.toString()}]`;
  if (def.isTuple) return `(${def.asTuple.map(inside).join(', ')})`;
  if (def.isComposite) return `${name}${fieldsOf(lookup, def.asComposite.fields as never, [...seen, id])}`;
  const parts = def.asVariant.variants.map((variant) => `${variant.name.toString()}=${variant.index.toString()}${fieldsOf(lookup, variant.fields as never, [...seen, id])}`);
  return `${name}{${parts.sort().join(' | ')}}`;
}
