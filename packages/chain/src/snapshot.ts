/**
 * Snapshots, the one read rule of a cycle: a phase's input is the state of the last finalised block that is stamped before the phase's end.
 * @module
 */
import { readBlockAt } from './block.ts';
import { readCommitments, type Commitment } from './commitment.ts';
import type { FinalisedBlock, Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { readNeurons, type Neuron } from './neuron.ts';

/** The block of a snapshot. */
export interface SnapshotBlock {
  readonly blockHash: string;
  readonly blockNumber: number;
  readonly timestampMs: number;
}

/** Everything that is read together. */
export interface Snapshot {
  readonly block: SnapshotBlock;
  readonly neurons: readonly Neuron[];
  /** By hotkey; also of hotkeys that are no longer registered. */
  readonly commitments: ReadonlyMap<string, Commitment>;
}

/** Subtensor's time between blocks; only a first guess of where to look. */
const BLOCK_TIME_MS = 12_000;

/**
 * The last finalised block stamped before `beforeMs` (strictly). Once it exists it never changes.
 *
 * Blocks are searched by number, backwards from the head in growing steps and then by halving, so that skipped slots do no harm and old state is not asked for.
 * @throws not-yet while no finalised block at or after `beforeMs` exists; unknown-block when even block 0 is not before it; state-unavailable, bad-value, and as `Chain.request`
 */
export async function findSnapshot(chain: Chain, { beforeMs }: { readonly beforeMs: number }): Promise<SnapshotBlock> {
  if (!Number.isFinite(beforeMs)) throw new ChainError('bad-value', `expected beforeMs to be a time in Unix milliseconds, got ${String(beforeMs)}`, { subject: 'beforeMs', actual: String(beforeMs) });
  const head = await chain.finalisedHead();
  if (head.timestampMs < beforeMs) {
    throw new ChainError('not-yet', `the newest finalised block ${head.number} is stamped ${head.timestampMs}, ${beforeMs - head.timestampMs} ms before the end of the phase; wait for a later one`, {
      blockNumber: head.number,
      expected: beforeMs,
      actual: head.timestampMs,
    });
  }
  const range = await findRange(chain, head, beforeMs);
  const { number, hash, timestampMs } = await bisect(chain, range, beforeMs);
  return { blockNumber: number, blockHash: hash, timestampMs };
}

/** The snapshot's block, neurons and commitments, all at one hash. @throws as {@link findSnapshot} and bad-value */
export async function readSnapshot(chain: Chain, { netuid, beforeMs }: { readonly netuid: number; readonly beforeMs: number }): Promise<Snapshot> {
  const block = await findSnapshot(chain, { beforeMs });
  const [neurons, commitments] = await Promise.all([readNeurons(chain, { netuid, at: block.blockHash }), readCommitments(chain, { netuid, at: block.blockHash })]);
  return { block, neurons, commitments };
}

interface Range {
  /** Stamped before. */
  readonly low: FinalisedBlock;
  /** Stamped at or after. */
  readonly high: FinalisedBlock;
}

async function findRange(chain: Chain, head: FinalisedBlock, beforeMs: number): Promise<Range> {
  let high = head;
  let step = Math.max(1, Math.ceil((head.timestampMs - beforeMs) / BLOCK_TIME_MS));
  while (high.number > 0) {
    const low = await readBlockAt(chain, Math.max(0, high.number - step));
    if (low.timestampMs < beforeMs) return { low, high };
    high = low;
    step *= 2;
  }
  throw new ChainError('unknown-block', `even block 0 is not stamped before ${beforeMs}; the chain is younger`, { blockNumber: 0, expected: beforeMs, actual: high.timestampMs });
}

async function bisect(chain: Chain, { low, high }: Range, beforeMs: number): Promise<FinalisedBlock> {
  if (high.number - low.number <= 1) return low;
  const middle = await readBlockAt(chain, (low.number + high.number) >>> 1);
  return middle.timestampMs < beforeMs ? bisect(chain, { low: middle, high }, beforeMs) : bisect(chain, { low, high: middle }, beforeMs);
}
