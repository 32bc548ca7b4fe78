/**
 * Names and types of one runtime, from polkadot-js' API or from metadata.
 *
 * What a node answers with is bytes; what they mean is for the runtime to say that wrote them, which for an old block is an old one.
 * @module
 */
import { Metadata, TypeRegistry } from '@polkadot/types';
import { decorateStorage } from '@polkadot/types/metadata';
import { compactFromU8a, compactStripLength, stringCamelCase, u8aToHex } from '@polkadot/util';
import { fromHex } from '@connito/commit-reveal';
import type { Chain } from '../connection.ts';
import { ChainError, isChainError } from '../errors.ts';
import { decodeAnswer } from './answer.ts';
import type { Answering } from './header.ts';
import type { StorageItem } from './runtime-items.ts';

/** A decoded value of the metadata's type. */
export type Codec = ReturnType<Registry['createType']>;

type Registry = Chain['api']['registry'];
/** A storage item: its keys, its type, its default. */
export type StorageEntry = ReturnType<typeof decorateStorage>[string][string];
type Method = Registry['metadata']['apis'][number]['methods'][number];

/** What a runtime has. */
export interface Runtime {
  /** For messages: `spec 393`. */
  readonly name: string;
  readonly registry: Registry;
  /** Undefined where it has no such item. */
  entry(item: StorageItem): StorageEntry | undefined;
}

/** The runtime that `chain.api` was made for: the one that calls are made and sent with. */
export function presentRuntime(chain: Pick<Chain, 'api'>): Runtime {
  const { api } = chain;
  return {
    name: `spec ${api.runtimeVersion.specVersion.toNumber()}`,
    registry: api.registry,
    entry: ({ pallet, item }) => api.query[stringCamelCase(pallet)]?.[stringCamelCase(item)]?.creator as unknown as StorageEntry | undefined,
  };
}

/** A runtime by its metadata, of any version that polkadot-js reads. @throws bad-value */
export function runtimeOfMetadata(metadata: Uint8Array, name: string): Runtime {
  const registry = new TypeRegistry();
  try {
    const decoded = new Metadata(registry, u8aToHex(metadata));
    registry.setMetadata(decoded, undefined, undefined, true);
    const storage = decorateStorage(registry, decoded.asLatest, decoded.version);
    return { name, registry: registry as unknown as Registry, entry: ({ pallet, item }) => storage[stringCamelCase(pallet)]?.[stringCamelCase(item)] };
  } catch (cause) {
    throw new ChainError('bad-value', `expected the metadata of a runtime, got ${metadata.length} bytes that are none`, { subject: 'metadata', actual: metadata.length }, cause);
  }
}

/** The storage key of an entry of a map, or of a value. */
export function storageKey(entry: StorageEntry, args: readonly unknown[]): string {
  return u8aToHex(compactStripLength(entry(...args))[1]);
}

/** A function of the runtime; undefined where it has none, or the one of old runtimes that returned bytes without a type. */
export function findMethod({ registry }: Runtime, api: string, method: string): Method | undefined {
  const found = [...registry.metadata.apis].find(({ name }) => name.toString() === api);
  const row = found === undefined ? undefined : [...found.methods].find(({ name }) => name.toString() === method);
  return row === undefined || registry.lookup.getTypeDef(row.output).type === 'Bytes' ? undefined : row;
}

/** Versions of metadata that polkadot-js reads and that say what functions the runtime has, newest first. */
const WITH_FUNCTIONS = [16, 15];

/** The metadata of the code at a block, with the runtime's functions where it says them. @throws as `Chain.request` */
export async function fetchMetadata(chain: Answering, at: string): Promise<Uint8Array> {
  const call = async (method: string, input: string): Promise<Uint8Array> => fromHex(await chain.request<string>('state_call', [method, input, at]));
  try {
    const answer = await call('Metadata_metadata_versions', '0x');
    const versions = decodeAnswer({ endpoint: chain.endpoint, subject: 'Metadata_metadata_versions' }, () => readVersions(answer));
    const version = WITH_FUNCTIONS.find((candidate) => versions.includes(candidate));
    // `Option<OpaqueMetadata>`: 1, then bytes with their length.
    if (version !== undefined) return compactStripLength((await call('Metadata_metadata_at_version', `0x${version.toString(16)}000000`)).subarray(1))[1];
  } catch (error) {
    // Runtimes of before this function.
    if (!isChainError(error, 'rpc-failed')) throw error;
  }
  return fromHex(await chain.request<string>('state_getMetadata', [at]));
}

/** `Vec<u32>` */
function readVersions(bytes: Uint8Array): number[] {
  const [offset, count] = compactFromU8a(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  return Array.from({ length: count.toNumber() }, (_, index) => view.getUint32(4 * index, true));
}
