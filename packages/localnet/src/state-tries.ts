/**
 * The state as Substrate's trie: its root after every block, and storage proofs within the window of history.
 *
 * The tries of the newest blocks are kept, since they share all that did not change; an older one is made again from the history when it is asked for.
 * @module
 */
import { closestMerkleValue, createTrie, proveRead, trieRoot, updateTrie, type StateTrie } from '@connito/chain/trie';
import { toHex } from './hex.ts';
import type { StateChanges, StateHistory } from './state.ts';

/** What Subtensor's runtime has (`system_version: 1`): values of 33 bytes and more are told by their hash. */
const STATE_VERSION = 1;

/** Tries that are kept: those of the newest blocks, and the ones made again last. */
const KEPT_TRIES = 64;
const KEPT_OLD_TRIES = 4;

/** The root of a state, hex. */
export function stateRootOf(state: StateChanges): string {
  return toHex(trieRoot(updateTrie(createTrie(STATE_VERSION), state)));
}

/** The tries of one chain. */
export class StateTries {
  readonly #history: StateHistory;
  readonly #newest = new Map<number, StateTrie>();
  readonly #old = new Map<number, StateTrie>();
  #head: number;
  /** What {@link rootAfter} has made and hashed, should those changes become the next block's. */
  #next: { readonly changes: StateChanges; readonly trie: StateTrie } | undefined;

  /** @param head - the newest block, whose state the history has */
  constructor(history: StateHistory, head: number) {
    this.#history = history;
    this.#head = head;
  }

  /** The root that the head's state would have after changes, hex. */
  rootAfter(changes: StateChanges): string {
    this.#next = { changes, trie: updateTrie(this.#headTrie(), changes) };
    return toHex(trieRoot(this.#next.trie));
  }

  /** The root of the state after a block, hex. */
  rootAt(block: number): string {
    return toHex(trieRoot(this.#at(block)));
  }

  /** Takes the changes of the next block. Nothing is hashed before it is asked for. */
  apply(block: number, changes: StateChanges): void {
    const trie = this.#next?.changes === changes ? this.#next.trie : updateTrie(this.#headTrie(), changes);
    this.#next = undefined;
    this.#head = block;
    keep(this.#newest, block, trie, KEPT_TRIES);
  }

  /** Undoes the blocks after `block`. */
  rewind(block: number): void {
    this.#head = block;
    this.#next = undefined;
    for (const tries of [this.#newest, this.#old]) for (const number of tries.keys()) if (number > block) tries.delete(number);
  }

  /** Goes on from the state that the history has after `block`. */
  reset(block: number): void {
    this.#newest.clear();
    this.#old.clear();
    this.#head = block;
    this.#next = undefined;
  }

  /** The nodes that prove what the keys (hex) have after a block. */
  prove(block: number, keys: readonly string[]): Uint8Array[] {
    return proveRead(this.#at(block), keys);
  }

  /** The Merkle value of a key (hex), or of its closest descendant, after a block and the changes of blocks that followed it. */
  merkleValue(block: number, key: string, changes: readonly StateChanges[] = []): Uint8Array | undefined {
    return closestMerkleValue(changes.reduce(updateTrie, this.#at(block)), key);
  }

  #headTrie(): StateTrie {
    const known = this.#newest.get(this.#head);
    if (known !== undefined) return known;
    const made = this.#make(this.#head);
    keep(this.#newest, this.#head, made, KEPT_TRIES);
    return made;
  }

  #at(block: number): StateTrie {
    const known = this.#newest.get(block) ?? this.#old.get(block);
    if (known !== undefined) return known;
    if (block === this.#head) return this.#headTrie();
    const made = this.#make(block);
    keep(this.#old, block, made, KEPT_OLD_TRIES);
    return made;
  }

  #make(block: number): StateTrie {
    return updateTrie(createTrie(STATE_VERSION), this.#history.entries(block));
  }
}

function keep(tries: Map<number, StateTrie>, block: number, trie: StateTrie, most: number): void {
  tries.set(block, trie);
  for (const oldest of tries.keys()) if (tries.size > most) tries.delete(oldest);
}
