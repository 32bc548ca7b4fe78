/**
 * A block's header, as far as it is used.
 * @module
 */
import { ChainError } from '../errors.ts';

/** Whoever answers requests: a chain, or one node of it. */
export interface Answering {
  readonly endpoint: string;
  /** @throws as `Chain.request` */
  request<T>(method: string, params?: readonly unknown[]): Promise<T>;
}

/** Number and parent of a block. */
export interface BlockHeader {
  readonly number: number;
  readonly parentHash: string;
}

/** @throws unknown-block where the node knows none of that hash, and as `Chain.request` */
export async function readHeader(node: Answering, hash: string): Promise<BlockHeader> {
  const { endpoint } = node;
  const header = await node.request<{ readonly number: string; readonly parentHash: string } | null>('chain_getHeader', [hash]);
  if (header === null) throw new ChainError('unknown-block', `${endpoint} knows no block ${hash}`, { endpoint, actual: hash });
  return { number: Number(header.number), parentHash: header.parentHash };
}
