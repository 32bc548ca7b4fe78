/**
 * The JSON-RPC methods that go on answering.
 * @module
 */
import { prefixed } from '../hex.ts';
import type { Block } from '../block.ts';
import type { NodeView } from '../node.ts';
import type { TransactionStatus } from '../pool.ts';
import { changeSet, headerJson, versionJson } from './methods.ts';
import { bytesParam, hexListParam } from './params.ts';
import type { Subscriber, Subscription } from './subscription.ts';

const MAX_KEYS = 10_000;

/** Makes a subscription from parameters. */
export type SubscriptionMethod = (node: NodeView, params: readonly unknown[]) => Subscription;

/** The newest block of a kind, then each that follows. */
function heads(notification: string, { first, follow }: HeadStream): SubscriptionMethod {
  return (node) => ({
    notification,
    start: ({ send }) => {
      send(headerJson(first(node)));
      return follow(node, (block) => send(headerJson(block)));
    },
  });
}

interface HeadStream {
  readonly first: (node: NodeView) => Block;
  readonly follow: (node: NodeView, listener: (block: Block) => void) => () => void;
}

const BEST: HeadStream = { first: ({ head }) => head, follow: (node, listener) => node.onBlock(listener) };
const FINAL: HeadStream = { first: ({ finalized }) => finalized, follow: (node, listener) => node.onFinalized(listener) };
const ALL: HeadStream = { first: ({ head }) => head, follow: (node, listener) => node.onImported(listener) };

const storage: SubscriptionMethod = (node, [list]) => {
  const keys = list === undefined || list === null ? undefined : hexListParam(list, 'keys', MAX_KEYS);
  return {
    notification: 'state_storage',
    start: ({ send }) => {
      if (keys !== undefined) send(changeSet(node, node.head, keys));
      return node.onBlock((block, changes) => {
        const changed = keys === undefined ? [...changes.keys()] : keys.filter((key) => changes.has(key));
        if (changed.length > 0) send(changeSet(node, block, changed));
      });
    },
  };
};

const runtimeVersion: SubscriptionMethod = () => ({
  notification: 'state_runtimeVersion',
  start: ({ send }) => {
    send(versionJson());
    return () => undefined;
  },
});

/**
 * `finalized` is told a little after `inBlock`: @polkadot/api looks the block up after `inBlock`, and forgets that status if the next
 * one comes meanwhile. So it waits until the client has been quiet for a moment, but not for long.
 */
const QUIET_MS = 60;
const LONGEST_WAIT_MS = 500;

/** The transaction is taken in (or refused) at once; what becomes of it is sent once `start` is called. */
const watch: SubscriptionMethod = (node, [extrinsic]) => {
  const waiting: TransactionStatus[] = [];
  let deliver = (status: TransactionStatus): void => void waiting.push(status);
  node.submit(bytesParam(extrinsic, 'extrinsic'), (status) => deliver(status));
  return {
    notification: 'author_extrinsicUpdate',
    start: (subscriber) => {
      let timer: NodeJS.Timeout | undefined;
      deliver = (status) => {
        if (typeof status === 'string' || !('finalized' in status)) subscriber.send(statusJson(status));
        else timer = whenQuiet(subscriber, () => subscriber.send(statusJson(status)), (next) => (timer = next));
      };
      for (const status of waiting) deliver(status);
      node.producer.wake();
      return () => {
        clearTimeout(timer);
        deliver = () => undefined;
      };
    },
  };
};

/** Acts when the client has been quiet, looking again by a timer that `rearm` hears of. */
function whenQuiet({ idleMs }: Subscriber, act: () => void, rearm: (timer: NodeJS.Timeout) => void): NodeJS.Timeout {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  const look = (): void => {
    if (idleMs() >= QUIET_MS || performance.now() >= deadline) act();
    else rearm(setTimeout(look, QUIET_MS));
  };
  return setTimeout(look, QUIET_MS);
}

function statusJson(status: TransactionStatus): unknown {
  if (typeof status === 'string') return status;
  return Object.fromEntries(Object.entries(status).map(([key, hash]) => [key, prefixed(hash as string)]));
}

/** Subscriptions by the methods that begin them. */
export const subscriptions: Readonly<Record<string, SubscriptionMethod>> = Object.assign(Object.create(null) as Record<string, SubscriptionMethod>, {
  chain_subscribeNewHeads: heads('chain_newHead', BEST),
  chain_subscribeNewHead: heads('chain_newHead', BEST),
  subscribe_newHead: heads('chain_newHead', BEST),
  chain_subscribeFinalizedHeads: heads('chain_finalizedHead', FINAL),
  chain_subscribeFinalisedHeads: heads('chain_finalizedHead', FINAL),
  chain_subscribeAllHeads: heads('chain_allHead', ALL),
  state_subscribeStorage: storage,
  state_subscribeRuntimeVersion: runtimeVersion,
  chain_subscribeRuntimeVersion: runtimeVersion,
  author_submitAndWatchExtrinsic: watch,
});

/** Methods that end a subscription. */
export const unsubscriptions: ReadonlySet<string> = new Set([
  'chain_unsubscribeNewHeads',
  'chain_unsubscribeNewHead',
  'unsubscribe_newHead',
  'chain_unsubscribeFinalizedHeads',
  'chain_unsubscribeFinalisedHeads',
  'chain_unsubscribeAllHeads',
  'state_unsubscribeStorage',
  'state_unsubscribeRuntimeVersion',
  'chain_unsubscribeRuntimeVersion',
  'author_unwatchExtrinsic',
  'author_unwatch',
]);
