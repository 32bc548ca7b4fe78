/**
 * `archive_v1_storageDiff`: what is different in storage between two blocks, page by page in the order of the keys.
 * @module
 * @see https://paritytech.github.io/json-rpc-interface-spec/api/archive_v1_storageDiff.html
 */
import type { Block } from '../block.ts';
import { blake2, prefixed } from '../hex.ts';
import type { NodeView } from '../node.ts';
import type { BlockState } from '../state.ts';
import { badParams } from './failure.ts';
import { hexParam } from './params.ts';
import { readableState } from './storage-walk.ts';

/** One query; `prefix` is hex. */
export interface DiffQuery {
  readonly prefix: string;
  readonly returnType: 'value' | 'hash';
}

/** One difference, as JSON. What was deleted has neither value nor hash. */
export interface StorageDifference {
  readonly key: string;
  readonly type: 'added' | 'modified' | 'deleted';
  readonly value?: string;
  readonly hash?: string;
}

const MAX_QUERIES = 1024;
/** Keys of either block that are compared at once. */
const PAGE_KEYS = 1000;

/** Queries as clients write them; without any, all of the main trie. Those of child tries find nothing, as there are none. @throws RpcFailure */
export function diffsParam(value: unknown): DiffQuery[] {
  if (value === undefined || value === null) return [{ prefix: '', returnType: 'value' }];
  if (!Array.isArray(value) || value.length > MAX_QUERIES) throw badParams(`items: expected a list of at most ${MAX_QUERIES} queries { key?, returnType }`);
  return value.flatMap((item: unknown, index) => {
    const { key = '0x', returnType, childTrieKey } = (item ?? {}) as Record<string, unknown>;
    if (returnType !== 'value' && returnType !== 'hash') throw badParams(`items[${index}].returnType: expected value or hash`);
    const prefix = hexParam(key ?? '0x', `items[${index}].key`);
    const isChild = childTrieKey !== undefined && childTrieKey !== null && hexParam(childTrieKey, `items[${index}].childTrieKey`) !== undefined;
    return isChild ? [] : [{ prefix, returnType }];
  });
}

/** The way through the differences. */
export class StorageDiffWalk {
  readonly #node: NodeView;
  readonly #blocks: readonly [base: Block, block: Block];
  readonly #queries: readonly DiffQuery[];
  #index = 0;
  #after: string | undefined;

  constructor(node: NodeView, { base, block, queries }: { readonly base: Block; readonly block: Block; readonly queries: readonly DiffQuery[] }) {
    this.#node = node;
    this.#blocks = [base, block];
    this.#queries = queries;
  }

  /** Whether all has been given. */
  get isDone(): boolean {
    return this.#index >= this.#queries.length;
  }

  /** The next differences, possibly none; `undefined` where a block's state is not known any more. */
  page(): StorageDifference[] | undefined {
    const [before, now] = this.#blocks.map((block) => readableState(this.#node, block));
    if (before === undefined || now === undefined) return undefined;
    const query = this.#queries[this.#index];
    if (query === undefined) return [];
    return this.#nextKeys([before, now], query.prefix).flatMap((key) => differenceOf(key, { old: before.get(key), new: now.get(key), returnType: query.returnType }));
  }

  /** Keys of either state; up to where both are known to have no others. */
  #nextKeys(states: readonly BlockState[], prefix: string): string[] {
    const range = { count: PAGE_KEYS, ...(this.#after === undefined ? {} : { start: this.#after }) };
    const pages = states.map((state) => state.keys(prefix, range));
    const bounds = pages.flatMap((page) => (page.length < PAGE_KEYS ? [] : [page.at(-1) as string])).sort();
    const bound = bounds[0];
    this.#after = bound;
    if (bound === undefined) this.#index += 1;
    return [...new Set(pages.flat())].filter((key) => bound === undefined || key <= bound).sort();
  }
}

interface Versions {
  readonly old: Uint8Array | undefined;
  readonly new: Uint8Array | undefined;
  readonly returnType: DiffQuery['returnType'];
}

function differenceOf(name: string, { old, new: value, returnType }: Versions): StorageDifference[] {
  const key = prefixed(name);
  if (value === undefined) return old === undefined ? [] : [{ key, type: 'deleted' }];
  if (old !== undefined && Buffer.compare(old, value) === 0) return [];
  const shown = returnType === 'value' ? { value: prefixed(value) } : { hash: prefixed(blake2(value)) };
  return [{ key, type: old === undefined ? 'added' : 'modified', ...shown }];
}
