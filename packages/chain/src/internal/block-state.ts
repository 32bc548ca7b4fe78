/**
 * The state of one block, with the runtime that it is written in.
 *
 * Storage belongs to the runtime that made the block (`System.LastRuntimeUpgrade`, which the runtime itself keeps), functions to the code that stands in it. Only in the block of an
 * upgrade are the two not the same. Runtimes are kept by spec version, so history costs its metadata once for each version.
 * @module
 */
import { compactFromU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { xxhashAsU8a } from '@polkadot/util-crypto';
import { fromHex } from '@connito/commit-reveal';
import { resolveHash, type BlockAt } from '../block.ts';
import type { Chain } from '../connection.ts';
import { decodeAnswer } from './answer.ts';
import { readHeader, type Answering } from './header.ts';
import { fetchMetadata, presentRuntime, runtimeOfMetadata, type Runtime } from './runtime.ts';

/** What readers read from. */
export interface BlockState {
  readonly endpoint: string;
  /** Of the block. */
  readonly hash: string;
  /** What its storage is written in. */
  readonly runtime: Runtime;
  /** What `state_call` runs. */
  readonly code: Runtime;
  /** @throws as `Chain.request` */
  request<T>(method: string, params?: readonly unknown[]): Promise<T>;
}

/** States that are remembered: readers ask for the same few blocks again and again. */
const MAX_STATES = 64;
/** Decoded metadata is some ten megabytes. */
const MAX_RUNTIMES = 4;
/** twox128("System") ‖ twox128("LastRuntimeUpgrade") */
const LAST_UPGRADE_KEY = u8aToHex(u8aConcat(xxhashAsU8a('System', 128), xxhashAsU8a('LastRuntimeUpgrade', 128)));

/** The state of a block, the newest finalised one by default. @throws as `resolveHash` */
export async function openState(chain: Chain, at?: BlockAt): Promise<BlockState> {
  const hash = await resolveHash(chain, at);
  const { runtime, code } = await kept(cacheOf(chain).blocks, { key: hash, most: MAX_STATES, make: () => findRuntimes(chain, hash) });
  return { endpoint: chain.endpoint, hash, runtime, code, request: (method, params) => chain.request(method, params) };
}

/** The block whose code made the state of this one, and is in it unless the block upgraded it. @throws as `Chain.request` */
export async function findMaker(chain: Answering, hash: string): Promise<string> {
  const { made, stands } = await readVersions(chain, hash);
  return made === stands ? hash : (await readHeader(chain, hash)).parentHash;
}

/** The spec version of the runtime that made a block. @throws as `Chain.request` */
export async function readMakerVersion(chain: Answering, hash: string): Promise<number> {
  return (await readVersions(chain, hash)).made;
}

type Runtimes = Pick<BlockState, 'runtime' | 'code'>;

async function findRuntimes(chain: Chain, hash: string): Promise<Runtimes> {
  const { made, stands } = await readVersions(chain, hash);
  const code = await runtimeOfSpec(chain, stands, async () => hash);
  return { code, runtime: made === stands ? code : await runtimeOfSpec(chain, made, async () => (await readHeader(chain, hash)).parentHash) };
}

/** Spec versions: of the runtime that made the block, and of the code that stands in its state. */
async function readVersions(chain: Answering, hash: string): Promise<{ readonly made: number; readonly stands: number }> {
  const [upgrade, { specVersion }] = await Promise.all([
    chain.request<string | null>('state_getStorage', [LAST_UPGRADE_KEY, hash]),
    chain.request<{ specVersion: number }>('state_getRuntimeVersion', [hash]),
  ]);
  // `Compact<u32>`, then the name.
  const made = upgrade === null ? specVersion : decodeAnswer({ endpoint: chain.endpoint, subject: 'System.LastRuntimeUpgrade' }, () => compactFromU8a(fromHex(upgrade))[1].toNumber());
  return { made, stands: specVersion };
}

async function runtimeOfSpec(chain: Chain, specVersion: number, findBlock: () => Promise<string>): Promise<Runtime> {
  if (chain.api.runtimeVersion.specVersion.toNumber() === specVersion) return presentRuntime(chain);
  const make = async (): Promise<Runtime> => runtimeOfMetadata(await fetchMetadata(chain, await findBlock()), `spec ${specVersion}`);
  return kept(cacheOf(chain).runtimes, { key: specVersion, most: MAX_RUNTIMES, make });
}

interface Cache {
  readonly blocks: Map<string, Promise<Runtimes>>;
  readonly runtimes: Map<number, Promise<Runtime>>;
}

const caches = new WeakMap<Chain, Cache>();

function cacheOf(chain: Chain): Cache {
  let cache = caches.get(chain);
  if (cache === undefined) caches.set(chain, (cache = { blocks: new Map(), runtimes: new Map() }));
  return cache;
}

/** What is there, or is being made, or is made now; the one that was used longest ago makes room. What failed is not kept. */
function kept<K, V>(cache: Map<K, Promise<V>>, { key, most, make }: { readonly key: K; readonly most: number; readonly make: () => Promise<V> }): Promise<V> {
  const value = cache.get(key) ?? make();
  cache.delete(key);
  cache.set(key, value);
  for (const old of cache.keys()) if (cache.size > most) cache.delete(old);
  value.catch(() => cache.get(key) === value && cache.delete(key));
  return value;
}
