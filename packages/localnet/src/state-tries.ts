/**
 * The state as Substrate's trie: its root after every block, and storage proofs within the window of history.
 *
 * The tries of the newest blocks are kept, since they share all that did not change; an older one is made again from the history when it is asked for.
 * @module
 */
import { createTrie, proveRead, trieRoot, updateTrie, type StateTrie } from '@connito/chain/trie';
import { toHex } from './hex.ts';
import type { StateChanges, StateHistory } from './state.ts';

/** What Subtensor's runtime has (`system_version: 1`): values of 33 bytes and more are told by their hash. */
const STATE_VERSION = 1;

/** Tries that are kept: those of the newest blocks, and the ones made again last. */
const KEPT_TRIES = 64;
const KEPT_OLD_TRIES = 4;

/** The tries of one chain. */
export class StateTries {
  readonly #history: StateHistory;
  readonly #newest = new Map<number, StateTrie>();
  readonly #old = new Map<number, StateTrie>();
  #head: StateTrie = createTrie(STATE_VERSION);

  constructor(history: StateHistory) {
    this.#history = history;
  }

  /** The root that the head's state would have after changes, hex. */
  rootAfter(changes: StateChanges): string {
    return toHex(trieRoot(updateTrie(this.#head, changes)));
  }

  /** The root of the head's state, hex. */
  root(): string {
    return toHex(trieRoot(this.#head));
  }

  /** Takes the changes of the next block. Nothing is hashed before it is asked for. */
  apply(block: number, changes: StateChanges): void {
    this.#head = updateTrie(this.#head, changes);
    keep(this.#newest, block, this.#head, KEPT_TRIES);
  }

  /** The nodes that prove what the keys (hex) have after a block. */
  prove(block: number, keys: readonly string[]): Uint8Array[] {
    return proveRead(this.#at(block), keys);
  }

  #at(block: number): StateTrie {
    const known = this.#newest.get(block) ?? this.#old.get(block);
    if (known !== undefined) return known;
    const keys = this.#history.keys('', block, { count: Number.POSITIVE_INFINITY });
    const trie = updateTrie(createTrie(STATE_VERSION), keys.map((key) => [key, this.#history.get(key, block)] as const));
    keep(this.#old, block, trie, KEPT_OLD_TRIES);
    return trie;
  }
}

function keep(tries: Map<number, StateTrie>, block: number, trie: StateTrie, most: number): void {
  tries.set(block, trie);
  for (const oldest of tries.keys()) if (tries.size > most) tries.delete(oldest);
}
