/**
 * The events of a block, whoever caused them.
 * @module
 */
import { stringCamelCase } from '@polkadot/util';
import type { Chain } from './connection.ts';
import type { ChainEvent } from './extrinsic.ts';
import { readStorage, toArray, type Codec } from './internal/storage.ts';

/** An event with the extrinsic that caused it; undefined for what the chain did by itself. */
export interface BlockEvent extends ChainEvent {
  readonly extrinsicIndex: number | undefined;
}

interface EventRecord {
  readonly phase: { readonly isApplyExtrinsic: boolean; readonly asApplyExtrinsic: Codec };
  readonly event: { readonly section: string; readonly method: string; readonly data: Codec };
}

/** All events of a block, in order. @throws state-unavailable, and as `Chain.request` */
export async function readEvents(chain: Chain, { at }: { readonly at: string }): Promise<readonly BlockEvent[]> {
  const [records] = await readStorage(chain, at, [{ pallet: 'System', item: 'Events' }]);
  const names = new Map(chain.api.registry.metadata.pallets.map(({ name }) => [stringCamelCase(name.toString()), name.toString()]));
  return toArray(records).map((codec) => {
    const { phase, event } = codec as unknown as EventRecord;
    return {
      pallet: names.get(event.section) ?? event.section,
      name: event.method,
      data: event.data.toJSON() as unknown as unknown[],
      extrinsicIndex: phase.isApplyExtrinsic ? Number(String(phase.asApplyExtrinsic)) : undefined,
    };
  });
}
