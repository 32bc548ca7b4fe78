/**
 * What a call runs in: typed storage, the block's number and time, events, and the ways in which it can fail.
 * @module
 */
import { pallets, type PalletName, type Pallets } from '../pallets/index.ts';
import type { ListedFieldsOf, RuntimeCall, RuntimeEvent, TypeOf } from '../scale/type-of.ts';
import { StateOverlay } from '../state.ts';
import type { Weight } from './dispatch-info.ts';
import { openStorage, type Storage } from './storage.ts';

/**
 * Who calls, and what they may call: `allows` holds for every call that is made with this origin, however deep it is nested. `isAuthored` is what this chain's own
 * block author has put into the block. Accounts are hex.
 */
export type Origin =
  | { readonly type: 'signed'; readonly account: string; readonly allows?: CallFilter | undefined }
  | { readonly type: 'root' }
  | { readonly type: 'none'; readonly isAuthored?: boolean };

/** Whether a call may be made. */
export type CallFilter = (call: RuntimeCall) => boolean;

/** Carries out a call for an origin. Fails with {@link DispatchFailure}. @returns what it turned out to weigh, where that is not what it was said to */
export type Dispatch = (execution: Execution, origin: Origin, call: RuntimeCall) => Weight | undefined;

/** How a call ended: why it failed, if it did, and what it turned out to weigh, if that is not what it was said to. */
export interface Ending {
  readonly error: DispatchError | undefined;
  readonly weight: Weight | undefined;
}

/** Why a call failed, as `System.ExtrinsicFailed` tells it. */
export type DispatchError = TypeOf<'DispatchError'>;

/** A failed call; its changes are undone. */
export class DispatchFailure extends Error {
  readonly error: DispatchError;
  /** What the call weighed until then, if that is not what it was said to. */
  readonly weight: Weight | undefined;

  constructor(error: DispatchError, weight?: Weight) {
    super(error.type);
    this.error = error;
    this.weight = weight;
  }
}

type ErrorName<P extends PalletName> = Pallets[P]['errors'][number];
type EventName<P extends PalletName> = keyof Pallets[P]['events'] & string;
type EventData<P extends PalletName, E extends EventName<P>> = Pallets[P]['events'][E] extends readonly [number, infer F] ? ListedFieldsOf<F> : never;

/** Arguments of a call. */
export type ArgumentsOf<P extends PalletName, C extends keyof Pallets[P]['calls']> = Pallets[P]['calls'][C] extends readonly [number, infer F]
  ? { readonly [K in keyof F]: F[K] extends string ? TypeOf<F[K]> : never }
  : never;

/** One function per call of a pallet. */
export type CallHandlers<P extends PalletName> = {
  readonly [C in keyof Pallets[P]['calls']]: (execution: Execution, origin: Origin, args: ArgumentsOf<P, C>) => Weight | void;
};

/** What a block begins with. */
export interface ExecutionOptions {
  readonly overlay: StateOverlay;
  readonly blockNumber: number;
  readonly timestampMs: number;
  readonly commitRevealDefault?: boolean | undefined;
  readonly epochModel?: EpochModel | undefined;
}

/** How epochs are scheduled: by state, as from spec 407 on, or by the arithmetic of before, which older clients still do. */
export type EpochModel = 'stateful' | 'modulo';

/** The running block. */
export class Execution {
  readonly overlay: StateOverlay;
  readonly storage: Storage;
  readonly blockNumber: number;
  readonly timestampMs: number;
  phase: TypeOf<'Phase'> = { type: 'Initialization' };
  /** What `CommitRevealWeightsEnabled` new subnets begin with, where it is not the chain's default. */
  readonly commitRevealDefault: boolean | undefined;
  readonly epochModel: EpochModel;
  events: { readonly phase: TypeOf<'Phase'>; readonly event: RuntimeEvent }[] = [];

  constructor({ overlay, blockNumber, timestampMs, commitRevealDefault, epochModel = 'stateful' }: ExecutionOptions) {
    this.overlay = overlay;
    this.storage = openStorage(overlay);
    this.blockNumber = blockNumber;
    this.timestampMs = timestampMs;
    this.commitRevealDefault = commitRevealDefault;
    this.epochModel = epochModel;
  }

  /** The block number as the pallets that count in u64 want it. */
  get block(): bigint {
    return BigInt(this.blockNumber);
  }

  /** Adds an event to the block. */
  deposit<P extends PalletName, E extends EventName<P>>(pallet: P, event: E, data: EventData<P, E>): void {
    this.events.push({ phase: this.phase, event: { pallet, event, data } });
  }

  /** Runs `call`; if it fails, its changes and events are undone, and the error is returned. A mistake of this package is `Other`. */
  attempt(call: () => void): DispatchError | undefined {
    return this.attemptCall(() => void call()).error;
  }

  /** The same for a call, with what it turned out to weigh. */
  attemptCall(call: () => Weight | undefined): Ending {
    this.overlay.begin();
    const events = this.events.length;
    try {
      const weight = call();
      this.overlay.commit();
      return { error: undefined, weight };
    } catch (failure) {
      this.overlay.rollback();
      this.events.length = events;
      if (failure instanceof DispatchFailure) return { error: failure.error, weight: failure.weight };
      process.emitWarning(`@connito/localnet failed in block ${this.blockNumber}: ${failure instanceof Error ? failure.stack : String(failure)}`);
      return { error: { type: 'Other' }, weight: undefined };
    }
  }
}

/** How a call ended that was tried, as events tell it. */
export function resultOf(error: DispatchError | undefined): TypeOf<'Result<(),DispatchError>'> {
  return error === undefined ? { type: 'Ok', value: undefined } : { type: 'Err', value: error };
}

/** Fails with a pallet's error unless `condition` holds. */
export function ensure<P extends PalletName>(condition: boolean, pallet: P, error: ErrorName<P>): asserts condition {
  if (!condition) throw moduleFailure(pallet, error);
}

/** The failure of a pallet's error. */
export function moduleFailure<P extends PalletName>(pallet: P, error: ErrorName<P>): DispatchFailure {
  const { index, errors } = pallets[pallet];
  const position = (errors as readonly string[]).indexOf(error);
  return new DispatchFailure({ type: 'Module', value: { index, error: new Uint8Array([position, 0, 0, 0]) } });
}

/** The name of a module error. */
export function errorName(error: DispatchError): string {
  if (error.type !== 'Module') return error.type;
  const pallet = Object.values(pallets).find(({ index }) => index === error.value.index);
  return pallet?.errors[error.value.error[0] as number] ?? 'Unknown';
}

/** The signer. Fails with `BadOrigin` for any other origin. */
export function ensureSigned(origin: Origin): string {
  if (origin.type !== 'signed') throw new DispatchFailure({ type: 'BadOrigin' });
  return origin.account;
}

/** Fails with `BadOrigin` unless nobody does: the block's author, in an inherent or unsigned. */
export function ensureNone(origin: Origin): void {
  if (origin.type !== 'none') throw new DispatchFailure({ type: 'BadOrigin' });
}

/** Fails with `BadOrigin` unless root calls. */
export function ensureRoot(origin: Origin): void {
  if (origin.type !== 'root') throw new DispatchFailure({ type: 'BadOrigin' });
}

/** The account of an address; other forms than `Id` (and its raw twin) have no lookup here, as on the real chain. */
export function lookup(address: TypeOf<'MultiAddress'>): string {
  if (address.type !== 'Id') throw new DispatchFailure({ type: 'CannotLookup' });
  return address.value;
}

/** Hex of an account of 32 zero bytes. */
export const ZERO_ACCOUNT: string = '0'.repeat(64);
