/**
 * The chain's state: a map from storage keys to values in which every block's version can still be read.
 *
 * Keys are lowercase hex, whose order is the order of the bytes. Each key has the list of its versions, ascending; a read at block
 * n takes the newest version at or before n. Versions that only blocks older than the window could see are dropped when the key
 * changes again. With an archive (a directory on disk), only the newest blocks' versions are here, and what is not is read there.
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

/** Which keys of a prefix: those after `start`, `count` at most. */
export interface KeyRange {
  readonly start?: string;
  readonly count: number;
}

/** The state after one block. */
export interface BlockState extends StateView {
  keys(prefix: string, range?: KeyRange): readonly string[];
}

/** Where versions are that are no longer in memory. */
export interface StateArchive {
  /** The value that `key` had after block `block`. */
  get(key: string, block: number): Uint8Array | undefined;
  /** Keys that begin with `prefix` and are not before `start`, ascending, whether or not they had a value at any block. */
  keys(prefix: string, start: string): Iterable<string>;
}

/** A value that a later one has replaced, as text of one byte a character: a `Uint8Array` takes 200 bytes beside its own. */
type Packed = string;

interface Versions {
  readonly blocks: number[];
  readonly values: (Uint8Array | Packed | undefined)[];
}

/** What a history is made with. */
export interface StateHistoryOptions {
  /** How many blocks behind the head stay readable. */
  readonly windowBlocks: number;
  readonly archive?: StateArchive | undefined;
  /** The first block whose state is known. */
  readonly firstBlock?: number;
}

/** Keys that are put into the sorted ones singly. */
const MAX_INSERTED = 64;

/** All kept versions of all keys. */
export class StateHistory {
  readonly #versions = new Map<string, Versions>();
  readonly #windowBlocks: number;
  readonly #archive: StateArchive | undefined;
  /** Blocks whose versions are in memory, with their keys; kept only where there is an archive. */
  #held: { readonly block: number; readonly keys: readonly string[] }[] = [];
  #removed: { readonly block: number; readonly key: string }[] = [];
  #sorted: string[] = [];
  #unsorted: string[] = [];
  #first: number;
  #head: number;

  constructor({ windowBlocks, archive, firstBlock = 0 }: StateHistoryOptions) {
    this.#windowBlocks = windowBlocks;
    this.#archive = archive;
    this.#first = firstBlock;
    this.#head = firstBlock - 1;
  }

  /** The oldest block at which reads are right. */
  get oldestBlock(): number {
    return Math.max(this.#first, this.#head - this.#windowBlocks);
  }

  /** The value that `key` had after block `block`. */
  get(key: string, block: number): Uint8Array | undefined {
    const versions = this.#versions.get(key);
    if (versions !== undefined) {
      for (let index = versions.blocks.length - 1; index >= 0; index--) {
        if ((versions.blocks[index] as number) <= block) return unpack(versions.values[index]);
      }
    }
    return this.#archive?.get(key, block);
  }

  /** The state after `block`. */
  at(block: number): BlockState {
    return { get: (key) => this.get(key, block), keys: (prefix, range = { count: Number.POSITIVE_INFINITY }) => this.keys(prefix, block, range) };
  }

  /** Adds the changes of the next block. */
  apply(block: number, changes: StateChanges): void {
    this.#head = block;
    for (const [key, value] of changes) this.#put(key, block, value);
    if (this.#archive === undefined) this.#forget();
    else this.#held.push({ block, keys: [...changes.keys()] });
  }

  /** Begins at a block of which the archive has the state. */
  begin(block: number, firstBlock: number): void {
    this.#clear();
    this.#first = firstBlock;
    this.#head = block;
  }

  /** Forgets all that was, and goes on from the state after `block`. */
  reset(block: number, state: StateChanges): void {
    this.begin(block, block);
    this.apply(block, state);
  }

  /** Undoes the blocks after `block`. */
  rewind(block: number): void {
    this.#head = block;
    for (const [key, { blocks, values }] of this.#versions) {
      while (blocks.length > 0 && (blocks.at(-1) as number) > block) {
        blocks.pop();
        values.pop();
      }
      if (blocks.length === 0) this.#versions.delete(key);
    }
    this.#removed = this.#removed.filter((entry) => entry.block <= block);
    this.#held = this.#held.filter((entry) => entry.block <= block);
    this.#resort();
  }

  /** Drops from memory what the archive has: the versions of blocks up to `block`. */
  evict(block: number): void {
    let evicted = false;
    while (this.#held[0] !== undefined && this.#held[0].block <= block) {
      for (const key of this.#held.shift()?.keys ?? []) evicted = this.#dropUpTo(key, block) || evicted;
    }
    if (evicted) this.#resort();
  }

  /** Keys that begin with `prefix` and come after `start`, ascending, at `block`; `count` at most. */
  keys(prefix: string, block: number, { start, count }: KeyRange): string[] {
    const found: string[] = [];
    const after = start !== undefined && start >= prefix ? start : undefined;
    for (const key of this.#candidates(prefix, after ?? prefix)) {
      if (found.length >= count) break;
      if (key !== after && this.get(key, block) !== undefined) found.push(key);
    }
    return found;
  }

  /** The whole state after `block`, in the order of the keys. */
  entries(block: number): Map<string, Uint8Array> {
    return new Map(this.keys('', block, { count: Number.POSITIVE_INFINITY }).map((key) => [key, this.get(key, block) as Uint8Array]));
  }

  #candidates(prefix: string, from: string): Iterable<string> {
    const held = rangeOf(this.#sortedKeys(), prefix, from);
    return this.#archive === undefined ? held : mergeSorted(held, this.#archive.keys(prefix, from));
  }

  #put(key: string, block: number, value: Uint8Array | undefined): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) {
      this.#versions.set(key, { blocks: [block], values: [value] });
      this.#unsorted.push(key);
    } else {
      versions.values.push(pack(versions.values.pop()), value);
      versions.blocks.push(block);
      if (this.#archive === undefined) this.#dropUnseen(versions);
    }
    if (value === undefined && this.#archive === undefined) this.#removed.push({ block, key });
  }

  /** Drops the versions that only blocks before the window could see. */
  #dropUnseen({ blocks, values }: Versions): void {
    let unseen = 0;
    while (unseen + 1 < blocks.length && (blocks[unseen + 1] as number) <= this.oldestBlock) unseen += 1;
    if (unseen === 0) return;
    blocks.splice(0, unseen);
    values.splice(0, unseen);
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

  /** Whether the key is gone from memory with them. */
  #dropUpTo(key: string, block: number): boolean {
    const versions = this.#versions.get(key);
    if (versions === undefined) return false;
    const kept = versions.blocks.findIndex((version) => version > block);
    versions.blocks.splice(0, kept < 0 ? versions.blocks.length : kept);
    versions.values.splice(0, kept < 0 ? versions.values.length : kept);
    return kept < 0 && this.#versions.delete(key);
  }

  #clear(): void {
    this.#versions.clear();
    this.#removed = [];
    this.#held = [];
    this.#resort();
  }

  #resort(): void {
    this.#sorted = [];
    this.#unsorted = [...this.#versions.keys()];
  }

  /** A block adds few keys to many: each is put in its place, unless it is sooner done to sort them all. */
  #sortedKeys(): string[] {
    if (this.#unsorted.length > MAX_INSERTED) this.#sorted = [...this.#sorted, ...this.#unsorted].sort();
    else for (const key of this.#unsorted) this.#sorted.splice(lowerBound(this.#sorted, key), 0, key);
    this.#unsorted.length = 0;
    return this.#sorted;
  }
}

function* rangeOf(sorted: readonly string[], prefix: string, from: string): Iterable<string> {
  for (let index = lowerBound(sorted, from); index < sorted.length; index++) {
    const key = sorted[index] as string;
    if (!key.startsWith(prefix)) return;
    yield key;
  }
}

/** Both in their common order, each key once. */
function* mergeSorted(one: Iterable<string>, other: Iterable<string>): Iterable<string> {
  const right = other[Symbol.iterator]();
  try {
    let next = right.next();
    for (const key of one) {
      for (; next.done !== true && next.value < key; next = right.next()) yield next.value;
      if (next.done !== true && next.value === key) next = right.next();
      yield key;
    }
    for (; next.done !== true; next = right.next()) yield next.value;
  } finally {
    right.return?.();
  }
}

/** A state with the changes of one more block. */
export function stateWith(base: BlockState, changes: StateChanges): BlockState {
  const removed = [...changes.values()].filter((value) => value === undefined).length;
  return {
    get: (key) => (changes.has(key) ? changes.get(key) : base.get(key)),
    keys: (prefix, range = { count: Number.POSITIVE_INFINITY }) => {
      const found = new Set(base.keys(prefix, { ...range, count: range.count + removed }));
      for (const [key, value] of changes) {
        if (value === undefined) found.delete(key);
        else if (key.startsWith(prefix) && (range.start === undefined || key > range.start)) found.add(key);
      }
      return [...found].sort().slice(0, range.count);
    },
  };
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

function pack(value: Uint8Array | Packed | undefined): Packed | undefined {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1') : value;
}

function unpack(value: Uint8Array | Packed | undefined): Uint8Array | undefined {
  return typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'latin1')) : value;
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
