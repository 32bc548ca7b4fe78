/**
 * `chainHead_v1_…`: the head of the chain for clients of the newer JSON-RPC interface, such as `polkadot-api` and `dedot`.
 * @module
 * @see https://paritytech.github.io/json-rpc-interface-spec/api/chainHead.html
 */
import { prefixed } from '../../hex.ts';
import { encodeHeader, type Block } from '../../block.ts';
import type { NodeView } from '../../node.ts';
import type { Connection, ConnectionMethod } from '../connection.ts';
import { RpcFailure } from '../failure.ts';
import { booleanParam, bytesParam, hashParam, textParam } from '../params.ts';
import type { Reply } from '../rpc-method.ts';
import { callRuntime } from '../runtime-calls.ts';
import { childTrieParam, queriesParam, readableState, StorageWalk } from '../storage-walk.ts';
import type { Subscriber } from '../subscription.ts';
import { Follow } from './follow.ts';
import { LIMIT_REACHED, type OperationStep } from './operations.ts';

/** Subscriptions of one client. @see polkadot-sdk's `MAX_FOLLOW_SUBSCRIPTIONS_PER_CONNECTION` */
const MAX_FOLLOWS = 4;
const TOO_MANY_FOLLOWS = -32_800;
const NO_RUNTIME = -32_802;

const NOTHING: Reply = { result: null };
const INACCESSIBLE = { event: 'operationInaccessible' } as const;

/** The methods by name. */
export const chainHeadMethods: Readonly<Record<string, ConnectionMethod>> = {
  chainHead_v1_follow: (connection, [withRuntime]) => {
    const { node, follows } = connection;
    const follow = new Follow(node, { withRuntime: booleanParam(withRuntime, 'withRuntime') });
    if (follows.size >= MAX_FOLLOWS) throw new RpcFailure(TOO_MANY_FOLLOWS, 'Maximum number of chainHead_follow has been reached');
    const reply = connection.subscribe(() => ({ notification: 'chainHead_v1_followEvent', start: (subscriber) => start(connection, follow, subscriber) }));
    follows.set(reply.result as string, follow);
    return reply;
  },
  chainHead_v1_unfollow: ({ follows, unsubscribe }, [id]) => {
    const known = textParam(id, 'followSubscription');
    if (follows.delete(known)) unsubscribe(known);
    return NOTHING;
  },
  chainHead_v1_header: (connection, params) => {
    const { follow, hash } = target(connection, params);
    const block = follow?.block(hash);
    return block === undefined ? NOTHING : { result: prefixed(encodeHeader(block.header)) };
  },
  chainHead_v1_body: (connection, params) =>
    onBlock(target(connection, params), (block, { operations }) => operations.start(() => done({ event: 'operationBodyDone', value: block.extrinsics.map(prefixed) }))),
  chainHead_v1_call: (connection, params) => {
    const at = target(connection, params);
    const [name, data] = [textParam(params[2], 'function'), bytesParam(params[3], 'callParameters')];
    return onBlock(at, (block, { operations, withRuntime }) => {
      if (!withRuntime) throw new RpcFailure(NO_RUNTIME, 'The runtime updates flag must be set');
      return operations.start(() => done(callEvent(connection.node, { name, data, block })));
    });
  },
  chainHead_v1_storage: (connection, params) => {
    const at = target(connection, params);
    const items = queriesParam(params[2]);
    const isChild = childTrieParam(params[3]) !== undefined;
    return onBlock(at, (block, { operations }) => {
      const size = Math.min(items.length, operations.room);
      // There are no child tries, so nothing is found in them.
      const walk = new StorageWalk(connection.node, { block, queries: isChild ? [] : items.slice(0, size) });
      return operations.start(() => storageStep(walk), { size, answer: { discardedItems: items.length - size } });
    });
  },
  chainHead_v1_continue: ({ follows }, [id, operationId]) => {
    const operation = textParam(operationId, 'operationId');
    return follows.get(textParam(id, 'followSubscription'))?.operations.continue(operation) ?? NOTHING;
  },
  chainHead_v1_stopOperation: ({ follows }, [id, operationId]) => {
    const operation = textParam(operationId, 'operationId');
    follows.get(textParam(id, 'followSubscription'))?.operations.stop(operation);
    return NOTHING;
  },
  chainHead_v1_unpin: ({ follows }, [id, hashOrHashes]) => {
    const list: readonly unknown[] = Array.isArray(hashOrHashes) ? hashOrHashes : [hashOrHashes];
    const hashes = list.map((hash) => hashParam(hash, 'hashOrHashes'));
    follows.get(textParam(id, 'followSubscription'))?.unpin(hashes);
    return NOTHING;
  },
};

function start({ follows, unsubscribe }: Connection, follow: Follow, { id, send }: Subscriber): () => void {
  follow.begin({ send, end: () => unsubscribe(id) });
  return () => {
    follows.delete(id);
    follow.close();
  };
}

/** What the first two parameters name; there is no follow where the subscription has ended. */
interface Target {
  readonly follow: Follow | undefined;
  readonly hash: string;
}

function target({ follows }: Connection, [id, hash]: readonly unknown[]): Target {
  return { follow: follows.get(textParam(id, 'followSubscription')), hash: hashParam(hash, 'hash') };
}

/** Starts an operation on a pinned block, if there is room for one. */
function onBlock({ follow, hash }: Target, operation: (block: Block, follow: Follow) => Reply): Reply {
  const block = follow?.block(hash);
  if (follow === undefined || block === undefined || follow.operations.room === 0) return LIMIT_REACHED;
  return operation(block, follow);
}

function done(event: object): ReturnType<OperationStep> {
  return { events: [event], hasMore: false };
}

function callEvent(node: NodeView, call: { readonly name: string; readonly data: Uint8Array; readonly block: Block }): object {
  if (readableState(node, call.block) === undefined) return INACCESSIBLE;
  try {
    return { event: 'operationCallDone', output: prefixed(callRuntime(node, call)) };
  } catch (error) {
    if (error instanceof RpcFailure) return { event: 'operationError', error: error.message };
    throw error;
  }
}

function storageStep(walk: StorageWalk): ReturnType<OperationStep> {
  const items = walk.page();
  if (items === undefined) return done(INACCESSIBLE);
  const found = items.length > 0 ? [{ event: 'operationStorageItems', items }] : [];
  return { events: [...found, { event: walk.isDone ? 'operationStorageDone' : 'operationWaitingForContinue' }], hasMore: !walk.isDone };
}
