/**
 * `transaction_v1_…` and `transactionWatch_v1_…`.
 * @module
 * @see https://paritytech.github.io/json-rpc-interface-spec/api/transaction.html, transactionWatch.html
 */
import { prefixed } from '../hex.ts';
import { isLocalnetError } from '../errors.ts';
import type { NodeView } from '../node.ts';
import { PoolRefusal, type TransactionStatus } from '../pool.ts';
import { TransactionInvalid } from '../runtime/transaction-invalid.ts';
import { Broadcast } from './broadcast.ts';
import type { ConnectionMethod } from './connection.ts';
import { badParams, RpcFailure, toFailure } from './failure.ts';
import { bytesParam, textParam } from './params.ts';

/** Transactions that one client broadcasts at the same time. @see polkadot-sdk's `MAX_TRANSACTION_PER_CONNECTION` */
const MAX_BROADCASTS = 16;

/** The methods by name. */
export const transactionMethods: Readonly<Record<string, ConnectionMethod>> = {
  transaction_v1_broadcast: ({ node, broadcasts, nextId }, [transaction]) => {
    const broadcast = new Broadcast(node, bytesParam(transaction, 'transaction'));
    if (!makeRoom(broadcasts)) return { result: null };
    const id = nextId();
    broadcasts.set(id, broadcast);
    return { result: id, begin: () => broadcast.offer() };
  },
  transaction_v1_stop: ({ broadcasts }, [operationId]) => {
    const id = textParam(operationId, 'operationId');
    const broadcast = broadcasts.get(id);
    if (broadcast === undefined) throw badParams('operationId: expected one that transaction_v1_broadcast gave to this client and that was not stopped');
    broadcast.stop();
    broadcasts.delete(id);
    return { result: null };
  },
  transactionWatch_v1_submitAndWatch: ({ node, subscribe, unsubscribe }, [transaction]) => {
    const bytes = bytesParam(transaction, 'transaction');
    const notification = 'transactionWatch_v1_watchEvent';
    return subscribe(() => ({ notification, start: ({ id, send }) => watch(node, { bytes, send, end: () => unsubscribe(id) }) }));
  },
  transactionWatch_v1_unwatch: ({ unsubscribe }, [subscription]) => {
    if (!unsubscribe(subscription)) throw badParams('subscription: expected one that is active');
    return { result: null };
  },
};

/** Whether one more can be broadcast, if need be in place of one for which nothing is left to do. */
function makeRoom(broadcasts: Map<string, Broadcast>): boolean {
  if (broadcasts.size < MAX_BROADCASTS) return true;
  const [over] = [...broadcasts].find(([, { isOver }]) => isOver) ?? [];
  return over !== undefined && broadcasts.delete(over);
}

interface Watch {
  readonly bytes: Uint8Array;
  readonly send: (event: object) => void;
  readonly end: () => void;
}

/** Submits a transaction and tells what becomes of it. What it returns ends the telling. */
function watch(node: NodeView, { bytes, send, end }: Watch): () => void {
  let last = '';
  const tell = (event: WatchEvent | undefined): void => {
    const text = JSON.stringify(event);
    if (event === undefined || text === last) return;
    last = text;
    send(event);
    if (FINAL_EVENTS.has(event.event)) end();
  };
  let hear = (status: TransactionStatus): void => tell(eventOf(node, bytes, status));
  try {
    node.submit(bytes, (status) => hear(status));
    node.producer.wake();
  } catch (error) {
    tell(refusalEvent(error));
  }
  return () => {
    hear = () => undefined;
  };
}

interface WatchEvent {
  readonly event: 'validated' | 'bestChainBlockIncluded' | 'finalized' | 'invalid' | 'dropped' | 'error';
  readonly block?: { readonly hash: string; readonly index: number } | null;
  readonly error?: string;
}

const FINAL_EVENTS: ReadonlySet<string> = new Set(['finalized', 'invalid', 'dropped', 'error']);

function eventOf(node: NodeView, bytes: Uint8Array, status: TransactionStatus): WatchEvent | undefined {
  if (status === 'ready') return { event: 'validated' };
  if (status === 'future') return undefined;
  if (status === 'invalid') return { event: 'invalid', error: 'No block can hold it any more: its nonce was used, or it has expired' };
  if (status === 'dropped') return { event: 'dropped', error: 'The pool has dropped it' };
  if ('usurped' in status) return { event: 'dropped', error: `Replaced by 0x${status.usurped}, which has the same nonce and a greater tip` };
  if ('retracted' in status) return { event: 'bestChainBlockIncluded', block: null };
  const [event, hash] = 'inBlock' in status ? (['bestChainBlockIncluded', status.inBlock] as const) : (['finalized', status.finalized] as const);
  const index = node.block(hash)?.extrinsics.findIndex((extrinsic) => Buffer.compare(extrinsic, bytes) === 0) ?? -1;
  return { event, block: { hash: prefixed(hash), index } };
}

function refusalEvent(error: unknown): WatchEvent {
  const { message, data } = toFailure(error);
  const text = data === undefined ? message : `${message}: ${data}`;
  if (error instanceof TransactionInvalid || isLocalnetError(error, 'bad-scale')) return { event: 'invalid', error: text };
  if (error instanceof PoolRefusal) return { event: 'dropped', error: text };
  if (error instanceof RpcFailure) return { event: 'error', error: text };
  throw error;
}
