/**
 * The events of an included call, and the error that it ended with.
 * @module
 */
import { stringCamelCase } from '@polkadot/util';
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import type { Place } from './inclusion-search.ts';
import type { SignedCall } from './signed-call.ts';
import { readStorage, toArray, type Codec } from './storage.ts';

/** An event that the extrinsic caused. */
export interface ChainEvent {
  readonly pallet: string;
  readonly name: string;
  /** Fields in order, as polkadot-js' JSON. */
  readonly data: readonly unknown[];
}

/** A call that was included in a finalised block and succeeded. */
export interface Inclusion {
  readonly blockHash: string;
  readonly blockNumber: number;
  readonly extrinsicHash: string;
  readonly extrinsicIndex: number;
  readonly events: readonly ChainEvent[];
}

/** What became of an included call. @throws dispatch-failed, and as `Chain.request` */
export async function readOutcome(chain: Chain, signed: SignedCall, { blockNumber, blockHash, index }: Place): Promise<Inclusion> {
  const [records] = await readStorage(chain, blockHash, [{ pallet: 'System', item: 'Events' }]);
  const own = toArray(records).map(toRecord).filter((record) => record.phase === index);
  for (const { event } of own) assertSuccess(chain, event, signed, blockNumber);
  const events = own.map(({ event }): ChainEvent => ({ pallet: palletName(chain, event), name: event.method, data: event.data.toJSON() as unknown[] }));
  return { blockHash, blockNumber, extrinsicHash: signed.hash, extrinsicIndex: index, events };
}

/** The parts of polkadot-js' `EventRecord` that are used here; its types live in a package that this one does not import. */
interface EventCodec {
  readonly section: string;
  readonly method: string;
  readonly index: Uint8Array;
  readonly data: Codec & Iterable<Codec>;
}

function toRecord(codec: Codec): { readonly phase: number; readonly event: EventCodec } {
  const record = codec as unknown as { phase: { isApplyExtrinsic: boolean; asApplyExtrinsic: Codec }; event: EventCodec };
  return { phase: record.phase.isApplyExtrinsic ? Number(String(record.phase.asApplyExtrinsic)) : -1, event: record.event };
}

/** The name as the metadata writes it: `section` is camel case. */
function palletName(chain: Chain, event: EventCodec): string {
  const pallet = chain.api.registry.metadata.pallets.find(({ name }) => stringCamelCase(name.toString()) === event.section);
  return pallet === undefined ? event.section : pallet.name.toString();
}

function assertSuccess(chain: Chain, event: EventCodec, signed: SignedCall, blockNumber: number): void {
  const failure = failureOf(event);
  if (failure === undefined) return;
  const { pallet, error } = describeDispatchError(chain, failure);
  throw new ChainError('dispatch-failed', `${signed.subject} failed in block ${blockNumber}: ${pallet}.${error}`, {
    subject: signed.subject,
    pallet,
    error,
    blockNumber,
    extrinsicHash: signed.hash,
  });
}

interface DispatchErrorCodec {
  readonly isModule: boolean;
  readonly asModule: Parameters<Chain['api']['registry']['findMetaError']>[0];
  readonly type: string;
}

/** Events of a call that carried out another: which field says how that ended, as a result or as the error itself. */
const INNER_CALLS: Readonly<Record<string, readonly [field: number, as: 'result' | 'error']>> = {
  'system.ExtrinsicFailed': [0, 'error'],
  'sudo.Sudid': [0, 'result'],
  'sudo.SudoAsDone': [0, 'result'],
  'proxy.ProxyExecuted': [0, 'result'],
  'multisig.MultisigExecuted': [4, 'result'],
  'utility.DispatchedAs': [0, 'result'],
  'utility.BatchInterrupted': [1, 'error'],
  'utility.ItemFailed': [0, 'error'],
};

/** The error of a failed extrinsic, or of a call that failed inside a successful one: through sudo, a proxy, a batch. */
function failureOf(event: EventCodec): DispatchErrorCodec | undefined {
  const [field, as] = INNER_CALLS[`${event.section}.${event.method}`] ?? [];
  if (field === undefined) return undefined;
  const value = [...event.data][field] as unknown;
  if (as === 'error') return value as DispatchErrorCodec;
  const result = value as { readonly isErr: boolean; readonly asErr: DispatchErrorCodec };
  return result.isErr ? result.asErr : undefined;
}

function describeDispatchError(chain: Chain, failure: DispatchErrorCodec): { readonly pallet: string; readonly error: string } {
  if (!failure.isModule) return { pallet: 'System', error: failure.type };
  const { section, name } = chain.api.registry.findMetaError(failure.asModule);
  const pallet = chain.api.registry.metadata.pallets.find((candidate) => stringCamelCase(candidate.name.toString()) === section);
  return { pallet: pallet?.name.toString() ?? section, error: name };
}
