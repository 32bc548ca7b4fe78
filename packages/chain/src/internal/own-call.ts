/**
 * The calls and events of this package, named by `runtime-items.ts`.
 * @module
 */
import type { Chain } from '../connection.ts';
import { createCall, findEvent, hasCall, type ChainCall, type Inclusion } from '../extrinsic.ts';
import type { CallName, CallPallet, EVENTS } from './runtime-items.ts';

/** As `createCall`, of the calls that this package sends. @throws unsupported, bad-value */
export function ownCall<P extends CallPallet>(chain: Chain, pallet: P, name: CallName<P>, args: readonly unknown[]): ChainCall {
  return createCall(chain, pallet, name, args);
}

/** A call of pallet SubtensorModule. @throws unsupported, bad-value */
export function subtensorCall(chain: Chain, name: CallName<'SubtensorModule'>, args: readonly unknown[]): ChainCall {
  return createCall(chain, 'SubtensorModule', name, args);
}

/** Whether the runtime has a call of pallet SubtensorModule. */
export function hasSubtensorCall(chain: Chain, name: CallName<'SubtensorModule'>): boolean {
  return hasCall(chain, 'SubtensorModule', name);
}

/** The fields of an event of pallet SubtensorModule that a successful call must have caused. @throws missing-event */
export function subtensorEvent(inclusion: Inclusion, name: keyof (typeof EVENTS)['SubtensorModule']): readonly unknown[] {
  return findEvent(inclusion, 'SubtensorModule', name);
}
