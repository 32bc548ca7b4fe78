/**
 * The events of a block, whoever caused them.
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { openState } from './internal/block-state.ts';
import { readEventRecords, type BlockEvent } from './internal/event-record.ts';

export type { BlockEvent } from './internal/event-record.ts';

/** All events of a block, in order. @throws state-unavailable, and as `Chain.request` */
export async function readEvents(chain: Chain, { at }: ReadOptions = {}): Promise<readonly BlockEvent[]> {
  return (await readEventRecords(await openState(chain, at))).map(({ event }) => event);
}
