/**
 * `archive_v1_…`: blocks and their states, also of long ago.
 * @module
 * @see https://paritytech.github.io/json-rpc-interface-spec/api/archive.html
 */
import { prefixed } from '../hex.ts';
import { encodeHeader, type Block } from '../block.ts';
import type { NodeView } from '../node.ts';
import type { Connection, ConnectionMethod } from './connection.ts';
import { RpcFailure } from './failure.ts';
import type { RpcMethod } from './rpc-method.ts';
import { bytesParam, countParam, hashParam, textParam } from './params.ts';
import { callRuntime } from './runtime-calls.ts';
import { diffsParam, StorageDiffWalk } from './storage-diff.ts';
import { childTrieParam, queriesParam, readableState, StorageWalk } from './storage-walk.ts';

const NO_STATE = 'State already discarded';
const NO_BLOCK = 'There is no such block';

/** The methods that answer once, by name. */
export const archiveMethods: Readonly<Record<string, RpcMethod>> = {
  archive_v1_genesisHash: ({ chain }) => prefixed(chain.genesisHash),
  archive_v1_finalizedHeight: ({ finalized }) => finalized.header.number,
  archive_v1_hashByHeight: (node, [height]) => hashesAt(node, countParam(height, 'height', 0xffff_ffff)).map(prefixed),
  archive_v1_header: (node, [hash]) => {
    const block = node.block(hashParam(hash, 'hash'));
    return block === undefined ? null : prefixed(encodeHeader(block.header));
  },
  archive_v1_body: (node, [hash]) => node.block(hashParam(hash, 'hash'))?.extrinsics.map(prefixed) ?? null,
  archive_v1_call: (node, [hash, name, input]) => {
    const block = node.block(hashParam(hash, 'hash'));
    const call = { name: textParam(name, 'function'), data: bytesParam(input, 'callParameters') };
    if (block === undefined) return null;
    if (readableState(node, block) === undefined) return { success: false, error: NO_STATE };
    return callResult(node, { ...call, block });
  },
};

/** The methods that go on answering, and those that end them, by name. */
export const archiveSubscriptions: Readonly<Record<string, ConnectionMethod>> = {
  archive_v1_storage: (connection, [hash, items, childTrie]) => {
    const block = connection.node.block(hashParam(hash, 'hash'));
    const queries = queriesParam(items);
    // There are no child tries, so nothing is found in them.
    const walk = block && new StorageWalk(connection.node, { block, queries: childTrieParam(childTrie) === undefined ? queries : [] });
    return pour(connection, { name: 'storage', walk });
  },
  archive_v1_storageDiff: (connection, [hash, items, previousHash]) => {
    const { node } = connection;
    const block = node.block(hashParam(hash, 'hash'));
    const queries = diffsParam(items);
    const previous = previousHash === undefined || previousHash === null ? block?.header.parentHash : hashParam(previousHash, 'previousHash');
    const base = previous === undefined ? undefined : node.block(previous);
    if (block !== undefined && base !== undefined && !isAncestor(node, base, block)) return pour(connection, { name: 'storageDiff', walk: undefined, problem: 'previousHash is not an ancestor of hash' });
    return pour(connection, { name: 'storageDiff', walk: block && base && new StorageDiffWalk(node, { base, block, queries }) });
  },
  archive_v1_stopStorage: stop,
  archive_v1_stopStorageDiff: stop,
};

function stop({ unsubscribe }: Connection, [subscription]: readonly unknown[]): { readonly result: null } {
  unsubscribe(textParam(subscription, 'subscription'));
  return { result: null };
}

/** Something whose results come in pages. */
interface PagedWalk {
  readonly isDone: boolean;
  page(): readonly object[] | undefined;
}

interface Source {
  readonly name: 'storage' | 'storageDiff';
  readonly walk: PagedWalk | undefined;
  readonly problem?: string;
}

/** Sends all results, each as an event, page by page, so that others have their turn in between. */
function pour({ subscribe, unsubscribe }: Connection, { name, walk, problem = NO_BLOCK }: Source): ReturnType<ConnectionMethod> {
  return subscribe(() => ({
    notification: `archive_v1_${name}Event`,
    start: ({ id, send }) => {
      let next: NodeJS.Immediate | undefined;
      const finish = (event: object): void => {
        send(event);
        unsubscribe(id);
      };
      const step = (): void => {
        const page = walk?.page();
        if (walk === undefined || page === undefined) return finish({ event: `${name}Error`, error: walk === undefined ? problem : NO_STATE });
        for (const item of page) send({ event: name, ...item });
        if (walk.isDone) return finish({ event: `${name}Done` });
        next = setImmediate(step);
      };
      step();
      return () => clearImmediate(next);
    },
  }));
}

/** The block of a height that is final; above, all that are known. */
function hashesAt(node: NodeView, height: number): string[] {
  if (height <= node.finalized.header.number) {
    const block = node.block(height);
    return block === undefined ? [] : [block.hash];
  }
  return node.openBlocks().flatMap(({ hash, header }) => (header.number === height ? [hash] : []));
}

function isAncestor(node: NodeView, ancestor: Block, block: Block): boolean {
  let at: Block | undefined = block;
  while (at !== undefined && at.header.number > ancestor.header.number && !node.chain.has(at)) at = node.block(at.header.parentHash);
  if (at === undefined) return false;
  return at.hash === ancestor.hash || (node.chain.has(at) && node.chain.has(ancestor) && ancestor.header.number <= at.header.number);
}

function callResult(node: NodeView, call: Parameters<typeof callRuntime>[1]): object {
  try {
    return { success: true, value: prefixed(callRuntime(node, call)) };
  } catch (error) {
    if (error instanceof RpcFailure) return { success: false, error: error.message };
    throw error;
  }
}
