/**
 * The chain's state: a map from storage keys to values in which every block's version can still be read.
 *
 * Keys are lowercase hex, whose order is the order of the bytes. Each key has the list of its versions, ascending; a read at block
 * n takes the newest version at or before n. Versions that only blocks older than the window could see are dropped when the key
 * changes again.
 * @module
 */

/** What one block changed: the new value, or `undefined` for a removed key. */
export type StateChanges = ReadonlyMap<string, Uint8Array | undefined>;

/** Something that storage can be read from. */
export interface StateView {
  get(key: string): Uint8Array | undefined;
  /** Keys with a value that begin with `prefix`, ascending; a view without it has none. */
  keys?(prefix: string): readonly string[];
}

interface Versions {
  readonly blocks: number[];
  readonly values: (Uint8Array | undefined)[];
}

/** All kept versions of all keys. */
export class StateHistory {
  readonly #versions = new Map<string, Versions>();
  readonly #removed: { readonly block: number; readonly key: string }[] = [];
  readonly #windowBlocks: number;
  #sorted: string[] = [];
  #unsorted: string[] = [];
  #head = -1;

  /** @param windowBlocks - how many blocks behind the head stay readable */
  constructor(windowBlocks: number) {
    this.#windowBlocks = windowBlocks;
  }

  /** The oldest block at which reads are right. */
  get oldestBlock(): number {
    return Math.max(0, this.#head - this.#windowBlocks);
  }

  /** The value that `key` had after block `block`. */
  get(key: string, block: number): Uint8Array | undefined {
    const versions = this.#versions.get(key);
    if (versions === undefined) return undefined;
    for (let index = versions.blocks.length - 1; index >= 0; index--) {
      if ((versions.blocks[index] as number) <= block) return versions.values[index];
    }
    return undefined;
  }

  /** The state after `block`. */
  at(block: number): StateView {
    return { get: (key) => this.get(key, block), keys: (prefix) => this.keys(prefix, block, { count: Number.POSITIVE_INFINITY }) };
  }

  /** Adds the changes of the next block. */
  apply(block: number, changes: StateChanges): void {
    this.#head = block;
    for (const [key, value] of changes) this.#put(key, block, value);
    this.#forget();
  }

  /** Keys that begin with `prefix` and come after `start`, ascending, at `block`; `count` at most. */
  keys(prefix: string, block: number, { start, count }: { start?: string; count: number }): string[] {
    const sorted = this.#sortedKeys();
    const found: string[] = [];
    const from = start !== undefined && start >= prefix ? start : undefined;
    for (let index = lowerBound(sorted, from ?? prefix); index < sorted.length && found.length < count; index++) {
      const key = sorted[index] as string;
      if (!key.startsWith(prefix)) break;
      if (key !== from && this.get(key, block) !== undefined) found.push(key);
    }
    return found;
  }

  #put(key: string, block: number, value: Uint8Array | undefined): void {
    let versions = this.#versions.get(key);
    if (versions === undefined) {
      versions = { blocks: [], values: [] };
      this.#versions.set(key, versions);
      this.#unsorted.push(key);
    }
    versions.blocks.push(block);
    versions.values.push(value);
    while (versions.blocks.length > 1 && (versions.blocks[1] as number) <= this.oldestBlock) {
      versions.blocks.shift();
      versions.values.shift();
    }
    if (value === undefined) this.#removed.push({ block, key });
  }

  /** Drops keys whose removal has left the window. */
  #forget(): void {
    while (this.#removed[0] !== undefined && this.#removed[0].block <= this.oldestBlock) {
      const { block, key } = this.#removed.shift() as { block: number; key: string };
      const versions = this.#versions.get(key);
      if (versions?.blocks.at(-1) !== block) continue;
      this.#versions.delete(key);
      const at = lowerBound(this.#sortedKeys(), key);
      this.#sorted.splice(at, 1);
    }
  }

  #sortedKeys(): string[] {
    if (this.#unsorted.length > 0) {
      this.#sorted = [...this.#sorted, ...this.#unsorted].sort((a, b) => (a < b ? -1 : 1));
      this.#unsorted = [];
    }
    return this.#sorted;
  }
}

/** Changes on top of a state, in layers that can be undone: what a block, and each call within it, does. */
export class StateOverlay implements StateView {
  readonly #base: StateView;
  readonly #layers: Map<string, Uint8Array | undefined>[] = [new Map()];

  constructor(base: StateView) {
    this.#base = base;
  }

  get(key: string): Uint8Array | undefined {
    for (let index = this.#layers.length - 1; index >= 0; index--) {
      const layer = this.#layers[index] as Map<string, Uint8Array | undefined>;
      if (layer.has(key)) return layer.get(key);
    }
    return this.#base.get(key);
  }

  keys(prefix: string): readonly string[] {
    const found = new Set(this.#base.keys?.(prefix) ?? []);
    for (const layer of this.#layers) {
      for (const [key, value] of layer) {
        if (!key.startsWith(prefix)) continue;
        if (value === undefined) found.delete(key);
        else found.add(key);
      }
    }
    return [...found].sort();
  }

  set(key: string, value: Uint8Array | undefined): void {
    (this.#layers.at(-1) as Map<string, Uint8Array | undefined>).set(key, value);
  }

  /** Begins a layer. */
  begin(): void {
    this.#layers.push(new Map());
  }

  /** Keeps the newest layer's changes. */
  commit(): void {
    for (const [key, value] of this.#layers.pop() as Map<string, Uint8Array | undefined>) this.set(key, value);
  }

  /** Forgets the newest layer's changes. */
  rollback(): void {
    this.#layers.pop();
  }

  /** All changes whose value differs from the base, in the order of their keys. */
  changes(): StateChanges {
    const entries = [...(this.#layers[0] as Map<string, Uint8Array | undefined>)];
    return new Map(entries.filter(([key, value]) => !same(value, this.#base.get(key))).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(a, b) === 0;
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
