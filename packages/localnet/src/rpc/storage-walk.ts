/**
 * Storage queries of `chainHead_v1_storage` and `archive_v1_storage`: parsed, and answered page by page.
 * @module
 * @see https://paritytech.github.io/json-rpc-interface-spec/api/chainHead_v1_storage.html
 */
import type { Block } from '../block.ts';
import { blake2, prefixed } from '../hex.ts';
import type { NodeView } from '../node.ts';
import type { BlockState } from '../state.ts';
import { badParams } from './failure.ts';
import { hexParam } from './params.ts';

const TYPES = ['value', 'hash', 'closestDescendantMerkleValue', 'descendantsValues', 'descendantsHashes'] as const;

/** One query; hex without prefix. */
export interface StorageQuery {
  readonly key: string;
  readonly type: (typeof TYPES)[number];
  /** Descendants after this key only. */
  readonly after?: string | undefined;
}

/** One result, as JSON. */
export interface StorageItem {
  readonly key: string;
  readonly value?: string;
  readonly hash?: string;
  readonly closestDescendantMerkleValue?: string;
}

/** Queries of one request. */
const MAX_QUERIES = 1024;
/** Descendants and bytes of their values after which a page ends. */
const PAGE_ITEMS = 1000;
const PAGE_BYTES = 1024 * 1024;
/** Keys that are looked up at once. */
const STEP_KEYS = 100;

/** Queries as clients write them. @throws RpcFailure */
export function queriesParam(value: unknown): StorageQuery[] {
  if (!Array.isArray(value) || value.length > MAX_QUERIES) throw badParams(`items: expected a list of at most ${MAX_QUERIES} queries { key, type }`);
  return value.map((item: unknown, index) => {
    const { key, type, paginationStartKey } = (item ?? {}) as Record<string, unknown>;
    const known = TYPES.find((one) => one === type);
    if (known === undefined) throw badParams(`items[${index}].type: expected one of ${TYPES.join(', ')}`);
    const after = paginationStartKey === undefined || paginationStartKey === null ? undefined : hexParam(paginationStartKey, `items[${index}].paginationStartKey`);
    if (after !== undefined && !isDescent(known)) throw badParams(`items[${index}].paginationStartKey: only descendants come in pages`);
    return { key: hexParam(key, `items[${index}].key`), type: known, after };
  });
}

/** A child trie's key, of which this chain has none. @throws RpcFailure */
export function childTrieParam(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : hexParam(value, 'childTrie');
}

/** The way through the results of some queries at one block. What it holds between pages does not grow. */
export class StorageWalk {
  readonly #node: NodeView;
  readonly #block: Block;
  readonly #queries: readonly StorageQuery[];
  #index = 0;
  #after: string | undefined;

  constructor(node: NodeView, { block, queries }: { readonly block: Block; readonly queries: readonly StorageQuery[] }) {
    this.#node = node;
    this.#block = block;
    this.#queries = queries;
    this.#after = queries[0]?.after;
  }

  /** Whether all has been given. */
  get isDone(): boolean {
    return this.#index >= this.#queries.length;
  }

  /** The next results; `undefined` where the block's state is not known any more. */
  page(): StorageItem[] | undefined {
    const state = readableState(this.#node, this.#block);
    if (state === undefined) return undefined;
    const page: StorageItem[] = [];
    for (let room = { items: PAGE_ITEMS, bytes: PAGE_BYTES }; !this.isDone && room.items > 0 && room.bytes > 0; ) {
      const found = this.#step(state, Math.min(STEP_KEYS, room.items));
      page.push(...found);
      room = { items: room.items - found.length, bytes: room.bytes - found.reduce((sum, { value = '' }) => sum + value.length / 2, 0) };
    }
    return page;
  }

  #step(state: BlockState, count: number): StorageItem[] {
    const query = this.#queries[this.#index] as StorageQuery;
    if (!isDescent(query.type)) {
      this.#next();
      return this.#single(state, query);
    }
    const keys = state.keys(query.key, { count, ...(this.#after === undefined ? {} : { start: this.#after }) });
    if (keys.length < count) this.#next();
    else this.#after = keys.at(-1);
    return keys.map((key) => itemOf(key, state.get(key) as Uint8Array, query.type === 'descendantsHashes'));
  }

  #single(state: BlockState, { key, type }: StorageQuery): StorageItem[] {
    if (type === 'closestDescendantMerkleValue') {
      const value = this.#node.chain.merkleValue(this.#block, key);
      return value === undefined ? [] : [{ key: prefixed(key), closestDescendantMerkleValue: prefixed(value) }];
    }
    const value = state.get(key);
    return value === undefined ? [] : [itemOf(key, value, type === 'hash')];
  }

  #next(): void {
    this.#index += 1;
    this.#after = this.#queries[this.#index]?.after;
  }
}

/** The state after a block, as far as the endpoint still has it. */
export function readableState(node: NodeView, block: Block): BlockState | undefined {
  return block.header.number < node.oldestStateBlock ? undefined : node.chain.stateOf(block);
}

function isDescent(type: StorageQuery['type']): boolean {
  return type === 'descendantsValues' || type === 'descendantsHashes';
}

function itemOf(key: string, value: Uint8Array, hashed: boolean): StorageItem {
  return hashed ? { key: prefixed(key), hash: prefixed(blake2(value)) } : { key: prefixed(key), value: prefixed(value) };
}
