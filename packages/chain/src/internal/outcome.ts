/**
 * The events of an included call, and the error that it ended with.
 * @module
 */
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import { decodeAnswer } from './answer.ts';
import { openState, type BlockState } from './block-state.ts';
import { palletNames, readEventRecords, type ChainEvent, type EventRecord } from './event-record.ts';
import type { Place } from './inclusion-search.ts';
import type { Runtime } from './runtime.ts';
import type { SignedCall } from './signed-call.ts';

export type { ChainEvent } from './event-record.ts';

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
  const state = await openState(chain, blockHash);
  const records = await readEventRecords(state, { extrinsicIndex: index });
  for (const record of records) assertSuccess(state, record, { signed, blockNumber });
  const events = records.map(({ event: { pallet, name, data } }): ChainEvent => ({ pallet, name, data }));
  return { blockHash, blockNumber, extrinsicHash: signed.hash, extrinsicIndex: index, events };
}

function assertSuccess({ endpoint, runtime }: BlockState, record: EventRecord, { signed, blockNumber }: { readonly signed: SignedCall; readonly blockNumber: number }): void {
  const failure = failureOf(record);
  if (failure === undefined) return;
  const { pallet, error } = decodeAnswer({ endpoint, subject: 'System.Events' }, () => describeDispatchError(runtime, failure));
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
  /** What the variant holds: of `Token`, `Arithmetic` and their like another enum. */
  readonly value: { readonly type?: string };
}

/** Events of a call that carried out another: which field says how that ended, as a result or as the error itself. */
const INNER_CALLS: Readonly<Record<string, readonly [field: number, as: 'result' | 'error']>> = {
  'System.ExtrinsicFailed': [0, 'error'],
  'Sudo.Sudid': [0, 'result'],
  'Sudo.SudoAsDone': [0, 'result'],
  'Proxy.ProxyExecuted': [0, 'result'],
  'Multisig.MultisigExecuted': [4, 'result'],
  'Utility.DispatchedAs': [0, 'result'],
  'Utility.BatchInterrupted': [1, 'error'],
  'Utility.ItemFailed': [0, 'error'],
};

/** The error of a failed extrinsic, or of a call that failed inside a successful one: through sudo, a proxy, a batch. */
function failureOf({ event: { pallet, name }, fields }: EventRecord): DispatchErrorCodec | undefined {
  const [field, as] = INNER_CALLS[`${pallet}.${name}`] ?? [];
  if (field === undefined) return undefined;
  const value = fields[field] as unknown;
  if (as === 'error') return value as DispatchErrorCodec;
  const result = value as { readonly isErr: boolean; readonly asErr: DispatchErrorCodec };
  return result.isErr ? result.asErr : undefined;
}

function describeDispatchError(runtime: Runtime, failure: DispatchErrorCodec): { readonly pallet: string; readonly error: string } {
  if (!failure.isModule) return failure.value.type === undefined ? { pallet: 'System', error: failure.type } : { pallet: failure.type, error: failure.value.type };
  const { section, name } = runtime.registry.findMetaError(failure.asModule);
  return { pallet: palletNames(runtime).get(section) ?? section, error: name };
}
