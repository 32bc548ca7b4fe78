/**
 * What a weight commit waits for: which epoch reveals it, from which block on, and which pulse that takes.
 * @module
 */
import { resolveBlock, watchBlocks, type ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { readLastRound } from '../drand.ts';
import { epochIndexAt, epochStartBlock, epochStateOf, EPOCH_ITEMS, type EpochState } from '../epoch-schedule.ts';
import { parseHotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { readPresent, subtensor, toNumber } from '../internal/storage.ts';
import { assertHandle, type WeightsHandle } from './commit-handle.ts';
import { readCommits } from './hashed.ts';
import { storageIndex } from './settings.ts';
import { findQueue } from './timelocked-queue.ts';

/** Where a commit is after a block. */
export interface RevealProgress {
  readonly way: WeightsHandle['way'];
  readonly blockNumber: number;
  /** That the calls of the next block belong to. */
  readonly currentEpoch: number;
  /** In which the chain opens the commit, or takes its reveal; undefined where the chain has no such commit: not yet, or not any more. */
  readonly revealEpoch: number | undefined;
  /** The first block of that epoch, as tempo and schedule stand; undefined once it has begun. */
  readonly revealBlock: number | undefined;
  /** Of a timelocked commit: the round whose pulse opens it, and the last that the chain has. */
  readonly beacon: { readonly round: number; readonly lastRound: number } | undefined;
}

/** What a weight commit waits for. @throws wrong-chain, and as `Chain.request` */
export async function readRevealProgress(chain: Chain, handle: WeightsHandle, { at }: ReadOptions = {}): Promise<RevealProgress> {
  assertHandle(chain, handle);
  const { hash, number } = await resolveBlock(chain, at);
  const state = await openState(chain, hash);
  const values = await readPresent(state, [...EPOCH_ITEMS.map((item) => subtensor(item, handle.netuid)), subtensor('RevealPeriodEpochs', handle.netuid)]);
  const epoch = epochStateOf(state, { netuid: handle.netuid, blockNumber: number, values });
  const [commitEpoch, lastRound] = await Promise.all([readCommitEpoch(chain, handle, { epoch, at: hash }), handle.way === 'timelocked' ? readLastRound(chain, { at: hash }) : undefined]);
  const revealEpoch = commitEpoch === undefined ? undefined : commitEpoch + toNumber(values.at(-1));
  return {
    way: handle.way,
    blockNumber: number,
    currentEpoch: epochIndexAt(epoch, number + 1),
    revealEpoch,
    revealBlock: revealEpoch === undefined ? undefined : epochStartBlock(epoch, revealEpoch),
    beacon: handle.way === 'timelocked' && lastRound !== undefined ? { round: handle.round, lastRound } : undefined,
  };
}

/** Tells of every finalised block what the commit waits for then, now and until it is stopped; who hears slowly misses blocks. */
export async function watchRevealProgress(chain: Chain, handle: WeightsHandle, listener: (progress: RevealProgress) => void): Promise<() => Promise<void>> {
  let isReading = false;
  let isStopped = false;
  const stop = await watchBlocks(chain, ({ hash }) => {
    if (isReading) return;
    isReading = true;
    // A block that cannot be read is only not told of: who follows the commit asks the same node, and says what is wrong.
    readRevealProgress(chain, handle, { at: hash })
      .then((progress) => void (isStopped || listener(progress)), () => {})
      .finally(() => (isReading = false));
  });
  return async () => {
    isStopped = true;
    await stop();
  };
}

async function readCommitEpoch(chain: Chain, handle: WeightsHandle, { epoch, at }: { readonly epoch: EpochState; readonly at: string }): Promise<number | undefined> {
  if (handle.way === 'timelocked') return (await findQueue(chain, handle, at))?.epoch;
  const commits = await readCommits(chain, { index: storageIndex(handle), hotkey: parseHotkey(handle.hotkey), epoch }, at);
  return commits.find(({ hash }) => hash === handle.hash)?.epoch;
}
