/**
 * The chain on disk: blocks, the newest state, and what older blocks' states were, in LMDB.
 *
 * A block is one transaction, committed before anybody hears of the block, so after a crash the chain ends with its last whole block.
 * Nothing is replayed at the start, and memory holds only what is newest: older blocks and states are read where they lie.
 *
 * | table | key | value |
 * |---|---|---|
 * | `meta` | `chain` | {@link ChainRecord} |
 * | `blocks` | number, u32 big-endian | {@link BlockRecord} |
 * | `hashes` | block hash | number |
 * | `state` | storage key | number of the block that wrote it ‖ 0 (removed) or 1 ‖ value |
 * | `versions` | BLAKE2b-128 of the storage key ‖ number of the block | 0 or 1 ‖ the value that a later block replaced |
 * @module
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import type { Block, Header } from './block.ts';
import type { BlockSource } from './block-archive.ts';
import { LocalnetError } from './errors.ts';
import { blake2Short, toHex } from './hex.ts';
import type { Snapshot } from './snapshot.ts';
import type { StateArchive, StateChanges } from './state.ts';

/** Version of the records. */
const FORMAT = 3;

interface BlockRecord {
  readonly header: Header;
  readonly hash: string;
  readonly timestampMs: number;
  readonly extrinsics: readonly Uint8Array[];
  /** Storage keys that the block changed. */
  readonly keys: readonly Uint8Array[];
}

interface ChainRecord {
  readonly format: number;
  readonly blockTimeMs: number;
  readonly genesis: Block;
  /** Whether it goes on from another chain, so that its genesis is not that of its options. */
  readonly forked: boolean;
  /** The first block whose state is known. */
  readonly firstBlock: number;
}

/** An open state directory. */
export interface ChainStore extends BlockSource, StateArchive {
  /** What stands in it; `undefined` while it is empty. */
  chain(): StoredChain | undefined;
  /** Replaces everything. */
  reset(start: Snapshot, options: { readonly forked: boolean }): void;
  /** Adds the next block. */
  put(block: Block, changes: StateChanges): void;
  /** All that `write` puts becomes one transaction: none of it stands if it throws. */
  batch<T>(write: () => T): T;
  /** Undoes the blocks after `number`. */
  rewind(number: number): void;
  /** Drops what only blocks before `number` need. One block after the other. */
  prune(number: number): void;
  close(): Promise<void>;
}

/** Where a stored chain begins and ends. */
export interface StoredChain {
  readonly genesis: Block;
  readonly head: Block;
  readonly blockTimeMs: number;
  readonly forked: boolean;
  readonly firstBlock: number;
}

/** Opens the directory, or makes it. @throws bad-state, state-locked */
export function openChainStore(directory: string): ChainStore {
  const path = resolve(directory);
  mkdirSync(path, { recursive: true });
  const unlock = lock(path);
  try {
    const tables = openTables(path, false);
    return {
      ...readers(tables, path),
      reset: (start, options) => tables.root.transactionSync(() => resetTables(tables, start, options)),
      put: (block, changes) => tables.root.transactionSync(() => putBlock(tables, block, changes)),
      batch: (write) => tables.root.transactionSync(write),
      rewind: (number) => tables.root.transactionSync(() => rewindTables(tables, number)),
      prune: (number) => tables.root.transactionSync(() => pruneTables(tables, number)),
      close: async () => {
        await tables.root.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The newest block and state of a directory, which may be in use. @throws bad-state */
export async function readStateDirectory(directory: string): Promise<Snapshot> {
  const path = resolve(directory);
  if (!existsSync(join(path, DATABASE))) throw new LocalnetError('bad-state', `${path} is not the state directory of a localnet: it has no ${DATABASE}.`, { context: { path } });
  const tables = openTables(path, true);
  try {
    const { chain, blockByNumber, get, keys } = readers(tables, path);
    const stored = chain();
    if (stored === undefined) throw new LocalnetError('bad-state', `${path} holds no chain yet: a localnet must have run in it.`, { context: { path } });
    const state = new Map<string, Uint8Array>();
    for (const key of keys('', '')) {
      const value = get(key, stored.head.header.number);
      if (value !== undefined) state.set(key, value);
    }
    return { genesis: stored.genesis, parent: blockByNumber(stored.head.header.number - 1), head: stored.head, blockTimeMs: stored.blockTimeMs, state };
  } finally {
    await tables.root.close();
  }
}

const DATABASE = 'chain.lmdb';

interface Tables {
  readonly root: RootDatabase<unknown, string>;
  readonly blocks: Database<BlockRecord, Buffer>;
  readonly hashes: Database<number, Buffer>;
  readonly state: Database<Buffer, Buffer>;
  readonly versions: Database<Buffer, Buffer>;
}

function openTables(path: string, readOnly: boolean): Tables {
  assertDatabase(path);
  const root = open<unknown, string>({ path: join(path, DATABASE), encoding: 'msgpack', compression: false, maxDbs: 8, readOnly });
  const table = <V>(name: string, encoding: 'binary' | 'msgpack'): Database<V, Buffer> => root.openDB<V, Buffer>({ name, encoding, keyEncoding: 'binary' });
  try {
    return { root, blocks: table('blocks', 'msgpack'), hashes: table('hashes', 'msgpack'), state: table('state', 'binary'), versions: table('versions', 'binary') };
  } catch (cause) {
    void root.close();
    throw new LocalnetError('bad-state', `${path} cannot be read as a localnet's state: ${(cause as Error).message}. Delete it to begin anew.`, { context: { path }, cause });
  }
}

/** LMDB's first page begins with a page header of 16 or 24 bytes and this number (`MDB_MAGIC`); what does not would crash the process. */
const LMDB_MAGIC = 0xbeef_c0de;
const LMDB_MAGIC_OFFSETS = [16, 24] as const;

function assertDatabase(path: string): void {
  const file = join(path, DATABASE);
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  const start = Buffer.alloc(28);
  const opened = openSync(file, 'r');
  try {
    readSync(opened, start);
  } finally {
    closeSync(opened);
  }
  if (LMDB_MAGIC_OFFSETS.some((offset) => start.readUInt32LE(offset) === LMDB_MAGIC)) return;
  throw new LocalnetError('bad-state', `${file} is not a database of LMDB. The directory is damaged: delete it to begin anew.`, { context: { path } });
}

function readers(tables: Tables, path: string): Pick<ChainStore, 'chain' | 'blockByNumber' | 'blockByHash' | 'get' | 'keys'> {
  const blockByNumber = (number: number): Block | undefined => blockOf(tables.blocks.get(numberKey(number)));
  return {
    chain: () => readChain(tables, path),
    blockByNumber,
    blockByHash: (hash) => {
      const number = tables.hashes.get(Buffer.from(hash, 'hex'));
      return number === undefined ? undefined : blockByNumber(number);
    },
    get: (key, block) => readVersion(tables, Buffer.from(key, 'hex'), block),
    keys: (prefix, start) => readKeys(tables, Buffer.from(prefix, 'hex'), Buffer.from(start, 'hex')),
  };
}

function readChain({ root, blocks }: Tables, path: string): StoredChain | undefined {
  const found = root.get('chain') as (ChainRecord & { readonly genesisHash?: string }) | undefined;
  if (found === undefined) return undefined;
  if (found.format !== FORMAT) {
    throw new LocalnetError('bad-state', `${path} is of format ${found.format}, and this version reads ${FORMAT}. Use the version that made it, or delete it to begin anew.`, { context: { path, found: found.format, expected: FORMAT } });
  }
  const [last] = blocks.getRange({ reverse: true, limit: 1 });
  const head = blockOf(last?.value);
  if (head === undefined) throw new LocalnetError('bad-state', `${path} has no block. The directory is damaged: delete it to begin anew.`, { context: { path } });
  const { genesis, blockTimeMs, forked, firstBlock } = found;
  return { genesis, head, blockTimeMs, forked, firstBlock };
}

function blockOf(record: BlockRecord | undefined): Block | undefined {
  if (record === undefined) return undefined;
  const { header, hash, timestampMs, extrinsics } = record;
  return { header, hash, timestampMs, extrinsics: extrinsics.map((bytes) => new Uint8Array(bytes)) };
}

function readVersion({ state, versions }: Tables, key: Buffer, block: number): Uint8Array | undefined {
  const newest = state.get(key);
  if (newest === undefined) return undefined;
  if (newest.readUInt32BE(0) <= block) return valueOf(newest.subarray(4));
  const digest = blake2Short(key);
  const [older] = versions.getRange({ start: versionKey(digest, block), end: Buffer.from(digest), reverse: true, limit: 1 });
  return older === undefined ? undefined : valueOf(older.value);
}

function* readKeys({ state }: Tables, prefix: Buffer, start: Buffer): Iterable<string> {
  for (const key of state.getKeys(start.length === 0 ? {} : { start })) {
    if (prefix.length > 0 && Buffer.compare(key.subarray(0, prefix.length), prefix) !== 0) return;
    yield toHex(key);
  }
}

/** A flag (0 removed, 1 there) and the value. */
function valueOf(stored: Buffer): Uint8Array | undefined {
  return stored[0] === 0 ? undefined : new Uint8Array(stored.subarray(1));
}

function putBlock(tables: Tables, block: Block, changes: StateChanges): void {
  const { number } = block.header;
  const keys = [...changes].map(([hex, value]) => {
    const key = Buffer.from(hex, 'hex');
    const old = tables.state.get(key);
    if (old !== undefined) tables.versions.putSync(versionKey(blake2Short(key), old.readUInt32BE(0)), old.subarray(4));
    tables.state.putSync(key, stateValue(number, value));
    return key;
  });
  putRecord(tables, block, keys);
}

function putRecord({ blocks, hashes }: Tables, { header, hash, timestampMs, extrinsics }: Block, keys: readonly Uint8Array[]): void {
  blocks.putSync(numberKey(header.number), { header, hash, timestampMs, extrinsics, keys });
  hashes.putSync(Buffer.from(hash, 'hex'), header.number);
}

function resetTables(tables: Tables, { genesis, parent, head, blockTimeMs, state }: Snapshot, { forked }: { readonly forked: boolean }): void {
  for (const table of [tables.blocks, tables.hashes, tables.state, tables.versions]) table.clearSync();
  const { number } = head.header;
  for (const [key, value] of state) tables.state.putSync(Buffer.from(key, 'hex'), stateValue(number, value));
  if (parent !== undefined) putRecord(tables, parent, []);
  putRecord(tables, head, []);
  tables.root.putSync('chain', { format: FORMAT, blockTimeMs, genesis, forked, firstBlock: number } satisfies ChainRecord);
}

function rewindTables(tables: Tables, number: number): void {
  const undone = Array.from(tables.blocks.getRange({ reverse: true, end: numberKey(number) }));
  for (const { key, value } of undone) {
    for (const changed of value.keys) restoreVersion(tables, Buffer.from(changed));
    tables.blocks.removeSync(key);
    tables.hashes.removeSync(Buffer.from(value.hash, 'hex'));
  }
}

/** The newest replaced value becomes the newest value again. */
function restoreVersion({ state, versions }: Tables, key: Buffer): void {
  const digest = blake2Short(key);
  const [older] = versions.getRange({ start: versionKey(digest, 0xffff_ffff), end: Buffer.from(digest), reverse: true, limit: 1 });
  if (older === undefined) return void state.removeSync(key);
  state.putSync(key, Buffer.concat([older.key.subarray(16), older.value]));
  versions.removeSync(older.key);
}

function pruneTables({ root, blocks, hashes, state, versions }: Tables, number: number): void {
  for (const changed of blocks.get(numberKey(number))?.keys ?? []) {
    const key = Buffer.from(changed);
    const digest = blake2Short(key);
    const replaced = Array.from(versions.getKeys({ start: Buffer.from(digest), end: versionKey(digest, number) }));
    for (const old of replaced) versions.removeSync(old);
    const newest = state.get(key);
    if (newest !== undefined && newest[4] === 0 && newest.readUInt32BE(0) <= number) state.removeSync(key);
  }
  const gone = blocks.get(numberKey(number - 1));
  if (gone === undefined) return;
  blocks.removeSync(numberKey(number - 1));
  hashes.removeSync(Buffer.from(gone.hash, 'hex'));
  root.putSync('chain', { ...(root.get('chain') as ChainRecord), firstBlock: number });
}

function numberKey(number: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(number);
  return key;
}

function versionKey(digest: Uint8Array, block: number): Buffer {
  return Buffer.concat([digest, numberKey(block)]);
}

function stateValue(block: number, value: Uint8Array | undefined): Buffer {
  return Buffer.concat([numberKey(block), Buffer.from([value === undefined ? 0 : 1]), value ?? new Uint8Array()]);
}

const ours = new Set<string>();

/** One process at a time: a file with its number, taken over from a process that is gone. */
function lock(path: string): () => void {
  const file = join(path, 'lock');
  if (ours.has(path) || isAlive(readOwner(file))) {
    const message = `${path} is in use by another localnet${ours.has(path) ? ' of this process' : ` (process ${readOwner(file)})`}. Stop it, or choose another directory; if no localnet runs, delete the file lock in it.`;
    throw new LocalnetError('state-locked', message, { context: { path } });
  }
  writeFileSync(file, `${process.pid}\n`);
  ours.add(path);
  return () => {
    ours.delete(path);
    rmSync(file, { force: true });
  };
}

function readOwner(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined || !Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
