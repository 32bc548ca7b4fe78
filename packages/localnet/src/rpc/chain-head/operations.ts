/**
 * The operations of one `chainHead_v1_follow`: what was started and has not ended.
 *
 * Each begins once its answer has been sent, and ends at once, unless it has more descendants of a storage key to give than fit into a page: then it waits until the
 * client asks it to go on.
 * @module
 */
import { RpcFailure } from '../failure.ts';
import type { Reply } from '../rpc-method.ts';

/** Operations at the same time; each item of a storage request is one. @see polkadot-sdk's `MAX_ONGOING_OPERATIONS` */
export const MAX_OPERATIONS = 16;

const INVALID_CONTINUE = -32_803;

/** Nothing was started. */
export const LIMIT_REACHED: Reply = { result: { result: 'limitReached' } };

/** Does a part of an operation: the events to send, the last of which ends it unless there is more. */
export type OperationStep = () => { readonly events: readonly object[]; readonly hasMore: boolean };

interface Operation {
  readonly size: number;
  readonly step: OperationStep;
  isWaiting: boolean;
}

/** The operations of one subscription. */
export class Operations {
  readonly #send: (event: object) => void;
  readonly #active = new Map<string, Operation>();
  #nextId = 0;

  constructor(send: (event: object) => void) {
    this.#send = send;
  }

  /** How many more can be started. */
  get room(): number {
    return MAX_OPERATIONS - [...this.#active.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Starts an operation that counts as `size`, for which there must be room. */
  start(step: OperationStep, { size = 1, answer = {} }: { readonly size?: number; readonly answer?: object } = {}): Reply {
    const operationId = String(this.#nextId++);
    this.#active.set(operationId, { size, step, isWaiting: false });
    return { result: { result: 'started', operationId, ...answer }, begin: () => this.#run(operationId) };
  }

  /** Goes on with an operation that waits; one that is unknown has ended. @throws RpcFailure (-32803) */
  continue(operationId: string): Reply {
    const operation = this.#active.get(operationId);
    if (operation?.isWaiting === false) throw new RpcFailure(INVALID_CONTINUE, 'Wait for continue event was not generated for the subscription');
    if (operation !== undefined) operation.isWaiting = false;
    return { result: null, begin: () => this.#run(operationId) };
  }

  /** Ends an operation. */
  stop(operationId: string): void {
    this.#active.delete(operationId);
  }

  /** Ends all. */
  close(): void {
    this.#active.clear();
  }

  #run(operationId: string): void {
    const operation = this.#active.get(operationId);
    if (operation === undefined || operation.isWaiting) return;
    const { events, hasMore } = operation.step();
    operation.isWaiting = hasMore;
    if (!hasMore) this.#active.delete(operationId);
    for (const event of events) this.#send({ ...event, operationId });
  }
}
