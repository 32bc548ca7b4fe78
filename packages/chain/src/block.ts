/**
 * Finalised blocks: in order and without gaps, or the one that is meant.
 * @module
 */
import { ChainError, isChainError } from './errors.ts';
import { readHeader } from './internal/header.ts';
import { pause, RETRY_PAUSE_MS } from './internal/persist.ts';
import { readTimestamp, type FinalisedBlock, type Chain } from './connection.ts';

/** A block to read at: its hash (`0x` and 64 hex digits), or its number, which must be finalised. */
export type BlockAt = string | number;

/** What every reader takes. */
export interface ReadOptions {
  /** Default: the newest finalised block. State that the node has forgotten is `state-unavailable`; archive nodes have all. */
  readonly at?: BlockAt | undefined;
}

/** Gets every finalised block once, by ascending number. Must not throw. */
export type BlockListener = (block: FinalisedBlock) => void;

const FINALISED_HEADS = { notification: 'chain_finalizedHead', method: 'chain_subscribeFinalizedHeads', unsubscribe: 'chain_unsubscribeFinalizedHeads' };

/**
 * Calls `listener` with the newest finalised block and then with every later one, in order, also across reconnections: what was
 * missed is fetched by number. Resolves once the first block was delivered.
 *
 * @returns how to stop it
 * @throws as `Chain.request`
 * @example const stop = await watchBlocks(chain, ({ number, timestampMs }) => console.error(number, timestampMs));
 */
export async function watchBlocks(chain: Chain, listener: BlockListener): Promise<() => Promise<void>> {
  await followBlocks(chain);
  return followerOf(chain).add(listener);
}

/** Makes sure that blocks are being followed: after it, {@link watchBlocks} cannot fail but on a closed connection. @throws as `Chain.request` */
export async function followBlocks(chain: Chain): Promise<void> {
  await followerOf(chain).start();
}

/**
 * A finalised block by its number.
 * @throws unknown-block when no finalised block has that number yet, and as `Chain.request`
 */
export async function readBlock(chain: Chain, number: number): Promise<FinalisedBlock> {
  const head = await chain.finalisedHead();
  if (number > head.number) throw unknownBlock(chain, number, head.number);
  return readBlockAt(chain, number);
}

/**
 * The block of a number that is known to be finalised somewhere. One node answers for all of it: one that is behind, or has not finalised the block yet, may have another in its place.
 * @throws unknown-block while the node in use has not finalised it, and as `Chain.request`
 */
export async function readBlockAt(chain: Chain, number: number): Promise<FinalisedBlock> {
  const hash = await readHashAt(chain, number);
  // Not of that node alone: the hash says which block is meant, and an archive may be needed for its state.
  return { number, hash, timestampMs: await readTimestamp(chain, hash) };
}

/** The hash of a block that is known to be finalised somewhere. @throws as {@link readBlockAt} */
export async function readHashAt(chain: Chain, number: number): Promise<string> {
  const node = chain.node();
  const hash = (await node.hasFinalised(number)) ? await node.request<string | null>('chain_getBlockHash', [number]) : null;
  if (hash === null) throw unknownBlock(chain, number);
  return hash;
}

/** The hash of the block that is meant. @throws bad-value, unknown-block where no finalised block has the number, and as `Chain.request` */
export async function resolveHash(chain: Chain, at: BlockAt | undefined): Promise<string> {
  if (at === undefined) return chain.request<string>('chain_getFinalizedHead');
  if (typeof at === 'number' && Number.isSafeInteger(at) && at >= 0) return readHashAt(chain, at);
  if (typeof at === 'string' && /^0x[\da-f]{64}$/i.test(at)) return at.toLowerCase();
  throw new ChainError('bad-value', `expected at to be the hash of a block (0x and 64 hex digits) or its number, got ${JSON.stringify(at)}`, { subject: 'at', actual: String(at) });
}

/** Hash and number of the block that is meant. @throws as {@link resolveHash}, and unknown-block where the node knows none of that hash */
export async function resolveBlock(chain: Chain, at: BlockAt | undefined): Promise<Pick<FinalisedBlock, 'hash' | 'number'>> {
  if (at === undefined) return chain.finalisedHead();
  const hash = await resolveHash(chain, at);
  if (typeof at === 'number') return { hash, number: at };
  return { hash, number: (await readHeader(chain, hash)).number };
}

const followers = new WeakMap<Chain, Follower>();

function followerOf(chain: Chain): Follower {
  let follower = followers.get(chain);
  if (follower === undefined) {
    follower = new Follower(chain);
    followers.set(chain, follower);
  }
  return follower;
}

/** One subscription for all listeners of a chain. */
class Follower {
  readonly #chain: Chain;
  readonly #listeners = new Set<BlockListener>();
  #started: Promise<void> | undefined;
  #last: FinalisedBlock | undefined;
  #target = -1;
  #isRunning = false;

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  start(): Promise<void> {
    this.#started ??= this.#begin().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  add(listener: BlockListener): () => Promise<void> {
    // A wrapper, so that one function given twice is two listeners.
    const own: BlockListener = (block) => listener(block);
    this.#listeners.add(own);
    if (this.#last !== undefined) own(this.#last);
    return async () => {
      this.#listeners.delete(own);
    };
  }

  async #begin(): Promise<void> {
    this.#last = await this.#chain.finalisedHead();
    this.#target = this.#last.number;
    await this.#chain.subscribe<{ number: string }>(FINALISED_HEADS, ({ number }) => this.#notice(Number(number)));
    this.#chain.onReconnect(() => void this.#lookUp());
  }

  async #lookUp(): Promise<void> {
    try {
      this.#notice((await this.#chain.finalisedHead()).number);
    } catch {
      // The next head or the next reconnection tells.
    }
  }

  #notice(number: number): void {
    this.#target = Math.max(this.#target, number);
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#last !== undefined && this.#last.number < this.#target) await this.#step(this.#last.number + 1);
    } catch (error) {
      // Only a closed connection ends up here.
      if (!isChainError(error, 'closed')) throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  async #step(number: number): Promise<void> {
    let block: FinalisedBlock;
    try {
      block = await readBlockAt(this.#chain, number);
      await this.#assertFollows(block);
    } catch (error) {
      if (isChainError(error, 'closed')) throw error;
      await pause(RETRY_PAUSE_MS);
      return;
    }
    this.#last = block;
    for (const listener of this.#listeners) listener(block);
  }

  /** A node that finalised another chain than the one that was told of must not go on with it. */
  async #assertFollows({ number, hash }: FinalisedBlock): Promise<void> {
    const { parentHash } = await readHeader(this.#chain, hash);
    if (parentHash === this.#last?.hash) return;
    const reason = `its block ${number} does not follow the finalised block ${number - 1}`;
    this.#chain.node().leave(reason);
    throw new ChainError('unknown-block', `${this.#chain.endpoint} was left: ${reason}`, { endpoint: this.#chain.endpoint, blockNumber: number });
  }
}

function unknownBlock(chain: Chain, number: number, head?: number): ChainError {
  const tail = head === undefined ? '' : `; the newest finalised one is ${head}`;
  return new ChainError('unknown-block', `${chain.endpoint} has no block ${number}${tail}`, { endpoint: chain.endpoint, blockNumber: number });
}
