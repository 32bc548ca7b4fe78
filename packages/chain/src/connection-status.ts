/**
 * What a connection tells of itself.
 * @module
 */

/** Something that happened to a connection. */
export type ConnectionStatus =
  /** A node is in use from now on. */
  | { readonly type: 'connected'; readonly endpoint: string }
  /** The node in use is gone; another is being looked for. */
  | { readonly type: 'lost'; readonly endpoint: string; readonly reason: string }
  /** A node could not be used. */
  | { readonly type: 'failed'; readonly endpoint: string; readonly reason: string }
  /** The node in use was left for a better one. */
  | { readonly type: 'left'; readonly endpoint: string; readonly reason: string }
  /** The chain has another runtime from now on; `chain.api` follows. */
  | { readonly type: 'upgraded'; readonly endpoint: string; readonly specVersion: number };

/** A line for people. */
export function describeStatus(status: ConnectionStatus): string {
  const { endpoint } = status;
  if (status.type === 'connected') return `connected to ${endpoint}`;
  if (status.type === 'lost') return `lost ${endpoint}: ${status.reason}`;
  if (status.type === 'failed') return `cannot use ${endpoint}: ${status.reason}`;
  if (status.type === 'left') return `left ${endpoint}: ${status.reason}`;
  return `the chain was upgraded to spec version ${status.specVersion}`;
}
