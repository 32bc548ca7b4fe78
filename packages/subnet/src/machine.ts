/**
 * The shape of every role: a pure transition function over events, whose effects a runner carries out (DESIGN §2). Because an
 * effect's outcome comes back as an event, the journal of events is the whole state; a simulator can run the same code.
 *
 * @module
 */
import type { MomentName } from './moment.ts';

/** Chain time has reached a moment; `missed` if it had already passed the moment's end when the role saw it. */
export interface MomentEvent {
  readonly kind: 'moment';
  readonly index: number;
  readonly cycle: number;
  readonly moment: MomentName;
  readonly missed: boolean;
}

/** An effect could not be carried out and repeating it would not help. */
export interface FailedEvent {
  readonly kind: 'failed';
  readonly effect: string;
  readonly cycle: number;
  readonly code: string;
  readonly message: string;
}

/** Anything that an effect's outcome can be. */
export interface OutcomeEvent {
  readonly kind: string;
  readonly cycle: number;
}

/** What a role wants done; carried out in order, one at a time, each giving exactly one event. */
export interface Effect {
  readonly kind: string;
  readonly cycle: number;
}

/** A role's rules. `transition` must be pure: same state and event, same result. */
export interface Machine<State, F extends Effect, E extends OutcomeEvent> {
  readonly initial: State;
  transition(state: State, event: MomentEvent | FailedEvent | E): Step<State, F>;
}

/** The state after an event, and what it asks for. */
export interface Step<State, F extends Effect> {
  readonly state: State;
  readonly effects: readonly F[];
}

/** A state with nothing asked for, or with these effects. */
export function step<State, F extends Effect>(state: State, ...effects: readonly F[]): Step<State, F> {
  return { state, effects };
}
