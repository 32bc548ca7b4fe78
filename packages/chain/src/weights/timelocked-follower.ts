/**
 * Following a timelocked commit to its end: block after block while it waits, and from any later moment back to where it was.
 * @module
 */
import { readBlockAt, watchBlocks } from '../block.ts';
import type { Chain, FinalisedBlock } from '../connection.ts';
import { isChainError } from '../errors.ts';
import { ERA_BLOCKS } from '../extrinsic.ts';
import { untilAborted } from '../internal/abort.ts';
import { persist } from '../internal/persist.ts';
import { assertHandle, type TimelockedHandle } from './commit-handle.ts';
import { findQueue } from './timelocked-queue.ts';
import { judge, judgeUnseen, type TimelockedResult } from './timelocked-verdict.ts';

/**
 * Waits until timelocked weights have come to their end, from wherever they are: the handle is enough, also in another process and later.
 * @throws wrong-chain, closed, and the reason of `signal` once it is aborted; lost connections are waited out
 */
export async function followTimelockedWeights(chain: Chain, handle: TimelockedHandle, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<TimelockedResult> {
  assertHandle(chain, handle);
  let stop: (() => Promise<void>) | undefined;
  try {
    const end = new Promise<TimelockedResult>((resolve, reject) => {
      const follower = new Follower(chain, handle, { resolve, reject });
      watchBlocks(chain, (block) => follower.reach(block)).then((stopWatching) => (stop = stopWatching), reject);
    });
    return await untilAborted(end, signal);
  } finally {
    await stop?.();
  }
}

interface Ends {
  resolve(result: TimelockedResult): void;
  reject(error: unknown): void;
}

/** Looks at one block at a time, always the newest. */
class Follower {
  readonly #chain: Chain;
  readonly #handle: TimelockedHandle;
  readonly #ends: Ends;
  #next: FinalisedBlock | undefined;
  #isLooking = false;
  /** A block that had the commit. */
  #present: FinalisedBlock | undefined;
  #scannedTo: number;
  /** Whether the node has forgotten the state of a block that could have had it. */
  #hasGap = false;

  constructor(chain: Chain, handle: TimelockedHandle, ends: Ends) {
    this.#chain = chain;
    this.#handle = handle;
    this.#ends = ends;
    this.#scannedTo = handle.afterBlock;
  }

  reach(block: FinalisedBlock): void {
    this.#next = block;
    if (!this.#isLooking) void this.#look();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#next !== undefined) {
        const block = this.#next;
        this.#next = undefined;
        const result = await persist(() => this.#examine(block));
        if (result !== undefined) return this.#ends.resolve(result);
      }
      this.#isLooking = false;
    } catch (error) {
      this.#ends.reject(error);
    }
  }

  async #examine(block: FinalisedBlock): Promise<TimelockedResult | undefined> {
    if ((await findQueue(this.#chain, this.#handle, block.hash)) !== undefined) {
      this.#present = block;
      return undefined;
    }
    this.#present ??= await this.#scan(block);
    if (this.#present !== undefined) return judge(this.#chain, this.#handle, { present: this.#present, absent: block });
    if (block.number <= this.#handle.afterBlock + ERA_BLOCKS) return undefined;
    return this.#hasGap ? judgeUnseen(this.#chain, this.#handle, block) : { ...(await judgeUnseen(this.#chain, this.#handle, block)), outcome: 'never-included' };
  }

  /** The first block before `head` that has the commit: it came within 128 blocks of its making, and then waited for an epoch at least. */
  async #scan(head: FinalisedBlock): Promise<FinalisedBlock | undefined> {
    const last = Math.min(head.number - 1, this.#handle.afterBlock + ERA_BLOCKS);
    for (; this.#scannedTo < last; this.#scannedTo++) {
      const block = await this.#readWaiting(this.#scannedTo + 1);
      if (block !== undefined) return block;
    }
    return undefined;
  }

  async #readWaiting(number: number): Promise<FinalisedBlock | undefined> {
    try {
      const block = await readBlockAt(this.#chain, number);
      return (await findQueue(this.#chain, this.#handle, block.hash)) === undefined ? undefined : block;
    } catch (error) {
      if (!isChainError(error, 'state-unavailable')) throw error;
      this.#hasGap = true;
      return undefined;
    }
  }
}
