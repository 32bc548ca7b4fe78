/**
 * The blocks of the chain: genesis, and all from the oldest that is kept to the head.
 *
 * Where blocks are kept on disk, memory has the newest and the others are read there. Blocks that a reorganisation took from the
 * chain can still be asked for by their hash, as on a real node.
 * @module
 */
import type { Block } from './block.ts';

/** Where blocks are that are not in memory. */
export interface BlockSource {
  blockByNumber(number: number): Block | undefined;
  blockByHash(hash: string): Block | undefined;
}

/** Retracted blocks that are remembered. */
const MAX_RETRACTED = 256;

/** The blocks of one chain. */
export class BlockArchive {
  readonly genesis: Block;
  readonly #source: BlockSource | undefined;
  readonly #byNumber = new Map<number, Block>();
  readonly #numbers = new Map<string, number>();
  readonly #retracted = new Map<string, Block>();
  #head: Block;

  constructor(genesis: Block, head: Block, source?: BlockSource) {
    this.genesis = genesis;
    this.#source = source;
    this.#head = head;
    this.reset(head);
  }

  get head(): Block {
    return this.#head;
  }

  /** The block of a number or hash on the chain, or a retracted one of a hash. */
  get(id: number | string): Block | undefined {
    if (typeof id === 'number') return id === 0 ? this.genesis : (this.#byNumber.get(id) ?? this.#fromSource(id));
    if (id === this.genesis.hash) return this.genesis;
    const number = this.#numbers.get(id);
    return number === undefined ? (this.#retracted.get(id) ?? this.#source?.blockByHash(id)) : this.#byNumber.get(number);
  }

  /** Whether the block stands on the chain. */
  has(block: Block): boolean {
    return this.get(block.header.number)?.hash === block.hash;
  }

  /** Knows a block besides. */
  remember(block: Block): void {
    this.#byNumber.set(block.header.number, block);
    this.#numbers.set(block.hash, block.header.number);
  }

  /** Adds the next block. */
  push(block: Block): void {
    this.remember(block);
    this.#retracted.delete(block.hash);
    this.#head = block;
  }

  /** Takes the blocks after `number` from the chain. */
  rewind(number: number): void {
    const head = this.get(number) as Block;
    for (let at = this.#head.header.number; at > number; at--) this.#retract(at);
    this.push(head);
  }

  /** Forgets all but genesis and goes on from `head`. */
  reset(head: Block): void {
    this.#byNumber.clear();
    this.#numbers.clear();
    this.#retracted.clear();
    this.push(head);
  }

  /** Drops block `number` from memory. */
  drop(number: number): void {
    const block = this.#byNumber.get(number);
    if (block === undefined) return;
    this.#byNumber.delete(number);
    this.#numbers.delete(block.hash);
  }

  #fromSource(number: number): Block | undefined {
    return number < this.#head.header.number ? this.#source?.blockByNumber(number) : undefined;
  }

  #retract(number: number): void {
    const block = this.#byNumber.get(number);
    if (block === undefined) return;
    this.drop(number);
    this.#retracted.set(block.hash, block);
    if (this.#retracted.size > MAX_RETRACTED) this.#retracted.delete(this.#retracted.keys().next().value as string);
  }
}
