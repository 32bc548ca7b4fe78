/**
 * What goes on answering, and to whom.
 * @module
 */

/** The client's end of a subscription. */
export interface Subscriber {
  /** The subscription's id. */
  readonly id: string;
  readonly send: (result: unknown) => void;
  /** For how long the client has asked nothing. */
  readonly idleMs: () => number;
}

/** A subscription: `start` begins to send, and returns what ends it. */
export interface Subscription {
  /** The `method` of its notifications. */
  readonly notification: string;
  readonly start: (subscriber: Subscriber) => () => void;
}
