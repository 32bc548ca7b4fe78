/**
 * Runtime metadata, versions 14, 15 and 16, generated from the description of the pallets.
 * @module
 * @see https://docs.rs/frame-metadata (v14, v15, v16)
 */
import { apis } from './pallets/apis.ts';
import { extensions } from './pallets/extensions.ts';
import { palletList, type PalletDescription, type PalletName, type StorageDescription } from './pallets/index.ts';
import { fromHex } from './hex.ts';
import { ScaleWriter } from './scale/bytes.ts';
import { encodeScale } from './scale/codec.ts';
import { TypeRegistry } from './metadata-types.ts';
import { parseType } from './scale/parse.ts';
import { runtimeVersion } from './version.ts';

/** The metadata versions that this chain serves. */
export const METADATA_VERSIONS: readonly MetadataVersion[] = [14, 15, 16];
/** A metadata version. */
export type MetadataVersion = 14 | 15 | 16;

const MAGIC = new TextEncoder().encode('meta');
const HASHERS = { Blake2_128Concat: 2, Twox64Concat: 5, Identity: 6 } as const;
const made = new Map<string, Uint8Array>();
/** Aura's slot on finney. */
const FINNEY_BLOCK_TIME_MS = 12_000;

/** The encoded metadata (`meta`, the version, the body), made once per version and block time, which two constants tell. */
export function encodeMetadata(version: MetadataVersion, blockTimeMs: number = FINNEY_BLOCK_TIME_MS): Uint8Array {
  const known = made.get(`${version} ${blockTimeMs}`);
  if (known !== undefined) return known;
  const registry = new TypeRegistry();
  const body = new ScaleWriter();
  writePallets(body, registry, { version, blockTimeMs });
  writeExtrinsic(body, registry, version);
  if (version < 16) body.compact(registry.runtime());
  if (version > 14) writeApis(body, registry, version);
  if (version > 14) writeOuterTypes(body, registry);
  const encoded = new ScaleWriter().put(MAGIC).uint(version, 1).put(registry.encode()).put(body.finish()).finish();
  made.set(`${version} ${blockTimeMs}`, encoded);
  return encoded;
}

function writePallets(writer: ScaleWriter, registry: TypeRegistry, { version, blockTimeMs }: { version: MetadataVersion; blockTimeMs: number }): void {
  writer.compact(palletList.length);
  for (const [name, pallet] of palletList) {
    text(writer, name);
    writeStorage(writer, registry, { name, pallet, version });
    writeOptionalType(writer, has(pallet.calls) ? registry.calls(name) : undefined, version);
    writeOptionalType(writer, has(pallet.events) ? registry.events(name) : undefined, version);
    writeConstants(writer, registry, { name, pallet, version, blockTimeMs });
    writeOptionalType(writer, pallet.errors.length > 0 ? registry.errors(name) : undefined, version);
    if (version === 16) writer.compact(0).compact(0);
    writer.uint(pallet.index, 1);
    if (version > 14) docs(writer);
    if (version === 16) notDeprecated(writer);
  }
}

interface PalletScope {
  readonly name: PalletName;
  readonly pallet: PalletDescription;
  readonly version: MetadataVersion;
}

function writeStorage(writer: ScaleWriter, registry: TypeRegistry, { name, pallet, version }: PalletScope): void {
  const items = Object.entries(pallet.storage);
  if (items.length === 0) return void writer.uint(0, 1);
  text(writer.uint(1, 1), name).compact(items.length);
  for (const [item, description] of items) {
    text(writer, item).uint(description.optional ? 0 : 1, 1);
    writeStorageType(writer, registry, description);
    bytes(writer, fromHex((description.default ?? '0x00').slice(2)));
    docs(writer);
    if (version === 16) notDeprecated(writer);
  }
}

function writeStorageType(writer: ScaleWriter, registry: TypeRegistry, { hashers, keys, value }: StorageDescription): void {
  if (hashers === undefined || keys === undefined) return void writer.uint(0, 1).compact(registry.id(parseType(value)));
  writer.uint(1, 1).compact(hashers.length);
  for (const hasher of hashers) writer.uint(HASHERS[hasher], 1);
  const key = keys.length === 1 ? (keys[0] as string) : `(${keys.join(',')})`;
  writer.compact(registry.id(parseType(key))).compact(registry.id(parseType(value)));
}

function writeConstants(writer: ScaleWriter, registry: TypeRegistry, { name, pallet, version, blockTimeMs }: PalletScope & { blockTimeMs: number }): void {
  const constants = Object.entries(pallet.constants).map(([key, [type, hex]]) => ({ key, type, value: timeConstant(`${name}.${key}`, blockTimeMs) ?? fromHex(hex.slice(2)) }));
  if (name === 'System') constants.push({ key: 'Version', type: 'RuntimeVersion', value: encodeScale('RuntimeVersion', runtimeVersion) });
  writer.compact(constants.length);
  for (const { key, type, value } of constants) {
    bytes(text(writer, key).compact(registry.id(parseType(type))), value);
    docs(writer);
    if (version === 16) notDeprecated(writer);
  }
}

/** A slot lasts a block, and timestamps are at least half of one apart. */
function timeConstant(name: string, blockTimeMs: number): Uint8Array | undefined {
  if (name === 'Aura.SlotDuration') return encodeScale('u64', BigInt(blockTimeMs));
  return name === 'Timestamp.MinimumPeriod' ? encodeScale('u64', BigInt(blockTimeMs) / 2n) : undefined;
}

function writeOptionalType(writer: ScaleWriter, id: number | undefined, version: MetadataVersion): void {
  writer.uint(id === undefined ? 0 : 1, 1);
  if (id === undefined) return;
  writer.compact(id);
  if (version === 16) writer.compact(0);
}

function writeExtrinsic(writer: ScaleWriter, registry: TypeRegistry, version: MetadataVersion): void {
  const { extrinsic, address, call, signature, extra } = registry.extrinsic();
  if (version === 14) writer.compact(extrinsic).uint(4, 1);
  if (version === 15) writer.uint(4, 1).compact(address).compact(call).compact(signature).compact(extra);
  if (version === 16) {
    writer.compact(1).uint(4, 1).compact(address).compact(call).compact(signature);
    writer.compact(1).uint(0, 1).compact(extensions.length);
    extensions.forEach((_, index) => writer.compact(index));
  }
  writer.compact(extensions.length);
  for (const [identifier, type, implicit] of extensions) {
    text(writer, identifier).compact(registry.id(parseType(type))).compact(registry.id(parseType(implicit)));
  }
}

function writeApis(writer: ScaleWriter, registry: TypeRegistry, version: MetadataVersion): void {
  const entries = Object.entries(apis);
  writer.compact(entries.length);
  for (const [name, api] of entries) {
    const methods = Object.entries(api.methods as Readonly<Record<string, readonly [Readonly<Record<string, string>>, string]>>);
    text(writer, name).compact(methods.length);
    for (const [method, [inputs, output]] of methods) {
      const parameters = Object.entries(inputs);
      text(writer, method).compact(parameters.length);
      for (const [key, type] of parameters) text(writer, key).compact(registry.id(parseType(type)));
      docs(writer.compact(registry.id(parseType(output))));
      if (version === 16) notDeprecated(writer);
    }
    docs(writer);
    if (version === 16) notDeprecated(writer.compact(api.version));
  }
}

/** The outer enums, and an empty map of custom values. */
function writeOuterTypes(writer: ScaleWriter, registry: TypeRegistry): void {
  const [call, event, error] = registry.outer();
  writer.compact(call).compact(event).compact(error).compact(0);
}

function has(record: object): boolean {
  return Object.keys(record).length > 0;
}

function bytes(writer: ScaleWriter, value: Uint8Array): ScaleWriter {
  return writer.compact(value.length).put(value);
}

function text(writer: ScaleWriter, value: string): ScaleWriter {
  return bytes(writer, new TextEncoder().encode(value));
}

function docs(writer: ScaleWriter): ScaleWriter {
  return writer.compact(0);
}

function notDeprecated(writer: ScaleWriter): ScaleWriter {
  return writer.uint(0, 1);
}
