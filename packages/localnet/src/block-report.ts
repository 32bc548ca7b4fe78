/**
 * A block as people read it: its transactions with their names, signers and outcomes, and its events.
 * @module
 */
import { addressOf } from './accounts.ts';
import type { Block } from './block.ts';
import type { Chain } from './chain.ts';
import { decodeExtrinsic } from './extrinsic.ts';
import { blake2, toHex } from './hex.ts';
import { palletList } from './pallets/index.ts';
import { errorName, type DispatchError } from './runtime/execution.ts';
import { fieldsToJson, valueToJson, type Json } from './scale/json.ts';
import type { RuntimeEvent, TypeOf } from './scale/type-of.ts';

/** An event: pallet, name, and its fields by name or in order. */
export interface EventReport {
  readonly pallet: string;
  readonly event: string;
  readonly data: Json;
}

/** An extrinsic. */
export interface ExtrinsicReport {
  /** `0x…`. */
  readonly hash: string;
  readonly pallet: string;
  readonly call: string;
  readonly args: Json;
  /** ss58; without one it is the block author's own. */
  readonly signer?: string;
  /** Name of the dispatch error, where it failed. */
  readonly error?: string;
  readonly events: readonly EventReport[];
}

/** A block. */
export interface BlockReport {
  readonly number: number;
  /** `0x…`. */
  readonly hash: string;
  readonly parentHash: string;
  readonly timestampMs: number;
  readonly finalizedNumber: number;
  readonly extrinsics: readonly ExtrinsicReport[];
  /** Events of the block itself: epochs, emission. */
  readonly events: readonly EventReport[];
}

type EventRecord = TypeOf<'EventRecord'>;

/** Describes a block whose state can still be read. */
export function reportBlock(chain: Chain, block: Block): BlockReport {
  const records = chain.storageAt(block.header.number).System.Events.get() as readonly EventRecord[];
  return {
    number: block.header.number,
    hash: `0x${block.hash}`,
    parentHash: `0x${block.header.parentHash}`,
    timestampMs: block.timestampMs,
    finalizedNumber: chain.finalized.header.number,
    extrinsics: block.extrinsics.map((bytes, index) => reportExtrinsic(bytes, records.filter(({ phase }) => phase.type === 'ApplyExtrinsic' && phase.value === index))),
    events: records.filter(({ phase }) => phase.type !== 'ApplyExtrinsic').map(({ event }) => reportEvent(event)),
  };
}

function reportExtrinsic(bytes: Uint8Array, records: readonly EventRecord[]): ExtrinsicReport {
  const { call, signed } = decodeExtrinsic(bytes);
  const { args } = valueToJson('RuntimeCall', call) as { readonly args: Json };
  const error = records.map(({ event }) => errorOf(event)).find((name) => name !== undefined);
  return {
    hash: `0x${toHex(blake2(bytes))}`,
    pallet: call.pallet,
    call: call.call,
    args,
    ...(signed?.address.type === 'Id' ? { signer: addressOf(signed.address.value) } : {}),
    ...(error === undefined ? {} : { error }),
    events: records.map(({ event }) => reportEvent(event)),
  };
}

/** The error that an event tells of: of the extrinsic, or of the call that it carried out as root. */
function errorOf({ pallet, event, data }: RuntimeEvent): string | undefined {
  if (pallet === 'System' && event === 'ExtrinsicFailed') return errorName((data as { readonly dispatch_error: DispatchError }).dispatch_error);
  if (pallet !== 'Sudo') return undefined;
  const { sudo_result: result } = data as { readonly sudo_result?: TypeOf<'Result<(),DispatchError>'> };
  return result?.type === 'Err' ? errorName(result.value) : undefined;
}

function reportEvent({ pallet, event, data }: RuntimeEvent): EventReport {
  const fields = palletList.find(([name]) => name === pallet)?.[1].events[event]?.[1] ?? [];
  return { pallet, event, data: fieldsToJson(fields, data) };
}
