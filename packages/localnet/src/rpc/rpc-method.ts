/**
 * What a JSON-RPC method is, and what it answers.
 * @module
 */
import type { NodeView } from '../node.ts';

/** A method: its result, as JSON. */
export type RpcMethod = (node: NodeView, params: readonly unknown[]) => unknown;

/** An answer, and what is to be done once it has been sent. */
export interface Reply {
  readonly result: unknown;
  readonly begin?: () => void;
}
