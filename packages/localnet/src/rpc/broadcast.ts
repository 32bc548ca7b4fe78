/**
 * A transaction that is offered to the pool until it is final, can never be valid, or is not to be broadcast any more.
 *
 * Who broadcasts hears of nothing: clients look for the transaction in the blocks that they follow.
 * @module
 * @see https://paritytech.github.io/json-rpc-interface-spec/api/transaction_v1_broadcast.html
 */
import type { NodeView } from '../node.ts';
import { PoolRefusal, type TransactionStatus } from '../pool.ts';

/** One transaction. */
export class Broadcast {
  readonly #node: NodeView;
  readonly #bytes: Uint8Array;
  #forget: (() => void) | undefined;
  #isOver = false;

  constructor(node: NodeView, bytes: Uint8Array) {
    this.#node = node;
    this.#bytes = bytes;
  }

  /** Whether there is nothing more to do for it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Offers the transaction to the pool; where that has no room for it, again after the next block. */
  offer(): void {
    this.#forget?.();
    this.#forget = undefined;
    if (this.#isOver) return;
    try {
      this.#node.submit(this.#bytes, (status) => this.#hear(status));
      this.#node.producer.wake();
    } catch (error) {
      // Of what is not valid nobody is told; an endpoint that refuses submissions looks like that, too.
      if (error instanceof PoolRefusal && error.reason !== 'too-low-priority') this.#offerLater();
      else this.stop();
    }
  }

  /** Does no more for it. The pool keeps it, if it has it. */
  stop(): void {
    this.#isOver = true;
    this.#forget?.();
  }

  #hear(status: TransactionStatus): void {
    if (status === 'dropped') this.#offerLater();
    if (status === 'invalid' || (typeof status === 'object' && ('finalized' in status || 'usurped' in status))) this.stop();
  }

  #offerLater(): void {
    if (!this.#isOver) this.#forget ??= this.#node.onBlock(() => this.offer());
  }
}
