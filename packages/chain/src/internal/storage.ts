/**
 * Storage by name: keys, hashers and types come from the metadata, the values of one block in one request.
 * @module
 */
import { stringCamelCase } from '@polkadot/util';
import { fromHex } from '@connito/commit-reveal';
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import type { StorageItem, SubtensorItem } from './runtime-items.ts';

/** A decoded value of the metadata's type. */
export type Codec = ReturnType<Chain['api']['registry']['createType']>;

/** One value to read. Only what `runtime-items.ts` lists can be named. */
export type StorageQuery = StorageItem & { readonly args?: readonly unknown[] };

type Entry = NonNullable<NonNullable<Chain['api']['query'][string]>[string]>;

/** Most keys in one request: 256 KiB of keys, far below every node's limit of a request. */
const KEYS_PER_REQUEST = 1000;

/** An item of pallet SubtensorModule. */
export function subtensor(item: SubtensorItem, ...args: readonly unknown[]): StorageQuery {
  return { pallet: 'SubtensorModule', item, args };
}

/** Whether the runtime has the item. */
export function hasStorage(chain: Chain, query: StorageItem): boolean {
  return findEntry(chain, query) !== undefined;
}

/** Those of the queries whose items the runtime has; what the others would give is undefined. */
export async function readPresent(chain: Chain, at: string | undefined, queries: readonly StorageQuery[]): Promise<(Codec | undefined)[]> {
  const present = queries.filter((query) => hasStorage(chain, query));
  const values = await readStorage(chain, at, present);
  return queries.map((query) => values[present.indexOf(query)]);
}

/**
 * Reads values at one block, or at the newest finalised one.
 * A missing value is the default of the item, or undefined where the item is optional.
 * @throws unsupported, and as `Chain.request`
 */
export async function readStorage(chain: Chain, at: string | undefined, queries: readonly StorageQuery[]): Promise<(Codec | undefined)[]> {
  const blockHash = at ?? (await chain.request<string>('chain_getFinalizedHead'));
  const entries = queries.map((query) => ({ entry: getEntry(chain, query), args: query.args ?? [] }));
  const keys = entries.map(({ entry, args }) => entry.key(...args));
  const values = await readRaw(chain, blockHash, keys);
  return entries.map(({ entry }, index) => decodeValue(chain, entry, values.get(keys[index] as string) ?? null));
}

/** All entries of a map under the first keys `args`: the rest of each storage key, and the value. */
export async function readEntries(chain: Chain, at: string | undefined, query: StorageQuery): Promise<{ readonly key: Uint8Array; readonly value: Codec }[]> {
  const blockHash = at ?? (await chain.request<string>('chain_getFinalizedHead'));
  const entry = getEntry(chain, query);
  const prefix = entry.keyPrefix(...(query.args ?? []));
  const keys = await readKeys(chain, blockHash, prefix);
  const values = await readRaw(chain, blockHash, keys);
  return keys.flatMap((key) => {
    const value = decodeValue(chain, entry, values.get(key) ?? null);
    return value === undefined ? [] : [{ key: fromHex(key).subarray((prefix.length - 2) / 2), value }];
  });
}

/** A number that fits JavaScript's. */
export function toNumber(codec: Codec | undefined): number {
  const value = Number(String(codec ?? 0));
  if (Number.isSafeInteger(value)) return value;
  throw new ChainError('bad-value', `expected an integer below 2^53 on chain, got ${String(codec)}`, { actual: String(codec) });
}

/** Any integer. */
export function toBigInt(codec: Codec | undefined): bigint {
  return BigInt(String(codec ?? 0));
}

export function toBoolean(codec: Codec | undefined): boolean {
  return String(codec) === 'true';
}

/** The elements of a sequence or tuple; none for a missing value. */
export function toArray(codec: Codec | undefined): Codec[] {
  return codec === undefined ? [] : [...(codec as unknown as Iterable<Codec>)];
}

/** A field of a struct, by its name in the metadata. */
export function fieldOf(codec: Codec, name: string): Codec {
  const value = (codec as unknown as { get(key: string): Codec | undefined }).get(stringCamelCase(name));
  if (value !== undefined) return value;
  throw new ChainError('unsupported', `expected a field ${name} in ${codec.toRawType()}; this runtime has another layout`, { subject: name });
}

/** Whether an account is missing or the chain's default of 32 zero bytes. */
export function isNobody(account: Codec | undefined): boolean {
  return account === undefined || toBytes(account).every((byte) => byte === 0);
}

/** The bytes of an account, a hash, or a byte string (without its length). */
export function toBytes(codec: Codec): Uint8Array {
  return fromHex(codec.toHex());
}

async function readRaw(chain: Chain, blockHash: string, keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
  const values = new Map<string, string | null>();
  for (let start = 0; start < keys.length; start += KEYS_PER_REQUEST) {
    const sets = await chain.request<{ changes: [string, string | null][] }[]>('state_queryStorageAt', [keys.slice(start, start + KEYS_PER_REQUEST), blockHash]);
    for (const { changes } of sets) for (const [key, value] of changes) values.set(key, value);
  }
  return values;
}

async function readKeys(chain: Chain, blockHash: string, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    const page = await chain.request<string[]>('state_getKeysPaged', [prefix, KEYS_PER_REQUEST, keys.at(-1) ?? null, blockHash]);
    keys.push(...page);
    if (page.length < KEYS_PER_REQUEST) return keys;
  }
}

function findEntry(chain: Chain, { pallet, item }: StorageItem): Entry | undefined {
  return chain.api.query[stringCamelCase(pallet)]?.[stringCamelCase(item)];
}

function getEntry(chain: Chain, query: StorageItem): Entry {
  const { pallet, item } = query;
  const entry = findEntry(chain, query);
  if (entry !== undefined) return entry;
  throw new ChainError('unsupported', `the runtime at ${chain.endpoint} has no storage ${pallet}.${item}`, { endpoint: chain.endpoint, subject: `${pallet}.${item}` });
}

function decodeValue(chain: Chain, entry: Entry, value: string | null): Codec | undefined {
  const { meta } = entry.creator;
  if (value === null && meta.modifier.isOptional) return undefined;
  const type = meta.type.isPlain ? meta.type.asPlain : meta.type.asMap.value;
  const { registry } = chain.api;
  // Bytes, not hex: polkadot-js reads a hex string as a big-endian number.
  return registry.createType(registry.createLookupType(type), value === null ? meta.fallback.toU8a(true) : fromHex(value));
}
