/**
 * One node: chain, pool and producer together, and the blocks that it tells of.
 * @module
 */
import type { Block } from './block.ts';
import type { BlockOutcome, BuildOptions, Chain, PendingTransaction } from './chain.ts';
import { LocalnetError } from './errors.ts';
import { TransactionPool, type StatusListener } from './pool.ts';
import { BlockProducer, type ProducerOptions } from './producer.ts';
import type { Execution } from './runtime/execution.ts';
import type { Snapshot } from './snapshot.ts';
import type { StateChanges } from './state.ts';

/** Called with each new best block, and with what differs from the best block before. */
export type BlockListener = (block: Block, changes: StateChanges) => void;

/** A node as its clients see it. */
export interface NodeView {
  readonly chain: Chain;
  readonly pool: TransactionPool;
  readonly producer: BlockProducer;
  /** The newest block. */
  readonly head: Block;
  /** The newest final block. */
  readonly finalized: Block;
  /** The oldest block at which state can be read. */
  readonly oldestStateBlock: number;
  /** The block of a number or hash. */
  block(id: number | string): Block | undefined;
  /** All blocks that are not final, those of forks included, parents before their children. */
  openBlocks(): readonly Block[];
  /** Takes a transaction in; its hash, hex. @throws TransactionInvalid, PoolRefusal, LocalnetError (bad-scale) */
  submit(bytes: Uint8Array, listener?: StatusListener): string;
  /** Hears of new best blocks until the returned function is called. */
  onBlock(listener: BlockListener): () => void;
  /** Hears of all blocks, also of those that never become the best one. */
  onImported(listener: (block: Block) => void): () => void;
  /** Hears of blocks that are final now, each once and in order. */
  onFinalized(listener: (block: Block) => void): () => void;
}

/** Blocks that are written to disk in one transaction. */
const BATCH_BLOCKS = 256;

/** A running chain without its network. */
export class LocalNode implements NodeView {
  readonly chain: Chain;
  readonly pool: TransactionPool;
  readonly producer: BlockProducer;
  readonly #best = new Set<BlockListener>();
  readonly #imported = new Set<(block: Block) => void>();
  readonly #final = new Set<(block: Block) => void>();

  constructor(chain: Chain, options: ProducerOptions) {
    this.chain = chain;
    this.pool = new TransactionPool(chain);
    this.producer = new BlockProducer(
      {
        previousTimestampMs: () => chain.head.timestampMs,
        pendingSigners: () => this.pool.readySigners(),
        seal: (excluded) => void this.seal(excluded),
      },
      options,
    );
  }

  get head(): Block {
    return this.chain.head;
  }

  get finalized(): Block {
    return this.chain.finalized;
  }

  get oldestStateBlock(): number {
    return this.chain.history.oldestBlock;
  }

  block(id: number | string): Block | undefined {
    return this.chain.block(id);
  }

  openBlocks(): readonly Block[] {
    return this.chain.openBlocks();
  }

  submit(bytes: Uint8Array, listener?: StatusListener): string {
    return this.pool.submit(bytes, listener);
  }

  onBlock(listener: BlockListener): () => void {
    return subscribe(this.#best, listener);
  }

  onImported(listener: (block: Block) => void): () => void {
    return subscribe(this.#imported, listener);
  }

  onFinalized(listener: (block: Block) => void): () => void {
    return subscribe(this.#final, listener);
  }

  /** Makes a block of all ready transactions but those of excluded signers (hex). */
  seal(excluded: ReadonlySet<string> = new Set(), options: BuildOptions = {}): Block {
    const outcome = this.chain.build(this.#offered(excluded), options);
    this.#announce(outcome);
    return outcome.block;
  }

  /** Makes blocks, on disk many at a time; transactions go into the first that can hold them. */
  sealMany(count: number, options: BuildOptions = {}): void {
    for (let made = 0; made < count; ) {
      if (this.pool.size > 0) {
        this.seal(undefined, options);
        made += 1;
        continue;
      }
      const batch = Math.min(BATCH_BLOCKS, count - made);
      const outcomes = this.chain.batch(() => Array.from({ length: batch }, () => this.chain.build([], options)));
      for (const outcome of outcomes) this.#announce(outcome);
      made += batch;
    }
  }

  /** Makes a block that holds no transaction and ends with a change that none could make. */
  edit(edit: (execution: Execution) => void): Block {
    const outcome = this.chain.build([], { edit });
    this.#announce(outcome);
    return outcome.block;
  }

  /**
   * Replaces the newest `depth` blocks by `depth + 1` others. Transactions of the replaced blocks wait again, or are dropped.
   * @throws bad-control when one of them is final
   */
  reorganize(depth: number, { drop }: { readonly drop: boolean }): Block {
    const from = this.head.header.number - depth;
    if (from < this.finalized.header.number) {
      const message = `A reorganisation of ${depth} blocks would take back block ${from + 1}, which is final. With finalityLagBlocks ${this.chain.finalityLagBlocks} at most ${this.head.header.number - this.finalized.header.number} can be replaced now.`;
      throw new LocalnetError('bad-control', message, { context: { depth, finalityLagBlocks: this.chain.finalityLagBlocks } });
    }
    const timestampMs = (this.block(from + 1) as Block).timestampMs + 1;
    const retracted = this.chain.retract(from);
    this.pool.retract(retracted.map(({ block }) => block.hash), { drop });
    const outcomes = this.chain.batch(() => this.#fork(depth, timestampMs));
    const changes = new Map([...retracted, ...outcomes].flatMap((changed) => [...changed.changes]));
    outcomes.forEach((outcome, index) => this.#announce({ ...outcome, changes: index === depth ? changes : undefined }));
    return this.head;
  }

  /** Goes back to a snapshot. Nothing waits afterwards, and the block is final. */
  restore(snapshot: Snapshot): void {
    const differing = this.chain.restore(snapshot);
    this.pool.clear();
    const changes = new Map([...differing].sort().map((key) => [key, snapshot.state.get(key)]));
    for (const listener of this.#imported) listener(this.head);
    for (const listener of this.#best) listener(this.head, changes);
    for (const listener of this.#final) listener(this.head);
  }

  /** Ends all timers. */
  close(): void {
    this.producer.close();
    for (const listeners of [this.#best, this.#imported, this.#final]) listeners.clear();
  }

  #offered(excluded: ReadonlySet<string>): PendingTransaction[] {
    return this.pool.ready().filter(({ valid }) => valid.type === 'unsigned' || !excluded.has(valid.signer));
  }

  /** The first block takes what waits; its other timestamp makes it another block than the one that it replaces. */
  #fork(depth: number, timestampMs: number): BlockOutcome[] {
    return Array.from({ length: depth + 1 }, (_, index) => (index === 0 ? this.chain.build(this.#offered(new Set()), { timestampMs }) : this.chain.build([])));
  }

  /** `changes` are those from the best block before; without them the block is not the best one. */
  #announce({ block, changes, included, invalid, finalized }: Omit<BlockOutcome, 'changes'> & { readonly changes: StateChanges | undefined }): void {
    for (const listener of this.#imported) listener(block);
    if (changes !== undefined) for (const listener of this.#best) listener(block, changes);
    this.pool.settle({ included, invalid, blockHash: block.hash });
    for (const listener of this.#final) for (const one of finalized) listener(one);
    this.pool.finalize(finalized.map(({ hash }) => hash));
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
