/**
 * What one client has open, for the methods whose requests refer to one another.
 * @module
 */
import type { NodeView } from '../node.ts';
import type { Broadcast } from './broadcast.ts';
import type { Follow } from './chain-head/follow.ts';
import type { Reply } from './rpc-method.ts';
import type { Subscription } from './subscription.ts';

/** One client. */
export interface Connection {
  readonly node: NodeView;
  /** `chainHead_v1_follow` subscriptions by id. */
  readonly follows: Map<string, Follow>;
  /** Transactions that are being broadcast, by operation. */
  readonly broadcasts: Map<string, Broadcast>;
  /** Begins a subscription; its id is the result. @throws RpcFailure where there are too many, or notifications cannot be sent */
  subscribe(make: () => Subscription): Reply;
  /** Ends a subscription; whether there was one. */
  unsubscribe(id: unknown): boolean;
  /** An id that no other has. */
  nextId(): string;
}

/** A method of a client's own. */
export type ConnectionMethod = (connection: Connection, params: readonly unknown[]) => Reply;
