/**
 * Storage by name: keys, hashers and types come from the metadata of the block's runtime, the values of one block in one request.
 * @module
 */
import { stringCamelCase, u8aToHex } from '@polkadot/util';
import { fromHex } from '@connito/commit-reveal';
import { ChainError } from '../errors.ts';
import { hotkeyFromBytes } from '../identifier.ts';
import { decodeAnswer } from './answer.ts';
import type { BlockState } from './block-state.ts';
import { storageKey, type Codec, type Runtime, type StorageEntry } from './runtime.ts';
import type { StorageItem, SubtensorItem } from './runtime-items.ts';

export type { Codec } from './runtime.ts';

/** One value to read. Only what `runtime-items.ts` lists can be named. */
export type StorageQuery = StorageItem & { readonly args?: readonly unknown[] };

/** Most keys in one request: 256 KiB of keys, far below every node's limit of a request. */
const KEYS_PER_REQUEST = 1000;
/** Most entries of one map: those that are read whole have a few for each of at most 4,096 neurons. */
const MAX_KEYS = 1_000_000;

/** An item of pallet SubtensorModule. */
export function subtensor(item: SubtensorItem, ...args: readonly unknown[]): StorageQuery {
  return { pallet: 'SubtensorModule', item, args };
}

/** Whether the runtime has the item. */
export function hasStorage(runtime: Runtime, item: StorageItem): boolean {
  return runtime.entry(item) !== undefined;
}

/** Those of the queries whose items the runtime has; what the others would give is undefined. */
export async function readPresent(state: BlockState, queries: readonly StorageQuery[]): Promise<(Codec | undefined)[]> {
  const present = queries.filter((query) => hasStorage(state.runtime, query));
  const values = await readStorage(state, present);
  return queries.map((query) => values[present.indexOf(query)]);
}

/**
 * Reads values of one block.
 * A missing value is the default of the item, or undefined where the item is optional.
 * @throws unsupported, and as `Chain.request`
 */
export async function readStorage(state: BlockState, queries: readonly StorageQuery[]): Promise<(Codec | undefined)[]> {
  const entries = queries.map((query) => getEntry(state, query));
  const keys = entries.map((entry, index) => storageKey(entry, queries[index]?.args ?? []));
  const values = await readRaw(state, keys);
  return entries.map((entry, index) => decodeValue(state, entry, values.get(keys[index] as string) ?? null));
}

/** All entries of a map under the first keys `args`: the rest of each storage key, and the value. */
export async function readEntries(state: BlockState, query: StorageQuery): Promise<{ readonly key: Uint8Array; readonly value: Codec }[]> {
  const entry = getEntry(state, query);
  const prefix = u8aToHex(entry.keyPrefix(...(query.args ?? [])));
  const keys = await readKeys(state, prefix);
  const values = await readRaw(state, keys);
  return keys.flatMap((key) => {
    const value = decodeValue(state, entry, values.get(key) ?? null);
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

/** Whether an account is this one. */
export function isAccount(account: Codec | undefined, address: string): boolean {
  return account !== undefined && hotkeyFromBytes(toBytes(account)) === address;
}

/** The bytes of an account, a hash, or a byte string (without its length). */
export function toBytes(codec: Codec): Uint8Array {
  return fromHex(codec.toHex());
}

/** Every key with its value; a node that leaves one out has not answered. */
async function readRaw({ endpoint, hash, request }: BlockState, keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
  const values = new Map<string, string | null>();
  for (let start = 0; start < keys.length; start += KEYS_PER_REQUEST) {
    const sets = await request<{ changes: [string, string | null][] }[]>('state_queryStorageAt', [keys.slice(start, start + KEYS_PER_REQUEST), hash]);
    for (const { changes } of sets) for (const [key, value] of changes) values.set(key, value);
  }
  if (!keys.every((key) => values.has(key))) throw wrongAnswer(endpoint, 'state_queryStorageAt', 'fewer keys than were asked for');
  return values;
}

/** Pages of ascending keys below the prefix: anything else could go on for ever. */
async function readKeys({ endpoint, hash, request }: BlockState, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    const page = await request<string[]>('state_getKeysPaged', [prefix, KEYS_PER_REQUEST, keys.at(-1) ?? null, hash]);
    for (const key of page) {
      if (!key.startsWith(prefix) || key <= (keys.at(-1) ?? '') || keys.length === MAX_KEYS) throw wrongAnswer(endpoint, 'state_getKeysPaged', `keys that do not ascend below ${prefix}, or more than ${MAX_KEYS}`);
      keys.push(key);
    }
    if (page.length < KEYS_PER_REQUEST) return keys;
  }
}

function wrongAnswer(endpoint: string, subject: string, what: string): ChainError {
  return new ChainError('bad-node', `${endpoint} answered ${subject} with ${what}; use another node`, { endpoint, subject });
}

function getEntry({ runtime, endpoint }: BlockState, query: StorageQuery): StorageEntry {
  const entry = runtime.entry(query);
  if (entry !== undefined) return entry;
  const subject = `${query.pallet}.${query.item}`;
  throw new ChainError('unsupported', `the runtime at ${endpoint} (${runtime.name}) has no storage ${subject}`, { endpoint, subject });
}

function decodeValue({ endpoint, runtime: { registry } }: BlockState, { meta, method, section }: StorageEntry, value: string | null): Codec | undefined {
  if (value === null && meta.modifier.isOptional) return undefined;
  const type = meta.type.isPlain ? meta.type.asPlain : meta.type.asMap.value;
  // Bytes, not hex: polkadot-js reads a hex string as a big-endian number.
  return decodeAnswer({ endpoint, subject: `${section}.${method}` }, () => registry.createType(registry.createLookupType(type), value === null ? meta.fallback.toU8a(true) : fromHex(value)));
}
