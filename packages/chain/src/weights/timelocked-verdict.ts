/**
 * What became of a timelocked commit: told from the block in which it stopped waiting.
 * @see pallets/subtensor/src/coinbase/reveal_commits.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { readBlockAt } from '../block.ts';
import type { Chain, FinalisedBlock } from '../connection.ts';
import { epochIndexAt, epochStateOf, EPOCH_ITEMS } from '../epoch-schedule.ts';
import { isChainError } from '../errors.ts';
import { readEvents } from '../event.ts';
import { openState } from '../internal/block-state.ts';
import { readPresent, subtensor, toNumber } from '../internal/storage.ts';
import type { WeightRow } from '../weight-vector.ts';
import type { TimelockedHandle } from './commit-handle.ts';
import { storedRow } from './plain.ts';
import { isSameRow, readWeightRow } from './row.ts';
import { storageIndex } from './settings.ts';
import { findQueue, isOwn, readQueues } from './timelocked-queue.ts';

/** What became of timelocked weights. */
export type TimelockedOutcome =
  /** The chain has revealed them, and held the row that was sent. They count as set. */
  | 'revealed-equal'
  /** The chain has revealed something of this hotkey, and held another row. */
  | 'revealed-other'
  /** A later commit of the same hotkey was revealed in the same block. */
  | 'replaced'
  /** No pulse of the round came while the chain would have revealed. */
  | 'expired'
  /** The chain took the commit away and revealed nothing: it could not open it, or refused what was inside. */
  | 'undecryptable'
  /** It was in no block that could have it. */
  | 'never-included'
  /** It is gone, the row is another, and the state of the block that would tell is forgotten. */
  | 'unknown';

/** How timelocked weights ended. */
export interface TimelockedResult {
  readonly outcome: TimelockedOutcome;
  /** The block that it happened in; the newest one where that is not known. */
  readonly blockNumber: number;
  readonly blockHash: string;
  /** The hotkey's row after that block. */
  readonly row: WeightRow;
}

/** Presence ends once: the block that ended it is found by halving. */
export async function judge(chain: Chain, handle: TimelockedHandle, { present, absent }: { present: FinalisedBlock; absent: FinalisedBlock }): Promise<TimelockedResult> {
  try {
    let [low, high] = [present, absent];
    while (high.number - low.number > 1) {
      const middle = await readBlockAt(chain, (low.number + high.number) >>> 1);
      if ((await findQueue(chain, handle, middle.hash)) !== undefined) low = middle;
      else high = middle;
    }
    return await judgeEnd(chain, handle, { before: low, end: high });
  } catch (error) {
    if (isChainError(error, 'state-unavailable')) return judgeUnseen(chain, handle, absent);
    throw error;
  }
}

async function judgeEnd(chain: Chain, handle: TimelockedHandle, { before, end }: { before: FinalisedBlock; end: FinalisedBlock }): Promise<TimelockedResult> {
  const [events, queues, row, isPast] = await Promise.all([readEvents(chain, { at: end.hash }), readQueues(chain, handle, before.hash), rowAt(chain, handle, end.hash), isPastReveal(chain, handle, { before, end })]);
  const result = (outcome: TimelockedOutcome): TimelockedResult => ({ outcome, blockNumber: end.number, blockHash: end.hash, row });
  const isRevealed = events.some(({ pallet, name, data }) => pallet === 'SubtensorModule' && name === 'TimelockedWeightsRevealed' && Number(data[0]) === storageIndex(handle) && data[1] === handle.hotkey);
  if (!isRevealed) return result(isPast ? 'expired' : 'undecryptable');
  if (isSameRow(row, storedRow(handle))) return result('revealed-equal');
  const entries = queues.flatMap((queue) => queue.entries);
  const place = entries.findIndex((entry) => isOwn(entry, handle));
  return result(entries.slice(place + 1).some((entry) => entry.hotkey === handle.hotkey) ? 'replaced' : 'revealed-other');
}

/** Whether the epoch that would have revealed was over, so that the chain threw away what had waited in vain. */
async function isPastReveal(chain: Chain, handle: TimelockedHandle, { before, end }: { before: FinalisedBlock; end: FinalisedBlock }): Promise<boolean> {
  const queue = await findQueue(chain, handle, before.hash);
  if (queue === undefined) return false;
  const state = await openState(chain, before.hash);
  const values = await readPresent(state, [...EPOCH_ITEMS.map((item) => subtensor(item, handle.netuid)), subtensor('RevealPeriodEpochs', handle.netuid)]);
  const epochs = epochStateOf(state, { netuid: handle.netuid, blockNumber: before.number, values });
  return epochIndexAt(epochs, end.number) > queue.epoch + toNumber(values.at(-1));
}

/** By the row alone. */
export async function judgeUnseen(chain: Chain, handle: TimelockedHandle, block: FinalisedBlock): Promise<TimelockedResult> {
  const row = await rowAt(chain, handle, block.hash);
  return { outcome: isSameRow(row, storedRow(handle)) ? 'revealed-equal' : 'unknown', blockNumber: block.number, blockHash: block.hash, row };
}

function rowAt(chain: Chain, { netuid, mechanism, uid }: TimelockedHandle, at: string): Promise<WeightRow> {
  return readWeightRow(chain, { netuid, mechanism, uid, at });
}
