/**
 * The timelocked commits of a subnet that wait on chain, by the epoch that they were made in.
 * @module
 */
import { toHex } from '@connito/commit-reveal';
import type { Chain } from '../connection.ts';
import { hotkeyFromBytes, parseHotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { readEntries, readStorage, subtensor, toArray, toBytes, type Codec } from '../internal/storage.ts';
import type { TimelockedHandle } from './commit-handle.ts';
import { storageIndex } from './settings.ts';

/** A commit that waits. */
export interface QueueEntry {
  readonly hotkey: string;
  readonly ciphertext: Uint8Array;
}

/** The commits of one epoch, in the chain's order. */
export interface Queue {
  readonly epoch: number;
  readonly entries: readonly QueueEntry[];
}

/** The commits of an epoch that wait after a block. */
export async function readQueue(chain: Chain, { index, epoch, at }: { readonly index: number; readonly epoch: number; readonly at: string }): Promise<readonly QueueEntry[]> {
  const [queue] = await readStorage(await openState(chain, at), [subtensor('TimelockedWeightCommits', index, epoch)]);
  return toArray(queue).map(decodeEntry);
}

/** All commits that wait after a block, of every epoch. */
export async function readQueues(chain: Chain, handle: TimelockedHandle, at: string): Promise<readonly Queue[]> {
  const queues = await readEntries(await openState(chain, at), subtensor('TimelockedWeightCommits', storageIndex(handle)));
  // Twox64Concat: eight bytes of hash, then the epoch, u64 little-endian.
  return queues.map(({ key, value }) => ({ epoch: Number(new DataView(Uint8Array.from(key).buffer).getBigUint64(8, true)), entries: toArray(value).map(decodeEntry) }));
}

/** The queue that a commit waits in after a block; undefined where it waits in none. */
export async function findQueue(chain: Chain, handle: TimelockedHandle, at: string): Promise<Queue | undefined> {
  return (await readQueues(chain, handle, at)).find(({ entries }) => entries.some((entry) => isOwn(entry, handle)));
}

/** Whether an entry is the commit of a handle: of the same hotkey, with the same bytes. */
export function isOwn(entry: QueueEntry, { hotkey, ciphertext }: TimelockedHandle): boolean {
  return entry.hotkey === parseHotkey(hotkey) && toHex(entry.ciphertext) === ciphertext;
}

function decodeEntry(entry: Codec): QueueEntry {
  const [account, , ciphertext] = toArray(entry) as [Codec, Codec, Codec];
  return { hotkey: hotkeyFromBytes(toBytes(account)), ciphertext: toBytes(ciphertext) };
}
