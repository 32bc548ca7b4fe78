/**
 * The states of blocks that a reorganisation took from the chain: what each of them changed, over the state of the block at which its branch left the chain.
 * @module
 */
import type { Block } from './block.ts';
import type { StateChanges } from './state.ts';

/** A block with what it changed. */
export interface ChangedBlock {
  readonly block: Block;
  readonly changes: StateChanges;
}

/** Where a branch leaves the chain, and its blocks from there on. */
export interface Branch {
  readonly root: Block;
  readonly blocks: readonly ChangedBlock[];
}

/** Retracted blocks whose changes are kept. */
const MAX_FORK_BLOCKS = 64;

/** Blocks off the chain. */
export class ForkStates {
  readonly #retracted = new Map<string, ChangedBlock>();

  /** Keeps retracted blocks, and forgets the ones that have been kept longest. */
  add(retracted: readonly ChangedBlock[]): void {
    for (const changed of retracted) this.#retracted.set(changed.block.hash, changed);
    for (const hash of this.#retracted.keys()) if (this.#retracted.size > MAX_FORK_BLOCKS) this.#retracted.delete(hash);
  }

  /** The blocks, parents before their children. */
  blocks(): Block[] {
    return [...this.#retracted.values()].map(({ block }) => block).sort((a, b) => a.header.number - b.header.number);
  }

  /** The branch that ends with a block; `undefined` where its beginning is not known any more. `onChain` gives the block of a hash that stands on the chain. */
  branchOf(tip: Block, onChain: (hash: string) => Block | undefined): Branch | undefined {
    const blocks: ChangedBlock[] = [];
    for (let hash = tip.hash; ; ) {
      const root = onChain(hash);
      if (root !== undefined) return { root, blocks };
      const changed = this.#retracted.get(hash);
      if (changed === undefined) return undefined;
      blocks.unshift(changed);
      hash = changed.block.header.parentHash;
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#retracted.clear();
  }
}
