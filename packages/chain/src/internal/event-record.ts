/**
 * The events of a block as the chain keeps them.
 * @module
 */
import { stringCamelCase } from '@polkadot/util';
import type { BlockState } from './block-state.ts';
import type { Runtime } from './runtime.ts';
import { readStorage, toArray, type Codec } from './storage.ts';

/** An event. */
export interface ChainEvent {
  readonly pallet: string;
  readonly name: string;
  /** Fields in order, as polkadot-js' JSON. */
  readonly data: readonly unknown[];
}

/** An event with the extrinsic that caused it; undefined for what the chain did by itself. */
export interface BlockEvent extends ChainEvent {
  readonly extrinsicIndex: number | undefined;
}

/** An event, and its fields before they became JSON. */
export interface EventRecord {
  readonly event: BlockEvent;
  readonly fields: readonly Codec[];
}

/** All events of a block in order, or those of one extrinsic. @throws state-unavailable, and as `Chain.request` */
export async function readEventRecords(state: BlockState, { extrinsicIndex }: { readonly extrinsicIndex?: number } = {}): Promise<readonly EventRecord[]> {
  const [records] = await readStorage(state, [{ pallet: 'System', item: 'Events' }]);
  const names = palletNames(state.runtime);
  return toArray(records).flatMap((codec) => {
    const { phase, event } = codec as unknown as RecordCodec;
    const index = phase.isApplyExtrinsic ? Number(String(phase.asApplyExtrinsic)) : undefined;
    if (extrinsicIndex !== undefined && index !== extrinsicIndex) return [];
    const { section, method, data } = event;
    return [{ event: { pallet: names.get(section) ?? section, name: method, data: data.toJSON() as unknown[], extrinsicIndex: index }, fields: [...data] }];
  });
}

/** The names as the metadata writes them, by polkadot-js' camel case. */
export function palletNames({ registry }: Runtime): ReadonlyMap<string, string> {
  return new Map(registry.metadata.pallets.map(({ name }) => [stringCamelCase(name.toString()), name.toString()]));
}

/** The parts of polkadot-js' `EventRecord` that are used here; its types live in a package that this one does not import. */
interface RecordCodec {
  readonly phase: { readonly isApplyExtrinsic: boolean; readonly asApplyExtrinsic: Codec };
  readonly event: { readonly section: string; readonly method: string; readonly data: Codec & Iterable<Codec> };
}
