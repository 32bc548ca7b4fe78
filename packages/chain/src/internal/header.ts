/**
 * A block's header, as far as it is used.
 * @module
 */
import type { ChainNode } from '../connection.ts';
import { ChainError } from '../errors.ts';

/** Number and parent of a block. */
export interface BlockHeader {
  readonly number: number;
  readonly parentHash: string;
}

/** @throws unknown-block where the node knows none of that hash, and as `Chain.request` */
export async function readHeader(node: Pick<ChainNode, 'endpoint' | 'request'>, hash: string): Promise<BlockHeader> {
  const { endpoint } = node;
  const header = await node.request<{ readonly number: string; readonly parentHash: string } | null>('chain_getHeader', [hash]);
  if (header === null) throw new ChainError('unknown-block', `${endpoint} knows no block ${hash}`, { endpoint, actual: hash });
  return { number: Number(header.number), parentHash: header.parentHash };
}
