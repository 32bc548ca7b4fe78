/**
 * The owner's rules: commit the manifest before the task begins, and publish each cycle's held-out shard once every commitment is fixed.
 *
 * @module
 */
import { step, type FailedEvent, type Machine, type MomentEvent, type Step } from './machine.ts';

/** What an owner asks its runner to do. */
export type OwnerEffect = { readonly kind: 'publish-held-out'; readonly cycle: number };

/** What comes of it. */
export type OwnerEvent = { readonly kind: 'held-out-published'; readonly cycle: number };

/** Which shards are public by now. */
export interface OwnerState {
  readonly publishedCycles: number;
}

/** The owner's machine. A shard that was missed is published late: its cycle is void, but the data must not vanish. */
export const owner: Machine<OwnerState, OwnerEffect, OwnerEvent> = {
  initial: { publishedCycles: 0 },
  transition(state: OwnerState, event: MomentEvent | FailedEvent | OwnerEvent): Step<OwnerState, OwnerEffect> {
    if (event.kind === 'held-out-published') return step({ publishedCycles: event.cycle + 1 });
    if (event.kind !== 'moment' || (event as MomentEvent).moment !== 'open') return step(state);
    return step(state, { kind: 'publish-held-out', cycle: event.cycle });
  },
};
