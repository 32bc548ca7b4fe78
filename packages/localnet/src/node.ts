/**
 * One node: chain, pool and producer together, and the blocks that it tells of.
 * @module
 */
import type { Block } from './block.ts';
import type { Chain } from './chain.ts';
import { TransactionPool } from './pool.ts';
import { BlockProducer, type ProducerOptions } from './producer.ts';
import type { StateChanges } from './state.ts';

/** Called with each new block, which is final. */
export type BlockListener = (block: Block, changes: StateChanges) => void;

/** A running chain without its network. */
export class LocalNode {
  readonly chain: Chain;
  readonly pool: TransactionPool;
  readonly producer: BlockProducer;
  readonly #listeners = new Set<BlockListener>();

  constructor(chain: Chain, options: ProducerOptions) {
    this.chain = chain;
    this.pool = new TransactionPool(chain);
    this.producer = new BlockProducer(
      {
        previousTimestampMs: () => chain.head.timestampMs,
        pendingSigners: () => new Set(this.pool.ready().map(({ signer }) => signer)),
        seal: (excluded) => void this.seal(excluded),
      },
      options,
    );
  }

  /** Hears of blocks until the returned function is called. */
  onBlock(listener: BlockListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes a block of all ready transactions but those of excluded signers (hex). */
  seal(excluded: ReadonlySet<string> = new Set()): Block {
    const offered = this.pool.ready().filter(({ signer }) => !excluded.has(signer));
    const { block, changes, included, invalid } = this.chain.build(offered);
    for (const listener of this.#listeners) listener(block, changes);
    this.pool.settle({ included, invalid, blockHash: block.hash });
    return block;
  }

  /** Ends all timers. */
  close(): void {
    this.producer.close();
    this.#listeners.clear();
  }
}
