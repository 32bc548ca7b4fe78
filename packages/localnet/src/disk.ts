/**
 * The chain on disk: one record per block in LMDB, written before anybody hears of the block.
 *
 * A block's record is one transaction, so after a crash the chain ends with its last whole block. Opening replays the records.
 * @module
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import type { Block, Header } from './block.ts';
import type { BlockSink, Chain } from './chain.ts';
import { LocalnetError } from './errors.ts';
import type { StateChanges } from './state.ts';

/** Version of the records. */
const FORMAT = 2;

interface BlockRecord {
  readonly header: Header;
  readonly hash: string;
  readonly timestampMs: number;
  readonly extrinsics: readonly Uint8Array[];
  readonly changes: readonly (readonly [string, Uint8Array | null])[];
}

interface ChainRecord {
  readonly format: number;
  readonly genesisHash: string;
  readonly blockTimeMs: number;
}

/** An open state directory. */
export interface BlockStore extends BlockSink {
  close(): Promise<void>;
}

/** Opens the directory and brings the chain to the newest block that stands in it. @throws bad-state, state-locked */
export function openBlockStore(directory: string, chain: Chain): BlockStore {
  const path = resolve(directory);
  mkdirSync(path, { recursive: true });
  const unlock = lock(path);
  try {
    const database = open<unknown, string | number>({ path: join(path, 'chain.lmdb'), encoding: 'msgpack', compression: false });
    checkChain(database, chain, path);
    replay(database, chain, path);
    return {
      put: (block, changes) => putBlock(database, block, changes),
      close: async () => {
        await database.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function checkChain(database: RootDatabase<unknown, string | number>, chain: Chain, path: string): void {
  const found = database.get('chain') as ChainRecord | undefined;
  const expected: ChainRecord = { format: FORMAT, genesisHash: chain.genesisHash, blockTimeMs: chain.blockTimeMs };
  if (found === undefined) return database.transactionSync(() => void database.putSync('chain', expected));
  for (const key of ['format', 'genesisHash', 'blockTimeMs'] as const) {
    if (found[key] === expected[key]) continue;
    const message = `${path} holds another chain: its ${key} is ${found[key]}, and with these options it would be ${expected[key]}. Start it with the options that it was made with, or choose another directory.`;
    throw new LocalnetError('bad-state', message, { context: { path, key, found: found[key], expected: expected[key] } });
  }
}

function replay(database: RootDatabase<unknown, string | number>, chain: Chain, path: string): void {
  for (;;) {
    const number = chain.head.header.number + 1;
    const record = database.get(number) as BlockRecord | undefined;
    if (record === undefined) break;
    if (record.header.parentHash !== chain.head.hash) {
      throw new LocalnetError('bad-state', `${path}: block ${number} does not follow block ${number - 1}. The directory is damaged: delete it to begin anew.`, { context: { path, number } });
    }
    const { header, hash, timestampMs, extrinsics, changes } = record;
    chain.append({ header, hash, timestampMs, extrinsics }, new Map(changes.map(([key, value]) => [key, value ?? undefined])));
  }
  if (chain.tries.root() === chain.head.header.stateRoot) return;
  throw new LocalnetError('bad-state', `${path}: the state after block ${chain.head.header.number} is not the one that its header tells of. The directory is damaged: delete it to begin anew.`, { context: { path, number: chain.head.header.number } });
}

function putBlock(database: RootDatabase<unknown, string | number>, { header, hash, timestampMs, extrinsics }: Block, changes: StateChanges): void {
  const record: BlockRecord = { header, hash, timestampMs, extrinsics, changes: [...changes].map(([key, value]) => [key, value ?? null]) };
  database.transactionSync(() => void database.putSync(header.number, record));
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
